"""The contact log of a patient: each contact with a practice and its result, which proves the search to the insurer.

Entries are only added (docs/domain.md#contact-rule-12): by what happens to placement requests, and by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from matching_service.store import contact_log, queries
from matching_service.store.tables import PatientContact, PlacementRequest
from shared.database import Session, new_id
from shared.database.rows import require
from shared.errors import Conflict, FieldProblem, RuleBroken
from shared.security.patient_texts import PatientTexts
from shared.values.contact_log_enums import ContactResult
from shared.values.datetimes import CLOCKS_MAY_DIFFER
from shared.values.enums import RequestOutcome
from shared.values.lists import Listed, ListRequest
from shared.values.periods import SpanOfDays

_OF_ROW = ContactLogEntryView.model_fields.keys() - {"therapist_id", "practice", "corrected_by", "note"}
ANSWERS = frozenset(ContactResult(each) for each in RequestOutcome)
"""The results that are answers of a practice."""


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
    entry was corrected already; `RuleBroken` for a time that cannot be, a practice that is not known, and an entry that
    is not in this log.
    """
    _lock_patient(session, patient_id)
    if new.occurred_at > now + CLOCKS_MAY_DIFFER:
        raise _wrong(FieldProblem.of("occurred_at", "field.in_the_future"))
    corrected = None if new.corrects is None else _correctable(session, patient_id, new.corrects)
    therapist_id = queries.kept_therapist(session, new.therapist_id)
    practice = _practice(session, therapist_id)
    if practice["practice_name"] is None:
        raise _wrong(FieldProblem.of("therapist_id", "field.nobody_known"))
    if new.result in ANSWERS:
        _require_no_answer_of_request(session, patient_id, therapist_id, corrected)
    entry = PatientContact(
        id=new_id(),
        patient_id=patient_id,
        therapist_id=therapist_id,
        occurred_at=min(new.occurred_at, now),
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
    shown_files.note(session, patient_id, "changed", by=by, now=now)
    return _views(session, texts, [entry])[0]


def _lock_patient(session: Session, patient_id: UUID) -> None:
    """Lock the patient; who was erased or merged at this moment is refused."""
    if queries.lock_patients(session, [patient_id]):
        return
    if queries.was_erased(session, patient_id):
        raise Conflict("contact_log.patient_erased")
    raise unknown_patient(session, patient_id)


def _wrong(problem: FieldProblem) -> RuleBroken:
    return RuleBroken("contact_log.invalid", field=problem.field, problem=problem.sentence, errors=[problem])


def _correctable(session: Session, patient_id: UUID, entry_id: UUID) -> PatientContact:
    entry = contact_log.entry(session, contact_log.files_of(session, patient_id), entry_id)
    if entry is None:
        raise _wrong(FieldProblem.of("corrects", "field.not_in_this_log"))
    if entry.placement_request_id is not None and entry.result in ANSWERS | {ContactResult.TAKEN_BACK}:
        raise Conflict("contact_log.answer_of_request", request=str(entry.placement_request_id))
    if contact_log.corrections_of(session, [entry_id]):
        raise Conflict("contact_log.corrected_already")
    return entry


def _require_no_answer_of_request(
    session: Session, patient_id: UUID, therapist_id: UUID, corrected: PatientContact | None
) -> None:
    """An answer to a request changes the request, so that it is recorded there, also where it corrects a contact."""
    request_id = None if corrected is None else contact_log.request_behind(session, corrected.id)
    if request_id is not None:
        raise Conflict("contact_log.contact_of_request", request=str(request_id))
    if corrected is not None and corrected.result in ANSWERS and corrected.therapist_id == therapist_id:
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
    found = contact_log.part_of_log(session, files, wanted.filters, wanted.part)
    return found.shown(_views(session, texts, found.rows))


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
