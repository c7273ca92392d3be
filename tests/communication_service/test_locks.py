"""Who works at the same time may wait, but never for each other: locks are taken in one order (decision 0019)."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from communication_service import jobs
from communication_service.domain import (
    call_outcomes,
    call_plan_solving,
    call_plans,
    emails,
    placement_requests,
    sending,
    suppressions,
)
from communication_service.domain.schemas import CallOutcome, EmailResponse
from communication_service.domain.suppression_schemas import NewSuppression
from communication_service.jobs.call_plans import PlanningCalls
from communication_service.listeners import listeners
from communication_service.store import email_queries, locks
from communication_service.store.tables import ContactRequest, Email, PhoneCall
from shared.database import new_id, transaction
from shared.database.locks import turn_number
from shared.events import catalogue
from shared.events.event import Event
from tests.builders.communication import EVERY_DAY, RULES, TEXTS, a_patient, a_request, a_therapist
from tests.builders.events import happened
from tests.builders.locks import Workers, observed
from tests.conftest import MONDAY

PEOPLE = 6
AT_FIRST = {catalogue.TherapistRegistered, catalogue.PatientRegistered}
"""Events that come before everything else."""
ORDER = (
    "therapist", "placement_requests", "therapists", "email_suppressions", "places", "patients", "patient_keys", "line",
    "cooldowns",
)  # fmt: skip
"""`therapist` and `line` are advisory locks; under the first lie the inquiries, e-mails and calls of a practice."""


class BusyService:
    """Everybody at once: three workers' consumers and jobs, callers, and staff with answers; all want the same few."""

    def __init__(self) -> None:
        # three practices share an address, the others have none
        addresses = ["praxis@example.org" if n % 2 else None for n in range(PEOPLE)]
        self.therapists = [a_therapist(email=address, phone_hours=EVERY_DAY) for address in addresses]
        self.patients = [a_patient() for _ in range(PEOPLE)]
        self.requests = {
            a_request(therapist, patient): (therapist, patient)
            for therapist in self.therapists
            for patient in self.patients
        }
        self.sequence = iter(range(2, 10**9))
        self.workers = Workers()
        self.kinds: set[type[Event]] = set()
        self.now = MONDAY
        self.lock = threading.Lock()

    def _later(self) -> datetime:
        with self.lock:
            self.now += timedelta(minutes=7)
            return self.now

    def _events(self) -> list[Event]:
        made: list[Event] = []
        for request, (therapist, patient) in random.sample(sorted(self.requests.items()), 5):
            ids = {"placement_request_id": request, "patient_id": patient, "therapist_id": therapist}
            event = random.choice(
                [
                    catalogue.RequestReopened(**ids, approved_at=MONDAY),
                    catalogue.RequestReopened(**ids, approved_at=MONDAY),
                    catalogue.RequestApproved(**ids, approved_at=MONDAY),
                    catalogue.RequestAnswered(**ids, outcome="later"),
                    catalogue.PatientPlaced(**ids, placed_on=MONDAY.date()),
                    catalogue.RequestAccepted(**ids, accepted_on=MONDAY.date()),
                    catalogue.RequestWithdrawn(**ids, reason="other"),
                    catalogue.RequestHeld(**ids, hold="search_paused"),
                    catalogue.RequestReleased(**ids),
                    catalogue.RequestUpdated(
                        **ids, status=random.choice(["open", "contacted", "accepted", "withdrawn"])
                    ),
                    catalogue.RequestCorrected(**ids),
                    catalogue.RequestUnknown(placement_request_id=request),
                ]
            )
            made.append(happened(event, request, sequence=next(self.sequence)))
        for therapist in random.sample(self.therapists, 2):
            # some share one, an opt-out closes it for good, and who has none is called
            address = random.choice([None, f"praxis{random.randrange(20)}@example.org"])
            state = catalogue.PublicTherapist(
                id=therapist,
                last_name="Erfunden",
                email=address,
                phone="+49241123456",
                phone_hours=EVERY_DAY,
                email_opt_out=random.random() < 0.02,
            )
            kind = random.choice(
                [
                    catalogue.TherapistUpdated,
                    catalogue.TherapistBlocked,
                    catalogue.TherapistUnblocked,
                    catalogue.TherapistDeactivated,
                ]
            )
            made.append(happened(kind(therapist=state), therapist, sequence=next(self.sequence)))
            place = catalogue.AddressGeocoded(owner_kind="therapist", owner_id=therapist, federal_state="NW")
            made.append(happened(place, therapist, sequence=next(self.sequence)))
        merged, kept = random.sample(self.therapists, 2)
        both = (
            catalogue.TherapistMerged(therapist_id=merged, merged_into=kept),
            catalogue.TherapistRemoved(therapist_id=merged),
        )
        made.append(happened(random.choice(both), merged, sequence=next(self.sequence)))
        merged, kept = random.sample(self.patients, 2)
        merge = catalogue.PatientMerged(patient_id=merged, merged_into=kept, kept_sequence=1, status="searching")
        made.append(happened(merge, merged, sequence=next(self.sequence)))
        for patient in random.sample(self.patients, 2):
            patient_state = catalogue.PublicPatient(id=patient, reference=f"P-{patient.hex[-6:]}", status="searching")
            changed = catalogue.PatientStatusChanged(patient=patient_state, previous_status="searching")
            plain = [catalogue.PatientUpdated, catalogue.PatientTherapistsExcluded]
            event = random.choice([changed, *(kind(patient=patient_state) for kind in plain)])
            made.append(happened(event, patient, sequence=next(self.sequence)))
        if catalogue.PatientErased not in self.kinds or random.random() < 0.05:
            erased = random.choice(self.patients[:2])
            made.append(happened(catalogue.PatientErased(patient_id=erased), sequence=next(self.sequence)))
        self.kinds |= {type(event) for event in made}
        return random.sample(made, len(made))

    def poll(self) -> None:
        with transaction() as session:
            listeners.apply(session, self._events(), now=self._later())

    def compose(self) -> None:
        jobs.compose(RULES, TEXTS, self._later())

    def confirm(self) -> None:
        jobs.confirm_erasures(self._later())

    def send(self) -> None:
        now = self._later()
        with transaction() as session:
            found = [email.id for email in email_queries.emails_to_send(session, now=now, limit=5)]
        for email_id in found:
            with transaction() as session:
                claim = sending.claim(session, email_id, rules=RULES, texts=TEXTS, lease=timedelta(minutes=5), now=now)
            if claim is None:
                continue
            with transaction() as session:
                if random.random() < 0.5:
                    sending.record_sent(session, email_id, claim.attempt, rules=RULES, now=now)
                else:
                    sending.record_refusal(
                        session, email_id, claim.attempt, detail="no", address_is_bad=random.random() < 0.3, now=now
                    )

    def call(self) -> None:
        with transaction() as session:
            planned = [row.id for row in session.scalars(select(PhoneCall).where(PhoneCall.status == "planned"))]
        for call in random.sample(planned, min(2, len(planned))):
            with transaction() as session:
                said = CallOutcome.from_json({"result": random.choice(["busy", "reached"])})
                call_outcomes.record_outcome(session, TEXTS, call, said, rules=RULES, by=None, now=self._later())

    def plan_calls(self) -> None:
        with transaction() as session:
            call_plans.have_planned(session, by=None, now=self._later())
        PlanningCalls(RULES, TEXTS, call_plan_solving.solve).run(self._later())

    def answer(self) -> None:
        with transaction() as session:
            mails = list(session.scalars(select(Email).where(Email.status == "sent")))
        for email in random.sample(mails, min(2, len(mails))):
            about: Sequence[UUID] = email.placement_request_ids
            said = [
                {"placement_request_id": str(each), "outcome": "later"} for each in random.sample(about, len(about))
            ]
            with transaction() as session:
                answer = EmailResponse.from_json({"responses": said})
                emails.answer(session, TEXTS, email.id, answer, rules=RULES, by=None, now=self._later())

    def staff(self) -> None:
        with transaction() as session:
            placement_requests.follow_up(session, rules=RULES, now=self._later() + timedelta(days=8))
        with transaction() as session:
            new = NewSuppression.from_json({"email": f"{new_id().hex}@example.org", "reason": "asked"})
            suppressions.add(session, new, by=None, now=self._later())


@pytest.mark.slow
@pytest.mark.usefixtures("committed")
def test_consumers_jobs_callers_and_staff_never_wait_for_each_other() -> None:
    line = turn_number(locks.LINE)
    with observed(ORDER, lambda parameters: "line" if line in parameters.values() else "therapist") as taken:
        busy = BusyService()
        workers = busy.workers
        workers.run(
            [
                *[busy.poll] * 3,
                *[busy.compose] * 2,
                busy.send,
                busy.call,
                busy.answer,
                busy.staff,
                busy.confirm,
                busy.plan_calls,
            ],
            is_enough=lambda: busy.kinds | AT_FIRST >= listeners.handled_types() and taken.seen == set(ORDER),
        )
    assert workers.ended["done"] > 100
    assert busy.kinds | AT_FIRST == listeners.handled_types()
    assert taken.seen == set(taken.order)
    assert not taken.wrong
    assert not workers.deadlocks, workers.deadlocks[0]
    assert not {code for code in workers.ended if len(code) == 5}, workers.ended
    with transaction() as session:
        assert session.scalar(select(ContactRequest.id).limit(1)) is not None
