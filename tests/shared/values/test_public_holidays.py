"""The one calendar of public holidays, held against the states' laws: a table that no package wrote."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.values.datetimes import FIRST_HOLIDAY, LAST_DAY
from shared.values.enums import FederalState
from shared.values.public_holidays import may_be_public_holiday, public_holidays

ALL = frozenset(["BW", "BY", "BE", "BB", "HB", "HH", "HE", "MV", "NI", "NW", "RP", "SL", "SN", "ST", "SH", "TH"])


def easter(year: int) -> date:
    """Easter Sunday by Gauss's rule, in the form of Spencer and Meeus (Astronomical Algorithms, chapter 8)."""
    golden, (century, rest) = year % 19, divmod(year, 100)
    leap, quarter = divmod(century, 4)
    moon = (19 * golden + century - leap - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * quarter + 2 * (rest // 4) - moon - rest % 4) % 7
    late = (golden + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def repentance(year: int) -> date:
    """Buß- und Bettag: the Wednesday before 23 November."""
    return max(date(year, 11, day) for day in range(16, 23) if date(year, 11, day).weekday() == 2)


def states_by_law(year: int) -> dict[date, tuple[set[str], set[str]]]:
    """The states that keep a day, wholly and in part, for the years from 1995 on."""
    sunday = easter(year)
    law: dict[date, tuple[set[str], set[str]]] = {}

    def kept(day: date, states: str | frozenset[str], *, in_part: str = "") -> None:
        wholly, partly = law.setdefault(day, (set(), set()))
        wholly |= set(states.split() if isinstance(states, str) else states)
        partly |= set(in_part.split())

    for month, day in ((1, 1), (5, 1), (10, 3), (12, 25), (12, 26)):
        kept(date(year, month, day), ALL)
    for days in (-2, 1, 39, 50):
        kept(sunday + timedelta(days), ALL)
    kept(sunday, "BB")
    kept(sunday + timedelta(49), "BB")
    kept(date(year, 1, 6), "BW BY ST")
    kept(sunday + timedelta(60), "BW BY HE NW RP SL", in_part="SN TH")
    kept(date(year, 8, 8), "", in_part="BY")
    kept(date(year, 8, 15), "SL", in_part="BY")
    kept(date(year, 11, 1), "BW BY NW RP SL")
    kept(date(year, 10, 31), ALL if year == 2017 else "BB MV SN ST TH")
    kept(repentance(year), "SN")
    if year >= 2018:
        kept(date(year, 10, 31), "HB HH NI SH")
    if year >= 2019:
        kept(date(year, 3, 8), "BE")
        kept(date(year, 9, 20), "TH")
    if year >= 2023:
        kept(date(year, 3, 8), "MV")
    if year in (2020, 2025):
        kept(date(year, 5, 8), "BE")
    if year == 2028:
        kept(date(year, 6, 17), "BE")
    return law


@pytest.mark.parametrize("state", FederalState)
@pytest.mark.parametrize("year", [*range(1995, 2035), 2099])
def test_every_state_keeps_the_days_of_its_law_and_no_others(state: FederalState, year: int) -> None:
    law = {day: state in partly for day, (wholly, partly) in states_by_law(year).items() if state in wholly | partly}
    assert {holiday.on: holiday.partial for holiday in public_holidays(state, year)} == law


@pytest.mark.parametrize(
    ("day", "name", "whole", "part"),
    [
        (date(2026, 6, 4), "Fronleichnam", "BW BY HE NW RP SL", "SN TH"),
        (date(2026, 8, 8), "Augsburger Hohes Friedensfest", "", "BY"),
        (date(2026, 8, 15), "Mariä Himmelfahrt", "SL", "BY"),
        (date(2026, 11, 18), "Buß- und Bettag", "SN", ""),
        (date(2016, 10, 31), "Reformationstag", "BB MV SN ST TH", ""),
        (date(2017, 10, 31), "Reformationstag", " ".join(sorted(ALL)), ""),
        (date(2018, 10, 31), "Reformationstag", "BB HB HH MV NI SH SN ST TH", ""),
        (date(2018, 9, 20), "Weltkindertag", "", ""),
        (date(2019, 9, 20), "Weltkindertag", "TH", ""),
        (date(2018, 3, 8), "Frauentag", "", ""),
        (date(2019, 3, 8), "Frauentag", "BE", ""),
        (date(2023, 3, 8), "Frauentag", "BE MV", ""),
    ],
)
def test_these_states_keep_it_wholly_and_those_in_part(day: date, name: str, whole: str, part: str) -> None:
    kept = {
        state.value: holiday.partial
        for state in FederalState
        for holiday in public_holidays(state, day.year)
        if (holiday.on, holiday.name) == (day, name)
    }
    assert kept == dict.fromkeys(whole.split(), False) | dict.fromkeys(part.split(), True)


def test_two_holidays_on_one_day_keep_their_names() -> None:
    names = {holiday.name for holiday in public_holidays(FederalState.HESSE, 2008) if holiday.on == date(2008, 5, 1)}
    assert names == {"Erster Mai", "Christi Himmelfahrt"}


@given(st.dates(FIRST_HOLIDAY, LAST_DAY))
def test_of_an_unknown_state_every_states_holidays_count(day: date) -> None:
    in_any = any(may_be_public_holiday(day, {state}) for state in FederalState)
    assert may_be_public_holiday(day, set()) is may_be_public_holiday(day, {"XX"}) is in_any
    in_either = may_be_public_holiday(day, {"HH"}) or may_be_public_holiday(day, {"SH"})
    assert may_be_public_holiday(day, {"HH", "SH"}) is in_either


@given(st.one_of(st.dates(max_value=FIRST_HOLIDAY - timedelta(1)), st.dates(min_value=LAST_DAY + timedelta(1))))
def test_in_a_year_whose_holidays_nobody_knows_no_day_is_taken_for_a_working_day(day: date) -> None:
    assert may_be_public_holiday(day, {"NW"})
    assert may_be_public_holiday(day, set())
    if day.year not in range(FIRST_HOLIDAY.year, LAST_DAY.year + 1):
        assert public_holidays(FederalState.HESSE, day.year) == ()


@pytest.mark.parametrize("state", FederalState)
@pytest.mark.parametrize("year", [FIRST_HOLIDAY.year, LAST_DAY.year])
def test_the_first_and_the_last_year_are_known(state: FederalState, year: int) -> None:
    assert len(public_holidays(state, year)) >= 9
