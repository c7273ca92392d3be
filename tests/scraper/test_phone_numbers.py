"""Numbers are read as the platform reads them (tests/therapist_service/test_scraper_files.py has the same table)."""

from __future__ import annotations

import json

import pytest

from tests.scraper.entries import SAMPLES
from therapist_scraper.phone_numbers import fax_numbers, phone_number, phone_numbers
from therapist_scraper.text import Unreadable

VECTORS = json.loads((SAMPLES / "phone_numbers.json").read_text(encoding="utf-8"))


def test_a_number_is_read_as_it_is_meant() -> None:
    assert {written: phone_numbers(written) for written, _ in VECTORS["read"]} == {
        written: [stored] for written, stored in VECTORS["read"]
    }


def test_what_may_be_somebody_elses_number_is_left_out() -> None:
    for written in VECTORS["refused"]:
        with pytest.raises(Unreadable):
            phone_number(written)


@pytest.mark.parametrize(
    ("written", "numbers"),
    [
        (None, []),
        ("-", []),
        ("keine", []),
        ("030 1234567, 0171 2345678", ["+49301234567", "+491712345678"]),
        ("030 1234567 oder 030 1234567", ["+49301234567"]),
    ],
)
def test_several_numbers_count_where_each_is_whole(written: object, numbers: list[str]) -> None:
    assert phone_numbers(written) == numbers


@pytest.mark.parametrize("written", ["030 1234567, 68", "030 1234567; abends", ["030 1234567"], "0" * 101])
def test_half_a_number_is_none(written: object) -> None:
    with pytest.raises(Unreadable):
        phone_numbers(written)


def test_only_a_fax_number_may_be_called_so() -> None:
    assert fax_numbers("Telefax: 030 1234567") == ["+49301234567"]
    with pytest.raises(Unreadable):
        phone_numbers("Telefax: 030 1234567")
