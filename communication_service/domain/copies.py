"""Copies of therapists, patients and places, kept from events; what waits for one is scheduled again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from communication_service.domain import suppressions
from communication_service.store import copy_queries, schedule
from communication_service.store import suppressions as suppression_queries
from communication_service.store.tables import PatientPseudonym, PracticeCopy, PracticePlace
from shared.database import Session
from shared.database.copies import erase_copies, keep_merged, keep_newest, keep_removed, week_of
from shared.events.catalogue import (
    AddressGeocoded,
    PatientErased,
    PatientMerged,
    PublicPatient,
    PublicTherapist,
    TherapistMerged,
    TherapistRemoved,
)
from shared.events.event import EventEnvelope
from shared.values.contacts import writable_mailbox
from shared.values.text import lines, one_line

ADDRESS = ("street", "house_number", "postal_code", "city")
LINES_OF_THERAPIST = ("salutation", "title", "first_name", "last_name", *ADDRESS)
"""Texts that people write and read: brought to one form here too, since their publisher need not have done so."""
SAME_IN_THERAPIST = (
    "id", "gender", "phone", "mobile", "email", "holidays", "potentially_available", "contact_preference",
    "email_opt_out", "status",
)  # fmt: skip
SAME_IN_PATIENT = (
    "id", "age", "gender", "insurance_type", "reimbursement_case", "diagnosis_block", "has_practice_summary",
    "has_patient_mail", "prior_therapy_within_two_years", "status", "paused_until", "search_started_on",
)  # fmt: skip


def keep_therapists(
    session: Session,
    states: Sequence[tuple[PublicTherapist, EventEnvelope]],
    merged: Sequence[TherapistMerged] = (),
    removed: Sequence[TherapistRemoved] = (),
    *,
    now: datetime,
) -> None:
    """Keep the published states of therapists, each with its envelope.

    Of who was merged it keeps only into whom, of who was removed nothing.

    An opt-out covers everyone at the address.

    What counts is how the copies change: a state that is older than a copy, or comes again, opts nobody out.
    """
    rows = [_therapist(therapist, envelope) for therapist, envelope in states]
    ids: set[UUID] = {row["id"] for row in rows}
    before = suppression_queries.opt_outs(session, ids)
    ends = [{"id": e.therapist_id, "merged_into": e.merged_into, **e.envelope.position()} for e in merged]
    gone = [{"id": e.therapist_id, **e.envelope.position()} for e in removed]
    _lock_if_several(session, rows, ends, gone, lock=copy_queries.lock_therapists)
    keep_newest(session, PracticeCopy, rows)
    keep_merged(session, PracticeCopy, ends)
    keep_removed(session, PracticeCopy, gone)
    concerned = {*(row["id"] for row in (*ends, *gone)), *(e.merged_into for e in merged)}
    if concerned:
        schedule.add(session, schedule.to_therapists(concerned), at=now)
    suppressions.follow_opt_outs(session, before, ids, now=now)  # docs/domain.md#import-rule-7


def keep_patients(
    session: Session,
    states: Sequence[tuple[PublicPatient, EventEnvelope]],
    merged: Sequence[PatientMerged] = (),
    erased: Sequence[PatientErased] = (),
    *,
    now: datetime,
) -> None:
    """Keep the published states of patients, each with its envelope; of who was merged, only into whom.

    Whatever has not gone out to a practice is planned anew at once: for the others alone, if somebody was erased.
    """
    rows = [_patient(patient, envelope) for patient, envelope in states]
    ends = [{"id": e.patient_id, "merged_into": e.merged_into, **e.envelope.position()} for e in merged]
    tombstones = [{"id": e.patient_id, **e.envelope.position()} for e in erased]
    ids: set[UUID] = {row["id"] for row in (*rows, *ends, *tombstones)}
    _lock_if_several(session, rows, ends, tombstones, lock=copy_queries.lock_patients)
    keep_newest(session, PatientPseudonym, rows)
    keep_merged(session, PatientPseudonym, ends)
    erase_copies(session, PatientPseudonym, tombstones)
    schedule.add(session, schedule.of_patients(ids), at=now)


def _lock_if_several(
    session: Session, *kinds: Sequence[dict[str, Any]], lock: Callable[[Session, Iterable[UUID]], None]
) -> None:
    """Lock copies that several statements write, each in an order of its own."""
    if len([each for each in kinds if each]) > 1:
        lock(session, {row["id"] for rows in kinds for row in rows})


def keep_places(session: Session, events: Sequence[AddressGeocoded], *, now: datetime) -> None:
    """Keep the federal states of therapists' addresses; whether an address is still the current one is asked later."""
    rows = [
        {
            "id": event.owner_id,
            **event.envelope.position(),
            **_lines(event, ADDRESS),
            "federal_states": event.states,
        }
        for event in events
        if event.owner_kind == "therapist"
    ]
    if rows:
        keep_newest(session, PracticePlace, rows)
        ids: set[UUID] = {row["id"] for row in rows}
        schedule.add(session, schedule.to_therapists(ids), at=now)


def federal_states(therapist: PracticeCopy, place: PracticePlace | None) -> frozenset[str]:
    """The states the practice may lie in, as `NW`; none where unknown, also while a new address is being looked up."""
    if place is None:
        return frozenset()
    is_current = all(getattr(place, name) == getattr(therapist, name) for name in ADDRESS)
    return frozenset(place.federal_states) if is_current else frozenset()


def _therapist(state: PublicTherapist, envelope: EventEnvelope) -> dict[str, Any]:
    return {
        **{name: getattr(state, name) for name in SAME_IN_THERAPIST},
        **_lines(state, LINES_OF_THERAPIST),
        "email_key": writable_mailbox(state.email),  # an address nobody can write to is none: the practice is phoned
        "phone_hours": week_of(state.id, state.phone_hours),
        "call_note": lines(state.call_note) if state.call_note else None,
        "merged_into": None,
        **envelope.position(),
    }


def _patient(state: PublicPatient, envelope: EventEnvelope) -> dict[str, Any]:
    return {
        **{name: getattr(state, name) for name in SAME_IN_PATIENT},
        **_lines(state, ("reference",)),
        "other_references": [one_line(each) for each in state.other_references],
        "availability": week_of(state.id, state.availability),
        "merged_into": None,
        **envelope.position(),
    }


def _lines(state: object, names: Sequence[str]) -> dict[str, str | None]:
    texts: dict[str, str | None] = {name: getattr(state, name) for name in names}
    return {name: None if text is None else one_line(text) for name, text in texts.items()}
