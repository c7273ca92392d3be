"""Reviews: people decide what of an import is taken over (docs/domain.md#import-rule-4).

What staff have set since the file came stays, whatever is approved. Locks are taken as imports take them: therapists
first, then reviews.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from shared.database import Session
from shared.database.bulk_changes import change_each, take_turn_with_many
from shared.database.rows import require
from shared.errors import Conflict, FieldProblem, RuleBroken
from shared.values.bulk import MOST_AT_ONCE, ObjectOutcome, require_same, require_total
from shared.values.enums import ImportStatus, ReviewState
from shared.values.import_enums import FieldOutcome
from shared.values.lists import Listed, ListRequest
from therapist_service.domain import duplicates, review_approvals, review_rules, states
from therapist_service.domain.review_schemas import (
    ImportReviewView,
    ReviewApproval,
    ReviewBulkChange,
    ReviewFilter,
    ReviewRejection,
)
from therapist_service.store import import_queries, queries, review_lists, review_queries, source_queries
from therapist_service.store.tables import ImportReview

NAMED_BY: Final = ("last_name", "first_name", "city")
"""By what people know whom a review is about."""
UNDECIDED: Final = {ReviewState.PENDING: FieldOutcome.WAITING, ReviewState.SUPERSEDED: FieldOutcome.SUPERSEDED}


def view(session: Session, review: ImportReview) -> ImportReviewView:
    """The review as clients see it."""
    return _views(session, [review])[0]


def _views(session: Session, rows: Sequence[ImportReview]) -> list[ImportReviewView]:
    ids = {each.therapist_id for each in rows if each.therapist_id is not None}
    known = source_queries.therapist_rows(session, ids, lock=False)
    at_once = review_queries.applied_at_once(session, rows)
    people = [known[each.therapist_id] if each.therapist_id else each.proposed for each in rows]
    return [_shown(each, person, at_once[each.id]) for each, person in zip(rows, people, strict=True)]


def _shown(review: ImportReview, person: Mapping[str, Any], at_once: Sequence[Mapping[str, Any]]) -> ImportReviewView:
    differ = {row["field"] for row in review.difference}
    applied = [each for each in review.applied if each in differ]
    difference = [row | {"outcome": _outcome(review, row)} for row in review.difference]
    difference += [
        {**row, "protected": False, "outcome": FieldOutcome.APPLIED} for row in at_once if row["field"] not in differ
    ]
    elsewhere: dict[str, Any] = {"source": review.source_name, "applied_fields": applied, "difference": difference}
    elsewhere |= {name: person.get(name) for name in NAMED_BY}
    fields = ImportReviewView.model_fields.keys() - elsewhere.keys()
    return ImportReviewView.of({**{name: getattr(review, name) for name in fields}, **elsewhere})


def _outcome(review: ImportReview, row: Mapping[str, Any]) -> FieldOutcome:
    """What became of a field of the review: one that an approval left out counts as rejected."""
    if row["field"] in review.applied:
        return FieldOutcome.APPLIED
    if row["protected"]:
        return FieldOutcome.PROTECTED
    return UNDECIDED.get(ReviewState(review.state), FieldOutcome.REJECTED)


def list_part(session: Session, wanted: ListRequest[ReviewFilter]) -> Listed:
    """A part of the reviews."""
    found = review_lists.reviews(session, review_lists.conditions(**_conditions(wanted.filters)), wanted.part)
    return found.shown(_views(session, found.rows))


def get(session: Session, review_id: UUID) -> ImportReviewView:
    """One review; raises `NotFound`."""
    return view(session, _known(session, review_id))


def approve(
    session: Session, review_id: UUID, approval: ReviewApproval, *, by: UUID | None, now: datetime
) -> ImportReviewView:
    """Take over what waits, or some fields of it; the others count as rejected.

    Raises `NotFound`, `Conflict` where it does not wait or staff have changed meanwhile what is to be taken over, and
    `RuleBroken` for fields that do not wait.
    """
    return view(session, _approve(session, review_id, approval, by=by, now=now))


def _approve(
    session: Session, review_id: UUID, approval: ReviewApproval, *, by: UUID | None, now: datetime
) -> ImportReview:
    review = _pending(session, review_id, approval.therapist_id)
    _check_fields(review, approval.fields)
    applied = review_approvals.apply(session, review, approval, by=by, now=now)
    review.applied = sorted(applied)
    review.declined = review.declined | {name: value for name, value in review.proposed.items() if name not in applied}
    states.approve_review(review, by=by, now=now)
    session.flush()
    return review


def reject(
    session: Session, review_id: UUID, rejection: ReviewRejection, *, by: UUID | None, now: datetime
) -> ImportReviewView:
    """Take over nothing: it waits again only when the source says something else.

    Raises `NotFound`, and `Conflict` where it does not wait.
    """
    return view(session, _reject(session, review_id, rejection, by=by, now=now))


def _reject(
    session: Session, review_id: UUID, rejection: ReviewRejection, *, by: UUID | None, now: datetime
) -> ImportReview:
    review = _pending(session, review_id, None)
    review.declined = review.declined | review.proposed
    states.reject_review(review, reason=rejection.reason, by=by, now=now)
    session.flush()
    return review


def reopen(session: Session, review_id: UUID, *, by: UUID | None, now: datetime) -> ImportReviewView:
    """Let what was rejected wait again, or what an approval left out.

    What an approval took over stays: it is changed at the therapist. Raises `NotFound`, and `Conflict` where nothing
    can be decided again.
    """
    review = _locked(session, review_id, None)
    if review.state == ReviewState.PENDING:
        raise Conflict("import_review.not_decided")
    brought = import_queries.one(session, review.import_id) if review.import_id is not None else None
    if brought is not None and brought.status == ImportStatus.UNDONE:
        raise Conflict("import_review.import_undone")
    if review.state == ReviewState.SUPERSEDED or review_queries.has_newer(session, review):
        raise Conflict("import_review.superseded")
    left = {name: value for name, value in review.proposed.items() if name not in review.applied}
    if not left:
        raise Conflict("import_review.nothing_left")
    _reset_what_is_left(session, review, left)
    states.reopen_review(review, by=by, now=now)
    entry = source_queries.entry(session, review.source_name, review.external_id)
    if entry is not None:
        entry.digest = None  # its next record is looked at: it may overtake the review
    session.flush()
    return view(session, review)


def _reset_what_is_left(session: Session, review: ImportReview, left: dict[str, Any]) -> None:
    """What is left waits, compared with the therapist as they are now."""
    review.declined = {name: value for name, value in review.declined.items() if name not in left}
    therapist = queries.therapist(session, review.therapist_id) if review.therapist_id else None
    if therapist is None:
        return
    known = review_approvals.fields_of(therapist)
    review.proposed, review.applied, review.candidate_ids = left, [], []
    review.difference = [
        row | {"protected": row["field"] in therapist.protected_fields}
        for row in review_rules.change_of(known, left, {})
    ]


def change_many(session: Session, wanted: ReviewBulkChange, *, by: UUID | None, now: datetime) -> list[ObjectOutcome]:
    """Approve or reject these reviews; returns what became of each.

    Raises `OtherTotal` where these are more or fewer than expected, or change at this moment; then none is decided.
    """
    take_turn_with_many(session, "therapist_service: reviews")
    ids = _selected(session, wanted)
    require_total(ids, wanted)
    # all at once and as imports do: another transaction that changes several cannot wait for this one in a circle
    queries.lock_therapists(session, review_lists.therapists_of(session, ids))
    review_queries.lock(session, ids)
    require_same(ids, _selected(session, wanted))
    if wanted.action == "approve":
        new = [each for each in review_queries.these(session, ids) if review_approvals.asks_who(each)]
        duplicates.take_turns_of(session, map(review_approvals.compared, new))

    def change(review_id: UUID) -> ImportReview:
        if wanted.action == "reject":
            return _reject(session, review_id, ReviewRejection(reason=wanted.reason), by=by, now=now)
        if _known(session, review_id).candidate_ids:
            raise Conflict("import_review.alone")
        return _approve(session, review_id, ReviewApproval(), by=by, now=now)

    return change_each(session, ids, change)


def _selected(session: Session, wanted: ReviewBulkChange) -> list[UUID]:
    conditions = review_lists.conditions(ids=wanted.ids, **_conditions(wanted.filter or ReviewFilter()))
    return review_lists.ids_where(session, conditions, at_most=MOST_AT_ONCE + 1)


def _conditions(filters: ReviewFilter) -> dict[str, Collection[Any]]:
    return {name: getattr(filters, name) for name in ReviewFilter.model_fields}


def _known(session: Session, review_id: UUID) -> ImportReview:
    return require(review_queries.one(session, review_id), "import_review")


def _pending(session: Session, review_id: UUID, therapist_id: UUID | None) -> ImportReview:
    review = _locked(session, review_id, therapist_id)
    if review.state == ReviewState.SUPERSEDED:
        raise Conflict("import_review.superseded")
    if review.state != ReviewState.PENDING:
        raise Conflict("import_review.decided")
    return review


def _locked(session: Session, review_id: UUID, therapist_id: UUID | None) -> ImportReview:
    """The review and everybody whom it may concern, locked."""
    concerned = _concerned(_known(session, review_id), therapist_id)
    queries.lock_therapists(session, concerned)
    review = require(review_queries.one(session, review_id, lock=True), "import_review")
    if not _concerned(review, therapist_id) <= concerned:  # moved to another therapist meanwhile, by a merge
        raise Conflict("import_review.changed_meanwhile")
    return review


def _concerned(review: ImportReview, therapist_id: UUID | None) -> set[UUID]:
    named: Iterable[UUID | None] = (therapist_id, review.therapist_id, *review.candidate_ids)
    return {each for each in named if each is not None}


def _check_fields(review: ImportReview, fields: Collection[str] | None) -> None:
    waiting = {*review.proposed, *(row["field"] for row in review.difference)}
    if set(fields or ()) - waiting:
        raise RuleBroken("import_review.fields", errors=[FieldProblem.of("fields", "field.not_waiting")])
