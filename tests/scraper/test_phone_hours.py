"""Dated hours of several weeks become one week; what does not fit into it is reported."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.scraper.entries import FRIDAY, times_by_name, times_by_number
from therapist_scraper.phone_hours import WEEKDAYS, phone_hours

TODAY = FRIDAY.date()
MON, NEXT, THIRD = (date(2026, 11, 30) + timedelta(weeks=number) for number in range(3))
NINE = {"monday": [{"start": "08:00", "end": "09:00"}]}


def hours(*entries: object) -> Any:
    return phone_hours(entries, TODAY)


@pytest.mark.parametrize("form", [times_by_name, times_by_number])
@pytest.mark.parametrize(
    ("written", "windows"),
    [
        ("08:00-09:00", ["08:00-09:00"]),
        ("08:00-09:00;12:00-12:50", ["08:00-09:00", "12:00-12:50"]),
        ("12:00-12:50, 08:00-09:00", ["08:00-09:00", "12:00-12:50"]),
        ("8.00 – 9.00 Uhr und 12 bis 13 Uhr", ["08:00-09:00", "12:00-13:00"]),
        ("von 8 Uhr bis 9 Uhr", ["08:00-09:00"]),
        ("08:00-09:00;08:30-10:00;10:00-10:15", ["08:00-10:15"]),
        ("00:00-24:00", ["00:00-24:00"]),
    ],
)
def test_times_are_read_in_both_generations(form: Any, written: str, windows: list[str]) -> None:
    found = hours(form("2026-11-30", written))
    assert ["{start}-{end}".format(**window) for window in found.week["monday"]] == windows
    assert (found.exceptions, found.unreadable) == ({}, ())


@pytest.mark.parametrize(
    "written", ["abends", "09:00-08:00", "08:00-08:00", "25:00-26:00", "08:60-09:00", "08:00", "8-9-10", 7]
)
def test_a_time_that_cannot_be_read_is_left_out(written: object) -> None:
    found = hours(times_by_number("2026-11-30", written), times_by_number("2026-12-01", "08:00-09:00"))
    assert found.week == {"tuesday": NINE["monday"]}
    assert len(found.unreadable) == 1


def test_other_hours_than_those_of_the_phone_do_not_count() -> None:
    consultation = {"d": "2026-11-30", "typTsz": [{"typ": "01", "sprechzeiten": [{"z": "08:00-09:00"}]}]}
    by_name = {"d": "2026-12-01", "tszDesTyps": [{"typ": "Sprechstunde", "sprechzeiten": [{"zeit": "08:00-09:00"}]}]}
    assert hours(consultation, by_name).week is None


@pytest.mark.parametrize(
    ("days", "week", "exceptions"),
    [
        ({MON: "08:00-09:00", NEXT: "08:00-09:00", THIRD: "08:00-09:00"}, NINE, {}),
        ({MON: "08:00-09:00", NEXT: "10:00-11:00", THIRD: "08:00-09:00"}, NINE, {NEXT: ((600, 660),)}),
        ({MON: "08:00-09:00", THIRD: "08:00-09:00"}, NINE, {NEXT: ()}),
        ({MON: "10:00-11:00", NEXT: "08:00-09:00"}, NINE, {MON: ((600, 660),)}),
        ({MON: "08:00-09:00", NEXT + timedelta(1): ""}, NINE, {NEXT: ()}),
        ({MON: "08:00-09:00", THIRD: ""}, None, {MON: ((480, 540),)}),
        ({MON: "08:00-09:00", NEXT: "abends", THIRD: "08:00-09:00"}, NINE, {}),
    ],
)
def test_a_weekday_has_the_hours_that_most_of_its_dates_have(days: dict[date, str], week: Any, exceptions: Any) -> None:
    found = hours(*(times_by_number(str(day), *filter(None, [written])) for day, written in days.items()))
    assert (found.week, dict(found.exceptions)) == (week, exceptions)


@pytest.mark.parametrize(
    ("written", "today", "weekday"),
    [
        ("30.11.", TODAY, "monday"), ("30.11.2026", TODAY, "monday"), ("Mo., 30.11.2026", TODAY, "monday"),
        ("2026-11-30T00:00:00", TODAY, "monday"), ("04.01.", date(2026, 12, 29), "monday"),
        ("28.12.", date(2027, 1, 2), "monday"),
    ],
)  # fmt: skip
def test_a_date_without_a_year_is_the_nearest_one(written: str, today: date, weekday: str) -> None:
    assert set(phone_hours([times_by_number(written, "08:00-09:00")], today).week or {}) == {weekday}


def test_a_page_may_name_weekdays_alone() -> None:
    entry = times_by_name("", "08:00-09:00", weekday="Mo.")
    assert hours(entry).week == NINE
    assert hours(times_by_name("30.11.2026", "08:00-09:00", weekday="Di.")).unreadable == (
        "has a date that is another weekday",
    )


@given(
    st.dictionaries(
        st.dates(MON, MON + timedelta(days=27)),
        st.lists(
            st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda each: each[0] < each[1]), max_size=4
        ),
        max_size=28,
    )
)
def test_any_hours_become_a_week_that_can_be_read(days: dict[date, list[tuple[int, int]]]) -> None:
    """Each date has the hours of the week or is an exception, and windows are in order and apart."""
    texts = {d: ";".join(f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in w) for d, w in days.items()}
    found = hours(*(times_by_name(str(day), *filter(None, [text])) for day, text in texts.items()))
    again = hours(*(times_by_number(str(day), *filter(None, [text])) for day, text in texts.items()))
    assert found == again
    assert found.unreadable == ()
    for windows in (found.week or {}).values():
        ordered = [time for window in windows for time in (window["start"], window["end"])]
        assert all(one < other for one, other in pairwise(ordered))
    for day, windows in days.items():
        if day not in found.exceptions:
            assert bool(windows) == (WEEKDAYS[day.weekday()] in (found.week or {}))


@pytest.mark.parametrize(
    "entry", [None, 7, "Mo", [], {}, {"d": None}, {"d": "2026-02-30", "t": "Xx"}, {"d": "1999-01-04"}]
)
def test_nonsense_is_no_hours(entry: object) -> None:
    assert hours(entry).week is None
