"""Who works at the same time may wait, but never for each other: locks are taken in one order (decision 0019)."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, select, text, update

from matching_service.domain import answers, contact_log, corrections, placement_requests, places, publishing
from matching_service.domain import locks as order
from matching_service.domain.contact_log_schemas import NewContactLogEntry
from matching_service.domain.locks import Affected
from matching_service.domain.place_schemas import Confirmation, Correction, PlaceFailure
from matching_service.domain.schemas import ContactList, NewAnswer, NewPlace, Withdrawal
from matching_service.store import queries
from matching_service.store.tables import PatientCopy, PlacementRequest
from shared import database
from shared.database import ChangedMeanwhile, new_id, transaction
from shared.events.catalogue import (
    AddressGeocoded,
    AttemptsUsedUp,
    CallCorrected,
    CallingHoursChanged,
    CallRecorded,
    EmailAnswered,
    EmailBounced,
    EmailSent,
    InquiryComposed,
    InquiryDissolved,
    PatientErased,
    PatientMerged,
    PatientRegistered,
    PatientStatusChanged,
    PatientTherapistsExcluded,
    PatientUpdated,
    PracticeAnswer,
    PracticeContactChanged,
    TherapistBlocked,
    TherapistDeactivated,
    TherapistMerged,
    TherapistRegistered,
    TherapistRemoved,
    TherapistUnblocked,
    TherapistUpdated,
)
from shared.events.event import Event
from shared.events.republish import republish
from shared.values.datetimes import berlin_day
from shared.values.placement_enums import PlacementFailure
from shared.values.schemas import MergePatch
from tests.builders.events import happened
from tests.builders.locks import Workers, observed
from tests.builders.matching import AACHEN, RULES, TEXTS, listeners, public_patient, public_therapist
from tests.conftest import MONDAY
from tests.end_to_end.operators import Tables

PEOPLE = 6
STATUSES: list[tuple[str, Any]] = [
    ("active", TherapistUnblocked),
    ("active", TherapistUpdated),
    ("active", TherapistRegistered),
    ("blocked", TherapistBlocked),
    ("inactive", TherapistDeactivated),
]
# also counted within one transaction, which pg_stat_activity is not
ONE_WAITS = text(
    "SELECT true FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)) LIMIT 1"
)


class Bustle:
    """Staff and workers who all want the same few therapists and patients, each in transactions that commit."""

    def __init__(self) -> None:
        self.therapists = [new_id() for _ in range(PEOPLE)]
        self.calling_hours = new_id()
        self.patients = [new_id() for _ in range(PEOPLE)]
        self.sequence = iter(range(1, 10**9))
        self.workers = Workers()
        self.kinds: set[type[Event]] = set()
        with transaction() as session:
            listeners.apply(session, [*self._therapists(), *self._patients(), *self._places()], now=MONDAY)

    def _therapists(self) -> list[Event]:
        made = []
        for each in self.therapists:
            status, kind = random.choice(STATUSES)
            published = public_therapist(id=each, status=status)
            made.append(happened(kind(therapist=published), each, sequence=next(self.sequence)))
        return made

    def _patients(self) -> list[Event]:
        made: list[Event] = []
        for each in self.patients:
            published = public_patient(id=each)
            changed = PatientStatusChanged(patient=published, previous_status="paused")
            plain = [PatientRegistered, PatientUpdated, PatientTherapistsExcluded]
            event = random.choice([*(kind(patient=published) for kind in plain), changed])
            made.append(happened(event, each, sequence=next(self.sequence)))
        return made

    def _erasures(self) -> list[Event]:
        """Now and then somebody is erased, and somebody else comes."""
        if random.random() < 0.8:
            return []
        place = random.randrange(PEOPLE)
        erased, self.patients[place] = self.patients[place], new_id()
        return [happened(PatientErased(patient_id=erased), sequence=next(self.sequence))]

    def _places(self) -> list[Event]:
        return [
            happened(
                AddressGeocoded(
                    owner_kind=kind, owner_id=each, postal_code="52062", latitude=AACHEN[0], longitude=AACHEN[1]
                ),
                each,
                sequence=next(self.sequence),
            )
            for kind, owners in (("therapist", self.therapists), ("patient", self.patients))
            for each in owners
        ]

    def _how_to_contact(self) -> list[Event]:
        """How practices can be contacted, and when callers phone: states of rows of their own."""
        practices = random.sample(self.therapists, len(self.therapists))
        events = [PracticeContactChanged(therapist_id=each, email_suppressed=False) for each in practices]
        hours = CallingHoursChanged(calling_hours_id=self.calling_hours, callers=1)
        return [happened(each, sequence=next(self.sequence)) for each in (*events, hours)]

    def _merges(self) -> list[Event]:
        """Any two are said to be one person, also in circles; the next state of the merged one takes that back."""
        made: list[Event] = []
        for _ in range(3):
            merged, kept = random.sample(self.patients, 2)
            event = PatientMerged(patient_id=merged, merged_into=kept, kept_sequence=1, status="searching")
            made.append(happened(event, merged, sequence=next(self.sequence)))
            merged, kept = random.sample(self.therapists, 2)
            both = TherapistMerged(therapist_id=merged, merged_into=kept), TherapistRemoved(therapist_id=merged)
            made.append(happened(random.choice(both), merged, sequence=next(self.sequence)))
        return made

    def _contacts(self) -> list[Event]:
        made: list[Event] = []
        for ids in (self._some_requests(), self._some_requests()):
            inquiry, therapist = new_id(), random.choice(self.therapists)
            made.append(
                happened(
                    InquiryComposed(
                        inquiry_id=inquiry, therapist_id=therapist, channel="phone", placement_request_ids=ids
                    ),
                    inquiry,
                )
            )
            said = [PracticeAnswer(placement_request_id=each, outcome="later") for each in self._some_requests()]
            facts = {"inquiry_id": inquiry, "therapist_id": therapist, "placement_request_ids": ids}
            call = {"phone_call_id": new_id(), "direction": "outbound", "result": "reached", "occurred_at": MONDAY}
            events = [
                InquiryDissolved(**facts),
                AttemptsUsedUp(**facts),
                EmailSent(email_id=new_id(), kind="inquiry", sent_at=MONDAY, **facts),
                EmailBounced(email_id=new_id(), kind="inquiry", sent_at=MONDAY, bounced_at=MONDAY, **facts),
                CallRecorded(**call, **facts, answers=said),
                CallCorrected(
                    **{name: each for name, each in call.items() if name != "direction"},
                    **facts,
                    answers=said,
                    asked_again=ids,
                ),
                EmailAnswered(email_id=new_id(), therapist_id=therapist, occurred_at=MONDAY, answers=said),
            ]
            made += [happened(event) for event in events]
        return made

    def _some_requests(self) -> list[UUID]:
        with transaction() as session:
            found = list(session.scalars(select(PlacementRequest.id)))
        return random.sample(found, min(4, len(found)))

    def poll(self) -> None:
        """A worker handles what several partitions brought, in no order."""
        events = [*self._therapists(), *self._patients(), *self._places(), *self._merges(), *self._contacts()]
        events += self._how_to_contact()
        events = random.sample([*self._erasures(), *random.sample(events, 14)], 14)
        self.kinds |= {type(event) for event in events}
        with transaction() as session:
            listeners.apply(session, events, now=MONDAY)

    def approve(self) -> None:
        """Staff approve a list."""
        wanted = ContactList(patient_id=random.choice(self.patients), therapist_ids=random.sample(self.therapists, 4))
        with transaction() as session:
            placement_requests.approve(
                session, TEXTS, wanted, rules=RULES, today=berlin_day(MONDAY), by=None, now=MONDAY
            )

    def answer(self) -> None:
        """Staff record an answer."""
        for request in self._some_requests()[:1]:
            with transaction() as session:
                said = NewAnswer.from_json({"outcome": random.choice(["accepted", "declined_other", "later"])})
                answers.respond(session, TEXTS, request, said, rules=RULES, by=None, now=MONDAY + timedelta(hours=1))

    def staff(self) -> None:
        """Staff withdraw, place, correct, and change a note."""
        patch = MergePatch({"note": "urgent"}, {})
        for request in self._some_requests()[:1]:
            with transaction() as session:
                placement_requests.change(session, TEXTS, request, patch, expected_versions=None, by=None, now=MONDAY)
            with transaction() as session:
                if random.random() < 0.3:
                    wrong = Correction.from_json({"outcome": None, "reason": "a mistake"})
                    corrections.correct(session, TEXTS, request, wrong, rules=RULES, by=None, now=MONDAY)
                elif random.random() < 0.5:
                    answers.withdraw(session, request, Withdrawal.from_json({"reason": "other"}), by=None, now=MONDAY)
                else:
                    answers.place(session, TEXTS, request, NewPlace(), today=berlin_day(MONDAY), by=None, now=MONDAY)

    def log(self) -> None:
        """Staff enter a contact by hand, and say what became of a place."""
        contact = {"occurred_at": MONDAY.isoformat(), "channel": "letter", "direction": "outbound", "result": "sent"}
        new = NewContactLogEntry.from_json(contact | {"therapist_id": str(random.choice(self.therapists))})
        with transaction() as session:
            contact_log.enter(session, TEXTS, random.choice(self.patients), new, by=None, now=MONDAY)
        of_place: dict[str, Any] = {"by": None, "today": berlin_day(MONDAY), "now": MONDAY}
        confirmation = Confirmation(confirmed_on=berlin_day(MONDAY))
        failure = PlaceFailure(reason=PlacementFailure.OTHER, failed_on=berlin_day(MONDAY))
        for request in self._some_requests()[:1]:
            with transaction() as session:
                if random.random() < 0.5:
                    places.confirm(session, TEXTS, request, confirmation, **of_place)
                else:
                    places.fail(session, TEXTS, request, failure, **of_place)

    def reopen(self) -> None:
        """The job."""
        later = MONDAY + timedelta(days=40)
        with transaction() as session:
            answers.reopen_deferred(session, today=berlin_day(later), now=later)

    def republish(self) -> None:
        """An operator has the state of every request published again."""
        republish(publishing.snapshots, portion=random.randrange(2, 20))


@pytest.fixture
def committed(settings: Any) -> Iterator[Engine]:
    """The real database, where transactions commit; it is emptied afterwards."""
    engine = database.engine_for(settings.database_url, pool_size=10)
    database.connect(settings.database_url, pool_size=10)
    try:
        yield engine
    finally:
        database.connect(settings.database_url)
        engine.dispose()


@pytest.fixture
def _emptied(infrastructure: Any) -> Iterator[None]:
    yield
    # the role itself may not delete history
    tables = Tables(infrastructure.platform)
    for table in (
        "contact_log_entries",
        "placement_request_audit_log",
        "placement_requests",
        "therapists",
        "patients",
        "patient_keys",
        "erased_aggregates",
        "outbox",
        "processed_events",
    ):
        tables.run(f"DELETE FROM matching_service.{table}")


@pytest.mark.slow
@pytest.mark.usefixtures("committed", "_emptied")
def test_staff_workers_and_jobs_never_wait_for_each_other() -> None:
    with observed(["therapists", "patients", "placement_requests", "patient_keys"]) as locks:
        bustle = Bustle()
        workers = bustle.workers
        workers.run(
            [
                *(*[bustle.poll] * 3, *[bustle.approve] * 3, bustle.answer, bustle.staff, bustle.log),
                *(bustle.reopen, bustle.republish),
            ],
            is_enough=lambda: (
                workers.ended["done"] > 100
                and bustle.kinds >= listeners.handled_types()
                and locks.seen == set(locks.order)
            ),
        )
    assert workers.ended["done"] > 100
    assert bustle.kinds == listeners.handled_types()
    assert locks.seen == set(locks.order)
    assert not locks.wrong
    assert not workers.deadlocks, workers.deadlocks[0]
    # 23505 is two lists that ask one therapist for one patient at once: a race that the endpoint answers with 409
    assert not {code for code in workers.ended if len(code) == 5} - {"23505"}, workers.ended


@pytest.mark.usefixtures("committed", "_emptied")
def test_a_request_that_became_another_patients_meanwhile_is_not_waited_for() -> None:
    patient, other = new_id(), new_id()
    request = _request_of(patient, other)
    ended: list[str] = []

    def lock_it() -> None:
        try:
            with transaction() as session:
                queries.lock_with_patients(session, [request])
        except ChangedMeanwhile:
            ended.append("changed meanwhile")

    with observed(["patients", "placement_requests"]) as locks:
        with transaction() as merging:
            queries.lock_patients(merging, [patient, other])
            waiting = threading.Thread(target=lock_it)
            waiting.start()
            while not merging.scalar(ONE_WAITS):
                waiting.join(0.01)
            merging.execute(update(PlacementRequest).values(patient_id=other))
        waiting.join()
    assert ended == ["changed meanwhile"]
    # the transaction that moved it wrote it without asking for the lock by a statement of its own
    assert not [each for each in locks.statements if "placement_requests" in each and "FOR UPDATE" in each]


@pytest.mark.usefixtures("committed", "_emptied")
def test_everybody_who_may_come_to_stand_for_a_merged_patient_is_locked() -> None:
    merged, between, kept = new_id(), new_id(), new_id()
    _request_of(merged, between, kept)
    with transaction() as session:
        for each, into in ((merged, between), (between, kept)):
            session.execute(update(PatientCopy).where(PatientCopy.id == each).values(merged_into=into))
    with transaction() as session:
        order.lock(session, Affected(merged_patients={merged}))
        assert not _free_patients()


@pytest.mark.usefixtures("committed", "_emptied")
def test_a_patient_who_was_merged_or_erased_is_locked_before_their_requests() -> None:
    request = _request_of(new_id())
    with transaction() as session:
        session.execute(update(PatientCopy).values(status=None))
    with transaction() as session:
        queries.lock_with_patients(session, [request])
        assert not _free_patients()


@pytest.mark.usefixtures("committed", "_emptied")
def test_the_patients_of_all_live_requests_to_an_unavailable_therapist_are_locked() -> None:
    """A call that reaches nobody, or staff who open it again, make one that has gone out open: then it is withdrawn."""
    request = _request_of(new_id())
    with transaction() as session:
        session.execute(update(PlacementRequest).values(status="no_answer", next_contact_after=MONDAY.date()))
        therapist = session.scalars(select(PlacementRequest.therapist_id).where(PlacementRequest.id == request)).one()
    with transaction() as session:
        order.lock(session, Affected(therapists={therapist}, unavailable_therapists={therapist}))
        assert not _free_patients()


def _free_patients() -> Sequence[UUID]:
    """Those whom another transaction could lock now."""
    with transaction() as another:
        return another.scalars(select(PatientCopy.id).with_for_update(skip_locked=True)).all()


def _request_of(patient: UUID, *others: UUID) -> UUID:
    """A request of this patient, who searches as the others do."""
    therapist = new_id()
    states: list[Event] = [happened(TherapistRegistered(therapist=public_therapist(id=therapist)), therapist)]
    states += [happened(PatientRegistered(patient=public_patient(id=each)), each) for each in (patient, *others)]
    places = [
        AddressGeocoded(owner_kind=kind, owner_id=id, postal_code="52062", latitude=AACHEN[0], longitude=AACHEN[1])
        for kind, id in (("therapist", therapist), ("patient", patient))
    ]
    wanted = ContactList(patient_id=patient, therapist_ids=[therapist])
    with transaction() as session:
        listeners.apply(session, [*states, *(happened(each, each.owner_id) for each in places)], now=MONDAY)
        today = berlin_day(MONDAY)
        approved = placement_requests.approve(session, TEXTS, wanted, rules=RULES, today=today, by=None, now=MONDAY)
    return approved.items[0].id
