"""Estimates of ways."""

import pytest

from shared.values.enums import TravelMode
from shared.values.travel import DETOUR_FACTORS, SPEEDS_KMH, detour_km, minutes, straight_km_within


def test_a_way_by_car_is_a_third_longer_than_the_straight_line() -> None:
    assert detour_km(10, TravelMode.CAR) == pytest.approx(13.2)
    assert minutes(10, TravelMode.CAR) == pytest.approx(24)


def test_every_mode_is_known() -> None:
    assert set(DETOUR_FACTORS) == set(SPEEDS_KMH) == set(TravelMode)


@pytest.mark.parametrize("mode", TravelMode)
def test_no_way_is_shorter_than_the_straight_line_and_minutes_can_be_turned_back(mode: TravelMode) -> None:
    assert detour_km(0, mode) == minutes(0, mode) == 0
    assert detour_km(1, mode) > 1
    assert straight_km_within(minutes(7, mode), mode) == pytest.approx(7)
