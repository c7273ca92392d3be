from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.values.datetimes import (
    BERLIN,
    Instant,
    IsoDate,
    age_groups,
    age_on,
    berlin_day,
    days_later,
    format_datetime,
    parse_date,
    parse_instant,
    start_of_berlin_day,
)
from shared.values.enums import AgeGroup
from shared.values.errors import NotAcceptable
from shared.values.schemas import Schema, problems_of


class Stay(Schema):
    day: IsoDate | None = None
    at: Instant | None = None


@pytest.mark.parametrize(
    "day",
    ["0", "", "2026-2-3", "20260203", "2026-02-30", "0000-01-01", "2026-02-03T00:00:00", "1700000000", "03.02.2026",
     "٢٠٢٦-٠٢-٠٣", 0, 1700000000, 1.5, True, [], {}],
)  # fmt: skip
def test_a_date_is_written_in_one_way_only(day: Any) -> None:
    with pytest.raises(ValueError) as refused:
        Stay.from_json({"day": day})
    (problem,) = problems_of(refused.value)
    assert problem.field == "day"
    assert "like 2026-11-23" in problem.message


def test_a_date_goes_in_and_out() -> None:
    assert Stay.from_json({"day": "2024-02-29"}).day == date(2024, 2, 29)
    assert Stay(day=date(2024, 2, 29)).to_json()["day"] == "2024-02-29"


def test_a_datetime_is_not_a_date() -> None:
    with pytest.raises(ValueError):
        Stay(day=datetime(2024, 2, 29, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-23T10:00:00Z", "2026-11-23T10:00:00Z"),
        ("2026-11-23t10:00:00z", "2026-11-23T10:00:00Z"),
        ("2026-11-23 10:00:00Z", "2026-11-23T10:00:00Z"),
        ("2026-11-23T10:00:00+01:00", "2026-11-23T09:00:00Z"),
        ("2026-11-23T00:30:00+05:30", "2026-11-22T19:00:00Z"),
        ("2026-11-23T10:00:00.25-00:00", "2026-11-23T10:00:00.250000Z"),
    ],
)
def test_an_instant_is_read_with_its_offset_and_written_in_utc(text: str, utc: str) -> None:
    assert format_datetime(parse_instant(text)) == utc
    assert Stay.from_json({"at": text}).to_json()["at"] == utc


@pytest.mark.parametrize(
    "at",
    ["2026-11-23T10:00:00", "2026-11-23", "2026-11-23T10:00Z", "2026-11-23T25:00:00Z", "2026-02-30T10:00:00Z",
     "0001-01-01T00:00:00+14:00", "2026-11-23T10:00:00+25:00", "0", 0, 1700000000],
)  # fmt: skip
def test_an_instant_without_an_offset_or_in_another_form_is_refused(at: str | int) -> None:
    with pytest.raises(ValueError):
        Stay.from_json({"at": at})


def test_a_naive_datetime_is_refused_everywhere() -> None:
    naive = datetime(2026, 11, 23)  # noqa: DTZ001 - that is the point
    for use in (format_datetime, berlin_day, lambda at: days_later(at, 1), lambda at: Stay(at=at)):
        with pytest.raises(ValueError):
            use(naive)


def test_instants_from_python_are_kept_in_utc() -> None:
    at = Stay(at=datetime(2026, 11, 23, 10, tzinfo=timezone(timedelta(hours=1)))).at
    assert at.isoformat() == "2026-11-23T09:00:00+00:00"


@pytest.mark.parametrize("text", ["x", "2026-13-01"])
def test_refusals_never_repeat_the_value(text: str) -> None:
    with pytest.raises(NotAcceptable) as refused:
        parse_date(text)
    assert text not in str(refused.value)


@pytest.mark.parametrize(
    ("at", "day"),
    [
        ("2026-11-22T22:59:59Z", date(2026, 11, 22)),
        ("2026-11-22T23:00:00Z", date(2026, 11, 23)),
        ("2026-07-01T21:59:59Z", date(2026, 7, 1)),
        ("2026-07-01T22:00:00Z", date(2026, 7, 2)),
    ],
)
def test_the_day_is_berlins(at: str, day: date) -> None:
    assert berlin_day(parse_instant(at)) == day


@given(st.dates(date(1990, 1, 1), date(2060, 1, 1)))
def test_a_day_begins_with_its_first_instant(day: Any) -> None:
    start = start_of_berlin_day(day)
    assert berlin_day(start) == day
    assert berlin_day(start - timedelta(microseconds=1)) == day - timedelta(days=1)


@pytest.mark.parametrize(
    ("at", "days", "later"),
    [
        ("2026-03-27T08:00:00Z", 7, "2026-04-03T07:00:00Z"),  # 09:00 both times, summer time began on 29 March
        ("2026-10-23T07:00:00Z", 7, "2026-10-30T08:00:00Z"),
        ("2026-11-23T08:00:00Z", 28, "2026-12-21T08:00:00Z"),
        ("2026-04-03T07:00:00Z", -7, "2026-03-27T08:00:00Z"),
        ("2026-03-22T01:30:00Z", 7, "2026-03-29T01:30:00Z"),  # 02:30 is skipped: 03:30
        ("2026-10-18T00:30:00Z", 7, "2026-10-25T00:30:00Z"),  # 02:30 occurs twice: the first
    ],
)
def test_days_later_keeps_the_time_on_the_wall(at: str, days: int, later: str) -> None:
    assert days_later(parse_instant(at), days) == parse_instant(later)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(BERLIN)), st.integers(0, 400))  # noqa: DTZ001
def test_days_later_is_that_many_calendar_days_later(at: Any, days: Any) -> None:
    assert berlin_day(days_later(at, days)) == berlin_day(at) + timedelta(days=days)


@pytest.mark.parametrize(
    ("born", "day", "age"),
    [
        (date(2000, 5, 17), date(2026, 5, 16), 25),
        (date(2000, 5, 17), date(2026, 5, 17), 26),
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
        (date(2008, 2, 29), date(2028, 2, 29), 20),
        (date(2026, 1, 1), date(2026, 1, 1), 0),
    ],
)
def test_age_counts_completed_years(born: date, day: date, age: int) -> None:
    assert age_on(born, day) == age


def test_nobody_has_an_age_before_birth() -> None:
    with pytest.raises(ValueError):
        age_on(date(2026, 1, 2), date(2026, 1, 1))


@pytest.mark.parametrize(
    ("age", "groups"),
    [
        (0, [AgeGroup.CHILD_ADOLESCENT]),
        (17, [AgeGroup.CHILD_ADOLESCENT]),
        (18, [AgeGroup.CHILD_ADOLESCENT, AgeGroup.ADULT]),
        (20, [AgeGroup.CHILD_ADOLESCENT, AgeGroup.ADULT]),
        (21, [AgeGroup.ADULT]),
        (90, [AgeGroup.ADULT]),
    ],
)
def test_age_groups_follow_the_age(age: int, groups: list[Any]) -> None:
    assert age_groups(date(2026 - age, 11, 23), date(2026, 11, 23)) == groups


def test_an_unknown_birth_date_has_no_age_group() -> None:
    assert age_groups(None, date(2026, 11, 23)) == []


@pytest.mark.parametrize("read", [parse_date, parse_instant])
@pytest.mark.parametrize(
    "text", ["2026-12-01T09:00:00." + "9" * 400_000 + "Z", "2" * 400_000, "2026-12-01" + " " * 400_000]
)
def test_a_day_or_moment_of_any_length_is_refused_by_its_length(read: Any, text: str) -> None:
    with pytest.raises(NotAcceptable):
        read(text)
