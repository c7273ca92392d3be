"""Entries become people: merged where several searches found them, and never invented."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.scraper.entries import FRIDAY, MONDAYS, an_entry, odd_entries, times_by_number
from therapist_scraper.normalisation import FIELDS, NormalisedDirectory, normalise
from therapist_scraper.raw import Query, RawEntry
from therapist_scraper.validation import schema

RECORD = Draft202012Validator(
    {**schema(), "$ref": "#/$defs/SentRecord", "type": "object", "required": [], "properties": {}}
)


def problems(directory: NormalisedDirectory) -> list[str]:
    """What the published schema finds wrong with the records."""
    return [
        f"{error.json_path} {error.message}"
        for each in directory.records.values()
        for error in RECORD.iter_errors(each)
    ]


def test_an_entry_becomes_a_record() -> None:
    assert normalise([an_entry()]).records["p-1"] == {
        "external_id": "p-1", "salutation": "Frau", "title": "Dr. phil.", "first_name": "Mira",
        "last_name": "Sonnentau", "gender": "female", "street": "Musterweg", "house_number": "7",
        "postal_code": "52062", "city": "Aachen", "latitude": 50.7763, "longitude": 6.0836, "phone": "+492214710123",
        "mobile": "+491713920012", "fax": "+492214710124", "email": "praxis@example.org",
        "website": "https://praxis.example.org", "accreditation": "statutory", "procedures": ["VT"],
        "age_groups": ["adult"], "settings": ["individual"], "languages": ["en"],
        "qualifications": ["Psychologische Psychotherapeutin"], "offers": ["barrierefrei"],
        "phone_hours": {"monday": [{"start": "08:00", "end": "09:00"}]},
    }  # fmt: skip


def test_all_that_the_searches_for_a_person_found_is_merged() -> None:
    queries: list[Query] = [
        {"procedure": "TP", "age_group": "adult", "setting": "individual"},
        {"procedure": "ST", "age_group": "child_adolescent", "setting": "group"},
        {"procedure": "AP", "age_group": "adult", "setting": "individual"},
    ]
    found = normalise(an_entry(query=query, distance=number) for number, query in enumerate(queries))
    record = found.records["p-1"]
    assert record["procedures"] == ["VT", "TP", "AP", "ST"]
    assert record["age_groups"] == ["adult", "child_adolescent"]
    assert record["settings"] == ["individual", "group"]
    assert (len(found.records), found.entries) == (1, 3)


def test_the_order_of_the_entries_does_not_matter() -> None:
    entries = list(odd_entries())
    assert normalise(entries).records == normalise(reversed(entries)).records


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"tel": "abends anrufen"}, "phone: is no phone number"),
        ({"email": "siehe Webseite"}, "email: is no e-mail address"),
        ({"plz": "5206"}, "postal_code: is no German postal code"),
        ({"lat": 48.1, "lon": 11.5}, "latitude: is too far from the postal code, or abroad"),
        ({"anrede": "Praxis"}, "salutation: is neither Frau nor Herr"),
        ({"geschlecht": "m"}, "gender: contradicts the salutation"),
        ({"fs": ["Aramäisch", "Englisch"]}, "languages: is no language with a code of ISO 639-1"),
        ({"tsz": [times_by_number(MONDAYS[0], "abends")]}, "phone_hours: has a time that cannot be read"),
        ({"tsz": "täglich"}, "phone_hours: is no list of dates"),
    ],
)
def test_what_cannot_be_read_is_left_out_and_counted(fields: dict[str, Any], reason: str) -> None:
    directory = normalise([an_entry(**fields)])
    ordinary = normalise([an_entry()]).records["p-1"]
    record = directory.records["p-1"]
    assert directory.reasons == {reason: 1}
    assert all(ordinary.get(name) == value for name, value in record.items() if name != "gender")
    name = reason.partition(":")[0]
    assert name in directory.unreadable.get("p-1", {name if name in record else None})


@pytest.mark.parametrize("name", [None, "", 7.5, "x" * 300])
def test_who_cannot_be_read_is_there_all_the_same(name: object) -> None:
    directory = normalise([an_entry("p-1"), an_entry("p-2", name=name)])
    assert (list(directory.records), directory.not_read) == (["p-1"], frozenset({"p-2"}))


@pytest.mark.parametrize("fields", [{}, {"name": "Sonnentau"}, {"strasse": "Musterweg", "plz": "52062"}, [], None, "x"])
def test_an_entry_of_nobody_is_counted(fields: Any) -> None:
    directory = normalise([RawEntry("116117.de", FRIDAY, fields)])
    assert (directory.records, directory.unidentified) == ({}, 1)


def test_without_an_id_a_person_is_known_by_name_and_address() -> None:
    page = an_entry(..., name="SONNENTAU", strasse="Musterweg 7", hausnummer=..., psy=["Gruppentherapie"])
    alone = normalise([page])
    assert [each[:2] for each in alone.records] == ["x-"]
    assert normalise([page]).records == alone.records
    both = normalise([page, an_entry("p-1")])
    assert list(both.records) == ["p-1"]
    assert both.records["p-1"]["settings"] == ["individual", "group"]
    namesakes = normalise([page, an_entry("p-1"), an_entry("p-2")])
    assert len(namesakes.records) == 3


def test_two_of_one_name_in_one_street_are_two() -> None:
    entries = [an_entry(..., hausnummer="7"), an_entry(..., hausnummer="9"), an_entry("p-1", hausnummer="7a")]
    assert len(normalise(entries).records) == 3


def test_those_who_share_an_email_address_keep_it() -> None:
    directory = normalise([an_entry("p-1"), an_entry("p-2", name="Null")])
    assert {each["email"] for each in directory.records.values()} == {"praxis@example.org"}


def test_a_person_at_two_addresses_has_the_one_of_most_entries_and_a_note() -> None:
    other = {"strasse": "Probestraße", "plz": "50667", "ort": "Köln", "lat": 50.94, "lon": 6.96, "tel": "0221 4710129"}
    entries = [
        an_entry(query={"procedure": "VT"}),
        an_entry(query={"procedure": "TP"}, **other),
        an_entry(query={"procedure": "AP"}, **other),
    ]
    directory = normalise(entries)
    record = directory.records["p-1"]
    assert (record["city"], record["latitude"], record["phone"]) == ("Köln", 50.94, "+492214710129")
    assert record["procedures"] == ["VT", "TP", "AP"]
    assert [note.text for note in directory.notes] == ["has 2 addresses; the record has the one that most entries have"]


def test_who_married_has_the_name_that_was_seen_last() -> None:
    before = an_entry(at=FRIDAY - timedelta(hours=1), query={"procedure": "TP"})
    record = normalise([an_entry(name="Birkenfels"), before]).records["p-1"]
    assert (record["last_name"], record["procedures"]) == ("Birkenfels", ["VT", "TP"])


def test_an_id_that_several_people_have_is_nobodys() -> None:
    directory = normalise([an_entry(), an_entry(name="Null", vorname="Otto")])
    assert (directory.records, directory.not_read) == ({}, frozenset({"p-1"}))
    assert directory.reasons == {"external_id: several people have it": 1}


def test_what_was_seen_days_ago_gives_no_address() -> None:
    old = an_entry(at=FRIDAY - timedelta(days=3), strasse="Altweg", email="alt@example.org", query={"procedure": "ST"})
    record = normalise([old, old, an_entry(email=...)]).records["p-1"]
    assert (record["street"], record.get("email"), record["procedures"]) == ("Musterweg", None, ["VT", "ST"])


def test_other_hours_in_single_weeks_are_noted() -> None:
    tsz = [times_by_number(day, time) for day, time in zip(MONDAYS, ("8-9", "8-9", "10-11"), strict=True)]
    directory = normalise([an_entry(tsz=tsz)])
    assert [note.text for note in directory.notes] == ["phone_hours: other on 2026-12-14: 10:00-11:00"]


def test_another_directory_says_nothing_about_the_seat() -> None:
    assert "accreditation" not in normalise([an_entry(source="praxis.example.org")]).records["p-1"]


def test_odd_entries_become_records_that_fit_the_schema() -> None:
    directory = normalise(odd_entries())
    assert problems(directory) == []
    assert all(list(each) == [name for name in FIELDS if name in each] for each in directory.records.values())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELD_NAMES = sorted(an_entry().fields)


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(FIELD_NAMES), JSON, max_size=8), st.text(min_size=1, max_size=20))
def test_whatever_the_source_sends_the_record_fits_the_schema(fields: dict[str, Any], text: str) -> None:
    named = {name: value for name, value in fields.items() if name not in ("id", "name")}
    entries = [
        an_entry("p-1", **named),
        an_entry("p-2", name=text, titel=text, strasse=text),
        an_entry(**{"id": "p-3", **fields}),
    ]
    directory = normalise(entries)
    assert problems(directory) == []
    assert "p-1" in directory.records
