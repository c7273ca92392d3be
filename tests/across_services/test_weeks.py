"""Weeks of an agency in a minute: the rules from docs/domain.md#contact-rule-4 on hold, and nobody is forgotten.

Time is an argument. Half of the planned calls are not made on their day, practices answer as they like, searches pause
and places fail; at every step the rules are checked on what the services have recorded.
"""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from communication_service.domain.call_times import is_closed
from communication_service.store import tables as c
from shared.values.datetimes import BERLIN, berlin_day
from shared.values.enums import PatientStatus
from tests.across_services.worlds import a_world
from tests.builders.communication import RULES
from tests.builders.world import World
from tests.conftest import MONDAY

AN_HOUR_A_WEEK = {"tuesday": [{"start": "12:00", "end": "13:00"}]}
HALF_HOURS = {"monday": [{"start": "09:00", "end": "09:30"}], "thursday": [{"start": "14:00", "end": "14:30"}]}
WEEKS = 4
ANSWERS = ["accepted", "declined_capacity", "declined_other", "later", "not_discussed", "not_discussed"]


class Agency:
    """Staff, callers and practices, as chance wills."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self.world, self.chance = world, chance
        self.patients = [world.a_patient() for _ in range(7)]
        hours = [AN_HOUR_A_WEEK, HALF_HOURS]
        self.therapists = [
            world.a_therapist(phone_hours=hours[n % 2], email=f"praxis{n // 2}@example.org" if n % 3 else None)
            for n in range(4)
        ]
        for patient in self.patients:
            world.set_status(patient, "searching")
        world.settle()

    def day(self) -> None:
        """What happens on one day, at four times of it."""
        start = self.world.now
        for hour in (0, 6):
            self.world.now = max(self.world.now, start + timedelta(hours=hour))
            for each in (self._staff, self._callers, self._practices_write, self._jobs):
                each()
            self.world.settle()
            self.world.send(in_doubt=self.chance.random() < 0.03)
            self.world.settle()
        check_rules(self.world)
        self.world.now = start + timedelta(days=1)

    def _staff(self) -> None:
        patient = self.chance.choice(self.patients)
        for therapist in self.chance.sample(self.therapists, 2):
            if self.chance.random() < 0.5:
                self.world.approve(patient, therapist)
        if self.chance.random() < 0.1:
            self.world.set_status(patient, self.chance.choice(["paused", "searching", "in_therapy"]))
        if self.chance.random() < 0.3:
            self.world.set_status(patient, "searching")
        if self.chance.random() < 0.1:
            self.world.resolve(self.chance.choice(["sent", "not_sent"]))
        for ours, _ in self.world.requests_now():
            if ours.status == "accepted" and self.chance.random() < 0.2:
                (self.world.place if self.chance.random() < 0.5 else self.world.withdraw)(ours.id)

    def _callers(self) -> None:
        for call in self.world.rows(c.PhoneCall, status="planned"):
            if call.starts_at <= self.world.now and self.chance.random() < 0.3:
                self.world.record_call(call.id, self._outcome(call.placement_request_ids))

    def _outcome(self, ids: list[UUID]) -> dict[str, Any]:
        if self.chance.random() < 0.6:
            return {"result": self.chance.choice(["no_answer", "busy", "voicemail"])}
        said = [{"placement_request_id": str(each), "outcome": self.chance.choice(ANSWERS)} for each in ids]
        return {"result": "reached", "responses": said}

    def _practices_write(self) -> None:
        if self.chance.random() < 0.2:
            self.world.answer_letter(self.chance.randrange(50), self.chance.choice(["accepted", "later"]))

    def _jobs(self) -> None:
        self.world.reopen_deferred()
        self.world.follow_up()


def check_rules(world: World) -> None:
    """What docs/domain.md#contact-rule-5 and its like demand of all that was done so far."""
    calls = [call for call in world.rows(c.PhoneCall) if call.status != "cancelled"]
    letters = [email for email in world.rows(c.Email) if email.status in ("sent", "in_doubt")]
    therapists = {each.id: each for each in world.rows(c.PracticeCopy)}
    _one_planned_call_to_a_practice(calls)
    for call in calls:
        _lies_in_the_phone_hours(call, therapists[call.therapist_id])
    _no_two_letters_in_seven_days(letters)
    assert all(len(contact.placement_request_ids) <= RULES.patients_together for contact in [*calls, *letters])
    failures: dict[UUID, int] = defaultdict(int)
    for call in sorted(calls, key=lambda each: (each.occurred_at or world.now, each.id)):
        for request in call.placement_request_ids:
            # a practice that was reached, or that is asked once more, begins a new round
            failures[request] = failures[request] + 1 if call.status == "failed" else 0
    waiting = world.waiting()
    for ours, theirs in world.requests_now():
        assert theirs.attempts <= RULES.call_attempts
        if theirs.status != "over":
            assert waiting[ours.id].waits_for not in ("composing", "gathering", "approval", "patient_not_known")


def _one_planned_call_to_a_practice(calls: list[c.PhoneCall]) -> None:
    planned = [call.therapist_id for call in calls if call.status == "planned"]
    assert len(planned) == len(set(planned))


def _lies_in_the_phone_hours(call: c.PhoneCall, therapist: c.PracticeCopy) -> None:
    day = berlin_day(call.starts_at)
    assert not is_closed(day, states=frozenset(), practice_holidays=[])
    windows = therapist.phone_hours.datetimes_on(day) if therapist.phone_hours else []
    assert any(opens <= call.starts_at and call.ends_at <= closes for opens, closes in windows)
    assert call.starts_at.astimezone(BERLIN).minute % 5 == 0


def _no_two_letters_in_seven_days(letters: list[c.Email]) -> None:
    by_subject: dict[object, list[datetime]] = defaultdict(list)
    for email in letters:
        at = email.sent_at or email.claimed_at
        assert at is not None
        by_subject[email.therapist_id].append(at)
        by_subject[email.recipient_key].append(at)
    for instants in by_subject.values():
        for earlier, later in pairwise(sorted(instants)):
            assert (berlin_day(later) - berlin_day(earlier)).days >= RULES.days_between_emails


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [1])
def test_weeks_of_an_agency_keep_the_rules(world_engines: dict[str, tuple[Engine, Any]], seed: int) -> None:
    with a_world(world_engines) as world:
        api = Agency(world, random.Random(seed))
        for _ in range(WEEKS * 7):
            api.day()
        nobody_waits_for_ever(api)


def nobody_waits_for_ever(api: Agency) -> None:
    """Four weeks in which every call is made and every practice declines: nothing is left that waits to be asked."""
    world = api.world
    for therapist in [t for t, (status, _) in world.therapists.items() if status == "blocked"]:
        world.turn_therapist(therapist)
    for _ in range(10 * 7):
        for ours, _ in world.requests_now():
            if ours.status == "accepted":
                world.withdraw(ours.id)
        for patient in api.patients:
            world.set_status(patient, "searching")
        world.resolve("sent")
        for call in world.rows(c.PhoneCall, status="planned"):
            if call.starts_at <= world.now:
                said = [
                    {"placement_request_id": str(i), "outcome": "declined_other"} for i in call.placement_request_ids
                ]
                world.record_call(call.id, {"result": "reached", "responses": said})
        api._jobs()
        world.settle()
        world.send()
        world.settle()
        world.now = MONDAY + timedelta(days=(world.now - MONDAY).days + 1)
    waiting = world.waiting()
    left = {
        (ours.status, waiting[ours.id].waits_for, ours.approved_at, world.now)
        for ours, _ in world.requests_now()
        if ours.status in ("open", "queued", "contacted")
    }
    assert not left
    assert all(world.patient_now(each).status == PatientStatus.SEARCHING for each in api.patients)
