"""Patient, matching and communication with their real tables, and what lies on the way between them.

Every service works in a session of its own; events travel from its outbox to the others when a test lets them, in any
order of their keys, twice, or late. Time is an argument: nothing here waits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from communication_service.domain import call_corrections, call_outcomes, composing, emails, sending
from communication_service.domain import placement_requests as asking
from communication_service.domain.call_schemas import CallCorrection
from communication_service.domain.lists import WAITING_REQUESTS
from communication_service.domain.schemas import CallOutcome, EmailResponse, WaitingRequest
from communication_service.domain.waiting import list_part as waiting_requests
from communication_service.listeners import listeners as communication_listeners
from communication_service.store import email_queries
from communication_service.store import tables as c
from matching_service.domain import answers, corrections, placement_requests, places, publishing
from matching_service.domain.place_schemas import Confirmation, Correction, PlaceFailure
from matching_service.domain.schemas import ContactList, NewAnswer, NewPlace, Withdrawal
from matching_service.store import tables as m
from patient_service.clients.other_services import OtherServices
from patient_service.dependencies import Dependencies
from patient_service.domain import copies, merging, patients, searches
from patient_service.domain.schemas import Merge, NewPatient, NewStatus, PatientView
from patient_service.listeners import listeners as patient_listeners
from shared.database.tables import outbox
from shared.errors import PlatformError
from shared.events.catalogue import AddressGeocoded, TherapistBlocked, TherapistRegistered, TherapistUnblocked
from shared.events.event import Event, read_event
from shared.events.outbox import record_all
from shared.security.encryption import Keys
from shared.values.datetimes import berlin_day
from tests.builders.communication import EVERY_DAY, RULES, TEXTS
from tests.builders.events import happened
from tests.builders.lists import asked_for
from tests.builders.matching import AACHEN, public_therapist
from tests.builders.matching import RULES as ASK_AGAIN
from tests.builders.matching import TEXTS as NOTES
from tests.builders.matching import listeners as matching_listeners
from tests.builders.patients import NOBODY, new_patient
from tests.conftest import MONDAY


class World:
    """A few patients and practices, three services, and the events that have not arrived."""

    def __init__(self, patient: Session, matching: Session, communication: Session, keys: Keys) -> None:
        self.patient, self.matching, self.communication, self.keys = patient, matching, communication, keys
        self.now = MONDAY
        self.sessions = {"patient": patient, "matching": matching, "communication": communication}
        self.listeners = {
            "patient": patient_listeners.given(Dependencies(keys, OtherServices(()))),
            "matching": matching_listeners,
            "communication": communication_listeners,
        }
        self.read_up_to: dict[str, int] = defaultdict(int)
        self.under_way: dict[tuple[str, UUID], list[Event]] = {}
        """By listening service and key: what Kafka holds and the service has not handled."""
        self.arrived: list[tuple[str, Event]] = []
        self.therapists: dict[UUID, tuple[str, int]] = {}
        self._public: dict[UUID, Any] = {}
        self.refused = 0

    @contextmanager
    def taken_back(self) -> Iterator[None]:
        """Takes back what the block does, so that many cases can begin with one world; nothing is under way then."""
        assert not self._waiting()
        now, read_up_to, arrived = self.now, self.read_up_to.copy(), self.arrived.copy()
        begun = [session.begin_nested() for session in self.sessions.values()]
        yield
        for nested in begun:
            nested.rollback()
        self.now, self.read_up_to, self.arrived = now, read_up_to, arrived
        self.under_way.clear()

    # People

    def a_patient(self, **fields: Any) -> UUID:
        """A patient whose search may start."""
        registered = patients.register(
            self.patient, self.keys, NewPatient.from_json(new_patient(**fields)), force=True, by=None, now=self.now
        )
        where: dict[str, Any] = {"latitude": AACHEN[0], "longitude": AACHEN[1], "precision": "postal_code"}
        place = AddressGeocoded(owner_kind="patient", owner_id=registered.id, postal_code="52062", **where)
        arrived = happened(place, registered.id, time=self.now)
        copies.keep_postal_codes(self.patient, [arrived])
        self.matching_handles(arrived)
        return registered.id

    def a_therapist(self, **fields: Any) -> UUID:
        """A therapist whom everybody knows at once."""
        published = public_therapist(**{"phone": "+49241123456", "phone_hours": EVERY_DAY, **fields})
        self.therapists[published.id] = ("active", 1)
        self._publish_therapist(TherapistRegistered(therapist=published), published.id)
        self._public[published.id] = published
        return published.id

    def turn_therapist(self, therapist: UUID) -> None:
        """Block a therapist, or lift the block."""
        is_active = self.therapists[therapist][0] == "active"
        kind, status = (TherapistBlocked, "blocked") if is_active else (TherapistUnblocked, "active")
        self.change_therapist(therapist, kind, status=status)

    def change_therapist(self, therapist: UUID, kind: Any, **fields: Any) -> None:
        """Something about a therapist changes."""
        status, sequence = self.therapists[therapist]
        self.therapists[therapist] = (fields.get("status", status), sequence + 1)
        self._public[therapist] = self._public[therapist].model_copy(update=fields)
        self._publish_therapist(kind(therapist=self._public[therapist]), therapist)

    def _publish_therapist(self, event: Event, therapist: UUID) -> None:
        happened(event, therapist, sequence=self.therapists[therapist][1], time=self.now)
        for name in ("matching", "communication"):
            self.under_way.setdefault((name, therapist), []).append(event)

    def matching_handles(self, event: Event) -> None:
        """An event from geocoding."""
        matching_listeners.apply(self.matching, [event], now=self.now)

    # Events

    def fetch(self) -> None:
        """What the services have recorded since lies in Kafka, for each service that listens to it."""
        for source, session in self.sessions.items():
            session.flush()
            rows = session.execute(
                select(outbox.c.position, outbox.c.key, outbox.c.value)
                .where(outbox.c.position > self.read_up_to[source])
                .order_by(outbox.c.position)
            ).all()
            for position, key, value in rows:
                self.read_up_to[source] = position
                for name, listeners in self.listeners.items():
                    event = read_event(value.encode(), listeners.handled_types())
                    if event is not None:
                        self.under_way.setdefault((name, key), []).append(event)

    def deliver(self, choice: int) -> None:
        """The next event of some key reaches its listener."""
        self.fetch()
        if waiting := self._waiting():
            self._arrives(*waiting[choice % len(waiting)])

    def deliver_all(self) -> None:
        """Every event reaches its listener, and so does what is published because of it."""
        self.fetch()
        self._deliver_fetched()

    def _deliver_fetched(self) -> None:
        while waiting := self._waiting():
            for name, key in waiting:
                while self.under_way[name, key]:
                    self._arrives(name, key)
            self.fetch()

    def _waiting(self) -> list[tuple[str, UUID]]:
        return sorted((key for key, events in self.under_way.items() if events), key=str)

    def _arrives(self, name: str, key: UUID) -> None:
        event = self.under_way[name, key].pop(0)
        self.arrived.append((name, event))
        self._apply(name, event)

    def repeat(self, choice: int) -> None:
        """An event that was handled comes once more, as Kafka may bring it."""
        if self.arrived:
            self._apply(*self.arrived[choice % len(self.arrived)])

    def _apply(self, name: str, event: Event) -> None:
        self.listeners[name].apply(self.sessions[name], [event], now=self.now)
        self.sessions[name].flush()

    def settle(self) -> None:
        """Everything arrives, and composing has done its work, until nothing changes any more."""
        self.now += timedelta(hours=1)
        quiet = 0
        for _ in range(30):
            self.fetch()
            quiet = 0 if any(self.under_way.values()) else quiet + 1
            if quiet > 1:
                return
            self._deliver_fetched()
            self.now += timedelta(minutes=1)  # longer than requests gather
            self.compose()
        raise AssertionError("the services publish events to each other for ever")

    # What people and jobs do; what is refused changes nothing

    def _try(self, session: Session, work: Callable[[], Any]) -> Any:
        with suppress(PlatformError, ValidationError), session.begin_nested():
            return work()
        self.refused += 1
        return None

    def set_status(self, patient: UUID, status: str) -> None:
        """Staff take the patient one step further."""
        new = NewStatus.from_json({"status": status, "reason": "it is so"})
        self._try(
            self.patient,
            lambda: searches.set_status(self.patient, self.keys, patient, new, reader=NOBODY, now=self.now),
        )

    def merge(self, kept: UUID, duplicate: UUID) -> bool:
        """Staff find that two files are of one person; returns whether they may be one now."""
        wanted = Merge(duplicate_id=duplicate)
        return bool(
            self._try(
                self.patient,
                lambda: merging.merge(self.patient, self.keys, kept, wanted, force=True, reader=NOBODY, now=self.now),
            )
        )

    def approve(self, patient: UUID, therapist: UUID) -> UUID | None:
        """Staff approve that the therapist is asked."""
        wanted = ContactList(patient_id=patient, therapist_ids=[therapist])
        made = self._try(
            self.matching,
            lambda: placement_requests.approve(
                self.matching, NOTES, wanted, rules=ASK_AGAIN, today=berlin_day(self.now), by=None, now=self.now
            ),
        )
        return made.items[0].id if made else None

    def respond(self, request: UUID, outcome: str) -> None:
        """Staff record a practice's answer."""
        said = NewAnswer.from_json({"outcome": outcome})
        self._try(
            self.matching,
            lambda: answers.respond(self.matching, NOTES, request, said, rules=ASK_AGAIN, by=None, now=self.now),
        )

    def place(self, request: UUID) -> None:
        """Staff record that the patient takes up the place."""
        today = berlin_day(self.now)
        self._try(
            self.matching,
            lambda: answers.place(self.matching, NOTES, request, NewPlace(), today=today, by=None, now=self.now),
        )

    def confirm(self, request: UUID) -> None:
        """Staff record that the place works."""
        today = berlin_day(self.now)
        day = Confirmation(confirmed_on=today)
        self._try(
            self.matching,
            lambda: places.confirm(self.matching, NOTES, request, day, today=today, by=None, now=self.now),
        )

    def fail(self, request: UUID) -> None:
        """Staff record that the place failed."""
        today = berlin_day(self.now)
        failure = PlaceFailure.from_json({"reason": "other", "failed_on": today.isoformat()})
        self._try(
            self.matching,
            lambda: places.fail(self.matching, NOTES, request, failure, today=today, by=None, now=self.now),
        )

    def correct(self, request: UUID, outcome: str | None) -> None:
        """Staff find that the practice had said something else, or that the patient did not take the place."""
        correction = Correction.from_json({"outcome": outcome, "place_taken_back": True, "reason": "a mistake"})
        self._try(
            self.matching,
            lambda: corrections.correct(
                self.matching, NOTES, request, correction, rules=ASK_AGAIN, by=None, now=self.now
            ),
        )

    def withdraw(self, request: UUID) -> None:
        """Staff take the request back."""
        why = Withdrawal.from_json({"reason": "patient_declined"})
        self._try(self.matching, lambda: answers.withdraw(self.matching, request, why, by=None, now=self.now))

    def reopen_deferred(self) -> None:
        """The job of matching."""
        answers.reopen_deferred(self.matching, today=berlin_day(self.now), now=self.now)

    def republish(self) -> None:
        """Matching says anew how every request stands."""
        published = publishing.snapshots(self.matching, after=UUID(int=0), limit=1000, now=self.now)
        for request, _ in published:
            request.sequence += 1
        self.matching.flush()
        events = [(request.id, request.sequence, event) for request, event in published]
        record_all(self.matching, events, now=self.now, republished=True)

    def compose(self) -> None:
        """The job of communication."""
        due = [each.therapist_id for each in composing.due(self.communication, now=self.now, at_most=100)]
        composing.compose_if_due(self.communication, due, rules=RULES, texts=TEXTS, now=self.now)
        self.communication.flush()

    def follow_up(self) -> None:
        """The job that lets unanswered letters be followed by a call."""
        asking.follow_up(self.communication, rules=RULES, now=self.now)
        self.communication.flush()

    def send(self, *, in_doubt: bool = False) -> None:
        """Letters that may go, go; or nobody knows."""
        for email in email_queries.emails_to_send(self.communication, now=self.now, limit=20):
            lease, email_id = timedelta(minutes=5), email.id
            claim = sending.claim(self.communication, email_id, rules=RULES, texts=TEXTS, lease=lease, now=self.now)
            if claim is not None and in_doubt:
                sending.record_doubt(self.communication, email_id, claim.attempt, detail="?", now=self.now)
            elif claim is not None:
                sending.record_sent(self.communication, email_id, claim.attempt, rules=RULES, now=self.now)
        self.communication.flush()

    def resolve(self, outcome: str) -> None:
        """Staff settle what is in doubt."""
        doubtful = self.communication.scalars(select(c.Email).where(c.Email.status == "in_doubt")).all()
        for email in doubtful:
            sending.resolve_doubt(
                self.communication, email, was_sent=outcome == "sent", rules=RULES, by=None, now=self.now
            )

    def call(self, choice: int, result: str, answer: str | None = None, *, days_ago: int = 0) -> None:
        """A caller records what came of a call, on the day or with a wrong date."""
        planned = self.communication.scalars(
            select(c.PhoneCall).where(c.PhoneCall.status == "planned").order_by(c.PhoneCall.id)
        ).all()
        if not planned:
            return
        call = planned[choice % len(planned)]
        said: dict[str, Any] = {"result": result, "occurred_at": (self.now - timedelta(days=days_ago)).isoformat()}
        if answer is not None:
            ids = call.placement_request_ids
            said["responses"] = [{"placement_request_id": str(each), "outcome": answer} for each in ids[:1]]
        self.record_call(call.id, said)

    def record_call(self, call: UUID, said: dict[str, Any]) -> None:
        """A caller records what came of this call."""
        outcome = CallOutcome.from_json(said)
        self._try(
            self.communication,
            lambda: call_outcomes.record_outcome(
                self.communication, TEXTS, call, outcome, rules=RULES, by=None, now=self.now
            ),
        )

    def correct_call(self, choice: int) -> None:
        """Somebody finds that what was recorded of a call was a mistake."""
        made = [call.id for call in self.rows(c.PhoneCall) if call.result is not None]
        known = (self.communication, TEXTS, made[choice % len(made)], CallCorrection(reason="a mistake"))
        self._try(self.communication, lambda: call_corrections.correct(*known, rules=RULES, by=None, now=self.now))

    def answer_letter(self, choice: int, answer: str) -> None:
        """Staff record what a practice wrote back."""
        sent = self.communication.scalars(select(c.Email).where(c.Email.status == "sent").order_by(c.Email.id)).all()
        if not sent:
            return
        email = sent[choice % len(sent)]
        ids = email.placement_request_ids
        answers = [{"placement_request_id": str(each), "outcome": answer} for each in ids[:1]]
        said = EmailResponse.from_json({"responses": answers})
        self._try(
            self.communication,
            lambda: emails.answer(self.communication, TEXTS, email.id, said, rules=RULES, by=None, now=self.now),
        )

    # What is there now

    def patient_now(self, patient: UUID) -> PatientView:
        """The patient as the patient service shows them."""
        return patients.get(self.patient, self.keys, patient, reader=NOBODY, now=self.now)

    def requests_now(self) -> list[tuple[m.PlacementRequest, c.ContactRequest]]:
        """Every placement request that communication knows, as matching and as communication know it."""
        theirs = {each.id: each for each in self._rows(self.communication, c.ContactRequest)}
        ours = self._rows(self.matching, m.PlacementRequest)
        return [(each, theirs[each.id]) for each in ours if each.id in theirs]

    def waiting(self) -> dict[UUID, WaitingRequest]:
        """What communication says of every request that waits."""
        page = waiting_requests(self.communication, asked_for(WAITING_REQUESTS, limit=200), rules=RULES, now=self.now)
        return {each.placement_request_id: each for each in page.items}

    def rows(self, kind: Any, **wanted: Any) -> list[Any]:
        """The rows of one of communication's tables, in the order in which they were made."""
        return [
            row for row in self._rows(self.communication, kind) if all(getattr(row, n) == v for n, v in wanted.items())
        ]

    @staticmethod
    def _rows(session: Session, kind: Any) -> list[Any]:
        session.flush()
        session.expire_all()
        return list(session.scalars(select(kind).order_by(kind.id)))
