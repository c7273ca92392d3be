"""Three services keep what belongs together: whatever happens in whatever order, in the end they agree.

`World` has the real domain functions, listeners and tables of patient, matching and communication; hypothesis chooses
what staff, practices and jobs do, and when which event arrives.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from communication_service.store.tables import PhoneCall
from shared.values.enums import PatientStatus
from tests.across_services.worlds import a_world
from tests.builders.world import World

ASKED = {"open", "queued", "contacted", "deferred", "no_answer"}
IN_COMMUNICATION = {
    "open": {"waiting"},
    "queued": {"waiting"},
    # after a letter without an answer, a call is planned: it waits once more
    "contacted": {"contacted", "waiting"},
    "accepted": {"accepted"},
}
"""What a status of matching may be in communication; every other one is over there."""


STEPS = st.one_of(
    st.tuples(st.just("status"), st.sampled_from(list(PatientStatus))),
    st.tuples(st.just("approve"), st.integers(0, 2)),
    st.tuples(
        st.just("respond"),
        st.tuples(st.integers(0, 3), st.sampled_from(["accepted", "accepted", "declined_capacity", "later"])),
    ),
    st.tuples(st.just("place"), st.integers(0, 3)),
    st.tuples(st.just("confirm"), st.integers(0, 3)),
    st.tuples(st.just("fail"), st.integers(0, 3)),
    st.tuples(st.just("correct"), st.tuples(st.integers(0, 3), st.sampled_from([None, "accepted", "declined_other"]))),
    st.tuples(st.just("withdraw"), st.integers(0, 3)),
    st.tuples(st.just("block"), st.integers(0, 2)),
    st.tuples(st.just("deliver"), st.integers(0, 7)),
    st.tuples(st.just("deliver"), st.integers(0, 7)),
    st.tuples(st.just("repeat"), st.integers(0, 7)),
    st.tuples(st.just("days"), st.sampled_from([1, 8, 30])),
    st.tuples(st.just("compose"), st.none()),
    st.tuples(st.just("send"), st.booleans()),
    st.tuples(st.just("resolve"), st.sampled_from(["sent", "not_sent"])),
    st.tuples(st.just("jobs"), st.none()),
    st.tuples(st.just("republish"), st.none()),
    st.tuples(
        st.just("call"),
        st.tuples(
            st.integers(0, 2),
            st.sampled_from(["no_answer", "reached", "busy"]),
            st.sampled_from([None, "accepted", "declined_other", "later", "not_discussed"]),
            st.sampled_from([0, 0, 9]),
        ),
    ),
    st.tuples(st.just("correct_call"), st.integers(0, 2)),
    st.tuples(st.just("letter_answer"), st.tuples(st.integers(0, 2), st.sampled_from(["accepted", "later"]))),
    st.tuples(st.just("settle"), st.none()),
)


class Play:
    """One patient, three practices (the second without an e-mail address), and the steps that hypothesis chose.

    Another patient waits for the same practices all the time, and nothing of this concerns them.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.patient = world.a_patient()
        self.therapists = [world.a_therapist(email=f"praxis{n}@example.org" if n != 1 else None) for n in range(3)]
        self.requests: list[UUID] = []
        self.other = world.a_patient()
        for each in (self.patient, self.other):
            world.set_status(each, "searching")
        world.settle()
        self.others_requests = [world.approve(self.other, each) for each in self.therapists]

    def step(self, what: str, how: Any) -> None:
        self.world.now += timedelta(seconds=20)
        getattr(self, what)(how)

    def status(self, status: str) -> None:
        self.world.set_status(self.patient, status)

    def approve(self, practice: int) -> None:
        made = self.world.approve(self.patient, self.therapists[practice])
        if made is not None:
            self.requests.append(made)

    def respond(self, how: tuple[int, str]) -> None:
        if self.requests:
            self.world.respond(self.requests[how[0] % len(self.requests)], how[1])

    def place(self, which: int) -> None:
        if self.requests:
            self.world.place(self.requests[which % len(self.requests)])

    def confirm(self, which: int) -> None:
        if self.requests:
            self.world.confirm(self.requests[which % len(self.requests)])

    def fail(self, which: int) -> None:
        if self.requests:
            self.world.fail(self.requests[which % len(self.requests)])

    def correct(self, how: tuple[int, str | None]) -> None:
        if self.requests:
            self.world.correct(self.requests[how[0] % len(self.requests)], how[1])

    def withdraw(self, which: int) -> None:
        if self.requests:
            self.world.withdraw(self.requests[which % len(self.requests)])

    def block(self, practice: int) -> None:
        self.world.turn_therapist(self.therapists[practice])

    def deliver(self, choice: int) -> None:
        self.world.deliver(choice)

    def repeat(self, choice: int) -> None:
        self.world.repeat(choice)

    def days(self, number: int) -> None:
        self.world.now += timedelta(days=number)

    def compose(self, _: None) -> None:
        self.world.compose()

    def send(self, in_doubt: bool) -> None:
        self.world.send(in_doubt=in_doubt)

    def resolve(self, outcome: str) -> None:
        self.world.resolve(outcome)

    def jobs(self, _: None) -> None:
        self.world.reopen_deferred()
        self.world.follow_up()

    def republish(self, _: None) -> None:
        self.world.republish()

    def call(self, how: tuple[int, str, str | None, int]) -> None:
        choice, result, answer, days_ago = how
        self.world.call(choice, result, answer if result == "reached" else None, days_ago=days_ago)

    def correct_call(self, which: int) -> None:
        if any(call.result is not None for call in self.world.rows(PhoneCall)):
            self.world.correct_call(which)

    def letter_answer(self, how: tuple[int, str]) -> None:
        self.world.answer_letter(*how)

    def settle(self, _: None) -> None:
        self.world.settle()
        self.all_agree()

    def all_agree(self) -> None:
        """What must hold when everything has arrived."""
        waiting = self.world.waiting()
        places = []
        offered = {ours.patient_id for ours, _ in self.world.requests_now() if ours.status == "accepted"}
        placed = {
            ours.patient_id
            for ours, _ in self.world.requests_now()
            if ours.status == "placed" and ours.place_ended_at is None
        }
        for ours, theirs in self.world.requests_now():
            patient = self.world.patient_now(ours.patient_id)
            story = f"{ours.status}/{ours.hold} here, {theirs.status}/{theirs.hold} there, patient {patient.status}"
            assert theirs.status in IN_COMMUNICATION.get(ours.status, {"over"}), story
            if theirs.status == "waiting" and ours.status in ("open", "queued"):
                assert (ours.status == "queued") == (theirs.inquiry_id is not None), story
                assert ours.hold == theirs.hold, story
            if theirs.status != "over":
                # composing and gathering pass by themselves: a reason that they are given now would stay for ever
                assert waiting[ours.id].waits_for not in ("composing", "gathering", "approval"), story
                assert "not_known" not in waiting[ours.id].waits_for, story
            if ours.status == "placed" and ours.place_ended_at is None:
                places.append(ours.id)
            allowed = {
                PatientStatus.SEARCHING: ASKED | {"accepted"},
                PatientStatus.PAUSED: ASKED | {"accepted"},
                PatientStatus.IN_THERAPY: {"accepted"},
            }.get(patient.status, set())
            assert ours.status not in (ASKED | {"accepted"}) - allowed, story
            if ours.hold == "accepted_elsewhere":
                assert ours.patient_id in offered | placed, story
            if ours.id in self.others_requests:
                assert ours.hold is None or self.other in offered, story
                assert ours.withdrawn_reason in (None, "therapist_unavailable"), story
            if patient.status == PatientStatus.PAUSED and ours.status in ("open", "queued"):
                assert ours.hold is not None, story
        assert len(places) <= (self.world.patient_now(self.patient).status == PatientStatus.IN_THERAPY)

    def a_new_search_reaches_a_practice(self) -> None:
        """Whatever happened before: a patient who searches without an offer can be asked for again."""
        ours = [request for request, _ in self.world.requests_now() if request.patient_id == self.patient]
        if self.world.patient_now(self.patient).status != PatientStatus.SEARCHING:
            return
        if any(request.status == "accepted" for request in ours):
            return
        made = self.world.approve(self.patient, self.world.a_therapist(email="neu@example.org"))
        if made is None:
            self.world.settle()
            made = self.world.approve(self.patient, next(reversed(self.world.therapists)))
        assert made is not None
        self.world.settle()
        self.world.send()
        self.world.settle()
        (status,) = (request.status for request, _ in self.world.requests_now() if request.id == made)
        assert status == "contacted"


PLACED_AND_BACK = [
    ("approve", 0), ("respond", (0, "accepted")), ("place", 0), ("settle", None), ("status", "searching"),
]  # fmt: skip

PLACED_TWICE = [
    *PLACED_AND_BACK[:3], ("approve", 1), ("respond", (1, "accepted")), ("place", 1), ("settle", None),
    ("status", "searching"), ("settle", None), ("approve", 2), ("settle", None),
]  # fmt: skip
"""The second while the patient service has not handled the first."""


WRONG_PLACE = [
    ("approve", 0), ("approve", 1), ("approve", 2), ("settle", None), ("send", False), ("settle", None),
    ("respond", (0, "accepted")), ("place", 0), ("correct", (0, "declined_other")),
]  # fmt: skip
"""Two more practices were asked; nothing of the place has arrived anywhere."""


LONG_STORIES = settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    print_blob=True,
)


@given(steps=st.lists(STEPS, max_size=25))
@example(steps=PLACED_AND_BACK)
@example(steps=PLACED_TWICE)
@example(steps=[("approve", 0), ("respond", (0, "accepted")), ("status", "paused"), ("place", 0)])
@example(steps=[("approve", 0), ("respond", (0, "accepted")), ("place", 0), ("status", "search_aborted")])
@example(
    steps=[("approve", 0), ("respond", (0, "accepted")), ("status", "in_therapy"), ("settle", None),
           ("status", "searching")]
)  # fmt: skip
@example(
    steps=[("approve", 0), ("respond", (0, "accepted")), ("place", 0), ("status", "in_therapy"),
           ("status", "searching"), ("settle", None)]
)  # fmt: skip
@example(steps=[*WRONG_PLACE, ("settle", None)])
@example(steps=[*WRONG_PLACE[:-1], ("settle", None), *WRONG_PLACE[-1:], ("deliver", 1), ("settle", None)])
@example(steps=[*WRONG_PLACE, ("respond", (1, "accepted")), ("place", 1), ("deliver", 1), ("settle", None)])
@example(steps=[*WRONG_PLACE[:-1], ("fail", 0), ("settle", None), *WRONG_PLACE[-1:], ("settle", None)])
@example(steps=[*WRONG_PLACE[:-1], ("status", "in_therapy"), *WRONG_PLACE[-1:], ("settle", None)])
@example(steps=[*PLACED_AND_BACK[:3], ("fail", 0), ("correct", (0, "accepted")), ("place", 0), ("settle", None)])
@example(steps=[("approve", 0), ("status", "search_aborted"), ("status", "open"), ("status", "searching")])
@example(steps=[*PLACED_AND_BACK[:4], ("status", "therapy_completed"), ("status", "open"), ("status", "searching")])
@LONG_STORIES
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_whatever_happens_the_services_agree_and_nothing_waits_without_a_reason(
    world_engines: dict[str, tuple[Engine, Any]], steps: list[tuple[str, Any]]
) -> None:
    with a_world(world_engines) as world:
        play = Play(world)
        for what, how in steps:
            play.step(what, how)
        play.settle(None)
        play.a_new_search_reaches_a_practice()


class Doubles(Play):
    """The patient has a second file, for which staff do the same things until they find out."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.files = [self.patient, world.a_patient()]
        world.set_status(self.files[1], "searching")
        self.merged = False

    def on(self, how: tuple[int, tuple[str, Any]]) -> None:
        """Do one of the steps for this file; after the merge there is only one."""
        file, (what, then) = how
        self.patient = self.files[0 if self.merged else file]
        getattr(self, what)(then)
        self.patient = self.files[0]

    def merge(self, _: None) -> None:
        if not self.merged:
            self.merged = self.world.merge(*self.files)

    def all_agree(self) -> None:
        super().all_agree()
        live = [
            (ours.patient_id, ours.therapist_id)
            for ours, _ in self.world.requests_now()
            if ours.status in ASKED | {"accepted"} or (ours.status == "placed" and ours.place_ended_at is None)
        ]
        assert len(live) == len(set(live))
        assert all(ours.patient_id == theirs.patient_id for ours, theirs in self.world.requests_now())
        if self.merged:
            assert self.files[1] not in {ours.patient_id for ours, _ in self.world.requests_now()}


OF_FILES = st.one_of(
    STEPS,
    STEPS,
    st.tuples(st.just("on"), st.tuples(st.integers(0, 1), STEPS)),
    st.tuples(st.just("on"), st.tuples(st.integers(0, 1), st.tuples(st.just("approve"), st.integers(0, 2)))),
    st.tuples(st.just("on"), st.tuples(st.integers(0, 1), st.tuples(st.just("approve"), st.integers(0, 2)))),
    st.tuples(st.just("merge"), st.none()),
)
BOTH_ASKED = [("on", (file, ("approve", practice))) for file in (1, 0) for practice in (0, 2)]


@given(steps=st.lists(OF_FILES, max_size=25))
@example(steps=[*BOTH_ASKED, ("settle", None), ("send", False), ("settle", None), ("merge", None), ("deliver", 0)])
@example(steps=[*BOTH_ASKED, ("settle", None), ("send", True), ("merge", None), ("settle", None), ("resolve", "sent")])
@example(steps=[*BOTH_ASKED, ("status", "search_aborted"), ("merge", None), ("deliver", 1), ("settle", None)])
@example(steps=[*BOTH_ASKED, ("on", (1, ("status", "paused"))), ("merge", None), ("send", False), ("settle", None)])
@example(
    steps=[*BOTH_ASKED, ("respond", (0, "accepted")), ("place", 0), ("status", "search_aborted"), ("merge", None),
           ("settle", None), ("status", "searching"), ("settle", None)]
)  # fmt: skip
@LONG_STORIES
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_files_become_one_in_every_service_whatever_is_under_way(
    world_engines: dict[str, tuple[Engine, Any]], steps: list[tuple[str, Any]]
) -> None:
    with a_world(world_engines) as world:
        play = Doubles(world)
        for what, how in steps:
            play.step(what, how)
        play.settle(None)
        play.merge(None)
        play.settle(None)
        play.a_new_search_reaches_a_practice()
