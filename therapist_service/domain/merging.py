"""Two entries of one therapist become one (docs/decisions/0037-removing-and-merging-therapists.md).

One id stays. The row of the other one says who was kept; sources, reviews and what is known of contacts are the kept
one's, and the history of the kept one has that of both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from shared.database import ChangedMeanwhile, Session
from shared.errors import Conflict, NotFound
from shared.events.catalogue import TherapistBlocked, TherapistMerged, TherapistUpdated
from shared.events.outbox import record
from shared.values.therapist_enums import TherapistChangeAction
from therapist_service.domain import change_log, search, sources, states, therapists
from therapist_service.domain.capacity_rules import NOTHING_STATED
from therapist_service.domain.change_log import Change, ChangeOrigin
from therapist_service.domain.schemas import TherapistFields, TherapistMerge, TherapistView
from therapist_service.store import queries, source_queries
from therapist_service.store.tables import Therapist

ADDRESS: Final = ("street", "house_number", "postal_code", "city", "latitude", "longitude")
"""The fields that are filled together, where the kept one has none of them."""
BY_THEMSELVES: Final = {
    name: info.default
    for name, info in TherapistFields.model_fields.items()
    if name not in ADDRESS and not info.is_required()
}
"""The fields that are filled each by itself, with the value of a new therapist."""
DAYS: Final = ("last_asked_on", "last_email_on", "last_call_on", "last_conversation_on")


def merge(session: Session, kept_id: UUID, wanted: TherapistMerge, *, by: UUID | None, now: datetime) -> TherapistView:
    """Keep this therapist, and let the other one be the same.

    Raises `NotFound` for either; `Conflict` for one and the same, and where one of the two was merged before.
    """
    kept, merged, earlier = _locked(session, kept_id, wanted.duplicate_id)
    before = change_log.columns_of(kept)
    for each in (kept, merged):
        sources.keep_record_of_leading(session, each)
    for name, value in _filled(kept, merged).items():
        setattr(kept, name, value)
    _take_protection(kept, merged, before)
    for name in DAYS:
        setattr(kept, name, max(filter(None, (getattr(kept, name), getattr(merged, name))), default=None))
    was_blocked = kept.block_reason is not None
    states.become_one(kept, merged)
    kept.merged_words = sorted({*kept.merged_words, *_words_of(merged)})
    therapists.make_findable(kept)
    session.flush()
    source_queries.reassign(session, merged.id, to=kept.id)
    for each in (merged, *earlier):
        _point_at(session, each, kept, by=by, now=now)
    event = TherapistBlocked if kept.block_reason is not None and not was_blocked else TherapistUpdated
    origin = ChangeOrigin(changed_by=by)
    return therapists.save(
        session, kept, event, before=before, origin=origin, now=now, action=TherapistChangeAction.MERGED
    )


def _locked(session: Session, kept_id: UUID, merged_id: UUID) -> tuple[Therapist, Therapist, Sequence[Therapist]]:
    """Both therapists, and those who were merged into the second one before, locked in the order of their ids.

    Raises `ChangedMeanwhile` where somebody was merged into it while we waited.
    """
    if kept_id == merged_id:
        raise Conflict("therapist.same_one")
    expected = {kept_id, merged_id, *queries.merged_into(session, [merged_id])}
    queries.lock_therapists(session, expected)
    kept, merged = queries.therapist(session, kept_id, lock=True), queries.therapist(session, merged_id, lock=True)
    if kept is None or kept.removed_at is not None:
        raise NotFound("therapist")
    if merged is None or merged.removed_at is not None:
        raise NotFound("therapist", wording="duplicate")
    for each in (kept, merged):
        if each.merged_into is not None:
            raise therapists.naming_kept(each.merged_into, Conflict("therapist.merged_before"))
    earlier = queries.merged_into(session, [merged_id])
    if not {*earlier} <= expected:
        raise ChangedMeanwhile
    found = (queries.therapist(session, each, lock=True) for each in earlier)
    return kept, merged, [each for each in found if each is not None]


def _filled(kept: Therapist, merged: Therapist) -> Mapping[str, Any]:
    """The fields that the kept one has of the other: those in which it says nothing itself."""
    found = {
        name: getattr(merged, name)
        for name, default in BY_THEMSELVES.items()
        if getattr(kept, name) in (default, None) and getattr(merged, name) not in (default, None)
    }
    if not any(getattr(kept, name) for name in ADDRESS):
        found |= {name: getattr(merged, name) for name in ADDRESS}
    if kept.capacity is None and merged.capacity is not None:
        found |= {name: getattr(merged, name) for name in NOTHING_STATED}
    return found


def _words_of(therapist: Therapist) -> list[str]:
    return search.words_of({name: getattr(therapist, name) for name in search.COLUMNS_ARE_OF})


def _take_protection(kept: Therapist, merged: Therapist, before: Mapping[str, Any]) -> None:
    """What staff had set of the other one is left alone by imports here too, where it was taken over."""
    taken = {name for name in merged.protected_fields if getattr(kept, name) != before[name]}
    kept.protected_fields = sorted({*kept.protected_fields, *taken})
    kept.protected_by = {name: each for name, each in merged.protected_by.items() if name in taken} | kept.protected_by


def _point_at(session: Session, merged: Therapist, kept: Therapist, *, by: UUID | None, now: datetime) -> None:
    """Publish who is kept of a therapist; of those who were merged into the merged one before as well."""
    merged.merged_into = kept.id
    merged.count_change(by=by, now=now)
    record(session, merged, TherapistMerged(therapist_id=merged.id, merged_into=kept.id), now=now)
    difference = [{"field": "merged_into", "before": None, "after": str(kept.id)}]
    entry = Change(merged.id, TherapistChangeAction.MERGED, ChangeOrigin(changed_by=by), difference)
    change_log.add(session, [entry], now=now)
