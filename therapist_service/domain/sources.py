"""The entries of sources that are a therapist, as clients see them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import UUID

from shared.database import Session
from therapist_service.domain.schemas import Source, SourceEntry
from therapist_service.store import source_queries


@dataclass
class SourcesOfTherapist:
    """Where imports know a therapist from."""

    all: list[SourceEntry] = field(default_factory=list)
    """The newest first; those that are gone come last."""

    @property
    def newest(self) -> Source | None:
        """The entry that says what the therapist is like; None where people entered them."""
        return Source.of(self.all[0]) if self.all else None


def of_therapists(session: Session, therapist_ids: Collection[UUID]) -> dict[UUID, SourcesOfTherapist]:
    """Where imports know each of these therapists from."""
    found = {id: SourcesOfTherapist() for id in therapist_ids}
    entries = source_queries.of_therapists(session, therapist_ids)
    for entry in sorted(entries, key=lambda each: (each.gone_at is None, each.id), reverse=True):
        shown = {name: getattr(entry, name) for name in ("external_id", "last_seen_at", "gone_at")}
        found[entry.therapist_id].all.append(SourceEntry(name=entry.source_name, **shown))
    return found
