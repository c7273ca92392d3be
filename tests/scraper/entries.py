"""Entries of the directory, ordinary and odd ones, and the files that are made of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.hostile import TEXTS, json_values
from therapist_scraper import state
from therapist_scraper.delivery import Delivery, deliver
from therapist_scraper.differences import compare
from therapist_scraper.normalisation import normalise
from therapist_scraper.raw import Coverage, Harvest, Query, RawEntry
from therapist_scraper.state import State

SAMPLES = Path(__file__).parent.parent / "samples" / "scraper"
"""Files that the scraper writes and the platform reads in its own tests (tests/therapist_service)."""
SOURCE = "116117.de"
FRIDAY = datetime(2026, 11, 27, 4, tzinfo=UTC)
EVERYWHERE = Coverage(("germany",))
MONDAYS = ("2026-11-30", "2026-12-07", "2026-12-14")
LONGEST = 11_000
"""Characters of the texts here: more than are looked at."""
Fields = dict[str, Any]


def times_by_name(day: str, *times: str, weekday: str | None = None) -> Fields:
    """An entry of `tsz` in the generation that names the kinds of hours."""
    hours = {"typ": "Telefonische Erreichbarkeit", "sprechzeiten": [{"zeit": time} for time in times]}
    return {"d": day, **({"t": weekday} if weekday else {}), "tszDesTyps": [hours]}


def times_by_number(day: str, *times: str) -> Fields:
    """An entry of `tsz` in the generation that numbers the kinds of hours."""
    return {"d": day, "typTsz": [{"typ": "07", "sprechzeiten": [{"z": time} for time in times]}]}


def an_entry(
    id: object = "p-1", *, at: datetime = FRIDAY, query: Query | None = None, source: str = SOURCE, **fields: Any
) -> RawEntry:
    """An entry with a readable value in every field."""
    ordinary: Fields = {
        "id": id, "anrede": "Frau", "titel": "Dr. phil.", "vorname": "Mira", "name": "Sonnentau", "geschlecht": "w",
        "strasse": "Musterweg", "hausnummer": "7", "plz": "52062", "ort": "Aachen", "tel": "0221 4710123",
        "handy": "0171 3920012", "fax": "0221 4710124", "email": "praxis@example.org", "web": "https://praxis.example.org",
        "distance": 1200, "lat": 50.7763, "lon": 6.0836, "fg": ["Psychologische Psychotherapeutin"],
        "psy": [{"heading": "Verhaltenstherapie", "values": ["Erwachsene (Einzeltherapie)"]}],
        "fs": ["Englisch"], "bf": ["barrierefrei"], "tsz": [times_by_name(MONDAYS[0], "08:00-09:00", weekday="Mo.")],
    }  # fmt: skip
    given = {name: value for name, value in (ordinary | fields).items() if value is not ...}
    return RawEntry(source, at, given, query or Query())


def a_harvest(*entries: RawEntry, coverage: Coverage = EVERYWHERE) -> Harvest:
    """What a reading hands on."""
    return Harvest(SOURCE, entries, coverage, FRIDAY - timedelta(hours=1), FRIDAY)


def odd_entries() -> Iterator[RawEntry]:
    """People with the names, addresses, numbers and hours of real directories, and whatever a broken source sends."""
    for number, name in enumerate(
        ("Null", "von der Heide", "Tietz -Roder", "Ng", "Ö", "O’Hara", "Dr. Ng", "Heide, Anna")
    ):
        yield an_entry(f"name-{number}", name=name, vorname=... if "," in name else "Anna")
    for number, title in enumerate(("Dr.med.", "Prof.Dr.med. Dipl. Psych.", "PD Dr. rer.nat.", "Magister Artium")):
        yield an_entry(f"title-{number}", titel=title)
    for number, email in enumerate(
        ("praxis (at) example . org", "praxis[ät]example[punkt]org", "Praxis@Müller.example.org")
    ):
        yield an_entry(f"email-{number}", email=email)
    for number, street in enumerate(("Musterstr. 12 A", "Probe Str. 3-5, 2. OG", "Straße des 17. Juni", "Q7, 24")):
        yield an_entry(f"street-{number}", strasse=street, hausnummer="")
    for number, (code, north, east) in enumerate(
        ((1067, 51.06, 13.71), ("D-50667", "50,94", "6,96"), ("52062", 48.1, 11.5))
    ):
        yield an_entry(f"place-{number}", plz=code, lat=north, lon=east)
    yield an_entry(
        "hours-1",
        tsz=[
            times_by_name(MONDAYS[0], "8-9 Uhr; 12.00-12.50 Uhr"),
            times_by_number("07.12.", "08:00-09:00,12:00-12:50"),
        ],
    )
    yield an_entry(
        "hours-2",
        tsz=[
            {"t": f"{day}.", "typTsz": [{"typ": "07", "sprechzeiten": [{"z": "00:00-24:00"}]}]}
            for day in ("Mo", "Di", "So")
        ],
    )
    yield an_entry("two-addresses", query={"procedure": "VT"})
    yield an_entry(
        "two-addresses", query={"procedure": "TP"}, strasse="Probestraße", plz="50667", ort="Köln", lat=50.94, lon=6.96
    )
    yield an_entry("married", query={"procedure": "AP"})
    yield an_entry("married", query={"procedure": "ST"}, name="Birkenfels-Sonnentau")
    yield an_entry(..., name="Ohnenummer")
    for name, text in TEXTS.items():
        text = text[:LONGEST]
        fields = ("anrede", "titel", "vorname", "name", "strasse", "hausnummer", "ort", "web", "email", "tel")
        yield an_entry(f"text-{name}", **dict.fromkeys(fields, f"Anna {text} Muster" if len(text) < 100 else text))
        yield an_entry(f"list-{name}", fg=[text], psy=[{"heading": text, "values": [text]}], fs=[text], bf=[text] * 3)
    for name, value in ((name, value) for name, value in json_values() if len(repr(value)) < 2 * LONGEST):
        yield an_entry(f"value-{name}", **dict.fromkeys(set(an_entry().fields) - {"id", "name"}, value))
        yield an_entry(
            f"name-{name}", name=value, tsz=[value, {"d": value, "typTsz": value}, {"d": MONDAYS[0], "typTsz": [value]}]
        )


def sample(folder: Path) -> Delivery:
    """The sample file, with additions, a modification and a deletion, made in an empty folder."""
    same, changed, gone = an_entry("as-before"), an_entry("changed"), an_entry("gone")
    before = compare(State(SOURCE), normalise([same, changed, gone]), EVERYWHERE).state
    state.save(str(folder / "state"), before)
    now = a_harvest(*odd_entries(), same, an_entry("changed", tel="0221 4710125"))
    return deliver(now, out=str(folder), state_at=str(folder / "state"), now=FRIDAY, dry_run=True)
