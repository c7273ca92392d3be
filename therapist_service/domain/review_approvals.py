"""What an approval does: a new therapist, or new values of a known one, and the entry of the source that is theirs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.database import Session, new_id
from shared.errors import Conflict, FieldProblem, NotFound, RuleBroken
from shared.values.enums import ReviewKind
from shared.values.postal_codes import coordinates_problem
from therapist_service.domain import duplicates, reviewed_therapists, sources, therapists
from therapist_service.domain.change_log import ChangeOrigin
from therapist_service.domain.entity_resolution import COMPARED
from therapist_service.domain.review_rules import REACTIVATION, as_json, same_value
from therapist_service.domain.review_schemas import ReviewApproval
from therapist_service.domain.schemas import PLACE, ImportedFields
from therapist_service.domain.states import BY_IMPORT
from therapist_service.store import import_queries, queries, source_queries
from therapist_service.store.tables import ImportReview, Therapist, TherapistSource


def apply(
    session: Session, review: ImportReview, approval: ReviewApproval, *, by: UUID | None, now: datetime
) -> Collection[str]:
    """Take over what was approved; returns the fields. The review and whom it concerns are locked.

    Raises `NotFound` for a therapist whom nobody knows, `Conflict` where nothing can be taken over any more or a field
    that was named cannot, or where a new person resembles somebody whom the review does not show, and `RuleBroken` for
    a person without a name.
    """
    if review.therapist_id is not None and approval.therapist_id not in (None, review.therapist_id):
        raise Conflict("import_review.other_therapist")
    is_about_who = asks_who(review)
    if review.therapist_id is None and not is_about_who:
        raise Conflict("import_review.therapist_gone")
    whom = review.therapist_id or approval.therapist_id
    origin = _origin(session, review, by)
    if whom is None:
        duplicates.take_turns_of(session, [compared(review)])
        if not approval.is_new:
            _require_nobody_else(session, review)
        return _register(session, review, approval.fields, origin=origin, now=now)
    therapist = _concerned(session, review, whom)
    if is_about_who:
        sources.keep_record_of_leading(session, therapist)
    applied = _change(session, review, therapist, approval.fields, origin=origin, now=now)
    if is_about_who:
        _assign_entry(session, review, therapist, origin=origin, now=now)
    return applied


def _require_nobody_else(session: Session, review: ImportReview) -> None:
    """Raise `Conflict` where somebody is known by now who may be meant and whom the review does not show."""
    known = duplicates.alike(
        session,
        compared(review),
        source=review.source_name,
        but_of_import=review.import_id,
        besides=review.candidate_ids,
    )
    if known:
        refusal = Conflict("import_review.resembles", candidates=duplicates.ids_of(known))
        raise duplicates.naming(known, refusal)


def _concerned(session: Session, review: ImportReview, whom: UUID) -> Therapist:
    """The therapist, locked. Raises `Conflict` where the review is about one who was removed, else `NotFound`."""
    try:
        return therapists.locked(session, whom)
    except NotFound:
        if whom == review.therapist_id:
            raise Conflict("import_review.therapist_gone") from None
        raise


def _origin(session: Session, review: ImportReview, by: UUID | None) -> ChangeOrigin:
    """Who approved it, and the record that it is about."""
    brought = import_queries.one(session, review.import_id) if review.import_id is not None else None
    file = brought.file if brought is not None else None
    return ChangeOrigin(by, review.import_id, file, review.position, review.id)


def asks_who(review: ImportReview) -> bool:
    """Whether it is to be decided who a record is, and so all of it waits; not what becomes of a known therapist."""
    return review.therapist_id is None and (review.kind == ReviewKind.NEW or bool(review.candidate_ids))


def compared(review: ImportReview) -> dict[str, Any]:
    """The fields of the record by which people are compared."""
    return {**dict.fromkeys(COMPARED), **review.proposed}


def fields_of(therapist: Therapist) -> dict[str, Any]:
    """The fields that an import may set, as they are."""
    return {name: getattr(therapist, name) for name in ImportedFields.model_fields}


def _register(
    session: Session, review: ImportReview, fields: Collection[str] | None, *, origin: ChangeOrigin, now: datetime
) -> Collection[str]:
    taken = {name: value for name, value in review.proposed.items() if fields is None or name in fields}
    if "last_name" not in taken:
        raise RuleBroken("import_review.fields", errors=[FieldProblem.of("fields", "field.needs_last_name")])
    if coordinates_problem(taken.get("postal_code"), taken.get("latitude"), taken.get("longitude")) is not None:
        taken = {name: value for name, value in taken.items() if name not in PLACE}
    therapist = reviewed_therapists.register(session, ImportedFields.from_json(taken), origin=origin, now=now)
    _assign_entry(session, review, therapist, origin=origin, now=now)
    return taken.keys()


def _change(
    session: Session,
    review: ImportReview,
    therapist: Therapist,
    fields: Collection[str] | None,
    *,
    origin: ChangeOrigin,
    now: datetime,
) -> Collection[str]:
    known = {name: as_json(value) for name, value in fields_of(therapist).items()}
    known[REACTIVATION] = "inactive" if therapist.inactive_by == BY_IMPORT else "active"
    wanted = {name: value for name, value in review.proposed.items() if fields is None or name in fields}
    overtaken = _overtaken(review, therapist, known, wanted)
    named = sorted({*overtaken, *(set(fields or ()) - wanted.keys())})
    if named and (fields is not None or (overtaken.keys() == wanted.keys() and not asks_who(review))):
        raise Conflict("import_review.overtaken", kept=named)
    taken = {name: value for name, value in wanted.items() if name not in overtaken}
    changed = {name: value for name, value in taken.items() if not same_value(known[name], value)}
    if changed:
        values = _values(therapist, known, {name: value for name, value in changed.items() if name != REACTIVATION})
        reviewed_therapists.change(session, therapist, values, is_back=REACTIVATION in changed, origin=origin, now=now)
    return taken.keys()


def _overtaken(
    review: ImportReview, therapist: Therapist, known: Mapping[str, Any], wanted: Mapping[str, Any]
) -> dict[str, Any]:
    """Those fields that are not to be overwritten: staff protect them, or they changed since the file came.

    A known e-mail address is never replaced by none.
    """
    before = {row["field"]: row["before"] for row in review.difference}
    # what the review compared: the therapist, or the only one who was thought of
    is_compared = review.therapist_id == therapist.id or list(review.candidate_ids) == [therapist.id]
    protected = set(therapist.protected_fields)
    if protected & PLACE:
        protected |= PLACE

    def may_be_set(name: str, value: Any) -> bool:
        if same_value(known[name], value):
            return True
        if name in protected or (name == "email" and value is None):
            return False
        return not is_compared or (name in before and same_value(known[name], before[name]))

    return {name: value for name, value in wanted.items() if not may_be_set(name, value)}


def _values(therapist: Therapist, known: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """The changed fields as columns; coordinates that do not fit the new postal code are dropped."""
    whole = {name: value for name, value in known.items() if name != REACTIVATION} | dict(changed)
    dropped = set()
    if coordinates_problem(whole["postal_code"], whole["latitude"], whole["longitude"]) is not None:
        if PLACE & set(therapist.protected_fields):
            raise Conflict("import_review.overtaken", kept=["postal_code"])
        dropped = set(PLACE)
        whole |= dict.fromkeys(PLACE)
    values = therapists.values_of(ImportedFields.from_json(whole))
    return {name: values[name] for name in {*changed, *dropped}}


def _assign_entry(
    session: Session, review: ImportReview, therapist: Therapist, *, origin: ChangeOrigin, now: datetime
) -> None:
    """The entry of the source is this therapist from now on."""
    review.therapist_id = therapist.id
    entry = source_queries.entry(session, review.source_name, review.external_id)
    if entry is None:
        entry = TherapistSource(id=new_id(), source_name=review.source_name, external_id=review.external_id)
        entry.therapist_id, entry.import_id = therapist.id, review.import_id
        entry.last_seen_at, entry.set_aside = review.created_at, review.set_aside
        session.add(entry)
        session.flush()
        return
    holder = entry.therapist_id
    entry.therapist_id, entry.digest, entry.record = therapist.id, None, sources.record_of(review.proposed)
    session.flush()
    if holder != therapist.id:
        _leave(session, holder, origin=origin, now=now)


def _leave(session: Session, holder: UUID, *, origin: ChangeOrigin, now: datetime) -> None:
    """Who has no entry of any source left is not in it any more; a deletion would never come."""
    left = [each for each in source_queries.of_therapists(session, [holder]) if each.gone_at is None]
    therapist = queries.therapist(session, holder, lock=True)
    if not left and therapist is not None and therapist.inactive_by is None:
        reviewed_therapists.lose_entry(session, therapist, origin=origin, now=now)
