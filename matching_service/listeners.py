"""Every event this service reacts to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, get_args
from uuid import UUID

from matching_service.dependencies import Dependencies
from matching_service.domain import (
    bounced_emails,
    consequences,
    contact_plans,
    contacts,
    copies,
    corrected_calls,
    erasures,
    locks,
    merged_therapists,
    merging,
)
from matching_service.domain.contacts import ContactEvent
from matching_service.domain.locks import Affected
from matching_service.domain.states import ends_all_requests
from shared.database import Session
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
from shared.events.listeners import Listeners
from shared.values.enums import CallResult, Channel, EmailKind

listeners = Listeners()


@listeners.locks_first
def lock_in_order(session: Session, events: Sequence[Event]) -> None:
    """Therapists, then patients, each by id, before anything is changed; requests belong to their patients."""
    of = _by_type(events)
    places, calls, corrected = of(AddressGeocoded), of(AnyCallEvent), of(CallCorrected)
    merges, merged = of(PatientMerged), of(TherapistMerged)
    removed = {event.therapist_id for event in of(TherapistRemoved)}
    affected = Affected(
        therapists={event.therapist.id for event in of(AnyTherapistEvent)} | removed,
        patients={event.patient.id for event in of(AnyPatientEvent)},
        merged_patients={id for event in merges for id in (event.patient_id, event.merged_into)},
        erased_patients={event.patient_id for event in of(PatientErased)},
        located_therapists={event.owner_id for event in places if event.owner_kind == "therapist"},
        located_patients={event.owner_id for event in places if event.owner_kind == "patient"},
        unavailable_therapists={event.therapist.id for event in of(UnavailableEvent)} | removed,
        merged_therapists={id for event in merged for id in (event.therapist_id, event.merged_into)},
        called_therapists={event.therapist_id for event in calls},
        corrected_requests={request for event in corrected for request in _requests(event)},
        requests={request for event in of(EventOfRequests) for request in _requests(event)},
    )
    locks.lock(session, affected)


def _by_type(events: Sequence[Event]) -> Callable[[Any], list[Any]]:
    """Returns what returns the events of a type, or of a union of types; a poll has a thousand of few types."""
    found: dict[type[Event], list[Event]] = defaultdict(list)
    for event in events:
        found[type(event)].append(event)
    return lambda kind: [event for each in get_args(kind) or (kind,) for event in found.get(each, ())]


def _requests(event: Event) -> Iterator[UUID]:
    if isinstance(event, InquiryComposed | InquiryDissolved | EmailSent | EmailBounced | AnyCallEvent | AttemptsUsedUp):
        yield from event.placement_request_ids
    if isinstance(event, AnyCallEvent | EmailAnswered):
        yield from (answer.placement_request_id for answer in event.answers)


AnyCallEvent = CallRecorded | CallCorrected
EventOfRequests = InquiryComposed | InquiryDissolved | EmailSent | EmailAnswered | AttemptsUsedUp | AnyCallEvent
AnyTherapistEvent = (
    TherapistRegistered | TherapistUpdated | TherapistBlocked | TherapistUnblocked | TherapistDeactivated
)
UnavailableEvent = TherapistBlocked | TherapistDeactivated
AnyPatientEvent = PatientRegistered | PatientUpdated | PatientStatusChanged | PatientTherapistsExcluded


@listeners.projection(TherapistRegistered, TherapistUpdated, TherapistBlocked, TherapistUnblocked, TherapistDeactivated)
def keep_therapists(session: Session, events: Sequence[AnyTherapistEvent], *, now: datetime) -> None:  # noqa: ARG001
    """Keep copies of therapists."""
    copies.keep_therapists(session, [(event.therapist, event.envelope) for event in events])


@listeners.projection(TherapistMerged)
def keep_merged_therapists(session: Session, events: Sequence[TherapistMerged], *, now: datetime) -> None:  # noqa: ARG001
    """Keep of merged therapists who was kept."""
    copies.keep_merged_therapists(session, events)


@listeners.projection(TherapistRemoved)
def keep_removed_therapists(session: Session, events: Sequence[TherapistRemoved], *, now: datetime) -> None:  # noqa: ARG001
    """Keep nothing of therapists who are no more."""
    copies.keep_removed_therapists(session, events)


@listeners.projection(PatientRegistered, PatientUpdated, PatientStatusChanged, PatientTherapistsExcluded)
def keep_patients(session: Session, events: Sequence[AnyPatientEvent], *, now: datetime) -> None:  # noqa: ARG001
    """Keep copies of patients' criteria."""
    copies.keep_patients(session, [(event.patient, event.envelope) for event in events])
    withheld = {event.patient.id for event in events if event.patient.diagnosis_block is None}
    contact_plans.forget_unpublished_diagnoses(session, withheld)


@listeners.projection(PatientMerged)
def keep_merged_patients(session: Session, events: Sequence[PatientMerged], *, now: datetime) -> None:  # noqa: ARG001
    """Keep of merged patients who was kept."""
    copies.keep_merged_patients(session, events)
    contact_plans.forget_unpublished_diagnoses(session, {event.patient_id for event in events})


@listeners.projection(AddressGeocoded)
def keep_places(session: Session, events: Sequence[AddressGeocoded], *, now: datetime) -> None:  # noqa: ARG001
    """Keep where therapists and patients are."""
    copies.keep_places(session, events)


@listeners.projection(PracticeContactChanged)
def keep_practice_contacts(session: Session, events: Sequence[PracticeContactChanged], *, now: datetime) -> None:  # noqa: ARG001
    """Keep how practices can be contacted."""
    copies.keep_practice_contacts(session, events)


@listeners.projection(CallingHoursChanged)
def keep_calling_hours(session: Session, events: Sequence[CallingHoursChanged], *, now: datetime) -> None:  # noqa: ARG001
    """Keep when callers phone."""
    copies.keep_calling_hours(session, events)


@listeners.projection(PatientErased)
def erase_patients(session: Session, events: Sequence[PatientErased], *, now: datetime) -> None:
    """Erase what is kept of patients; a projection, so that it happens again wherever copies are made anew."""
    erasures.erase_patients(session, [event.envelope for event in events], now=now)


@listeners.effect(PatientStatusChanged)
def follow_the_search(session: Session, event: PatientStatusChanged, *, now: datetime) -> None:
    """Hold, release or withdraw the patient's requests, as the search stands now."""
    # what a place brings about for other requests is done where the place is recorded
    ended = event.caused_by_place is None and ends_all_requests(event.previous_status, event.patient.status)
    ended_at = event.envelope.time if ended else None
    consequences.follow_search(session, event.patient.id, last=event.patient, ended_at=ended_at, now=now)


@listeners.effect(PatientMerged)
def follow_merge(session: Session, event: PatientMerged, *, dependencies: Dependencies, now: datetime) -> None:
    """Let the requests of a merged patient be those of the kept one."""
    merging.follow_merge(session, event, rules=dependencies.rules, now=now)


@listeners.effect(PatientTherapistsExcluded)
def withdraw_from_excluded_therapists(session: Session, event: PatientTherapistsExcluded, *, now: datetime) -> None:
    """Withdraw what has not gone out to therapists whom the patient excludes now."""
    consequences.withdraw_from_excluded_therapists(session, event.patient.id, now=now)


@listeners.effect(TherapistBlocked, TherapistDeactivated)
def withdraw_from_therapist(session: Session, event: UnavailableEvent, *, now: datetime) -> None:
    """Withdraw what has not gone out to a therapist who is not available now."""
    consequences.withdraw_from_unavailable_therapist(session, event.therapist.id, now=now)


@listeners.effect(TherapistMerged)
def follow_merged_therapist(
    session: Session, event: TherapistMerged, *, dependencies: Dependencies, now: datetime
) -> None:
    """Let the requests to a merged therapist be requests to the kept one."""
    merged_therapists.follow_merge(session, event, rules=dependencies.rules, now=now)


@listeners.effect(TherapistRemoved)
def withdraw_from_removed_therapist(session: Session, event: TherapistRemoved, *, now: datetime) -> None:
    """Withdraw what was decided while the therapist was removed."""
    consequences.withdraw_from_removed_therapist(session, event.therapist_id, now=now)


@listeners.effect(InquiryComposed)
def queue(session: Session, event: InquiryComposed, *, now: datetime) -> None:
    """The requests are in an inquiry that has not gone out."""
    contacts.record_composed(session, event.placement_request_ids, contact=_contact(event), now=now)


@listeners.effect(InquiryDissolved)
def take_out_of_the_queue(session: Session, event: InquiryDissolved, *, now: datetime) -> None:
    """The requests wait to be composed again."""
    contacts.record_dissolved(session, event.placement_request_ids, contact=_contact(event), now=now)


@listeners.effect(EmailSent)
def record_email(session: Session, event: EmailSent, *, now: datetime) -> None:
    """An inquiry went out by e-mail; confirmations and withdrawals are contacts that change no request."""
    if event.kind == EmailKind.INQUIRY:
        contacts.record_email(
            session, event.placement_request_ids, contact=_contact(event), sent_at=event.sent_at, now=now
        )
    elif event.kind in (EmailKind.CONFIRMATION, EmailKind.WITHDRAWAL):
        kind = EmailKind(event.kind)
        contacts.record_notice(session, event.placement_request_ids, kind, sent_at=event.sent_at, now=now)


@listeners.effect(EmailBounced)
def take_email_back(session: Session, event: EmailBounced, *, now: datetime) -> None:
    """An e-mail came back: it was no contact. One to a patient never was."""
    if event.kind != EmailKind.PATIENT_NOTICE:
        bounced_emails.follow(session, event, now=now)


@listeners.effect(AttemptsUsedUp)
def give_up_calling(session: Session, event: AttemptsUsedUp, *, dependencies: Dependencies, now: datetime) -> None:
    """Nobody was reached in all the attempts there are."""
    contacts.record_attempts_used_up(
        session, event.placement_request_ids, contact=_contact(event), rules=dependencies.rules, now=now
    )


def _contact(event: InquiryComposed | InquiryDissolved | EmailSent | CallRecorded | AttemptsUsedUp) -> ContactEvent:
    return ContactEvent(inquiry_id=event.inquiry_id, event_time=event.envelope.time)


@listeners.effect(CallRecorded)
def record_call(session: Session, event: CallRecorded, *, dependencies: Dependencies, now: datetime) -> None:
    """A practice was called, or called back."""
    if event.result == CallResult.REACHED:
        contacts.record_call(
            session,
            event.placement_request_ids,
            event.answers,
            contact=_contact(event),
            direction=event.direction,
            occurred_at=event.occurred_at,
            by=event.recorded_by,
            rules=dependencies.rules,
            now=now,
        )
    else:
        contacts.record_unanswered_call(
            session,
            event.placement_request_ids,
            event.result,
            direction=event.direction,
            occurred_at=event.occurred_at,
            by=event.recorded_by,
            now=now,
        )


@listeners.effect(CallCorrected)
def take_call_back(session: Session, event: CallCorrected, *, dependencies: Dependencies, now: datetime) -> None:
    """What was recorded of a call was a mistake."""
    corrected_calls.follow(session, event, rules=dependencies.rules, now=now)


@listeners.effect(EmailAnswered)
def take_written_answers(session: Session, event: EmailAnswered, *, dependencies: Dependencies, now: datetime) -> None:
    """A practice answered an e-mail."""
    contacts.record_written_answers(
        session,
        event.answers,
        channel=Channel(event.channel or Channel.EMAIL),
        occurred_at=event.occurred_at,
        event_time=event.envelope.time,
        by=event.recorded_by,
        rules=dependencies.rules,
        now=now,
    )
