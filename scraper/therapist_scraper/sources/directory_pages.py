"""Pages of the directory as HTML: a page of results, and the page of a practice (scraper/samples shows both).

Both show practices in the same way and are translated into the form of a 116117 record. What stands where is found by
German labels, which outlive a change of the layout better than the names of classes do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import unquote

from bs4 import BeautifulSoup, Comment, Tag

from therapist_scraper.errors import UnknownForm
from therapist_scraper.online_addresses import split_address

PRACTICE = "arztpraxis"
NOBODY = "keine-treffer"
HEADINGS = ["h1", "h2", "h3", "h4"]

SINGLE = {"telefon": "tel", "mobil": "handy", "fax": "fax", "telefax": "fax"}
LINKED = {"e-mail": "email", "webseite": "web", "internet": "web", "homepage": "web", "website": "web"}
LISTED = {"fachgebiet": "fg", "fachgebiete": "fg", "fremdsprachen": "fs", "sprachen": "fs", "barrierefreiheit": "bf"}
OFFERED = {"verfahren", "therapieverfahren", "altersgruppe", "altersgruppen", "setting", "angebote", "psychotherapie"}
"""Labels of a practice's facts, in small letters, and the field of the record that has them."""

WEEKDAYS = ("montag", "dienstag", "mittwoch", "donnerstag", "freitag", "samstag", "sonntag")
SHORT_WEEKDAYS = ("Mo.", "Di.", "Mi.", "Do.", "Fr.", "Sa.", "So.")

_SAVED_FROM = re.compile(r"saved from url=\(\d+\)(\S+)|saved with SingleFile\s+url:\s*(\S+)", re.IGNORECASE)
"""What browsers and extensions note on saving a page."""
_COMMENT = re.compile("<!--.*?-->", re.DOTALL)
_PLACE = re.compile(r"(\d{5})\s+(\S.*)")
_HOUSE_NUMBER = re.compile(r"(.*\D)\s+(\d+\s?[a-zA-Z]?(?:\s?[-/+]\s?\d+\s?[a-zA-Z]?)*)")
_PARTICLE = "(?:von|van|vom|zu|zur|zum|de|del|der|den|dem|di|da|dos|el|al|le|la|ten|ter)"
_NAME = re.compile(
    r"(?:(?P<anrede>Frau|Herrn?)\s+)?"
    r"(?P<titel>(?:(?:(?:Prof|Dr|PD|Dipl)\b|\S+\.)\S*\s+)*)"  # "Dr. rer. nat.", "Dipl.-Psych."
    rf"(?:(?!{_PARTICLE}\s)(?P<vorname>\S+(?:\s+\S+)*?)\s+)?"
    rf"(?P<name>(?:{_PARTICLE}\s+)*\S+)"
)
"""A name as people write it; of several names without a particle the last is the surname."""


class Page:
    """A page of HTML, in whatever encoding."""

    def __init__(self, content: bytes | str) -> None:
        self._content = content
        self._soup = BeautifulSoup(content, "html.parser")

    @property
    def hosts(self) -> frozenset[str]:
        """The sites that it says it comes from, and that a browser noted on saving it."""
        links = [each.get("href") for each in self._soup.find_all("link", rel="canonical") if isinstance(each, Tag)]
        about = self._soup.find_all("meta", property="og:url")
        links += [each.get("content") for each in about if isinstance(each, Tag)]
        for comment in self._soup.find_all(string=lambda text: isinstance(text, Comment)):
            links += [saved[1] or saved[2] for saved in _SAVED_FROM.finditer(comment)]
        return frozenset(host for each in links if (host := split_address(str(each or "")).hostname))

    @property
    def has_end(self) -> bool:
        """Whether it was saved to its end: browsers write `</html>` there, also where the site leaves it out."""
        text = self._content if isinstance(self._content, str) else self._content.decode("latin-1").replace("\0", "")
        _, end, after = text.lower().rpartition("</html")
        return bool(end) and _COMMENT.sub("", after).strip().removeprefix(">") == ""

    @property
    def is_known(self) -> bool:
        """Whether it has practices, or says that there are none."""
        return self._soup.find(class_=[PRACTICE, NOBODY]) is not None

    @property
    def has_more(self) -> bool:
        """Whether the results go on on another page."""
        return self._soup.find(["a", "link"], rel="next") is not None

    def entries(self, on: date) -> list[dict[str, Any]]:
        """Returns its practices in the form of 116117 records; `on` is the day on which the page was shown.

        Raises:
            UnknownForm: most of them have no name or no address: the page has changed.
        """
        practices = [each for each in self._soup.find_all(class_=PRACTICE) if isinstance(each, Tag)]
        found = [_entry(each, on) for each in practices]
        whole = sum(bool(each.get("name")) and bool(each.get("plz")) for each in found)
        if not self.is_known or whole * 2 < len(found):
            raise UnknownForm(f"of {len(found)} practices only {whole} have a name and an address")
        return found


def _entry(practice: Tag, on: date) -> dict[str, Any]:
    heading = practice.find(HEADINGS)
    name = _NAME.fullmatch(_line(heading)) if isinstance(heading, Tag) else None
    entry: dict[str, Any] = {
        "id": _id(practice, heading),
        **({part: (text or "").strip() for part, text in name.groupdict().items()} if name else {}),
        **_address(practice.find("address")),
        "lat": practice.get("data-lat"),
        "lon": practice.get("data-lon"),
        "tsz": list(_times(practice, on)),
        "psy": [],
    }
    for label, value in _facts(practice):
        _add_fact(entry, label, value)
    return {field: value for field, value in entry.items() if value not in (None, "")}


def _id(practice: Tag, heading: Any) -> str:
    if practice.get("data-id"):
        return str(practice["data-id"])
    link = heading.find("a", href=True) if isinstance(heading, Tag) else None
    path = split_address(str(link["href"])).path if isinstance(link, Tag) else ""
    return unquote(path.rstrip("/").rpartition("/")[2])


def _address(written: Any) -> dict[str, str]:
    lines = _lines(written) if isinstance(written, Tag) else []
    place = next((found for line in lines if (found := _PLACE.fullmatch(line))), None)
    street = next((line for line in lines if not _PLACE.fullmatch(line)), "")
    number = _HOUSE_NUMBER.fullmatch(street)
    return {
        "strasse": number[1].strip() if number else street,
        "hausnummer": number[2] if number else "",
        "plz": place[1] if place else "",
        "ort": place[2] if place else "",
    }


def _facts(practice: Tag) -> Iterator[tuple[str, Tag]]:
    """Yields every label with its value."""
    for term in practice.find_all("dt"):
        value = term.find_next_sibling(["dt", "dd"])
        if isinstance(value, Tag) and value.name == "dd":
            yield _line(term).rstrip(":"), value


def _add_fact(entry: dict[str, Any], label: str, value: Tag) -> None:
    known = label.lower()
    if known in SINGLE:
        entry[SINGLE[known]] = _line(value)
    elif known in LINKED:
        link = value.find("a", href=True)
        address = str(link["href"]) if isinstance(link, Tag) else _line(value)
        entry[LINKED[known]] = unquote(address[len("mailto:") :]) if address.startswith("mailto:") else address
    elif known in LISTED:
        entry[LISTED[known]] = [part.strip() for line in _lines(value) for part in line.split(",") if part.strip()]
    elif known in OFFERED:
        entry["psy"].append({"heading": label, "values": _lines(value)})


def _times(practice: Tag, on: date) -> Iterator[dict[str, Any]]:
    """Yields the hours of the tables with the columns Tag, Art, Zeiten; a weekday means the next such day."""
    for table in practice.find_all("table"):
        columns = [_line(cell).lower() for cell in table.find_all("th")]
        if not {"tag", "art", "zeiten"} <= set(columns):
            continue
        for row in table.find_all("tr"):
            cells = row.find_all("td")
            if len(cells) == len(columns):
                yield from _hours(dict(zip(columns, cells, strict=True)), on)


def _hours(row: dict[str, Tag], on: date) -> Iterator[dict[str, Any]]:
    day = _day(row["tag"], on)
    if day is not None:
        hours = [{"zeit": time} for time in _lines(row["zeiten"])]
        kinds = [{"typ": _line(row["art"]), "sprechzeiten": hours}]
        yield {"d": day.isoformat(), "t": SHORT_WEEKDAYS[day.weekday()], "tszDesTyps": kinds}


def _day(cell: Tag, on: date) -> date | None:
    dated = cell.find("time", datetime=True)
    if isinstance(dated, Tag):
        try:
            return date.fromisoformat(str(dated["datetime"])[:10])
        except ValueError:
            return None
    name = _line(cell).lower().rstrip(":")
    if name not in WEEKDAYS:
        return None
    return on + timedelta(days=(WEEKDAYS.index(name) - on.weekday()) % 7)


def _line(element: Tag) -> str:
    return " ".join(element.get_text(" ").split())


def _lines(element: Tag) -> Sequence[str]:
    """Returns the text as it stands in lines: each of a list, or between breaks."""
    for end in element.find_all(["br", "li", "p", "div"]):
        end.append("\n") if end.name != "br" else end.replace_with("\n")
    found = (" ".join(line.split()) for line in element.get_text().split("\n"))
    return [line for line in found if line]
