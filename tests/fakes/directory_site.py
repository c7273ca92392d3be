"""A site that behaves like the directory of 116117.de as docs/domain.md#import-rule-9 describes it, for the scraper.

It imports nothing of the platform. Its clock is the scraper's, so that limits are kept to and nobody waits.
"""

from __future__ import annotations

import json
import math
import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Record = Mapping[str, Any]
Generation = Literal["named", "coded"]

PROCEDURES = {"A": "AP", "S": "ST", "T": "TP", "V": "VT"}
AGE_GROUPS = {"E": "adult", "K": "child_adolescent"}
SETTINGS = {"E": "individual", "G": "group"}
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LANGUAGES = {"en": "Englisch", "tr": "Türkisch", "fr": "Französisch", "ru": "Russisch", "pl": "Polnisch"}
LANGUAGES |= {"ar": "Arabisch", "fa": "Persisch"}


@dataclass
class ManualClock:
    """Time that passes only where somebody waits; what the scraper and the site agree on."""

    instant: datetime = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
    pauses: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        """Returns the instant."""
        return self.instant

    def sleep(self, seconds: float) -> None:
        """Let so much time pass at once."""
        self.pauses.append(seconds)
        self.instant += timedelta(seconds=seconds)


@dataclass
class Reply:
    """An answer of the site that has nothing to do with what was asked for."""

    status: int
    text: str | bytes = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Site:
    """What the site does; tests change it between requests."""

    people: Sequence[Record] = ()
    """In the form of the import's file."""
    clock: ManualClock = field(default_factory=ManualClock)
    most: int = 50
    """So many entries an answer holds."""
    generation: Generation = "coded"
    robots: Reply = field(default_factory=lambda: Reply(200, "User-agent: *\nDisallow: /admin\n"))
    session_needed: bool = False
    """As since December 2025: answers come in a session that the pages for browsers begin, or with a key."""
    key: str | None = None
    """The value of `Authorization` that the site's operators gave somebody."""
    least_interval: float = 0.0
    """Seconds between two searches; who asks sooner is answered 429."""
    replies: deque[Reply] = field(default_factory=deque)
    """What the next searches are answered instead."""
    requests: list[tuple[str, str, Mapping[str, str], Any]] = field(default_factory=list)
    """Method, path, headers in small letters and body of everything that was asked for."""
    address: str = ""
    _last: datetime | None = None

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: Any) -> Reply:
        """Returns what the site answers."""
        self.requests.append((method, path, headers, body))
        if path == "/robots.txt":
            return self.robots
        if (method, path) != ("POST", "/api/data"):
            return Reply(404, "<h1>Seite nicht gefunden</h1>")
        return self.replies.popleft() if self.replies else self._limited(headers) or self._search(body)

    def searches(self) -> list[Any]:
        """Returns the bodies of all searches that were asked for."""
        return [body for method, path, _, body in self.requests if (method, path) == ("POST", "/api/data")]

    def _limited(self, headers: Mapping[str, str]) -> Reply | None:
        now, last = self.clock.now(), self._last
        has_key = self.key is not None and headers.get("authorization") == self.key
        if self.session_needed and not has_key and "session=" not in headers.get("cookie", ""):
            return Reply(403, "<h1>Zugriff verweigert</h1>")
        if last and (now - last).total_seconds() < self.least_interval:
            return Reply(429, headers={"Retry-After": f"{math.ceil(self.least_interval)}"})
        self._last = now
        return None

    def _search(self, body: Any) -> Reply:
        if body.keys() < {"r", "lat", "lon", "filterSelections"}:
            return Reply(400, "{}")
        chosen = {each["fieldName"]: set(each["selectedCodes"]) for each in body["filterSelections"]}
        assert chosen["fgg"] == {"12"}
        near = [(each, _kilometres(each, body)) for each in self.people if _offers(each, chosen)]
        found = sorted(((each, far) for each, far in near if far <= body["r"]), key=lambda pair: pair[1])
        shown = [as_entry(each, self.generation, self.clock.now().date(), far) for each, far in found[: self.most]]
        document = {"arztPraxisDatas": shown, "moreResults": len(found) > self.most}
        return Reply(200, json.dumps(document), {"Content-Type": "application/json"})


class RunningSite:
    """Serves a site at `site.address` from a thread until it is left."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(site))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Site:
        self._site.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread.start()
        return self._site

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._reply(None)

        def do_POST(self) -> None:
            self._reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _reply(self, body: Any) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = site.answer(self.command, self.path, headers, body)
            content = reply.text.encode() if isinstance(reply.text, str) else reply.text
            self.send_response(reply.status)
            for name, value in {**reply.headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _offers(person: Record, chosen: Mapping[str, set[str]]) -> bool:
    filters = (("ptv", PROCEDURES, "procedures"), ("pta", AGE_GROUPS, "age_groups"), ("pts", SETTINGS, "settings"))
    return all(
        name not in chosen or any(words[code] in person[field_name] for code in chosen[name])
        for name, words, field_name in filters
    )


def _kilometres(person: Record, body: Any) -> float:
    north = (person["latitude"] - body["lat"]) * 111.195
    east = (person["longitude"] - body["lon"]) * 111.195 * math.cos(math.radians(person["latitude"]))
    return math.hypot(north, east)


def as_entry(person: Record, generation: Generation, today: date, kilometres: float = 0.0) -> dict[str, Any]:
    """Returns how the site shows somebody who is given in the form of the import's file."""
    entry = {
        "id": person["external_id"],
        "anrede": person.get("salutation") or "",
        "titel": person.get("title") or "",
        "vorname": person.get("first_name") or "",
        "name": person["last_name"],
        "geschlecht": {"female": "w", "male": "m", "diverse": "d"}.get(str(person.get("gender")), ""),
        "strasse": person.get("street") or "",
        "hausnummer": person.get("house_number") or "",
        "plz": person.get("postal_code") or "",
        "ort": person.get("city") or "",
        "tel": person.get("phone") or "",
        "handy": person.get("mobile") or "",
        "fax": person.get("fax") or "",
        "email": person.get("email") or "",
        "web": person.get("website") or "",
        "distance": round(kilometres * 1000),
        "lat": person["latitude"],
        "lon": person["longitude"],
        "fg": person.get("qualifications") or [],
        "psy": [{"heading": "Angebot", "values": person["offers"]}] if person.get("offers") else [],
        "fs": [LANGUAGES[code] for code in person.get("languages") or () if code in LANGUAGES],
        "bf": [],
    }
    return entry | {"tsz": list(_times(person.get("phone_hours") or {}, generation, today))}


def _times(week: Mapping[str, Any], generation: Generation, today: date) -> Iterable[dict[str, Any]]:
    """The next two weeks: one entry for each date on which the telephone is answered."""
    for day in (today + timedelta(days=number) for number in range(14)):
        windows = [f"{each['start']}-{each['end']}" for each in week.get(WEEKDAYS[day.weekday()], ())]
        if not windows:
            continue
        if generation == "coded":
            times = [{"z": window} for window in windows]
            yield {"d": day.isoformat(), "typTsz": [{"typ": "07", "sprechzeiten": times}]}
        else:
            joined = [{"zeit": ";".join(windows)}]
            short = ("Mo.", "Di.", "Mi.", "Do.", "Fr.", "Sa.", "So.")[day.weekday()]
            kind = {"typ": "Telefonische Erreichbarkeit", "sprechzeiten": joined}
            yield {"d": day.isoformat(), "t": short, "tszDesTyps": [kind]}
