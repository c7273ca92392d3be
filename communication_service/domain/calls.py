"""Calls to practices: their lists, and what a caller may say (docs/domain.md#contact-rule-7)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from communication_service.domain import (
    answers,
    call_notes,
    call_scripts,
    call_states,
    practice_hours,
    practice_summaries,
)
from communication_service.domain.call_sheet_schemas import CalledAboutPatient, CalledTherapist, LastContact
from communication_service.domain.practice_summaries import NO_SUMMARIES, SheetSummaries
from communication_service.domain.schemas import (
    PhoneCallFields,
    PhoneCallFilter,
    PhoneCallView,
)
from communication_service.domain.template_words import diagnosis_group
from communication_service.settings import ContactRules
from communication_service.store import call_queries, callers, copy_queries, lists, locks, request_queries
from communication_service.store.tables import PatientPseudonym, PhoneCall, PracticeCopy
from shared.database import Session
from shared.database.listing import Found
from shared.database.rows import check_version, require
from shared.security.patient_texts import PatientTexts
from shared.values.contacts import format_phone
from shared.values.datetimes import start_of_berlin_day
from shared.values.enums import CallStatus
from shared.values.lists import Listed, ListRequest


def list_part(
    session: Session, texts: PatientTexts, wanted: ListRequest[PhoneCallFilter], *, by: UUID | None
) -> Listed:
    """A part of the calls; `by` is who `me` is."""
    found = find(session, wanted, by=by)
    return found.shown(fields_of(session, texts, found.rows))


def find(session: Session, wanted: ListRequest[PhoneCallFilter], *, by: UUID | None) -> Found[PhoneCall]:
    """The rows of a part of the calls."""
    filters = wanted.filters
    starts = [day for day in (filters.date, filters.from_) if day is not None]
    ends = [day for day in (filters.date, filters.to) if day is not None]
    return lists.phone_calls(
        session,
        wanted.part,
        first=start_of_berlin_day(max(starts)) if starts else None,
        before=start_of_berlin_day(min(ends) + timedelta(days=1)) if ends else None,
        patient_id=filters.patient_id,
        therapist_id=filters.therapist_id,
        status=filters.status,
        direction=filters.direction,
        caller_id=_caller_ids(session, filters, by),
    )


def _caller_ids(session: Session, filters: PhoneCallFilter, by: UUID | None) -> list[UUID | None]:
    """The callers that are meant; of somebody who is none of them the account, which no call has as its caller."""
    return [
        (callers.caller_of_account(session, by) or by) if each == "me" else UUID(each) for each in filters.caller_id
    ]


def get(
    session: Session,
    texts: PatientTexts,
    call_id: UUID,
    summaries: SheetSummaries = NO_SUMMARIES,
    *,
    rules: ContactRules,
    now: datetime,
) -> PhoneCallView:
    """One call with what the caller may say, these summaries among it; raises `NotFound`."""
    call = require(call_queries.phone_call(session, call_id), "phone_call")
    return view(session, texts, call, summaries, rules=rules, now=now)


def view_without_asking(
    session: Session, texts: PatientTexts, call: PhoneCall, *, rules: ContactRules, now: datetime
) -> PhoneCallView:
    """A call where nobody was asked for summaries: it says that they are missing, unless there are none."""
    session.flush()
    are_missing = bool(practice_summaries.patients_of_call(session, call.id))
    return view(session, texts, call, SheetSummaries(are_missing=are_missing), rules=rules, now=now)


def fields_of(session: Session, texts: PatientTexts, calls: Sequence[PhoneCall]) -> list[PhoneCallFields]:
    """These calls as clients see them."""
    return [PhoneCallFields.of(each) for each in _fields(session, texts, calls)]


def _fields(session: Session, texts: PatientTexts, calls: Sequence[PhoneCall]) -> list[dict[str, Any]]:
    """The fields of calls as clients see them; their notes are decrypted together."""
    notes = call_notes.read(session, texts, calls)
    corrections = call_notes.read(session, texts, calls, of="corrections")
    names = PhoneCallFields.model_fields.keys() - {"note", "correction"}
    return [
        {name: getattr(call, name) for name in names} | {"note": notes[call.id], "correction": corrections[call.id]}
        for call in calls
    ]


def view(
    session: Session,
    texts: PatientTexts,
    call: PhoneCall,
    summaries: SheetSummaries = NO_SUMMARIES,
    *,
    rules: ContactRules,
    now: datetime,
) -> PhoneCallView:
    """A call with its practice and patients, as clients see it."""
    therapist = copy_queries.therapist(session, call.therapist_id)
    of_requests = request_queries.patients_of_requests(session, call.placement_request_ids)
    patients = copy_queries.patients(session, of_requests.values())
    # who is named is not described beside that: nothing about health stands next to a name
    named = {each.placement_request_id for each in summaries.identities}
    known = [
        (request_id, patients[of_requests[request_id]])
        for request_id in call.placement_request_ids
        if of_requests.get(request_id) in patients and request_id not in named
    ]
    pseudonyms = [patient for _, patient in known]
    script = call_scripts.script(session, therapist, pseudonyms, rules=rules) if therapist else None
    is_planned = call.status == CallStatus.PLANNED
    until = practice_hours.reachable_until(session, therapist, rules=rules, now=now) if is_planned else None
    said = answers.views(session, texts, lists.answers_to(session, calls=[call.id]))
    return PhoneCallView.of(
        _fields(session, texts, [call])[0]
        | {"therapist": called_therapist(therapist) if therapist else None, "script": script, "responses": said}
        | {"patients": [spoken_of(*each, summaries) for each in known]}
        | {"practice_summaries_missing": summaries.are_missing, "reachable_until": until}
        | {"identities": list(summaries.identities), "last_contacts": _last_contacts(session, call)}
    )


def _last_contacts(session: Session, call: PhoneCall) -> list[LastContact]:
    therapists = copy_queries.with_merged(session, call.therapist_id)
    return [LastContact.of(each) for each in lists.newest_contacts(session, therapists, besides=call.id, limit=5)]


def called_therapist(therapist: PracticeCopy) -> CalledTherapist:
    """Whom one calls."""
    return CalledTherapist(
        name=" ".join(filter(None, (therapist.title, therapist.first_name, therapist.last_name))),
        phone=format_phone(therapist.phone) if therapist.phone else None,
        mobile=format_phone(therapist.mobile) if therapist.mobile else None,
        phone_hours=therapist.phone_hours,
        note=therapist.call_note,
    )


def spoken_of(
    request_id: UUID, patient: PatientPseudonym, summaries: SheetSummaries = NO_SUMMARIES
) -> CalledAboutPatient:
    """What may be said of a patient on the phone."""
    return CalledAboutPatient(
        placement_request_id=request_id,
        reference=patient.reference,
        other_references=patient.other_references,
        age=patient.age,
        gender=patient.gender,
        insurance_type=patient.insurance_type,
        diagnosis_group=diagnosis_group(patient.diagnosis_block),
        practice_summary=summaries.by_patient.get(patient.id),
        availability=patient.availability,
        prior_therapy_within_two_years=patient.prior_therapy_within_two_years,
    )


def lock(session: Session, call_id: UUID) -> PhoneCall:
    """Wait until nobody else changes what goes to the call's practice; a clock read after this is not too early.

    Returns the call, locked; raises `NotFound`.
    """
    known = require(call_queries.phone_call(session, call_id), "phone_call")
    locks.lock_therapist(session, known.therapist_id)
    call = call_queries.phone_call(session, call_id, lock=True)
    assert call is not None  # calls are never deleted
    return call


def lock_planned(session: Session, call_id: UUID, expected_versions: Collection[int] | None = None) -> PhoneCall:
    """The same of a call that is still to be made. Raises `NotFound`, `LostUpdate`, `Conflict`."""
    call = lock(session, call_id)
    check_version(call, expected_versions, "phone_call")
    call_states.require_planned(call)
    return call


def wait_for(session: Session, call_id: UUID) -> None:
    """The same before the instant of a request is read."""
    lock(session, call_id)
