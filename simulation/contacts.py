"""How practices are contacted: the jobs of the communication service, and callers who have few hours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, select, union

from communication_service import jobs
from communication_service.domain import call_outcomes, composing, email_claims, emails, sending
from communication_service.domain.schemas import CallOutcome, CallResponse, EmailResponse, Response
from communication_service.domain.states import IN_CONTACT
from communication_service.store.tables import ContactRequest, Email, PhoneCall
from shared.database import Session
from shared.values.enums import CallAnswer, CallResult
from simulation.people import People
from simulation.services import Services

SERVICE: Final = "communication_service"
LEASE: Final = timedelta(minutes=5)
ALL: Final = 100_000
"""More e-mails, and practices to plan for, than ever wait at once."""
IS_PLANNED: Final = PhoneCall.status == "planned"
KNOWN_AFTER: Final = timedelta(seconds=1)
"""So long after a call the other services know of it."""


@dataclass(frozen=True)
class SentEmail:
    """An e-mail that went to a practice."""

    id: UUID
    practice: int
    number: int
    """The first to this practice, the second …"""


@dataclass(frozen=True)
class Offer:
    """A practice offers a patient a place."""

    request: UUID
    patient: int
    practice: int


class Contacts:
    """Letters and calls."""

    def __init__(self, services: Services, people: People) -> None:
        self._services, self._people = services, people
        needs = services.needs[SERVICE]
        self._rules, self._texts = needs.rules, needs.texts
        self._emails_to: Counter[int] = Counter()
        self._calls_to: Counter[int] = Counter()

    # E-mails

    def follow_up(self, now: datetime) -> None:
        """Let practices be called that left an e-mail unanswered for a week."""
        self._services.turn_to(SERVICE)
        while jobs.follow_up(self._rules, now):
            pass

    def compose(self, now: datetime) -> None:
        """Plan e-mails and calls with every practice for which it is time to."""
        gathered = now + self._rules.gathering
        with self._services.transaction(SERVICE) as session:
            due = composing.due(session, now=gathered, at_most=ALL)
        for each in due:
            with self._services.transaction(SERVICE) as session:
                composing.compose(session, each.therapist_id, rules=self._rules, texts=self._texts, now=gathered)
        self._services.deliver(gathered)

    def send(self, now: datetime) -> list[SentEmail]:
        """Send every e-mail that may go."""
        with self._services.transaction(SERVICE) as session:
            waiting = email_claims.next_to_send(session, rules=self._rules, now=now, at_most=ALL)
        sent = [email for each in waiting if (email := self._send(each.email_id, now)) is not None]
        self._services.deliver(now)
        return sent

    def _send(self, email_id: UUID, now: datetime) -> SentEmail | None:
        with self._services.transaction(SERVICE) as session:
            claim = sending.claim(session, email_id, rules=self._rules, texts=self._texts, lease=LEASE, now=now)
        if claim is None:
            return None
        with self._services.transaction(SERVICE) as session:
            sending.record_sent(session, email_id, claim.attempt, rules=self._rules, now=now)
            email = session.get_one(Email, email_id)
            practice = self._people.number_of_practice(email.therapist_id)
        self._emails_to[practice] += 1
        return SentEmail(email_id, practice, self._emails_to[practice])

    def record_answer(self, sent: SentEmail, now: datetime) -> list[Offer]:
        """Record what a practice writes back about those for whom it is still asked; returns what it offers."""
        with self._services.transaction(SERVICE) as session:
            email = session.get_one(Email, sent.id)
            asked = _still_asked(session, email.placement_request_ids)
            said = self._said(asked, sent.practice, now)
            if said:
                responses = [Response.from_json(each.to_json()) for each in said]
                answer = EmailResponse(responses=responses)
                emails.answer(session, self._texts, sent.id, answer, rules=self._rules, by=None, now=now)
        return self._offers(asked, said, sent.practice)

    # Calls

    def practices_to_call(self) -> int:
        """How many practices have a planned call, or may have to be called as their e-mail is not answered."""
        with self._services.transaction(SERVICE) as session:
            found = union(
                select(PhoneCall.therapist_id).where(IS_PLANNED),
                select(ContactRequest.therapist_id).where(ContactRequest.status == "contacted"),
            )
            return session.scalar(select(func.count()).select_from(found.subquery())) or 0

    def planned_calls(self, first: datetime, before: datetime) -> list[UUID]:
        """The calls that are planned to start in this time, those first whose contact is oldest."""
        with self._services.transaction(SERVICE) as session:
            return list(
                session.scalars(
                    select(PhoneCall.id)
                    .where(IS_PLANNED, PhoneCall.starts_at >= first, PhoneCall.starts_at < before)
                    .order_by(PhoneCall.inquiry_id, PhoneCall.id)
                )
            )

    def make(self, call_ids: Sequence[UUID]) -> tuple[int, list[Offer]]:
        """Make these calls in the order of their times; returns how many were made, and what was offered.

        What a call brings about is known before the next one is made, so that some are cancelled meanwhile.
        """
        made, offers = 0, []
        for call_id in self._in_order(call_ids):
            found = self._make(call_id)
            made += found is not None
            offers += found or []
        return made, offers

    def _in_order(self, call_ids: Sequence[UUID]) -> list[UUID]:
        with self._services.transaction(SERVICE) as session:
            return list(
                session.scalars(
                    select(PhoneCall.id).where(PhoneCall.id.in_(call_ids)).order_by(PhoneCall.starts_at, PhoneCall.id)
                )
            )

    def _make(self, call_id: UUID) -> list[Offer] | None:
        """Make one call at its time; None where it is not planned any more."""
        with self._services.transaction(SERVICE) as session:
            call = session.get_one(PhoneCall, call_id)
            if call.status != "planned":
                return None
            now = call.ends_at
            practice = self._people.number_of_practice(call.therapist_id)
            self._calls_to[practice] += 1
            is_reached = self._people.practices[practice].picks_up(self._calls_to[practice])
            asked = _still_asked(session, call.placement_request_ids) if is_reached else []
            said = self._said(asked, practice, now)
            outcome = CallOutcome(result=CallResult.REACHED if is_reached else CallResult.NO_ANSWER, responses=said)
            call_outcomes.record_outcome(session, self._texts, call_id, outcome, rules=self._rules, by=None, now=now)
        offers = self._offers(asked, said, practice)
        if offers:
            known_at = call.ends_at + KNOWN_AFTER
            self._services.deliver(known_at)
            self.compose(known_at)
        return offers

    # What practices say

    def _said(self, asked: Sequence[ContactRequest], practice: int, now: datetime) -> list[CallResponse]:
        said = []
        for request in asked:
            patient = self._people.number_of_patient(request.patient_id)
            answer = self._people.practices[practice].say(patient, now.date())
            said.append(
                CallResponse(
                    placement_request_id=request.id,
                    outcome=CallAnswer(answer.outcome),
                    available_from=answer.available_from,
                )
            )
        return said

    def _offers(self, asked: Sequence[ContactRequest], said: Sequence[CallResponse], practice: int) -> list[Offer]:
        patients = {request.id: self._people.number_of_patient(request.patient_id) for request in asked}
        return [
            Offer(each.placement_request_id, patients[each.placement_request_id], practice)
            for each in said
            if each.outcome == CallAnswer.ACCEPTED
        ]


def _still_asked(session: Session, request_ids: Sequence[UUID]) -> list[ContactRequest]:
    """Those of these requests that wait for the practice's answer, in their order."""
    found = session.scalars(
        select(ContactRequest).where(ContactRequest.id.in_(request_ids), ContactRequest.status.in_(IN_CONTACT))
    )
    by_id = {each.id: each for each in found if each.asked and not each.answered}
    return [by_id[each] for each in request_ids if each in by_id]
