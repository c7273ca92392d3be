"""Requests to the site: one at a time, named, in the site's own tempo, and none after a refusal.

Nothing here works around an access protection (docs/domain.md#import-rule-10): a refusal ends the run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from therapist_scraper.clock import Clock, SystemClock
from therapist_scraper.errors import Refused, ScraperError, UnknownForm
from therapist_scraper.manners import Manners
from therapist_scraper.online_addresses import split_address
from therapist_scraper.refusals import REFUSING_STATUS, is_protection_page
from therapist_scraper.robots import Robots, read_robots
from therapist_scraper.text import excerpt
from therapist_scraper.time_limits import TimeLimit

TRY_AGAIN = frozenset({429, 500, 502, 503, 504})
LARGEST_ANSWER = 32 << 20
"""Bytes; no answer of the directory is a tenth of it."""
ROBOTS_AGE = timedelta(hours=1)
"""After so long it is read again: the site may have changed its mind during a run."""


class Unanswered(Exception):
    """A request was not answered, after all attempts; says why."""


class PoliteClient:
    """Asks one site; not for several threads."""

    def __init__(
        self, site: str, manners: Manners, clock: Clock | None = None, report: Callable[[str], None] | None = None
    ) -> None:
        """`site` is the address of its first page, such as `https://arztsuche.116117.de`.

        `report` is given a line before each further attempt, so that an operator knows what a silent run waits for.
        """
        parts = split_address(site)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise ScraperError(f"{site!r} is not the address of a site, such as https://arztsuche.116117.de")
        manners.check(parts.hostname)
        self.site = site.rstrip("/") + "/"
        self.manners = manners
        self.clock = clock or SystemClock()
        self.requests_sent = 0
        self._report = report or (lambda _: None)
        self._session = _session(manners)
        self._limit = TimeLimit(self._session)
        self._robots: Robots | None = None
        self._robots_read_at: datetime | None = None
        self._last_end: datetime | None = None

    def post_json(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send a search and return its answer, read from JSON.

        Raises:
            Refused: the site does not want this.
            UnknownForm: something else than JSON was answered.
            Unanswered: no answer after all attempts.
        """
        answer = self._ask("POST", urljoin(self.site, path), json=body)
        try:
            return json.loads(answer.content)
        except (ValueError, RecursionError):
            _raise_if_protected(answer)
            raise UnknownForm(f"{answer.url} answers something else than JSON: the site may have changed") from None

    def _ask(self, method: str, url: str, **content: Any) -> requests.Response:
        self._check_robots(url)
        answer = self._attempt(method, url, **content)
        if answer.status_code in REFUSING_STATUS:
            raise Refused(f"{url} refuses us (status {answer.status_code}); {_ADVICE}")
        if answer.is_redirect:
            raise UnknownForm(f"{url} leads to {excerpt(answer.headers['location'])}: the site may have moved")
        if answer.status_code != 200:
            _raise_if_protected(answer)
            raise UnknownForm(f"{url} answers status {answer.status_code}: the site may have changed")
        return answer

    def _attempt(self, method: str, url: str, **content: Any) -> requests.Response:
        """Send it until there is an answer that no further attempt would change."""
        reason = ""
        for attempt in range(self.manners.attempts):
            self._wait_for_turn()
            answer, reason = self._send(method, url, **content)
            if answer is not None and answer.status_code not in TRY_AGAIN:
                return answer
            if answer is not None:
                _raise_if_protected(answer)
            if attempt + 1 < self.manners.attempts:
                self._pause(url, attempt, answer, reason)
        raise Unanswered(f"{reason}, {self.manners.attempts} times")

    def _send(self, method: str, url: str, **content: Any) -> tuple[requests.Response | None, str]:
        """Send it once; returns the answer, or why there is none."""
        self.requests_sent += 1
        try:
            answer = self._exchange(method, url, **content)
        except requests.RequestException as error:
            return None, f"no answer ({self._too_late() or _why(error)})"
        finally:
            self._last_end = self.clock.now()
        if late := self._too_late():  # without a length the end of the connection looks like the end of the answer
            return None, f"no answer ({late})"
        return answer, f"status {answer.status_code}"

    def _exchange(self, method: str, url: str, **content: Any) -> requests.Response:
        limits = (min(self.manners.timeout, 10.0), self.manners.timeout)
        with self._limit.of(self.manners.longest_answer):
            answer = self._session.request(method, url, timeout=limits, allow_redirects=False, stream=True, **content)
            _load(answer)
        return answer

    def _too_late(self) -> str:
        return f"not whole after {self.manners.longest_answer:g} s" if self._limit.has_passed else ""

    def _wait_for_turn(self) -> None:
        if self._last_end is None:
            return
        asked_for = self._robots.interval() if self._robots else 0.0
        passed = (self.clock.now() - self._last_end).total_seconds()
        remaining = max(self.manners.interval, asked_for) - passed
        if remaining > 0:
            self.clock.sleep(remaining)

    def _pause(self, url: str, attempt: int, answer: requests.Response | None, reason: str) -> None:
        """Wait before the next attempt, as long as the site asks for; after a 429 all further requests are slower."""
        seconds = self.manners.first_pause * 2**attempt
        if answer is not None:
            seconds = max(seconds, _retry_after(answer, self.clock.now()))
            if answer.status_code == 429:
                slower = min(self.manners.interval * 2, self.manners.longest_interval)
                self.manners = replace(self.manners, interval=max(self.manners.interval, slower))
        if seconds > self.manners.longest_pause:
            raise Unanswered(f"{reason}, and a pause of {seconds:.0f} s is asked for")
        self._report(f"{url}: {reason}; attempt {attempt + 2} of {self.manners.attempts} in {seconds:.0f} s")
        self.clock.sleep(seconds)

    def _check_robots(self, url: str) -> None:
        """Read robots.txt where it was not read lately, and stop where it forbids this address."""
        known = self._robots
        if known is None or self._robots_read_at is None or self.clock.now() - self._robots_read_at > ROBOTS_AGE:
            self._robots = self._read_robots()
            self._robots_read_at = self.clock.now()
        if self._robots is not None and not self._robots.allows(url):
            changed = known is not None and known.allows(url)
            said = "has changed and no longer allows us" if changed else "does not allow us"
            raise Refused(f"{urljoin(self.site, '/robots.txt')} {said} to ask for {urlsplit(url).path}; {_ADVICE}")

    def _read_robots(self) -> Robots:
        """As RFC 9309 says: no such file allows everything, and one that cannot be read allows nothing now."""
        url = urljoin(self.site, "/robots.txt")
        try:
            answer = self._attempt("GET", url)
        except Unanswered as error:
            raise Unanswered(f"{url} cannot be read, and without it nothing is asked: {error}") from None
        if answer.status_code in REFUSING_STATUS:
            raise Refused(f"{url} refuses us (status {answer.status_code}); {_ADVICE}")
        if answer.is_redirect:
            raise UnknownForm(f"{url} leads to {excerpt(answer.headers['location'])}: the site may have moved")
        if answer.status_code != 200:
            return Robots("")
        try:
            robots = read_robots(answer.content)
        except ValueError as error:
            raise Refused(f"{url} is {error}, and without it nothing is asked; {_ADVICE}") from None
        if (interval := robots.interval()) > self.manners.longest_pause:
            asked, limit = f"{interval:.0f} s between requests", f"{self.manners.longest_pause:.0f} s"
            raise Refused(f"{url} wants {asked}, and the scraper waits at most {limit}; {_ADVICE}")
        return robots


_ADVICE = (
    "the scraper stops here and works around nothing: ask the site's operators, or save the pages in a browser and use "
    "`convert`"
)


class _GivenAuthorization(requests.auth.AuthBase):
    """Sends what the operator configured, and nothing that lies in a .netrc."""

    def __init__(self, value: str | None) -> None:
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._value:
            request.headers["Authorization"] = self._value
        return request


class _Session(requests.Session):
    """Follows no redirect, and does not look where one leads: an address that is none would end the run."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002 (what it overrides has it)
        return None


def _session(manners: Manners) -> requests.Session:
    session = _Session()
    session.headers.update({"User-Agent": manners.user_agent, "Accept-Language": "de"})
    if "@" in manners.contact:
        session.headers["From"] = manners.contact
    session.auth = _GivenAuthorization(manners.authorization)
    return session


def _why(error: BaseException) -> str:
    """Returns what the machine says about a request without an answer, such as "connection refused"."""
    reason: BaseException | None = error
    while reason is not None:
        if isinstance(reason, OSError) and reason.strerror and reason.errno:
            return excerpt(reason.strerror[0].lower() + reason.strerror[1:])
        inner = getattr(reason, "reason", None) or next((a for a in reason.args if isinstance(a, BaseException)), None)
        reason = inner if isinstance(inner, BaseException) else reason.__cause__ or reason.__context__
    return type(error).__name__


def _load(answer: requests.Response) -> None:
    """Load the content of an answer up to what is sensible.

    Raises:
        UnknownForm: it is larger.
    """
    content = bytearray()
    for block in answer.iter_content(1 << 16):
        content += block
        if len(content) > LARGEST_ANSWER:
            answer.close()
            raise UnknownForm(f"{answer.url} answers more than {LARGEST_ANSWER >> 20} MiB: the site may have changed")
    answer._content = bytes(content)  # what `content` returns; requests has no public way to limit it


def _raise_if_protected(answer: requests.Response) -> None:
    if is_protection_page(answer.content[: 1 << 20].decode("utf-8", "replace")):
        raise Refused(f"{answer.url} asks for a proof that a person sits here; {_ADVICE}")


def _retry_after(answer: requests.Response, now: datetime) -> float:
    """Returns the seconds that the site wants us to wait; 0 where it says nothing that can be read."""
    said = answer.headers.get("Retry-After", "").strip()
    if said.isascii() and said.isdigit():
        return float(said[:9])
    try:
        until = parsedate_to_datetime(said)
    except (ValueError, TypeError):
        return 0.0
    return max(0.0, ((until if until.tzinfo else until.replace(tzinfo=UTC)) - now).total_seconds())
