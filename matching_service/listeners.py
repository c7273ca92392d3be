"""Every event this service reacts to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from matching_service.domain import contacts, copies, holds
from matching_service.domain.contacts import Contact
from shared.db import Session
from shared.events.catalogue import (
    AddressGeocoded,
    AttemptsUsedUp,
    CallRecorded,
    EmailAnswered,
    EmailSent,
    InquiryComposed,
    InquiryDissolved,
    PatientRegistered,
    PatientStatusChanged,
    PatientUpdated,
    TherapistBlocked,
    TherapistDeactivated,
    TherapistRegistered,
    TherapistUnblocked,
    TherapistUpdated,
)
from shared.events.consumer import Listeners
from shared.values.words import CallResult, EmailKind

listeners = Listeners()

AnyTherapistEvent = (
    TherapistRegistered | TherapistUpdated | TherapistBlocked | TherapistUnblocked | TherapistDeactivated
)
AnyPatientEvent = PatientRegistered | PatientUpdated | PatientStatusChanged


@listeners.projection(TherapistRegistered, TherapistUpdated, TherapistBlocked, TherapistUnblocked, TherapistDeactivated)
def keep_therapists(session: Session, events: Sequence[AnyTherapistEvent], *, now: datetime) -> None:  # noqa: ARG001
    """Keep copies of therapists."""
    copies.remember_therapists(session, [(event.therapist, event.envelope) for event in events])


@listeners.projection(PatientRegistered, PatientUpdated, PatientStatusChanged)
def keep_patients(session: Session, events: Sequence[AnyPatientEvent], *, now: datetime) -> None:  # noqa: ARG001
    """Keep copies of patients' criteria."""
    copies.remember_patients(session, [(event.patient, event.envelope) for event in events])


@listeners.projection(AddressGeocoded)
def keep_places(session: Session, events: Sequence[AddressGeocoded], *, now: datetime) -> None:  # noqa: ARG001
    """Keep where therapists and patients are."""
    copies.remember_places(session, events)


@listeners.effect(PatientStatusChanged)
def follow_the_search(session: Session, event: PatientStatusChanged, *, now: datetime) -> None:
    """Hold, release or withdraw the patient's requests, as the search stands now."""
    holds.follow_search(session, event.patient.id, now=now)


@listeners.effect(TherapistBlocked, TherapistDeactivated)
def let_go_of_the_therapist(session: Session, event: TherapistBlocked | TherapistDeactivated, *, now: datetime) -> None:
    """Withdraw what has not gone out to a therapist who is not available now."""
    holds.therapist_became_unavailable(session, event.therapist.id, now=now)


@listeners.effect(InquiryComposed)
def queue(session: Session, event: InquiryComposed, *, now: datetime) -> None:
    """The requests are in an inquiry that has not gone out."""
    contacts.composed(session, event.placement_request_ids, contact=_contact(event), now=now)


@listeners.effect(InquiryDissolved)
def take_out_of_the_queue(session: Session, event: InquiryDissolved, *, now: datetime) -> None:
    """The requests wait to be composed again."""
    contacts.dissolved(session, event.placement_request_ids, contact=_contact(event), now=now)


@listeners.effect(EmailSent)
def note_email(session: Session, event: EmailSent, *, now: datetime) -> None:
    """An inquiry went out by e-mail; confirmations and withdrawals change no request."""
    if event.kind == EmailKind.INQUIRY:
        contacts.emailed(session, event.placement_request_ids, contact=_contact(event), sent_at=event.sent_at, now=now)


@listeners.effect(CallRecorded)
def note_call(session: Session, event: CallRecorded, *, now: datetime) -> None:
    """A practice was reached; a call that reached nobody changes nothing until the attempts are used up."""
    if event.result == CallResult.REACHED:
        contacts.called(
            session,
            event.placement_request_ids,
            event.answers,
            contact=_contact(event),
            occurred_at=event.occurred_at,
            now=now,
        )


@listeners.effect(EmailAnswered)
def take_written_answers(session: Session, event: EmailAnswered, *, now: datetime) -> None:
    """A practice answered an e-mail."""
    contacts.answered_by_email(session, event.answers, occurred_at=event.occurred_at, now=now)


@listeners.effect(AttemptsUsedUp)
def give_up_calling(session: Session, event: AttemptsUsedUp, *, now: datetime) -> None:
    """Nobody was reached in all the attempts there are."""
    contacts.attempts_used_up(session, event.placement_request_ids, contact=_contact(event), now=now)


def _contact(event: InquiryComposed | InquiryDissolved | EmailSent | CallRecorded | AttemptsUsedUp) -> Contact:
    return Contact(inquiry_id=event.inquiry_id, told_at=event.envelope.time)
