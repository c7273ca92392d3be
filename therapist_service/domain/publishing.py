"""What other services may know of therapists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.events.catalogue import Payload, PublicCapacity, PublicPreferences, PublicTherapist
from therapist_service.store.tables import Therapist

_HOURS = ("phone_hours", "working_hours")
_OBJECTS: Mapping[str, type[Payload]] = {"capacity": PublicCapacity, "preferences": PublicPreferences}
_PUBLISHED_AS_THEY_ARE = PublicTherapist.model_fields.keys() - {*_HOURS, *_OBJECTS, "blocked_until"}
_PUBLISHED_FROM = _PUBLISHED_AS_THEY_ARE | {*_HOURS, *_OBJECTS, "block_until"}


def public(therapist: Therapist) -> PublicTherapist:
    """What other services may know of the therapist."""
    return PublicTherapist(**_published({name: getattr(therapist, name) for name in _PUBLISHED_FROM}))


def public_row(row: Mapping[str, Any]) -> PublicTherapist:
    """The same from a row of the table whose values were checked already, as those of an import were."""
    return PublicTherapist.model_construct(**_published(row))


def _published(row: Mapping[str, Any]) -> dict[str, Any]:
    fields = {name: row[name] for name in _PUBLISHED_AS_THEY_ARE}
    for name in _HOURS:
        fields[name] = row[name].to_json() if row[name] else None
    for name, kind in _OBJECTS.items():
        fields[name] = kind.model_validate(row[name]) if row[name] else None
    fields["blocked_until"] = row["block_until"]
    return fields
