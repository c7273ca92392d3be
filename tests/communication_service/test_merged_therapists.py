"""Two entries of one therapist became one, or one was removed: what waits goes to the kept one, once a week."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from communication_service.store.tables import ContactRequest, Email, Inquiry, PhoneCall, PracticeCopy
from shared.database import new_id, transaction
from shared.events import catalogue
from tests.builders.communication import (
    a_practice_to_phone,
    a_request,
    a_therapist,
    arrives,
    composed,
    publish,
    rows,
    the,
)
from tests.conftest import MONDAY
from tests.fakes.smtp import FakeMailServer

SOON = MONDAY + timedelta(minutes=2)


def was_merged(therapist: UUID, into: UUID, *, sequence: int = 9) -> None:
    arrives(catalogue.TherapistMerged(therapist_id=therapist, merged_into=into), therapist, sequence=sequence)


def is_now_to(request: UUID, therapist: UUID, *, status: str = "open", sequence: int = 2) -> None:
    publish(catalogue.RequestUpdated, request, sequence=sequence, therapist_id=therapist, status=status)


def the_copy(therapist: UUID) -> Any:
    with transaction() as session:
        return session.get(PracticeCopy, therapist)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_late_states_bring_back_nobody_who_was_merged_or_removed(session: Session, order: tuple[int, ...]) -> None:
    kept, merged, removed = a_therapist(), new_id(), new_id()
    for place in order:
        if place == 1:
            was_merged(merged, kept)
            arrives(catalogue.TherapistRemoved(therapist_id=removed), removed, sequence=9)
        else:
            for each in (merged, removed):
                a_therapist(id=each, sequence=3 + place)
    for id, into in ((merged, kept), (removed, None)):
        copy = the_copy(id)
        assert (copy.merged_into, copy.sequence, copy.status, copy.email, copy.last_name) == (
            into,
            9,
            "unknown",
            None,
            "",
        )


@pytest.mark.parametrize("is_merged_first", [True, False])
def test_what_waits_for_the_merged_one_goes_to_the_kept_one(session: Session, is_merged_first: bool) -> None:
    kept, by_mail, by_phone = a_therapist(email="kept@example.org"), a_therapist(), a_practice_to_phone()
    requests = [a_request(by_mail), a_request(by_phone)]
    composed()
    if is_merged_first:
        for each in (by_mail, by_phone):
            was_merged(each, kept)
        composed(SOON)
        assert {each.status for each in rows(Email)} <= {"waiting", "cancelled"}
    for each in requests:
        is_now_to(each, kept)
        is_now_to(each, kept)
    composed(SOON)
    (live,) = [each for each in rows(Email) if each.status not in ("cancelled", "waiting")]
    assert (live.therapist_id, live.recipient, set(live.placement_request_ids)) == (
        kept,
        "kept@example.org",
        {*requests},
    )
    assert the(PhoneCall).status == "cancelled"
    assert {each.inquiry_id for each in rows(ContactRequest)} == {live.inquiry_id}
    assert [each.therapist_id for each in rows(Inquiry) if each.status == "open"] == [kept]


def test_a_week_after_an_email_to_either_the_kept_one_gets_the_next(
    client: FlaskClient, catcher: FakeMailServer, sent: Callable[..., None]
) -> None:
    kept, other = a_therapist(email="kept@example.org"), a_therapist(email="other@example.org")
    asked = a_request(other)
    composed()
    sent()
    was_merged(other, kept)
    is_now_to(asked, kept, status="contacted")
    waiting = a_request(kept)
    composed(SOON)
    sent(SOON)
    (email,) = [each for each in rows(Email) if waiting in each.placement_request_ids]
    assert (email.status, email.waits_for, email.waits_until) == (
        "waiting",
        "therapist_emailed_recently",
        date(2026, 11, 29),
    )
    assert len(catcher.envelopes) == 1
    assert the(ContactRequest, id=asked).status == "contacted"
    history = client.get(f"/api/therapists/{kept}/contact-history").json
    assert [each["placement_request_ids"] for each in history["items"]] == [[str(asked)]]
    composed(MONDAY + timedelta(days=7))
    sent(MONDAY + timedelta(days=7))
    assert len(catcher.envelopes) == 2
