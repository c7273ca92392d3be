"""One entry of the directory, read field by field; what cannot be read is left out, with its reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from therapist_scraper import names, online_addresses, phone_numbers, practice_addresses
from therapist_scraper.languages import is_sign_language, language
from therapist_scraper.phone_hours import Day, PhoneHours, as_time, phone_hours
from therapist_scraper.procedures import Offered
from therapist_scraper.raw import RawEntry
from therapist_scraper.text import Unreadable, folded, one_line, stated

BERLIN = ZoneInfo("Europe/Berlin")
LONGEST_ID = 200
MOST_TEXTS = 1000
"""Texts of one list of the source that are looked at."""
STATUTORY_DIRECTORIES = {"116117.de"}
"""Directories of the associations of statutory health insurance physicians: who is in them has a statutory seat."""

_BETWEEN_LANGUAGES = re.compile(r"[,;/]|\bund\b")
Value = TypeVar("Value")
Other = TypeVar("Other")
Address = tuple[str, str, str, str]


@dataclass
class Reading:
    """What one entry says of one person."""

    external_id: str | None = None
    """None where the entry names neither an id nor who and where it is."""
    has_own_id: bool = True
    """Whether the source gave the id; otherwise it is made of name and address."""
    identity: tuple[str, ...] | None = None
    """Name and address, by which an entry without an id is recognised."""
    person: dict[str, Any] = field(default_factory=dict)
    """Names, title, salutation, gender; empty where there is no last name."""
    practice: dict[str, Any] = field(default_factory=dict)
    """Address and how the practice is reached; only what is known."""
    texts: dict[str, list[str]] = field(default_factory=dict)
    """Languages, qualifications and offers."""
    offered: Offered = field(default_factory=Offered)
    problems: list[tuple[str, str]] = field(default_factory=list)
    """Fields of the record that could not be read, each with the reason."""
    notes: list[str] = field(default_factory=list)

    @property
    def address(self) -> Address:
        """Where the practice is, to compare entries with."""
        found = (self.practice.get(name) or "" for name in ("postal_code", "city", "street", "house_number"))
        return next(found), next(found), next(found), next(found)

    def take(self, name: str, read: Callable[[], Value], otherwise: Other) -> Value | Other:
        """Returns what the function reads, or the other value where it raises Unreadable, which is noted."""
        try:
            return read()
        except Unreadable as problem:
            self.problems.append((name, problem.reason))
            return otherwise


def read_entry(entry: RawEntry) -> Reading:
    """Returns what the entry says; it raises nothing, whatever the source has sent."""
    reading = Reading()
    fields = entry.fields if isinstance(entry.fields, Mapping) else {}
    _read_person(fields, reading)
    _read_address(fields, reading)
    _read_contacts(fields, reading)
    _read_phone_hours(fields, entry.seen_at.astimezone(BERLIN).date(), reading)
    _read_texts(fields, reading)
    _identify(fields, reading)
    if entry.source in STATUTORY_DIRECTORIES:
        reading.practice["accreditation"] = "statutory"
    reading.practice = {name: value for name, value in reading.practice.items() if value is not None}
    return reading


def _identify(fields: Mapping[str, Any], reading: Reading) -> None:
    own = reading.take("external_id", lambda: one_line(fields.get("id")), None)
    code, city, street, number = map(folded, reading.address)
    if reading.person and street and (code or city):
        last, first = reading.person["last_name"], reading.person["first_name"] or ""
        reading.identity = (folded(last) or last, folded(first), code or city, street, number)
    if own is not None and len(own) <= LONGEST_ID:
        reading.external_id = own
    elif reading.identity is not None:
        # the same as long as name and address are
        digest = blake2b("\x1f".join(reading.identity).encode(), digest_size=12).hexdigest()
        reading.external_id, reading.has_own_id = f"x-{digest}", False


def _read_person(fields: Mapping[str, Any], reading: Reading) -> None:
    salutation, rest = reading.take("salutation", lambda: names.salutation(fields.get("anrede")), (None, None))
    title = reading.take("title", lambda: names.title(fields.get("titel")), None)
    found = reading.take("last_name", lambda: _names(fields, reading), None)
    if found is None:
        return
    gender = reading.take("gender", lambda: names.gender(fields.get("geschlecht"), salutation), "unknown")
    reading.person = {
        "salutation": salutation,
        "title": title or max(found.title or "", names.title(rest) or "", key=len) or None,
        "first_name": found.first_name,
        "last_name": found.last_name,
        "gender": gender,
    }


def _names(fields: Mapping[str, Any], reading: Reading) -> names.PersonNames:
    first = reading.take("first_name", lambda: one_line(fields.get("vorname")), None)
    return names.names(fields.get("name"), first)


def _read_address(fields: Mapping[str, Any], reading: Reading) -> None:
    street, number = reading.take(
        "street",
        lambda: practice_addresses.street_and_number(fields.get("strasse"), fields.get("hausnummer")),
        (None, None),
    )
    town = reading.take("city", lambda: stated(fields.get("ort")), None)
    code, town = reading.take(
        "postal_code", lambda: practice_addresses.postal_code_and_town(fields.get("plz"), town), (None, town)
    )
    place = reading.take(
        "latitude", lambda: practice_addresses.coordinates(fields.get("lat"), fields.get("lon"), code), None
    )
    north, east = place or (None, None)
    reading.practice |= {
        "street": street,
        "house_number": number,
        "postal_code": code,
        "city": town,
        "latitude": north,
        "longitude": east,
    }


def _read_contacts(fields: Mapping[str, Any], reading: Reading) -> None:
    none: list[str] = []
    phones = reading.take("phone", lambda: phone_numbers.phone_numbers(fields.get("tel")), none)
    mobiles = reading.take("mobile", lambda: phone_numbers.phone_numbers(fields.get("handy")), none)
    faxes = reading.take("fax", lambda: phone_numbers.fax_numbers(fields.get("fax")), none)
    for name, numbers in (("phone", phones), ("mobile", mobiles), ("fax", faxes)):
        reading.practice[name] = numbers[0] if numbers else None
        if len(numbers) > 1:
            reading.notes.append(f"{name}: several numbers, of which the first was taken")
    reading.practice["email"] = reading.take("email", lambda: online_addresses.email(fields.get("email")), None)
    reading.practice["website"] = reading.take("website", lambda: online_addresses.website(fields.get("web")), None)


def _read_phone_hours(fields: Mapping[str, Any], today: date, reading: Reading) -> None:
    entries = fields.get("tsz")
    if entries is not None and not isinstance(entries, list):
        reading.problems.append(("phone_hours", "is no list of dates"))
        return
    found: PhoneHours = phone_hours(entries or [], today)
    reading.practice["phone_hours"] = found.week
    reading.problems += [("phone_hours", reason) for reason in found.unreadable]
    reading.notes += [f"phone_hours: other on {day}: {_as_text(hours)}" for day, hours in found.exceptions.items()]


def _as_text(day: Day) -> str:
    return ", ".join(f"{as_time(start)}-{as_time(end)}" for start, end in day) or "none"


def _read_texts(fields: Mapping[str, Any], reading: Reading) -> None:
    offers = list(_lines(fields.get("bf"), "offers", reading))
    for heading, text in _under_headings(fields.get("psy"), reading):
        if not reading.offered.add_words(f"{heading} {text}"):
            offers.append(text)
    codes: list[str] = []
    for text in _lines(fields.get("fs"), "languages", reading):
        for part in filter(None, map(str.strip, _BETWEEN_LANGUAGES.split(text))):
            if code := language(part):
                codes.append(code)
            elif is_sign_language(part):
                offers.append(part)
            else:
                reading.problems.append(("languages", "is no language with a code of ISO 639-1"))
    qualifications = list(_lines(fields.get("fg"), "qualifications", reading))
    reading.texts = {"languages": codes, "qualifications": qualifications, "offers": offers}


def _under_headings(value: object, reading: Reading) -> Iterator[tuple[str, str]]:
    """Yields the texts of `psy`, each with its heading; one generation has texts alone."""
    for item in _items(value, "procedures", reading):
        if isinstance(item, Mapping) and "values" in item:
            heading = reading.take("procedures", lambda item=item: one_line(item.get("heading")), None)  # type: ignore[misc]
            for text in _lines(item["values"], "procedures", reading):
                yield heading or "", text
        else:
            for text in _lines([item], "procedures", reading):
                yield "", text


def _lines(value: object, name: str, reading: Reading) -> Iterator[str]:
    for item in _items(value, name, reading):
        text = item.get("value", item.get("name")) if isinstance(item, Mapping) else item
        line = reading.take(name, lambda text=text: stated(text), None)  # type: ignore[misc]
        if line is not None:
            yield line


def _items(value: object, name: str, reading: Reading) -> Iterable[Any]:
    if value is None or isinstance(value, str):
        return [value] if value else []
    if not isinstance(value, list):
        reading.problems.append((name, "is no list"))
        return []
    return value[:MOST_TEXTS]
