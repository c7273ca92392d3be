"""The evidence of a search: the contact log of a patient, counted for the insurer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from matching_service.domain import shown_files
from matching_service.domain.contact_log_schemas import ContactLogFilter
from matching_service.domain.known_patients import known_patient
from matching_service.settings import Organisation
from matching_service.store import contact_log, queries
from matching_service.store.tables import PatientContact
from shared.database import Session
from shared.values.contact_log_enums import ContactResult
from shared.values.datetimes import berlin_day
from shared.values.lists import ListRequest


@dataclass(frozen=True)
class Evidence:
    """The contacts for one patient within a period, in the order in which they took place."""

    organisation: Organisation
    reference: str
    made_on: date
    searching_since: date | None
    """When the patient's present search, or the last one, began."""
    first_day: date | None
    """That was asked for, or else that of the first contact; None where there is neither. The last one likewise."""
    last_day: date | None
    entries: Sequence[PatientContact]
    corrections: Mapping[UUID, UUID]
    """The entry that counts instead of each that was corrected, also one that lies outside the period."""
    therapists: Mapping[UUID, UUID]
    """Who stands for each therapist of an entry: mostly themselves."""

    @property
    def counted(self) -> list[PatientContact]:
        """The contacts that took place: those that no other entry corrects, and that were not taken back."""
        return [
            each for each in self.entries if each.id not in self.corrections and each.result != ContactResult.TAKEN_BACK
        ]


def read(
    session: Session,
    patient_id: UUID,
    wanted: ListRequest[ContactLogFilter],
    *,
    organisation: Organisation,
    by: UUID | None,
    today: date,
    now: datetime,
) -> Evidence:
    """The contacts for a patient within the wanted period, noted as an export of the file. Raises `NotFound`."""
    patient = known_patient(session, patient_id)
    shown_files.note(session, patient_id, "exported", by=by, now=now)
    entries = contact_log.whole_log(session, contact_log.files_of(session, patient_id), wanted.filters)
    corrections = contact_log.corrections_of(session, [each.id for each in entries])
    session.expunge_all()  # the document is written when the transaction is over
    days = [berlin_day(each.occurred_at) for each in entries]
    return Evidence(
        organisation=organisation,
        reference=patient.reference or "",
        made_on=today,
        searching_since=patient.search_started_on,
        first_day=wanted.filters.from_ or min(days, default=None),
        last_day=wanted.filters.to or max(days, default=None),
        entries=entries,
        corrections=corrections,
        therapists=queries.kept_therapists(session, {each.therapist_id for each in entries}),
    )
