"""What staff do with therapists."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

from shared.database import Session, first_version, new_id
from shared.database.rows import check_version, require
from shared.errors import Conflict, FieldProblem, Forbidden, NotFound, PlatformError, RuleBroken
from shared.events.catalogue import (
    TherapistBlocked,
    TherapistDeactivated,
    TherapistRegistered,
    TherapistUnblocked,
    TherapistUpdated,
)
from shared.events.outbox import record
from shared.values.enums import Role
from shared.values.lists import Listed, ListRequest, View
from shared.values.postal_codes import coordinates_problem
from shared.values.schemas import MergePatch, Schema, merged
from shared.values.therapist_enums import TherapistChangeAction
from shared.values.weekly import Weekly
from therapist_service.domain import (
    change_log,
    duplicates,
    entity_resolution,
    phone_hours,
    publishing,
    search,
    sources,
    states,
)
from therapist_service.domain.capacity_rules import NOTHING_STATED
from therapist_service.domain.capacity_schemas import Capacity
from therapist_service.domain.change_log import Change, ChangeOrigin
from therapist_service.domain.change_schemas import FieldOrigin
from therapist_service.domain.schemas import (
    PLACE,
    Block,
    ChangedTherapist,
    ImportedFields,
    NewTherapist,
    TherapistFields,
    TherapistFilter,
    TherapistLabel,
    TherapistView,
)
from therapist_service.domain.sources import SourcesOfTherapist
from therapist_service.store import lists, queries, source_queries
from therapist_service.store.tables import Therapist

PROTECTABLE = frozenset(ImportedFields.model_fields)
"""The fields that an import could overwrite."""
CHANGED_IN_A_CALL = frozenset({"phone", "mobile", "email", "call_note"})
"""What people who call practices may change, since they learn it in a call."""
CHANGES_EVERYTHING = frozenset({Role.ADMIN, Role.COORDINATOR})

FILTERED = ("gender", "status", "accreditation")
"""Filters with several values, each of the column of its name."""
_FOUND_BY = frozenset({*search.COLUMNS_ARE_OF, *entity_resolution.KEY_FIELDS})
"""The fields of which the columns are made by which people and imports find a therapist."""


Refusal = TypeVar("Refusal", bound=PlatformError)
ChangeEvent = type[TherapistBlocked] | type[TherapistDeactivated] | type[TherapistUnblocked] | type[TherapistUpdated]
ACTIONS: Mapping[ChangeEvent, TherapistChangeAction] = {
    TherapistBlocked: TherapistChangeAction.BLOCKED,
    TherapistDeactivated: TherapistChangeAction.DEACTIVATED,
    TherapistUnblocked: TherapistChangeAction.UNBLOCKED,
    TherapistUpdated: TherapistChangeAction.CHANGED,
}
"""What the log calls a change that is published with this event."""


def view(session: Session, therapist: Therapist) -> TherapistView:
    """The therapist as clients see it."""
    return _full_views(session, [therapist])[0]


def _full_views(session: Session, rows: Sequence[Therapist]) -> list[TherapistView]:
    known_as = sources.of_therapists(session, [each.id for each in rows])
    origins = change_log.field_origins(session, rows)
    return [_shown(each, known_as[each.id], origins[each.id]) for each in rows]


def _shown(therapist: Therapist, known_as: SourcesOfTherapist, origins: Mapping[str, FieldOrigin]) -> TherapistView:
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
            "inactive_by": therapist.inactive_by,
            "capacity": capacity_of(therapist),
            "free_individual_from": therapist.free_individual_from,
            "free_group_from": therapist.free_group_from,
            "potentially_available": therapist.potentially_available,
            "phone_hours_check": phone_hours.check(
                therapist.accreditation, therapist.seat_share, therapist.phone_hours
            ),
            "last_asked_on": therapist.last_asked_on,
            "last_email_on": therapist.last_email_on,
            "last_call_on": therapist.last_call_on,
            "last_conversation_on": therapist.last_conversation_on,
            "protected_fields": therapist.protected_fields,
            "protected_by": therapist.protected_by,
            "registered_by": therapist.registered_by,
            "source": known_as.newest,
            "sources": known_as.all,
            "field_origins": origins,
        }
    )


def capacity_of(therapist: Therapist) -> Capacity:
    """What was said last of places; unknown where nobody has said anything."""
    return Capacity.of(therapist.capacity or {})


def _block(therapist: Therapist) -> Block | None:
    if therapist.block_reason is None or therapist.block_since is None:
        return None
    return Block(
        reason=therapist.block_reason,
        since=therapist.block_since,
        until=therapist.block_until,
        blocked_by=therapist.blocked_by,
    )


def label(therapist: Therapist) -> TherapistLabel:
    """What names the therapist."""
    name = " ".join(filter(None, (therapist.title, therapist.first_name, therapist.last_name)))
    return TherapistLabel(id=therapist.id, name=name, city=therapist.city)


def list_part(session: Session, wanted: ListRequest[TherapistFilter], *, today: date) -> Listed:
    """A part of the therapists who are wanted on this day. Raises `InvalidFields` for a search of too many words."""
    filters, part = wanted.filters, wanted.part
    conditions = [
        lists.who_is_there(),
        *lists.fields_are(
            city_folded=search.folded_city(filters.city), potentially_available=filters.potentially_available
        ),
        *lists.known_or_not(phone_hours=filters.has_phone_hours, email=filters.has_email),
        *lists.free_on(today, filters.free),
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
        conditions.append(lists.is_found_by(words, source_queries.known_as(session, filters.q)))
        found = lists.found_therapists(session, conditions, part, at_most=search.MOST_FOUND)
    return found.shown(_views(session, found.rows, wanted.view))


def _views(session: Session, rows: Sequence[Therapist], wanted: View) -> Sequence[Any]:
    if wanted == "full":
        return _full_views(session, rows)
    # a row has fields of the table alone
    return rows if wanted == "row" else [label(each) for each in rows]


def get(session: Session, therapist_id: UUID) -> TherapistView:
    """One therapist; raises `NotFound`."""
    return view(session, _get(session, therapist_id))


def register(
    session: Session, new: NewTherapist, *, by: UUID | None, now: datetime, force: bool = False
) -> TherapistView:
    """Enter a therapist by hand; what staff typed is protected from imports.

    Raises `Conflict` where others are known who may be the same, without `force`.
    """
    person = {name: getattr(new, name) for name in entity_resolution.COMPARED}
    duplicates.take_turns_of(session, [person])
    if not force and (known := duplicates.alike(session, person)):
        refusal = Conflict("therapist.suspected_duplicate", candidates=duplicates.ids_of(known))
        raise duplicates.naming(known, refusal)
    therapist = Therapist(
        id=new_id(), registered_by=by, **first_version(by=by, now=now), **values_of(new), **NOTHING_STATED
    )
    states.register(therapist)
    _protect_only(therapist, new.model_fields_set & PROTECTABLE, by)
    make_findable(therapist)
    session.add(therapist)
    record(session, therapist, TherapistRegistered(therapist=publishing.public(therapist)), now=now)
    set_by_staff = {name: value for name, value in values_of(new).items() if name in new.model_fields_set}
    difference = change_log.difference_of({}, set_by_staff)
    entry = Change(therapist.id, TherapistChangeAction.REGISTERED, ChangeOrigin(changed_by=by), difference)
    change_log.add(session, [entry], now=now)
    return view(session, therapist)


def change(
    session: Session,
    therapist_id: UUID,
    patch: MergePatch,
    *,
    expected_versions: Collection[int] | None,
    by: UUID | None,
    now: datetime,
    roles: Set[Role] = CHANGES_EVERYTHING,
    reason: str | None = None,
) -> TherapistView:
    """Change fields of a therapist; what changes is protected from imports from now on. `reason`: for the log.

    Raises `NotFound`, `LostUpdate`, `Forbidden` for what only others may change, and `InvalidFields` or a
    `ValidationError` for fields that do not fit.
    """
    therapist = locked(session, therapist_id, expected_versions)
    before, current = change_log.columns_of(therapist), view(session, therapist)
    sent = patch.changes_to(current)
    changes = {**_coordinates_to_drop(current, sent), **sent}
    wanted = merged(ChangedTherapist, current, changes)
    changed = {name for name in changes if getattr(wanted, name) != getattr(current, name)}
    if not changed:
        return current
    _refuse_what_others_change(changed & sent.keys(), roles)
    _protect(therapist, wanted, changed & sent.keys(), by)
    for name, value in values_of(wanted).items():
        if name in changed:
            setattr(therapist, name, value)
    if changed & _FOUND_BY:
        make_findable(therapist)
    origin = ChangeOrigin(changed_by=by, reason=reason)
    return save(session, therapist, TherapistUpdated, before=before, origin=origin, now=now)


def change_phone_hours(
    session: Session,
    therapist_id: UUID,
    hours: Weekly | None,
    *,
    expected_versions: Collection[int] | None,
    by: UUID | None,
    reason: str | None = None,
    now: datetime,
) -> TherapistView:
    """Replace the hours in which the practice answers the phone. Raises `NotFound` and `LostUpdate`."""
    patch = MergePatch({"phone_hours": hours}, {})
    return change(session, therapist_id, patch, expected_versions=expected_versions, by=by, reason=reason, now=now)


def _refuse_what_others_change(changed: Set[str], roles: Set[Role]) -> None:
    beyond = set() if roles & CHANGES_EVERYTHING else changed - CHANGED_IN_A_CALL
    if beyond:
        problems = [FieldProblem.of(name, "field.not_for_callers") for name in sorted(beyond)]
        raise Forbidden("therapist.not_for_callers", errors=problems)


def _coordinates_to_drop(current: TherapistView, sent: Mapping[str, Any]) -> dict[str, None]:
    """The coordinates where those that are stored do not fit the postal code any more, and no others were sent."""
    if PLACE & sent.keys():
        return {}
    postal_code = sent.get("postal_code", current.postal_code)
    return dict.fromkeys(PLACE) if coordinates_problem(postal_code, current.latitude, current.longitude) else {}


def make_findable(therapist: Therapist) -> None:
    """Bring the columns up to date by which people and imports find the therapist."""
    fields = {name: getattr(therapist, name) for name in _FOUND_BY}
    for name, value in {**search.columns(fields), **entity_resolution.keys(fields)}.items():
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


def save(
    session: Session,
    therapist: Therapist,
    event: ChangeEvent,
    *,
    before: Mapping[str, Any],
    origin: ChangeOrigin,
    now: datetime,
    action: TherapistChangeAction | None = None,
) -> TherapistView:
    """What `keep_change` does; returns the therapist as clients see it."""
    keep_change(session, therapist, event, before=before, origin=origin, now=now, action=action)
    return view(session, therapist)


def keep_change(
    session: Session,
    therapist: Therapist,
    event: ChangeEvent,
    *,
    before: Mapping[str, Any],
    origin: ChangeOrigin,
    now: datetime,
    action: TherapistChangeAction | None = None,
) -> None:
    """Count, log and publish what was changed of a therapist; `before` is what `change_log.columns_of` returned.

    Every change of a single therapist ends here. `action`: what the log calls it, where the event does not say it.
    """
    therapist.count_change(by=origin.changed_by, now=now)
    record(session, therapist, event(therapist=publishing.public(therapist)), now=now)
    difference = change_log.difference_of(before, change_log.columns_of(therapist))
    change_log.add(session, [Change(therapist.id, action or ACTIONS[event], origin, difference)], now=now)


def values_of(fields: TherapistFields | ImportedFields) -> dict[str, Any]:
    """Column values of validated fields."""
    values = {name: getattr(fields, name) for name in type(fields).model_fields if name != "protected_fields"}
    if "holidays" in values:
        values["holidays"] = [holiday.to_json() for holiday in values["holidays"]]
    return {name: value.to_json() if isinstance(value, Schema) else value for name, value in values.items()}


def locked(session: Session, therapist_id: UUID, expected_versions: Collection[int] | None = None) -> Therapist:
    """One therapist, whom nobody else can change before our transaction ends. Raises `NotFound` and `LostUpdate`."""
    therapist = _get(session, therapist_id, lock=True)
    check_version(therapist, expected_versions, "therapist")
    return therapist


def _get(session: Session, therapist_id: UUID, *, lock: bool = False) -> Therapist:
    known = require(queries.therapist(session, therapist_id, lock=lock), "therapist")
    if known.merged_into is not None:
        raise naming_kept(known.merged_into, NotFound("therapist", wording="merged"))
    return require(None if known.removed_at else known, "therapist")


def naming_kept(kept_id: UUID, refusal: Refusal) -> Refusal:
    """The refusal, which says of whom to read instead."""
    refusal.members["merged_into"] = {"id": str(kept_id)}
    return refusal
