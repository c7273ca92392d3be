"""The contact log of a patient: each contact with a practice and its result, which proves the search to the insurer.

Entries are only added (docs/domain.md#contact-rule-12): by what happens to placement requests, and by hand.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from matching_service.domain import shown_files, states
from matching_service.domain.contact_log_schemas import (
    ContactLogEntryView,
    ContactLogFilter,
    NewContactLogEntry,
    PracticeThen,
)
from matching_service.domain.known_patients import known_patient, unknown_patient
from matching_service.domain.possible_contacts import ANSWERS, SENT, earliest
from matching_service.store import contact_log, queries
from matching_service.store.tables import AuditLogEntry, PatientContact, PatientCopy, PlacementRequest
from shared.database import Session, new_id
from shared.database.rows import require
from shared.errors import Conflict, FieldProblem, RuleBroken
from shared.events.catalogue import ContactEntered
from shared.events.outbox import record_all
from shared.security.patient_texts import PatientTexts
from shared.values.contact_log_enums import ContactResult
from shared.values.datetimes import CLOCKS_MAY_DIFFER, berlin_day
from shared.values.enums import RequestStatus
from shared.values.lists import Listed, ListRequest
from shared.values.periods import SpanOfDays

_OF_ROW = ContactLogEntryView.model_fields.keys() - {"therapist_id", "practice", "corrected_by", "note"}


@dataclass(frozen=True)
class Contact:
    """What an entry of a request's audit log says of a contact."""

    result: str
    direction: str | None
    corrects: UUID | None = None
    """The entry instead of which it counts."""


def add_of_request(
    session: Session,
    request: PlacementRequest,
    contact: Contact,
    *,
    id: UUID,
    occurred_at: datetime,
    channel: str | None,
    by: UUID | None,
    now: datetime,
    available_from: date | None = None,
    note: bytes | None = None,
) -> None:
    """Add a contact for a placement request; the note is encrypted, about the request.

    What corrects another entry took place when and how that one says, with the practice as it was then.
    """
    corrected = None if contact.corrects is None else session.get(PatientContact, contact.corrects)
    session.add(
        PatientContact(
            id=id,
            patient_id=request.patient_id,
            therapist_id=request.therapist_id,
            placement_request_id=request.id,
            occurred_at=corrected.occurred_at if corrected else occurred_at,
            recorded_at=now,
            recorded_by=by,
            channel=corrected.channel if corrected else channel,
            direction=corrected.direction if corrected else contact.direction,
            result=contact.result,
            available_from=available_from,
            corrects=contact.corrects,
            note=note,
            **(_practice_of(corrected) if corrected else _practice(session, request.therapist_id)),
        )
    )


def _practice_of(entry: PatientContact) -> dict[str, str | None]:
    return {name: getattr(entry, name) for name in ("practice_name", "practice_address", "practice_accreditation")}


def _practice(session: Session, therapist_id: UUID) -> dict[str, str | None]:
    """The columns that say how the practice is known now; all None where it is not."""
    known = contact_log.practice(session, therapist_id)
    if known is None:
        return {"practice_name": None, "practice_address": None, "practice_accreditation": None}
    street = " ".join(part for part in (known.street, known.house_number) if part)
    town = " ".join(part for part in (known.postal_code, known.city) if part)
    return {
        "practice_name": known.name,
        "practice_address": ", ".join(part for part in (street, town) if part) or None,
        "practice_accreditation": known.accreditation,
    }


def enter(
    session: Session,
    texts: PatientTexts,
    patient_id: UUID,
    new: NewContactLogEntry,
    *,
    by: UUID | None,
    now: datetime,
) -> ContactLogEntryView:
    """Add a contact that staff know of: a letter, a fax, a visit, a call that came in.

    It changes no placement request. Raises `NotFound` for a patient who is not known, `Conflict` for one who was
    erased, for what is an answer to a request (also as the correction of a contact for it), and where the corrected
    entry was corrected already, or is what the platform sent; `RuleBroken` for a time that cannot be, a practice that
    is not known or not that of the corrected entry, and an entry that is not in this log.
    """
    patient = _lock_patient(session, patient_id)
    when = "occurred_at" if new.occurred_on is None else "occurred_on"
    if new.at > now + CLOCKS_MAY_DIFFER:
        raise _wrong(FieldProblem.of(when, "field.in_the_future"))
    corrected = None if new.corrects is None else _correctable(session, patient_id, new.corrects)
    _require_possible_day(patient, corrected, when, berlin_day(new.at), today=berlin_day(now))
    therapist_id = queries.kept_therapist(session, new.therapist_id)
    # who was removed since is not known any more, and still is whom the corrected contact was with
    practice = _practice(session, therapist_id) if corrected is None else _practice_of(corrected)
    if practice["practice_name"] is None:
        practice = _practice(session, therapist_id)
    if corrected is None and practice["practice_name"] is None:
        raise _wrong(FieldProblem.of("therapist_id", "field.nobody_known"))
    if corrected is not None and queries.kept_therapist(session, corrected.therapist_id) != therapist_id:
        raise _wrong(FieldProblem.of("therapist_id", "field.another_practice"))
    if new.result in ANSWERS:
        _require_no_answer_of_request(session, patient_id, therapist_id, corrected)
    entry = PatientContact(
        id=new_id(),
        patient_id=patient_id,
        therapist_id=therapist_id,
        occurred_at=min(new.at, now),
        recorded_at=now,
        recorded_by=by,
        channel=new.channel,
        direction=new.direction,
        result=new.result,
        available_from=new.available_from,
        corrects=new.corrects,
        **practice,
    )
    entry.note = texts.encrypt(session, patient_id, entry.id, new.note)
    session.add(entry)
    session.flush()
    if corrected is None:
        event = ContactEntered(contact_id=entry.id, therapist_id=therapist_id, occurred_at=entry.occurred_at)
        record_all(session, [(entry.id, 1, event)], now=now)
    shown_files.note(session, patient_id, "changed", by=by, now=now)
    return _views(session, texts, [entry])[0]


def _lock_patient(session: Session, patient_id: UUID) -> PatientCopy:
    """The patient, locked; who was erased or merged at this moment is refused."""
    if found := queries.lock_patients(session, [patient_id]).get(patient_id):
        return found
    if queries.was_erased(session, patient_id):
        raise Conflict("contact_log.patient_erased")
    raise unknown_patient(session, patient_id)


def _wrong(problem: FieldProblem) -> RuleBroken:
    return RuleBroken("contact_log.invalid", field=problem.field, problem=problem.sentence, errors=[problem])


def _correctable(session: Session, patient_id: UUID, entry_id: UUID) -> PatientContact:
    entry = contact_log.entry(session, contact_log.files_of(session, patient_id), entry_id)
    if entry is None:
        raise _wrong(FieldProblem.of("corrects", "field.not_in_this_log"))
    if entry.placement_request_id is not None and _is_corrected_at_request(session, entry):
        raise Conflict("contact_log.answer_of_request", request=str(entry.placement_request_id))
    if entry.placement_request_id is not None and entry.result in SENT:
        raise Conflict("contact_log.sent_by_platform")
    if contact_log.corrections_of(session, [entry_id]):
        raise Conflict("contact_log.corrected_already")
    return entry


def _is_corrected_at_request(session: Session, entry: PatientContact) -> bool:
    """Whether this is an answer to a request that counts there, or does again once a later one is taken back.

    One that came to a request that was over, or answered, had no effect and is corrected here.
    """
    if entry.result not in ANSWERS:
        return entry.result == ContactResult.TAKEN_BACK
    request = session.get_one(PlacementRequest, entry.placement_request_id)
    if request.merged_into is not None:
        return False  # there the answer of the other one is corrected
    if request.answer_entry_id == entry.id:
        return True
    had_effect = session.get_one(AuditLogEntry, entry.id).status == RequestStatus.DEFERRED
    is_corrected = bool(contact_log.corrections_of(session, [entry.id]))
    return entry.result == ContactResult.LATER and had_effect and not is_corrected


def _require_possible_day(
    patient: PatientCopy, corrected: PatientContact | None, field: str, day: date, *, today: date
) -> None:
    """Raise `RuleBroken` for a day long before the search, unless a contact of such a day is corrected."""
    first = earliest(patient.search_started_on, today)
    if corrected is not None:
        first = min(first, berlin_day(corrected.occurred_at))
    if day < first:
        raise _wrong(FieldProblem.of(field, "field.before_the_search", day=first))


def _require_no_answer_of_request(
    session: Session, patient_id: UUID, therapist_id: UUID, corrected: PatientContact | None
) -> None:
    """An answer to a request changes the request, so that it is recorded there, also where it corrects a contact."""
    request_id = None if corrected is None else contact_log.request_behind(session, corrected.id)
    is_answer = corrected is not None and corrected.result in ANSWERS
    if request_id is not None and not is_answer:
        raise Conflict("contact_log.contact_of_request", request=str(request_id))
    if request_id is None and is_answer:
        return  # the same answer in other words
    request = contact_log.live_request(session, patient_id, therapist_id)
    if request is not None and request.status in states.TAKES_AN_ANSWER:
        raise Conflict("contact_log.request_waits", request=str(request.id))


def get(
    session: Session, texts: PatientTexts, patient_id: UUID, entry_id: UUID, *, by: UUID | None, now: datetime
) -> ContactLogEntryView:
    """One entry of a patient's log, which is noted as an access to the file; raises `NotFound`."""
    known_patient(session, patient_id)
    found = contact_log.entry(session, contact_log.files_of(session, patient_id), entry_id)
    entry = require(found, "contact_log_entry")
    shown_files.note(session, patient_id, "read", by=by, now=now)
    return _views(session, texts, [entry])[0]


def list_part(
    session: Session,
    texts: PatientTexts,
    patient_id: UUID,
    wanted: ListRequest[ContactLogFilter],
    *,
    by: UUID | None,
    now: datetime,
) -> Listed:
    """A part of the contacts for a patient, which is noted as an access to the file; raises `NotFound`."""
    known_patient(session, patient_id)
    shown_files.note(session, patient_id, "exported" if wanted.part.is_export else "read", by=by, now=now)
    files = contact_log.files_of(session, patient_id)
    filters = wanted.filters
    found = contact_log.part_of_log(
        session,
        files,
        filters,
        wanted.part,
        channel=filters.channel or None,
        result=filters.result or None,
        therapist_id=_under_any_id(session, files, filters.therapist_id) if filters.therapist_id else None,
    )
    return found.shown(_views(session, texts, found.rows))


def _under_any_id(session: Session, files: Sequence[UUID], therapist_ids: Collection[UUID]) -> list[UUID]:
    """The therapists of the log who are these, also under the id of one who was merged into one of them."""
    kept = queries.kept_therapists(session, contact_log.therapists_of(session, files))
    return [then for then, now in kept.items() if not {then, now}.isdisjoint(therapist_ids)]


def of_files(session: Session, texts: PatientTexts, patient_ids: Sequence[UUID]) -> list[ContactLogEntryView]:
    """All contacts for a patient with these files, in the order in which they took place."""
    return _views(session, texts, contact_log.whole_log(session, patient_ids, SpanOfDays()))


def _views(session: Session, texts: PatientTexts, entries: Sequence[PatientContact]) -> list[ContactLogEntryView]:
    notes = texts.read(session, [(each.note, each.placement_request_id or each.id) for each in entries])
    corrections = contact_log.corrections_of(session, [each.id for each in entries])
    kept = queries.kept_therapists(session, {each.therapist_id for each in entries})
    return [
        ContactLogEntryView.of(
            {name: getattr(each, name) for name in _OF_ROW}
            | {"therapist_id": kept[each.therapist_id], "practice": practice_then(each)}
            | {"corrected_by": corrections.get(each.id), "note": notes[each.note]}
        )
        for each in entries
    ]


def practice_then(entry: PatientContact) -> PracticeThen:
    """The practice as it was known when the entry was made."""
    return PracticeThen.of(
        {
            "name": entry.practice_name,
            "address": entry.practice_address,
            "accreditation": entry.practice_accreditation,
        }
    )
