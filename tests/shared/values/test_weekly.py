from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, select
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

from shared.values.errors import NotAcceptable
from shared.values.schemas import Schema
from shared.values.weekly import DAYS, MINUTES_A_WEEK, Weekly, WeeklyColumn, WeeklyHours, Window

MONDAY = date(2026, 11, 23)
SPRING_FORWARD = date(2026, 3, 29)
FALL_BACK = date(2026, 10, 25)

minutes = st.integers(0, MINUTES_A_WEEK - 1)
windows = st.tuples(minutes, st.integers(1, 2000)).map(lambda w: (w[0], min(w[0] + w[1], MINUTES_A_WEEK)))
weeks = st.lists(windows, max_size=8).map(Weekly.of)


def minute_set(week: Weekly) -> set[int]:
    return {minute for start, end in week for minute in range(start, end)}


def hours(*pairs: str) -> list[dict[str, str]]:
    return [dict(zip(("start", "end"), pair.split("-"), strict=True)) for pair in pairs]


@given(st.lists(windows, max_size=8))
def test_merging_covers_exactly_the_minutes_of_all_windows(given_windows: Any) -> None:
    week = Weekly.of(given_windows)
    assert minute_set(week) == {m for start, end in given_windows for m in range(start, end)}
    assert week.total_minutes == len(minute_set(week))


@given(weeks, weeks)
def test_intersection_holds_exactly_the_common_minutes(one: Any, other: Any) -> None:
    common = minute_set(one) & minute_set(other)
    assert minute_set(one.intersection(other)) == common
    assert one.overlaps(other) == other.overlaps(one) == bool(common)


@given(weeks, windows)
def test_containing_means_that_every_minute_is_there(week: Any, window: Any) -> None:
    assert week.contains(*window) == (set(range(*window)) <= minute_set(week))


@given(weeks)
def test_json_and_multirange_text_give_the_same_week_back(week: Any) -> None:
    assert Weekly.from_json(week.to_json()) == (week or None)
    assert Weekly.from_multirange(week.to_multirange()) == week


@given(weeks)
def test_the_days_together_are_the_week(week: Any) -> None:
    of_days = (
        (start + day * 1440, end + day * 1440)
        for day in range(7)
        for start, end in week.windows_on(MONDAY.replace(day=23 + day))
    )
    assert Weekly.of(of_days) == week


@pytest.mark.parametrize(
    ("json", "multirange"),
    [
        ({"monday": hours("09:00-12:00")}, "{[540,720)}"),
        ({"monday": hours("09:00-10:00", "10:00-12:00")}, "{[540,720)}"),
        ({"monday": hours("10:00-12:00", "09:00-10:00")}, "{[540,720)}"),
        ({"tuesday": hours("09:00-12:00"), "monday": []}, "{[1980,2160)}"),
        ({"monday": hours("22:00-24:00"), "tuesday": hours("00:00-02:00")}, "{[1320,1560)}"),
        ({"sunday": hours("23:59-24:00")}, "{[10079,10080)}"),
        ({day: hours("00:00-24:00") for day in DAYS}, "{[0,10080)}"),
    ],
)
def test_json_becomes_merged_minutes(json: Any, multirange: str) -> None:
    assert Weekly.from_json(json).to_multirange() == multirange


@pytest.mark.parametrize("json", [None, {}, {"monday": []}])
def test_no_windows_mean_unknown(json: dict[str, Any] | None) -> None:
    assert Weekly.from_json(json) is None


@pytest.mark.parametrize(
    ("json", "message"),
    [
        ({"monday": hours("09:00-12:00", "11:59-13:00")}, "monday: two windows overlap"),
        ({"monday": hours("12:00-12:00")}, "monday, window 1: end must be after start"),
        ({"friday": hours("09:00-10:00", "12:00-11:00")}, "friday, window 2: end must be after start"),
        ({"monday": hours("24:00-24:00")}, "start must be a time"),
        ({"monday": hours("9:00-12:00")}, "start must be a time"),
        ({"monday": hours("09:00-25:00")}, "end must be a time"),
        ({"monday": hours("09:00-12:00\n")}, "end must be a time"),
        ({"monday": [{"start": 540, "end": 720}]}, "start must be a time"),
        ({"monday": [{"start": "09:00"}]}, "a start and an end, and nothing else"),
        ({"monday": [{"start": "09:00", "end": "10:00", "note": ""}]}, "a start and an end, and nothing else"),
        ({"monday": ["09:00-12:00"]}, "a start and an end, and nothing else"),
        ({"monday": {"start": "09:00", "end": "12:00"}}, "must be a list"),
        ({"monday": None}, "must be a list"),
        ({"Monday": hours("09:00-12:00")}, "must be an object of weekdays"),
        ({"montag": hours("09:00-12:00")}, "must be an object of weekdays"),
        ([], "must be an object of weekdays"),
        ("monday", "must be an object of weekdays"),
    ],
)
def test_what_is_not_a_week_is_refused_with_a_reason(json: dict[str, Any] | list[Any] | str, message: str) -> None:
    with pytest.raises(NotAcceptable, match=message):
        Weekly.from_json(json)


@pytest.mark.parametrize("text", ["", "{[1,2]}", "{[720,540)}", "{[0,10081)}", "{[-1,5)}", "[1,2)", "{[1,2),}"])
def test_text_that_is_no_week_of_minutes_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Weekly.from_multirange(text)


@pytest.mark.parametrize("window", [(5, 5), (6, 5), (-1, 5), (0, 10081)])
def test_a_window_outside_the_week_is_refused(window: Any) -> None:
    with pytest.raises(ValueError):
        Weekly.of([window])


def test_touching_windows_count_as_one_for_containing() -> None:
    week = Weekly.of([(540, 600), (600, 660)])
    assert week.windows == (Window(540, 660),)
    assert week.contains(590, 610)


def test_windows_of_a_day_are_instants_in_winter_and_summer_time() -> None:
    week = Weekly.from_json({"monday": hours("09:00-24:00")})
    assert week.datetimes_on(MONDAY) == (
        (datetime(2026, 11, 23, 8, tzinfo=UTC), datetime(2026, 11, 23, 23, tzinfo=UTC)),
    )
    assert week.datetimes_on(date(2026, 7, 6))[0][0] == datetime(2026, 7, 6, 7, tzinfo=UTC)
    assert week.datetimes_on(date(2026, 11, 24)) == ()


def test_a_window_in_the_hour_that_summer_time_skips_does_not_happen() -> None:
    assert Weekly.from_json({"sunday": hours("02:00-03:00")}).datetimes_on(SPRING_FORWARD) == ()


def test_a_window_over_the_hour_that_occurs_twice_is_longer() -> None:
    ((opens, closes),) = Weekly.from_json({"sunday": hours("01:00-04:00")}).datetimes_on(FALL_BACK)
    assert (closes - opens).total_seconds() == 4 * 3600


class Practice(Schema):
    phone_hours: WeeklyHours = None


def test_a_field_takes_and_gives_the_json_form() -> None:
    practice = Practice.model_validate_json('{"phone_hours": {"monday": [{"start": "09:00", "end": "12:00"}]}}')
    assert practice.phone_hours == Weekly.of([(540, 720)])
    assert practice.to_json() == {"phone_hours": {"monday": [{"start": "09:00", "end": "12:00"}]}}
    assert Practice.from_json({"phone_hours": {}}).to_json() == {"phone_hours": None}
    assert Practice(phone_hours=Weekly.of([(540, 720)])) == practice


def test_the_openapi_schema_names_the_days_in_both_directions() -> None:
    for mode in ("validation", "serialization"):
        week, null = Practice.model_json_schema(mode=mode)["properties"]["phone_hours"]["anyOf"]
        assert list(week["properties"]) == list(DAYS)
        assert null == {"type": "null"}


DIALECT = PGDialect_psycopg2()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("week", "text"), [(Weekly.of([(540, 720), (1980, 2100)]), "{[540,720),[1980,2100)}"), (None, None)]
)
def test_the_column_speaks_multirange_text(week: Any, text: str | None) -> None:
    column = WeeklyColumn()
    assert column.bind_processor(DIALECT)(week) == text
    assert column.result_processor(DIALECT, None)(text) == week


def test_the_column_stores_never_as_unknown() -> None:
    assert WeeklyColumn().bind_processor(DIALECT)(Weekly()) is None
    assert WeeklyColumn().result_processor(DIALECT, None)("{}") is None


def test_the_column_offers_overlap_and_intersection_in_sql() -> None:
    table = Table("t", MetaData(), Column("id", Integer), Column("hours", WeeklyColumn))
    week = Weekly.of([(540, 720)])
    overlap = str(select(table.c.id).where(table.c.hours.overlaps(week)).compile(dialect=DIALECT))
    assert "t.hours && %(hours_1)s::INT4MULTIRANGE" in overlap
    assert "t.hours *" in str(select(table.c.hours.intersection(week)).compile(dialect=DIALECT))
