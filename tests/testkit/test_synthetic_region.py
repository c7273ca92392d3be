"""Invented therapists are plausible, reachable by nobody, and always the same."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta, timezone

import pytest

from shared.values.contacts import email_address, phone_number
from shared.values.identifiers import postal_code
from shared.values.places import Place, distance_km
from shared.values.postal_codes import areas
from shared.values.weekly import Weekly
from testkit.synthetic_region import Region, import_file, therapists

# the Bundesnetzagentur's numbers for films, in E.164 without the last digits
DRAMA = re.compile(r"\+49(2214710|3023125|6990009|4066969|8999998)\d{3}")
DRAMA_MOBILE = re.compile(r"\+49(17139200|176040690)\d\d")


def test_the_same_seed_gives_the_same_people_and_another_seed_others() -> None:
    assert list(therapists(50, seed=3)) == list(therapists(80, seed=3))[:50]
    assert list(therapists(50, seed=3)) != list(therapists(50, seed=4))
    assert len({record["external_id"] for record in therapists(500)}) == 500


@pytest.mark.parametrize("region", ["rhineland", "germany"])
def test_every_record_is_valid(region: Region) -> None:
    for record in therapists(1000, region=region):
        assert record["last_name"]
        assert postal_code(record["postal_code"]) == record["postal_code"]
        home = areas()[record["postal_code"]]
        assert distance_km(home, Place(record["latitude"], record["longitude"])) < 2
        hours = Weekly.from_json(record["phone_hours"])
        if hours is not None:
            assert 60 <= hours.total_minutes <= 240
            assert all(end - start >= 25 for start, end in hours)


def test_nobody_is_reached_by_mistake() -> None:
    for record in therapists(1000):
        for field in ("phone", "fax"):
            assert record[field] is None or DRAMA.fullmatch(record[field])
        assert record["mobile"] is None or DRAMA_MOBILE.fullmatch(record["mobile"])
        for field in ("phone", "mobile", "fax"):
            assert record[field] is None or phone_number(record[field]) == record[field]
        if record["email"]:
            assert email_address(record["email"]).endswith("@example.org")


def test_the_mixture_is_that_of_the_field() -> None:
    records = list(therapists(2000))
    emails = Counter(record["email"] for record in records if record["email"])
    assert 0.25 < sum(emails.values()) / len(records) < 0.35
    assert max(emails.values()) > 1, "some practices share an address"
    assert sum(record["accreditation"] == "statutory" for record in records) > 0.88 * len(records)
    assert {"Aachen", "Köln"} <= {record["city"] for record in records}
    assert {procedure for record in records for procedure in record["procedures"]} == {"VT", "TP", "AP", "ST", "NP"}


def test_a_file_is_named_after_its_moment_in_utc_and_counts_its_records() -> None:
    berlin = timezone(timedelta(hours=1))
    records = list(therapists(3))
    name, document = import_file(records[:2], datetime(2026, 11, 23, 5, 0, tzinfo=berlin), deletions=["gone"])
    assert name == "therapists_20261123_040000.json"
    assert document["metadata"]["timestamp"] == "2026-11-23T04:00:00Z"
    assert document["changes"]["additions"] == records[:2]
    assert document["changes"]["deletions"] == [{"external_id": "gone"}]
    assert document["statistics"]["new_therapists"] == 2
    assert document["statistics"]["deleted_therapists"] == 1
