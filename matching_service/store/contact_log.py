"""Named questions to the contact log."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, select, text
from sqlalchemy.orm import Session

from matching_service.store.tables import IS_LIVE, PatientContact, PlacementRequest, TherapistCopy
from shared.database.listing import Found, Listing
from shared.values.lists import Part
from shared.values.periods import SpanOfDays

CONTACT_LOG: Final = Listing(
    sorts={
        "recorded_at": (PatientContact.number,),
        "occurred_at": (PatientContact.occurred_at, PatientContact.number),
    },
    default="recorded_at",
    identity=PatientContact.id,
)

_FILES = text("""
    WITH RECURSIVE files AS (
        SELECT CAST(:id AS uuid) AS id
        UNION
        SELECT merged.id FROM patients AS merged JOIN files ON merged.merged_into = files.id
    )
    SELECT id FROM files ORDER BY id
""")


def files_of(session: Session, patient_id: UUID) -> list[UUID]:
    """The patient's id, and those of all who were merged into the patient, one after another."""
    return list(session.scalars(_FILES, {"id": patient_id}))


def part_of_log(
    session: Session, patient_ids: Collection[UUID], period: SpanOfDays, part: Part, **wanted: Collection[object] | None
) -> Found[PatientContact]:
    """A part of the contacts for a patient with these files whose columns have one of these values; None: any."""
    conditions = [getattr(PatientContact, name).in_(values) for name, values in wanted.items() if values is not None]
    return CONTACT_LOG.read(session, _of(patient_ids, period).where(*conditions), part)


def therapists_of(session: Session, patient_ids: Collection[UUID]) -> Sequence[UUID]:
    """The therapists of all contacts for a patient with these files."""
    of_files = select(PatientContact.therapist_id).where(PatientContact.patient_id.in_(patient_ids))
    return session.scalars(of_files.distinct()).all()


def whole_log(session: Session, patient_ids: Collection[UUID], period: SpanOfDays) -> Sequence[PatientContact]:
    """All contacts for a patient with these files, in the order in which they took place."""
    ordered = _of(patient_ids, period).order_by(PatientContact.occurred_at, PatientContact.number)
    return session.scalars(ordered).all()


def entry(session: Session, patient_ids: Collection[UUID], entry_id: UUID) -> PatientContact | None:
    """One entry of the log of a patient with these files."""
    found: PatientContact | None = session.scalar(_of(patient_ids, SpanOfDays()).where(PatientContact.id == entry_id))
    return found


def corrections_of(session: Session, entry_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """The entries that correct these, by the corrected ones."""
    wanted = select(PatientContact.corrects, PatientContact.id).where(PatientContact.corrects.in_(entry_ids))
    return {row.corrects: row.id for row in session.execute(wanted)} if entry_ids else {}


_REQUEST_BEHIND = text("""
    WITH RECURSIVE chain AS (
        SELECT placement_request_id, corrects FROM contact_log_entries WHERE id = :id
        UNION ALL
        SELECT entry.placement_request_id, entry.corrects
        FROM contact_log_entries AS entry JOIN chain ON entry.id = chain.corrects
    )
    SELECT placement_request_id FROM chain WHERE placement_request_id IS NOT NULL LIMIT 1
""")


def request_behind(session: Session, entry_id: UUID) -> UUID | None:
    """The request that an entry belongs to, or the first one that it corrects, directly or by another correction."""
    found: UUID | None = session.scalar(_REQUEST_BEHIND, {"id": entry_id})
    return found


_IS_ANSWERED = text("""
    WITH RECURSIVE chain AS (
        SELECT id, result FROM contact_log_entries
        WHERE patient_id = ANY (CAST(:patient_ids AS uuid[])) AND placement_request_id = :request_id
          AND result = ANY (:results)
        UNION ALL
        SELECT entry.id, entry.result FROM contact_log_entries AS entry JOIN chain ON entry.corrects = chain.id
    )
    SELECT EXISTS (
        SELECT FROM chain WHERE result = ANY (:results)
          AND NOT EXISTS (SELECT FROM contact_log_entries AS correction WHERE correction.corrects = chain.id)
    )
""")


def is_answered(session: Session, request: PlacementRequest, results: Collection[str]) -> bool:
    """Whether the log has one of these results of a request, also as the correction of one, that counts."""
    files = [str(each) for each in files_of(session, request.patient_id)]
    wanted = {"patient_ids": files, "request_id": request.id, "results": sorted(results)}
    return bool(session.scalar(_IS_ANSWERED, wanted))


def _of(patient_ids: Collection[UUID], period: SpanOfDays) -> Select[Any]:
    wanted = select(PatientContact).where(PatientContact.patient_id.in_(patient_ids))
    if period.since is not None:
        wanted = wanted.where(PatientContact.occurred_at >= period.since)
    if period.before is not None:
        wanted = wanted.where(PatientContact.occurred_at < period.before)
    return wanted


def practice(session: Session, therapist_id: UUID) -> Any:
    """What is known of a therapist's practice at this moment; None where nobody is known."""
    known = select(
        *(TherapistCopy.name, TherapistCopy.street, TherapistCopy.house_number, TherapistCopy.postal_code),
        *(TherapistCopy.city, TherapistCopy.accreditation),
    ).where(TherapistCopy.id == therapist_id, TherapistCopy.status.is_not(None))
    with session.no_autoflush:  # the caller is in the middle of a change
        return session.execute(known).one_or_none()


def live_request(session: Session, patient_id: UUID, therapist_id: UUID) -> PlacementRequest | None:
    """The request for the patient to the therapist that is not over, or whose place goes on."""
    pair = (PlacementRequest.patient_id == patient_id, PlacementRequest.therapist_id == therapist_id)
    return session.scalar(select(PlacementRequest).where(*pair, text(IS_LIVE)))
