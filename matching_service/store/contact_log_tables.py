"""The table of the contact log; `store/tables.py` has the others."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from matching_service.store.declarative import Tables
from shared.database import is_one_of
from shared.values.contact_log_enums import ContactResult
from shared.values.enums import Accreditation, Channel, Direction


class PatientContact(Tables):
    """One contact with one practice for one patient, and its result; only ever added (docs/domain.md#contact-rule-12).

    Patient and therapist are those of the time: who was merged since has the entries of the merged one, too.
    """

    __tablename__ = "contact_log_entries"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Where an entry of the audit log of a request says the same, its id."""
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    """The order in which entries were added: clocks of two machines, and so their ids, may differ."""
    patient_id: Mapped[UUID]
    therapist_id: Mapped[UUID]
    placement_request_id: Mapped[UUID | None] = mapped_column(ForeignKey("placement_requests.id"))
    """None for what staff entered by hand."""
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())
    recorded_by: Mapped[UUID | None]
    channel: Mapped[str | None]
    direction: Mapped[str | None]
    result: Mapped[str]
    available_from: Mapped[date | None]
    practice_name: Mapped[str | None]
    """This and the next two: as the practice was known here when the entry was made."""
    practice_address: Mapped[str | None]
    practice_accreditation: Mapped[str | None]
    corrects: Mapped[UUID | None] = mapped_column(ForeignKey("contact_log_entries.id"))
    """The entry instead of which this one counts."""
    note: Mapped[bytes | None]
    """Encrypted, about the request, or about the entry where there is none."""

    __table_args__ = (
        Index("ix_contact_log_entries_patient", "patient_id", "number"),
        Index("ix_contact_log_entries_occurred", "patient_id", "occurred_at", "number"),
        Index("ix_contact_log_entries_at", "occurred_at"),
        # of an entry one correction counts, the first; another one corrects that
        Index("uq_contact_log_entries_corrects", "corrects", unique=True),
        CheckConstraint(is_one_of("channel", Channel), name="channel"),
        CheckConstraint(is_one_of("direction", Direction), name="direction"),
        CheckConstraint(is_one_of("result", ContactResult), name="result"),
        CheckConstraint(is_one_of("practice_accreditation", Accreditation), name="practice_accreditation"),
        CheckConstraint("result <> 'taken_back' OR corrects IS NOT NULL", name="taken_back"),
    )
