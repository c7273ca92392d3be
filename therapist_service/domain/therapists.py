"""What staff do with therapists."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence, Set
from datetime import date, datetime
from typing import Any
from uuid import UUID

from shared.database import Session, first_version, new_id
from shared.database.rows import check_version, require
from shared.errors import Conflict, FieldProblem, RuleBroken
from shared.events.catalogue import (
    PublicTherapist,
    TherapistBlocked,
    TherapistRegistered,
    TherapistUnblocked,
    TherapistUpdated,
)
from shared.events.event import Event
from shared.events.outbox import record
from shared.values.enums import TherapistStatus
from shared.values.lists import Listed, ListRequest, View
from shared.values.postal_codes import coordinates_problem
from shared.values.schemas import MergePatch, merged
from therapist_service.domain import search, states
from therapist_service.domain.schemas import (
    PLACE,
    Block,
    ChangedTherapist,
    ImportedFields,
    NewBlock,
    NewTherapist,
    Source,
    TherapistFields,
    TherapistFilter,
    TherapistLabel,
    TherapistView,
)
from therapist_service.store import lists, queries
from therapist_service.store.tables import Therapist

PROTECTABLE = frozenset(ImportedFields.model_fields)
"""The fields that an import could overwrite."""

_PUBLISHED_AS_THEY_ARE = PublicTherapist.model_fields.keys() - {"phone_hours", "working_hours", "blocked_until"}
_PUBLISHED_FROM = _PUBLISHED_AS_THEY_ARE | {"phone_hours", "working_hours", "block_until"}

FILTERED = ("gender", "status", "accreditation")
"""Filters with several values, each of the column of its name."""


def view(therapist: Therapist) -> TherapistView:
    """The therapist as clients see it."""
    fields = {name: getattr(therapist, name) for name in TherapistFields.model_fields}
    return TherapistView.of(
        {
            **fields,
            "id": therapist.id,
            "created_at": therapist.created_at,
            "updated_at": therapist.updated_at,
            "updated_by": therapist.updated_by,
            "version": therapist.version,
            "status": therapist.status,
            "block": _block(therapist),
            "last_email_on": therapist.last_email_on,
            "last_call_on": therapist.last_call_on,
            "last_conversation_on": therapist.last_conversation_on,
            "protected_fields": therapist.protected_fields,
            "protected_by": therapist.protected_by,
            "registered_by": therapist.registered_by,
            "source": _source(therapist),
        }
    )


def _block(therapist: Therapist) -> Block | None:
    if therapist.block_reason is None or therapist.block_since is None:
        return None
    return Block(
        reason=therapist.block_reason,
        since=therapist.block_since,
        until=therapist.block_until,
        blocked_by=therapist.blocked_by,
    )


def _source(therapist: Therapist) -> Source | None:
    if therapist.source_name is None or therapist.external_id is None:
        return None
    return Source(name=therapist.source_name, external_id=therapist.external_id, last_seen_at=therapist.last_seen_at)


def public(therapist: Therapist) -> PublicTherapist:
    """What other services may know of the therapist."""
    return PublicTherapist(**_published({name: getattr(therapist, name) for name in _PUBLISHED_FROM}))


def public_row(row: Mapping[str, Any]) -> PublicTherapist:
    """The same from a row of the table whose values were checked already, as those of an import were."""
    return PublicTherapist.model_construct(**_published(row))


def _published(row: Mapping[str, Any]) -> dict[str, Any]:
    fields = {name: row[name] for name in _PUBLISHED_AS_THEY_ARE}
    for name in ("phone_hours", "working_hours"):
        fields[name] = row[name].to_json() if row[name] else None
    fields["blocked_until"] = row["block_until"]
    return fields


def label(therapist: Therapist) -> TherapistLabel:
    """What names the therapist."""
    name = " ".join(filter(None, (therapist.title, therapist.first_name, therapist.last_name)))
    return TherapistLabel(id=therapist.id, name=name, city=therapist.city)


def list_part(session: Session, wanted: ListRequest[TherapistFilter]) -> Listed:
    """A part of the therapists who are wanted. Raises `InvalidFields` for a search of too many words."""
    filters, part = wanted.filters, wanted.part
    conditions = [
        *lists.fields_are(
            city_folded=search.folded_city(filters.city), potentially_available=filters.potentially_available
        ),
        *lists.fields_are_among(**{name: getattr(filters, name) for name in FILTERED}),
    ]
    if filters.procedure:
        conditions.append(lists.offers_one_of(filters.procedure))
    if filters.postal_code:
        conditions.append(lists.has_postal_code_like(filters.postal_code))
    if filters.within_km is not None and filters.of_postal_code is not None:
        conditions.append(lists.is_within(filters.within_km, search.centre(filters.of_postal_code)))
    if filters.q is None:
        found = lists.therapists(session, conditions, part)
    elif (words := search.wanted(filters.q)) is None:
        return Listed([], 0, None if part.count_by is None else {}, None)
    else:
        conditions.append(lists.has_words(words))
        found = lists.found_therapists(session, conditions, part, at_most=search.MOST_FOUND)
    # a row has fields of the table alone
    show: Mapping[View, Callable[[Therapist], Any]] = {"full": view, "row": lambda each: each, "label": label}
    return found.shown([show[wanted.view](each) for each in found.rows])


def get(session: Session, therapist_id: UUID) -> TherapistView:
    """One therapist; raises `NotFound`."""
    return view(_get(session, therapist_id))


def register(session: Session, new: NewTherapist, *, by: UUID | None, now: datetime) -> TherapistView:
    """Enter a therapist by hand; what staff typed is protected from imports."""
    therapist = Therapist(id=new_id(), registered_by=by, **first_version(by=by, now=now), **values_of(new))
    states.register(therapist)
    _protect_only(therapist, new.model_fields_set & PROTECTABLE, by)
    _make_findable(therapist)
    session.add(therapist)
    record(session, therapist, TherapistRegistered(therapist=public(therapist)), now=now)
    return view(therapist)


def change(
    session: Session,
    therapist_id: UUID,
    patch: MergePatch,
    *,
    expected_versions: Collection[int] | None,
    by: UUID | None,
    now: datetime,
) -> TherapistView:
    """Change fields of a therapist; what changes is protected from imports from now on.

    Raises `NotFound`, `LostUpdate`, and `InvalidFields` or a `ValidationError` for fields that do not fit.
    """
    therapist = _get(session, therapist_id, lock=True)
    check_version(therapist, expected_versions, "therapist")
    current = view(therapist)
    sent = patch.changes_to(current)
    changes = {**_coordinates_to_drop(current, sent), **sent}
    wanted = merged(ChangedTherapist, current, changes)
    changed = {name for name in changes if getattr(wanted, name) != getattr(current, name)}
    if not changed:
        return current
    _protect(therapist, wanted, changed & sent.keys(), by)
    for name, value in values_of(wanted).items():
        if name in changed:
            setattr(therapist, name, value)
    if changed & set(search.COLUMNS_ARE_OF):
        _make_findable(therapist)
    return _changed(session, therapist, TherapistUpdated, by=by, now=now)


def _coordinates_to_drop(current: TherapistView, sent: Mapping[str, Any]) -> dict[str, None]:
    """The coordinates where those that are stored do not fit the postal code any more, and no others were sent."""
    if PLACE & sent.keys():
        return {}
    postal_code = sent.get("postal_code", current.postal_code)
    return dict.fromkeys(PLACE) if coordinates_problem(postal_code, current.latitude, current.longitude) else {}


def _make_findable(therapist: Therapist) -> None:
    for name, value in search.columns({name: getattr(therapist, name) for name in search.COLUMNS_ARE_OF}).items():
        setattr(therapist, name, value)


def _protect(therapist: Therapist, wanted: ChangedTherapist, changed: set[str], by: UUID | None) -> None:
    unknown = set(wanted.protected_fields) - set(therapist.protected_fields)
    if unknown:
        problem = FieldProblem.of("protected_fields", "field.new_entries")
        raise RuleBroken("therapist.protection", errors=[problem])
    _protect_only(therapist, changed & PROTECTABLE, by, still=wanted.protected_fields)


def _protect_only(therapist: Therapist, now_set: Set[str], by: UUID | None, *, still: Collection[str] = ()) -> None:
    """Protect what was set just now, and what `still` is; each field keeps who set it last."""
    known = therapist.protected_by or {}
    editor = None if by is None else str(by)
    therapist.protected_fields = sorted(now_set | set(still))
    therapist.protected_by = {
        name: editor if name in now_set else known.get(name) for name in therapist.protected_fields
    }


def block(
    session: Session, therapist_id: UUID, new: NewBlock, *, by: UUID | None, today: date, now: datetime
) -> TherapistView:
    """Let nobody contact this therapist; a block on top of a block replaces reason and end."""
    if new.until is not None and new.until < today:
        raise RuleBroken("therapist.block_in_the_past", errors=[FieldProblem.of("until", "field.before_today")])
    therapist = _get(session, therapist_id, lock=True)
    states.block(therapist, reason=new.reason, until=new.until, by=by, today=today)
    return _changed(session, therapist, TherapistBlocked, by=by, now=now)


def unblock(session: Session, therapist_id: UUID, *, by: UUID | None, now: datetime) -> TherapistView:
    """Lift the block; a therapist who was inactive before is inactive again. Raises `Conflict` when not blocked."""
    therapist = _get(session, therapist_id, lock=True)
    if therapist.status != TherapistStatus.BLOCKED:
        raise Conflict("therapist.not_blocked")
    return _lift_block(session, therapist, by=by, now=now)


def lift_blocks_that_ran_out(session: Session, *, today: date, now: datetime, at_most: int = 100) -> int:
    """Unblock therapists whose block ended before today; returns the number of them."""
    ended = queries.blocks_that_ran_out(session, today=today, limit=at_most)
    for therapist in ended:
        _lift_block(session, therapist, by=None, now=now)
    return len(ended)


def _lift_block(session: Session, therapist: Therapist, *, by: UUID | None, now: datetime) -> TherapistView:
    states.unblock(therapist)
    return _changed(session, therapist, TherapistUnblocked, by=by, now=now)


def snapshots(
    session: Session,
    *,
    after: UUID,
    limit: int,
    now: datetime,  # noqa: ARG001 - all have it
) -> Sequence[tuple[Therapist, TherapistUpdated]]:
    """The next therapists after this id, locked, and what other services are to know of them now."""
    found = queries.therapists_after(session, after, limit=limit)
    return [(therapist, TherapistUpdated(therapist=public(therapist))) for therapist in found]


def _changed(session: Session, therapist: Therapist, event: Any, *, by: UUID | None, now: datetime) -> TherapistView:
    therapist.count_change(by=by, now=now)
    change: Event = event(therapist=public(therapist))
    record(session, therapist, change, now=now)
    return view(therapist)


def values_of(fields: TherapistFields | ImportedFields) -> dict[str, Any]:
    """Column values of validated fields."""
    values = {name: getattr(fields, name) for name in type(fields).model_fields if name != "protected_fields"}
    if "holidays" in values:
        values["holidays"] = [holiday.to_json() for holiday in values["holidays"]]
    return values


def _get(session: Session, therapist_id: UUID, *, lock: bool = False) -> Therapist:
    return require(queries.therapist(session, therapist_id, lock=lock), "therapist")
