"""Weeks on the running platform: its clock is moved ahead for every process, and jobs run as at a time (`--now`).

Listeners take the later of an event's time and the clock's, REST and workers the clock's: so a week passes for all.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

from operations.sign_in import AccessTokens
from shared.values.datetimes import BERLIN
from shared.values.public_holidays import is_without_calls, may_be_public_holiday
from testkit.api_client import ApiClient, Document
from testkit.moved_clock import MovedClock
from testkit.private_platform import PrivatePlatform
from tests.end_to_end.operators import at_the_terminal, ended_well
from tests.end_to_end.people import a_searching_patient


def berlin(day: date, hour: int = 10, minute: int = 0) -> datetime:
    """That time of the day in Berlin."""
    return datetime.combine(day, time(hour, minute), BERLIN)


def every_day(start: str, end: str) -> Document:
    """Phone hours from Monday to Sunday, at a time of day that a test has for itself: others share the line."""
    return {day: [{"start": start, "end": end}] for day in DAYS}


DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Weeks:
    """Time on a platform, as one test lets it pass; it never goes back, for whatever test."""

    def __init__(self, platform: PrivatePlatform, api: ApiClient, tokens: AccessTokens) -> None:
        self.platform, self.api, self._tokens = platform, api, tokens
        self.clock = MovedClock(platform.settings)

    @property
    def today(self) -> date:
        """The platform's day in Berlin."""
        return self.clock.now().astimezone(BERLIN).date()

    def go_to(self, moment: datetime) -> None:
        """Let it be that moment from now on; who was signed in before signs in anew."""
        self.clock.go_to(moment)
        self._tokens.forget()

    def next_workday(self, *weekdays: int, days: int = 1) -> date:
        """The next of these weekdays (Monday is 0; of any) that begins so many days without a holiday anywhere."""
        day = self.today + timedelta(days=1)
        while (weekdays and day.weekday() not in weekdays) or any(map(is_free, days_from(day, days))):
            day += timedelta(days=1)
        return day

    def run(self, service: str, *jobs: str, now: datetime | None = None) -> None:
        """Run these jobs at once, each to its end, as at this moment; without one, as at the present time."""
        at = f"{(now or self.clock.now()).astimezone(BERLIN):%Y-%m-%dT%H:%M:%S}"
        running = [at_the_terminal(self.platform, f"{service}_service", "job", job, "--now", at) for job in jobs]
        for each in running:
            ended_well(each)

    # --- what is there -----------------------------------------------------------------------------------------------

    def letters(self, practice: Document, number: int) -> list[Document]:
        """The e-mails to a practice, once there are so many; there are no more."""
        found = self.platform.mailbox.wait_for(number, to=practice["email"])
        assert len(found) == number, [each["subject"] for each in found]
        return found

    def calls(self, practice: Document, *statuses: str) -> list[Document]:
        """The calls to a practice, the first one first."""
        found: list[Document] = self.api.get(
            "communication", "/api/phone-calls", therapist_id=practice["id"], status=statuses or None
        )["items"]
        return found

    def planned_call(self, practice: Document, *requests: Document) -> Document:
        """The one planned call to a practice, once it is about exactly these requests."""
        wanted = sorted(each["id"] for each in requests)

        def there() -> Document | None:
            planned = self.calls(practice, "planned")
            return planned[0] if [sorted(each["placement_request_ids"]) for each in planned] == [wanted] else None

        return self.api.until(there, "the call to be planned")

    def waits_for(self, request: Document, reason: str) -> Document:
        """The request as communication knows it, once it waits for this."""

        def there() -> Document | None:
            path, patient = "/api/waiting-requests", request["patient_id"]
            found = self.api.get("communication", path, patient_id=patient, therapist_id=request["therapist_id"])
            return next((each for each in found["items"] if each["waits_for"] == reason), None)

        return self.api.until(there, f"the request to wait for {reason}")

    def becomes(self, request: Document, **fields: Any) -> Document:
        """The placement request, once these fields of it are so."""

        def there() -> Document | None:
            found: Document = self.api.get("matching", f"/api/placement-requests/{request['id']}")
            return found if {name: found[name] for name in fields} == fields else None

        return self.api.until(there, f"the request to be {fields}")

    def record(self, call: Document, result: str, **more: Any) -> Document:
        """Record what came of a call."""
        path = f"/api/phone-calls/{call['id']}/outcome"
        recorded: Document = self.api.post("communication", path, {"result": result, **more})
        return recorded


def is_free(day: date) -> bool:
    """Whether nobody phones anybody that day, wherever the practice is."""
    return may_be_public_holiday(day, frozenset()) or is_without_calls(day)


def days_from(first: date, number: int) -> list[date]:
    """So many days."""
    return [first + timedelta(days=each) for each in range(number)]


def searching_patients(api: ApiClient, number: int, enter: Callable[..., Document] = a_searching_patient) -> list[Any]:
    """So many patients whose search begins today."""
    return [enter(api) for _ in range(number)]


def start_of(call: Document) -> datetime:
    """When a call is to begin, in Berlin."""
    return datetime.fromisoformat(call["starts_at"]).astimezone(BERLIN)
