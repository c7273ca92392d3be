"""The entries of sources that are a therapist: as clients see them, and what those had said that do not lead."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from shared.database import Session
from therapist_service.domain.review_rules import as_json
from therapist_service.domain.schemas import ImportedFields, Source, SourceEntry
from therapist_service.store import source_queries
from therapist_service.store.tables import Therapist


@dataclass
class SourcesOfTherapist:
    """Where imports know a therapist from."""

    all: list[SourceEntry] = field(default_factory=list)
    """The newest first; those that are gone come last."""

    @property
    def newest(self) -> Source | None:
        """The entry that says what the therapist is like; None where people entered them."""
        return Source.of(self.all[0]) if self.all else None


def record_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields among these values that records have, in JSON."""
    return {name: as_json(values[name]) for name in ImportedFields.model_fields if name in values}


def keep_record_of_leading(session: Session, therapist: Therapist) -> None:
    """Keep with the entry that leads what the therapist is like, since another one may lead from now on."""
    leading = source_queries.leading_entries(session, [therapist.id])
    like_this = record_of({name: getattr(therapist, name) for name in ImportedFields.model_fields})
    source_queries.keep_records(session, dict.fromkeys(leading.values(), like_this))


def of_therapists(session: Session, therapist_ids: Collection[UUID]) -> dict[UUID, SourcesOfTherapist]:
    """Where imports know each of these therapists from."""
    found = {id: SourcesOfTherapist() for id in therapist_ids}
    entries = source_queries.of_therapists(session, therapist_ids)
    for entry in sorted(entries, key=lambda each: (each.gone_at is None, each.id), reverse=True):
        shown = {name: getattr(entry, name) for name in ("external_id", "last_seen_at", "gone_at")}
        found[entry.therapist_id].all.append(SourceEntry(name=entry.source_name, **shown))
    return found
