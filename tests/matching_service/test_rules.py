"""Rules as plain functions of values."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from matching_service.domain import states
from matching_service.domain.search import Search
from matching_service.settings import AskAgainRules
from shared.database import new_id
from shared.values.enums import RequestOutcome
from tests.builders.matching import RULES
from tests.conftest import MONDAY

TODAY = MONDAY.date()


@pytest.mark.parametrize(
    ("available_from", "again"),
    [
        (date(2027, 3, 1), date(2027, 2, 1)),
        (date(2026, 12, 28), date(2026, 11, 30)),
        (date(2026, 12, 22), date(2026, 11, 30)),
        (date(2026, 11, 26), date(2026, 11, 26)),
        (date(2026, 11, 23), date(2026, 11, 30)),
        (date(2020, 1, 1), date(2026, 11, 30)),
        (None, date(2026, 12, 21)),
    ],
)
def test_later_comes_back_before_the_date_named(available_from: date | None, again: date) -> None:
    assert states.next_contact_after(TODAY, available_from, RULES) == again


@pytest.mark.parametrize(
    ("available_from", "again"),
    [
        (date(2027, 3, 1), date(2027, 2, 15)),
        (date(2026, 11, 26), date(2026, 11, 25)),
        (date(2026, 11, 24), date(2026, 11, 24)),
        (None, date(2026, 11, 28)),
    ],
)
def test_how_long_later_is_are_settings(available_from: date | None, again: date) -> None:
    rules = AskAgainRules(days_before_named_date=14, days_without_a_date=5, days_at_least=2)
    assert states.next_contact_after(TODAY, available_from, rules) == again


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (RequestOutcome.ACCEPTED, "accepted"),
        (RequestOutcome.LATER, "deferred"),
        (RequestOutcome.DECLINED_CAPACITY, "declined"),
        (RequestOutcome.DECLINED_UNSUITABLE, "declined"),
        (RequestOutcome.DECLINED_OTHER, "declined"),
    ],
)
def test_an_answer_leads_to_a_status(outcome: RequestOutcome, status: str) -> None:
    assert states.status_after(outcome) == status


def radius(**limits: Any) -> float | None:
    return Search(patient_id=new_id(), today=TODAY, rules=RULES, **limits).radius_km


def test_the_radius_keeps_both_limits() -> None:
    assert radius() is None
    assert radius(max_distance_km=25) == 25
    assert radius(max_travel_minutes=30) == pytest.approx(17.9, abs=0.1)
    assert radius(max_distance_km=25, max_travel_minutes=30) == pytest.approx(17.9, abs=0.1)
    assert radius(max_distance_km=10, max_travel_minutes=30) == 10
