"""Two people, or workers, who do the same at once: it is done once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import Session

from shared.database import new_id, transaction
from shared.database.tables import dead_letter_table
from shared.errors import Conflict
from shared.events import dead_letters
from shared.values.enums import ImportStatus
from shared.values.schemas import MergePatch
from tests.builders.therapists import a_therapist
from tests.concurrency import in_turn
from tests.conftest import MONDAY
from therapist_service.domain import (
    blocks,
    import_arrivals,
    import_holds,
    import_undo,
    imports,
    inactivity,
    merging,
    reviews,
    states,
    therapists,
)
from therapist_service.domain.import_arrivals import Content, FileLook, ImportedBefore
from therapist_service.domain.import_schemas import ImportRejection
from therapist_service.domain.review_schemas import ReviewApproval, ReviewBulkChange
from therapist_service.domain.schemas import NewBlock, NewTherapist, TherapistMerge
from therapist_service.store.tables import Import, ImportReview, Therapist

pytestmark = pytest.mark.usefixtures("real_commits")

FILE = FileLook("therapists_20261123_040000.json", 2, MONDAY)


def content() -> Content:
    """The same bytes, read by one more worker."""
    return Content(new_id(), "0" * 64, 2)


def test_a_file_is_asked_for_once() -> None:
    def ask(session: Session) -> Any:
        return import_arrivals.ask(session, FILE, by=None, now=MONDAY)

    second = in_turn(ask, ask)
    assert isinstance(second, ImportedBefore)
    assert second.code == "import.known"


def test_a_file_is_taken_once() -> None:
    def take(session: Session) -> Any:
        return import_arrivals.take(session, FILE, content(), now=MONDAY)

    second = in_turn(take, take)
    with transaction() as session:
        assert [each.id for each in session.scalars(select(Import))] == [second.id]


def test_a_file_is_applied_by_one_worker() -> None:
    with transaction() as session:
        import_arrivals.take(session, FILE, content(), now=MONDAY)

    def claim(session: Session) -> Any:
        return imports.claim(session, now=MONDAY, lease=timedelta(minutes=1))

    assert in_turn(claim, claim) is None


def test_a_held_file_is_decided_once() -> None:
    with transaction() as session:
        known = import_arrivals.take(session, FILE, content(), now=MONDAY)
        held = session.get_one(Import, known.id)
        held.known_before = held.would_deactivate = held.would_change = 1
        states.hold_import(held, now=MONDAY)

    def approve(session: Session) -> Any:
        return import_holds.approve(session, known.id, by=None, now=MONDAY)

    def reject(session: Session) -> Any:
        return import_holds.reject(session, known.id, ImportRejection(), by=None, now=MONDAY)

    second = in_turn(approve, reject)
    assert isinstance(second, Conflict)
    assert second.code == "import.not_held"


def test_an_import_is_undone_once() -> None:
    with transaction() as session:
        known = import_arrivals.take(session, FILE, content(), now=MONDAY)
        states.end_import(session.get_one(Import, known.id), ImportStatus.COMPLETED, now=MONDAY)

    def ask(session: Session) -> Any:
        return import_undo.ask(session, known.id, by=None, now=MONDAY)

    def undo(session: Session) -> Any:
        return import_undo.undo_portion(session, at_most=10, now=MONDAY)

    second = in_turn(ask, ask)
    assert isinstance(second, Conflict)
    assert second.code == "import.undo_asked"
    assert in_turn(undo, undo) == 0
    with pytest.raises(Conflict) as third, transaction() as session:
        ask(session)
    assert third.value.code == "import.undone_already"


def test_a_block_is_lifted_once() -> None:
    with transaction() as session:
        therapist = a_therapist(session)
        blocks.block(session, therapist.id, NewBlock(reason="rests"), today=MONDAY.date(), by=None, now=MONDAY)

    def unblock(session: Session) -> Any:
        return blocks.unblock(session, therapist.id, by=None, now=MONDAY)

    second = in_turn(unblock, unblock)
    assert isinstance(second, Conflict)
    assert second.code == "therapist.not_blocked"


def test_staff_take_a_therapist_out_once_and_let_them_come_back_once() -> None:
    with transaction() as session:
        therapist = a_therapist(session)
    for act, code in (
        (inactivity.deactivate, "therapist.inactive_already"),
        (inactivity.reactivate, "therapist.not_inactive"),
    ):

        def once(session: Session, act: Any = act) -> Any:
            return act(session, therapist.id, by=None, now=MONDAY)

        second = in_turn(once, once)
        assert isinstance(second, Conflict)
        assert second.code == code


def test_an_event_set_aside_is_settled_once() -> None:
    row = {"id": new_id(), "topic": "matching.events", "partition": 0, "offset": 0, "value": b"no event"}
    with transaction() as session:
        session.execute(insert(dead_letter_table).values(**row, reason="a mistake", traceback=""))

    def discard(session: Session) -> None:
        dead_letters.discard(session, row["id"], reason="no event", by=None, now=MONDAY)

    second = in_turn(discard, discard)
    assert isinstance(second, Conflict)
    assert second.code == "dead_letter.settled"


def a_contact_review(external_id: str = "a-1") -> UUID:
    """A changed phone number that waits."""
    with transaction() as session:
        known = a_therapist(session, phone="+49241123456")
        proposed = {"phone": "+49241123457"}
        row = {"field": "phone", "before": known.phone, "after": proposed["phone"], "protected": False}
        session.execute(update(Therapist).values(protected_fields=[]))
        review = ImportReview(
            id=new_id(), position=0, source_name="116117.de", external_id=external_id, kind="contact",
            proposed=proposed, therapist_id=known.id, difference=[row],
        )  # fmt: skip
        session.add(review)
        return review.id


def test_a_review_is_decided_once() -> None:
    review_id = a_contact_review()

    def approve(session: Session) -> Any:
        return reviews.approve(session, review_id, ReviewApproval(), by=None, now=MONDAY)

    second = in_turn(approve, approve)
    assert isinstance(second, Conflict)
    assert second.code == "import_review.decided"
    with transaction() as session:
        assert session.scalars(select(Therapist.version)).one() == 2, "changed once"


def a_review_of_somebody_new(source: str) -> UUID:
    """One more source that has somebody whom nobody knows."""
    proposed = {"first_name": "Mira", "last_name": "Sonnentau", "postal_code": "52062", "email": "praxis@example.org"}
    with transaction() as session:
        review = ImportReview(
            id=new_id(), position=0, source_name=source, external_id="a-1", kind="new", proposed=proposed
        )
        session.add(review)
        return review.id


def test_somebody_new_is_entered_once_whoever_enters_them() -> None:
    ids = [a_review_of_somebody_new(source) for source in ("116117.de", "directory.example.org")]

    def approving(review_id: UUID) -> Any:
        return lambda session: reviews.approve(session, review_id, ReviewApproval(), by=None, now=MONDAY)

    second = in_turn(approving(ids[0]), approving(ids[1]))
    assert isinstance(second, Conflict)
    assert second.code == "import_review.resembles"
    new = NewTherapist(first_name="Anna", last_name="Erfunden", city="Aachen")

    def enter(session: Session) -> Any:
        return therapists.register(session, new, by=None, now=MONDAY)

    second = in_turn(enter, enter)
    assert isinstance(second, Conflict)
    assert second.code == "therapist.suspected_duplicate"
    with transaction() as session:
        known = session.scalars(select(Therapist).order_by(Therapist.last_name)).all()
    assert [each.last_name for each in known] == ["Erfunden", "Sonnentau"]
    assert [each["name"] for each in second.members["candidates"]] == ["Anna Erfunden"]


def test_two_who_decide_many_at_once_go_one_after_the_other() -> None:
    ids = [a_contact_review("a-1"), a_contact_review("a-2")]

    def approving(review_id: UUID) -> Any:
        wanted = ReviewBulkChange(ids=[review_id], expected_total=1, action="approve")

        def approve(session: Session) -> Any:
            outcomes = reviews.change_many(session, wanted, by=None, now=MONDAY)
            return outcomes, session.scalar(text("SHOW lock_timeout"))

        return approve

    # a thousand take longer than a statement waits for a row
    (outcome,), waits_for = in_turn(approving(ids[0]), approving(ids[1]))
    assert (outcome.id, outcome.refusal, waits_for) == (ids[1], None, "30s")
    again = in_turn(approving(ids[0]), approving(ids[0]))[0]
    assert [each.refusal.code for each in again] == ["import_review.decided"]


def test_an_approval_that_waited_for_a_person_leaves_what_they_set() -> None:
    review_id = a_contact_review()
    with transaction() as session:
        therapist_id = session.scalars(select(Therapist.id)).one()

    def set_another_number(session: Session) -> None:
        patch = MergePatch({"phone": "+49241999999"}, {})
        therapists.change(session, therapist_id, patch, expected_versions=None, by=None, now=MONDAY)

    def approve(session: Session) -> Any:
        return reviews.approve(session, review_id, ReviewApproval(), by=None, now=MONDAY)

    second = in_turn(set_another_number, approve)
    assert isinstance(second, Conflict)
    assert second.code == "import_review.overtaken"


def test_of_two_who_merge_the_same_two_the_second_is_refused() -> None:
    with transaction() as session:
        one, two = a_therapist(session).id, a_therapist(session).id

    def keep_one(session: Session) -> Any:
        return merging.merge(session, one, TherapistMerge(duplicate_id=two), by=None, now=MONDAY)

    def keep_two(session: Session) -> Any:
        return merging.merge(session, two, TherapistMerge(duplicate_id=one), by=None, now=MONDAY)

    second = in_turn(keep_one, keep_two)
    assert isinstance(second, Conflict)
    assert second.code == "therapist.merged_before"
