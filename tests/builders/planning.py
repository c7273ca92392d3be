"""Values that a plan is made from: hours of a practice, requests, ids."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from communication_service.domain.call_times import CallTimes
from communication_service.domain.planning import PatientFacts, UnsentRequest
from shared.values.weekly import Weekly
from tests.builders.communication import EVERY_DAY
from tests.conftest import MONDAY

LONG_AGO = MONDAY - timedelta(days=3)
SEARCHES = PatientFacts("searching", date(2026, 11, 1), is_offered_a_place=False)


def hours(week: object = EVERY_DAY, *, holidays: Sequence[dict[str, str]] = ()) -> CallTimes:
    """When a practice answers the phone: all day from Monday to Friday unless told otherwise."""
    read = Weekly.from_json(week)
    assert read is not None
    return CallTimes(read, {"NW"}, holidays)


def number(n: int) -> UUID:
    """Ids in the order in which they were made, as ours are."""
    return UUID(int=n)


def a_request(n: int, **facts: object) -> UnsentRequest:
    """A request that has waited long enough, for a patient who searches, unless told otherwise."""
    usual: dict[str, object] = {"patient": SEARCHES, "is_waiting": True, "waiting_since": LONG_AGO}
    return UnsentRequest(id=number(n), **(usual | facts))
