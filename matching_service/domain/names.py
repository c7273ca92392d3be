"""What people call therapists and patients in lists: ids say nothing to them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from matching_service.store import queries
from shared.database import Session


@dataclass(frozen=True)
class Names:
    """The names of those whom a part of a list is about."""

    therapists: Mapping[UUID, tuple[str | None, str | None]]
    references: Mapping[UUID, str | None]

    def of_therapist(self, id: UUID) -> dict[str, str | None]:
        """The fields that name a therapist; nulls for one who is not known here."""
        name, city = self.therapists.get(id, (None, None))
        return {"therapist_name": name, "therapist_city": city}

    def of_patient(self, id: UUID) -> dict[str, str | None]:
        """The field that names a patient; null for one who is not known here, or was erased."""
        return {"patient_reference": self.references.get(id)}


def names_of(session: Session, *, patients: Collection[UUID], therapists: Collection[UUID] = ()) -> Names:
    """What these are called now."""
    with session.no_autoflush:  # the caller may be in the middle of a change
        known = queries.names_of_therapists(session, set(therapists))
        return Names(known, queries.references_of_patients(session, set(patients)))
