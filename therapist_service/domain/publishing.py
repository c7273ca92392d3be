"""What other services are to know of therapists, with each change, and all of it for `republish`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.database import Session
from shared.events.catalogue import (
    Payload,
    PublicCapacity,
    PublicPreferences,
    PublicTherapist,
    TherapistMerged,
    TherapistRemoved,
    TherapistUpdated,
)
from shared.values.unchecked import unchecked
from therapist_service.store import queries
from therapist_service.store.tables import Therapist

State = TherapistUpdated | TherapistMerged | TherapistRemoved

_HOURS = ("phone_hours", "working_hours")
_OBJECTS: Mapping[str, type[Payload]] = {"capacity": PublicCapacity, "preferences": PublicPreferences}
_PUBLISHED_FROM = PublicTherapist.model_fields.keys() - {"blocked_until"} | {"block_until"}


def public(therapist: Therapist) -> PublicTherapist:
    """What other services may know of the therapist."""
    return PublicTherapist(**_published({name: getattr(therapist, name) for name in _PUBLISHED_FROM}))


def public_row(row: Mapping[str, Any]) -> PublicTherapist:
    """The same from a row of the table whose values were checked already, as those of an import were."""
    return unchecked(PublicTherapist, _published(row))


def snapshots(
    session: Session,
    *,
    after: UUID,
    limit: int,
    now: datetime,  # noqa: ARG001 - all have it
) -> Sequence[tuple[Therapist, State]]:
    """The next therapists after this id, locked, and what other services are to know of them now."""
    found = queries.therapists_after(session, after, limit=limit)
    return [(therapist, _state(therapist)) for therapist in found]


def _state(therapist: Therapist) -> State:
    if therapist.merged_into is not None:
        return TherapistMerged(therapist_id=therapist.id, merged_into=therapist.merged_into)
    if therapist.removed_at is not None:
        return TherapistRemoved(therapist_id=therapist.id)
    return TherapistUpdated(therapist=public(therapist))


def _published(row: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a row as they are published, among others."""
    fields = dict(row)
    for name in _HOURS:
        fields[name] = row[name].to_json() if row[name] else None
    for name, kind in _OBJECTS.items():
        fields[name] = kind.model_validate(row[name]) if row[name] else None
    fields["blocked_until"] = row["block_until"]
    return fields
