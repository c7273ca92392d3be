"""Whoever suppresses an address, all that waits for it moves to the phone at once, whoever of its users it is for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from communication_service.domain import copies, email_claims, suppressions
from communication_service.domain import sending as domain
from communication_service.domain.suppression_schemas import NewSuppression
from communication_service.jobs import Sending
from communication_service.store.tables import Email, EmailSuppression, Inquiry, PhoneCall, PracticeCopy
from shared.database import transaction
from shared.events.catalogue import PublicTherapist, TherapistUpdated
from tests.builders.communication import (
    MONDAY_MORNINGS,
    RULES,
    TEXTS,
    a_patient,
    a_request,
    a_therapist,
    composed,
    rows,
)
from tests.builders.events import happened
from tests.communication_service.conftest import at_once
from tests.conftest import MONDAY
from tests.events import recorded
from tests.fakes.smtp import FakeMailServer
from tests.selection import mostly_slow

NOW = MONDAY + timedelta(seconds=6)
SHARED = "Praxis@Müller.example.org"
SAME = ("praxis@müller.example.org", "PRAXIS@xn--mller-kva.example.org", "Praxis@MÜLLER.example.org")
Suppress = Callable[[UUID], object]
Send = Callable[..., None]


def opt_out(therapist: UUID) -> None:
    a_therapist(id=therapist, sequence=2, email=SHARED, email_opt_out=True, phone_hours=MONDAY_MORNINGS, time=NOW)


def staff(therapist: UUID) -> None:
    with transaction() as session:
        suppressions.add(session, NewSuppression(email=SAME[0], reason="rief an"), by=None, now=NOW)


def hard_bounce(therapist: UUID) -> None:
    """The mail server says that there is no such address, of an e-mail that was on its way."""
    key = suppressed_key(therapist)
    with transaction() as session:
        suppressions.suppress(session, [suppressions.Wanted(SHARED, key, "550 5.1.1", "mail_server")], by=None, now=NOW)


def suppressed_key(therapist: UUID) -> str:
    with transaction() as session:
        return session.get_one(PracticeCopy, therapist).email_key or ""


def practices(*, phone_hours: Any = MONDAY_MORNINGS, **fields: Any) -> list[UUID]:
    """Three therapists who write their one address in three ways, each with a request that waits or may go."""
    therapists = [a_therapist(email=email, phone_hours=phone_hours, **fields) for email in SAME]
    for therapist in therapists:
        a_request(therapist)
    composed()
    return therapists


def suppressed() -> list[EmailSuppression]:
    with transaction() as session:
        return list(session.query(EmailSuppression).filter_by(removed_at=None).order_by(EmailSuppression.email_key))


def channels() -> set[tuple[str, str | None]]:
    return {(inquiry.channel, inquiry.waits_for) for inquiry in rows(Inquiry)}


def remove(**which: str) -> None:
    with transaction() as session:
        (known,) = session.query(EmailSuppression).filter_by(**which)
        suppressions.remove(session, known.id, by=None, now=NOW)


def test_who_looks_at_a_suppression_locks_nothing(client: FlaskClient, session: Session) -> None:
    known = client.post("/api/email-suppressions", json={"email": "p@example.org", "reason": "Anruf"}).json
    statements: list[str] = []
    event.listen(session.connection(), "before_cursor_execute", lambda *given: statements.append(given[2]))
    assert client.get(f"/api/email-suppressions/{known['id']}").status_code == 200
    assert statements
    assert not any("FOR UPDATE" in each for each in statements)


def test_staff_see_who_said_so(client: FlaskClient) -> None:
    staff(UUID(int=0))
    a_therapist(email="other@example.org", email_opt_out=True)
    again = client.post("/api/email-suppressions", json={"email": SAME[1], "reason": "rief an"})
    assert again.status_code == 409
    shown = client.get("/api/email-suppressions").json["items"]
    assert sorted((each["email"], each["source"]) for each in shown) == [
        ("other@example.org", "opt_out"),
        (SAME[0], "staff"),
    ]


@pytest.mark.parametrize("source", [opt_out, staff])
def test_all_that_waits_for_the_address_moves_to_the_phone_and_says_so(source: Suppress, session: Session) -> None:
    therapists = practices()
    source(therapists[0])
    assert len(suppressed()) == 1
    composed(NOW)
    assert channels() == {("phone", None)}
    assert {email.status for email in rows(Email)} == {"cancelled"}
    assert {call.therapist_id for call in rows(PhoneCall, status="planned")} == set(therapists)
    published = [e["data"] for e in recorded(session) if e["type"] == "communication.inquiry_composed"]
    assert {e["therapist_id"] for e in published if e["channel"] == "phone"} == {str(each) for each in therapists}


@pytest.mark.parametrize("source", [opt_out, staff])
def test_an_email_that_waits_for_the_cooldown_does_not_wait_for_it_any_more(source: Suppress, sent: Send) -> None:
    therapists = practices()
    sent()
    waiting = rows(Email, status="waiting")
    assert len(waiting) == 2
    source(therapists[0])
    composed(NOW + timedelta(seconds=1))
    assert rows(Email, status="waiting") == []
    assert {c.therapist_id for c in rows(PhoneCall, status="planned")} == {email.therapist_id for email in waiting}


def test_a_refused_address_moves_everybody_who_shares_it(catcher: FakeMailServer, sent: Send) -> None:
    therapists = practices()
    catcher.recipient_answer = "550 5.1.1 no such user"
    sent()
    composed(NOW + timedelta(seconds=1))
    assert {c.therapist_id for c in rows(PhoneCall, status="planned")} == set(therapists)
    assert [each.source for each in suppressed()] == ["mail_server"]


@pytest.mark.parametrize("source", [opt_out, staff])
@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"phone": None}, "phone_number_missing"),
        ({"phone_hours": None}, "phone_hours_unknown"),
        ({"contact_preference": "email_only"}, "email_suppressed"),
    ],
)
def test_who_cannot_be_phoned_waits_with_the_reason(source: Suppress, fields: dict[str, Any], reason: str) -> None:
    therapists = practices(**fields)
    stranger = a_therapist(email=SHARED, phone_hours=MONDAY_MORNINGS)
    source(stranger if source is opt_out else therapists[0])
    composed(NOW)
    assert channels() == {("phone", reason)}
    assert {email.status for email in rows(Email)} == {"cancelled"}


def test_an_opt_out_of_somebody_without_requests_counts_for_the_others() -> None:
    practices()
    opt_out(a_therapist(email=SAME[2]))
    composed(NOW)
    assert channels() == {("phone", None)}


def test_a_therapist_who_comes_to_a_suppressed_address_is_phoned() -> None:
    staff(UUID(int=0))
    therapist = a_therapist(email="other@example.org", phone_hours=MONDAY_MORNINGS)
    a_request(therapist)
    composed()
    assert channels() == {("email", None)}
    a_therapist(id=therapist, sequence=2, email=SAME[1], phone_hours=MONDAY_MORNINGS, time=NOW)
    composed(NOW)
    assert channels() == {("phone", None)}


def test_a_therapist_who_opted_out_and_comes_to_another_address_covers_both() -> None:
    (first, *_) = practices()
    opt_out(first)
    moved = {"email": "neu@example.org", "phone_hours": MONDAY_MORNINGS}
    neighbour = a_therapist(**moved)
    a_request(neighbour)
    composed()
    a_therapist(id=first, sequence=3, email_opt_out=True, time=NOW, **moved)
    composed(NOW)
    assert [each.email_key for each in suppressed()] == ["neu@example.org", "praxis@xn--mller-kva.example.org"]
    assert {email.status for email in rows(Email, therapist_id=neighbour)} == {"cancelled"}


# Out again


def taken_back(therapist: UUID, *, sequence: int = 3, at: datetime = NOW) -> None:
    a_therapist(id=therapist, sequence=sequence, email=SHARED, phone_hours=MONDAY_MORNINGS, time=at)


def test_an_opt_out_that_is_taken_back_frees_the_address_for_everybody(sent: Send) -> None:
    therapists = practices()
    opt_out(therapists[0])
    composed(NOW)
    taken_back(therapists[0], at=NOW + timedelta(seconds=1))
    assert suppressed() == []
    composed(NOW + timedelta(seconds=1))
    assert {inquiry.channel for inquiry in rows(Inquiry, status="open")} == {"email"}


def test_an_opt_out_stays_while_a_neighbour_has_one_too() -> None:
    therapists = practices()
    opt_out(therapists[0])
    opt_out(therapists[1])
    taken_back(therapists[0])
    composed(NOW)
    assert len(suppressed()) == 1
    assert channels() == {("phone", None)}
    taken_back(therapists[1])
    assert suppressed() == []


def test_an_opt_out_that_is_taken_back_leaves_what_staff_said() -> None:
    therapists = practices()
    staff(therapists[0])
    opt_out(therapists[0])
    taken_back(therapists[0])
    composed(NOW)
    assert [each.source for each in suppressed()] == ["staff"]
    assert channels() == {("phone", None)}


REASONS: dict[str, Suppress] = {"opt_out": opt_out, "staff": staff, "mail_server": hard_bounce}


def taken_away(source: str, therapist: UUID) -> None:
    if source == "opt_out":
        taken_back(therapist)
    else:
        remove(source=source)


@pytest.mark.parametrize("order", mostly_slow(permutations(REASONS, 2), every=3), ids="-".join)
@pytest.mark.parametrize("first", [0, 1])
def test_an_address_is_free_only_when_no_reason_is_left(order: tuple[str, str], first: int) -> None:
    """Whichever came first, and whichever is taken back first."""
    (therapist, *_) = practices()
    for source in order:
        REASONS[source](therapist)
    assert {each.source for each in suppressed()} == set(order)
    taken_away(order[first], therapist)
    composed(NOW)
    assert {each.source for each in suppressed()} == {order[1 - first]}
    assert channels() == {("phone", None)}
    taken_away(order[1 - first], therapist)
    composed(NOW + timedelta(seconds=1))
    assert suppressed() == []
    assert {inquiry.channel for inquiry in rows(Inquiry, status="open")} == {"email"}


def test_staff_see_and_remove_each_reason_by_itself(client: FlaskClient) -> None:
    opt_out(a_therapist(email=SHARED))
    new = client.post("/api/email-suppressions", json={"email": SAME[0], "reason": "rief an"})
    assert (new.status_code, new.json["source"]) == (201, "staff")
    shown = client.get("/api/email-suppressions").json
    assert (shown["total"], {each["source"] for each in shown["items"]}) == (2, {"staff", "opt_out"})
    one = f"/api/email-suppressions/{new.json['id']}"
    assert client.get(one).json["reason"] == "rief an"
    assert client.delete(one, headers={"If-Match": '"1"'}).status_code == 204
    assert [each.source for each in suppressed()] == ["opt_out"]


def test_a_suppression_that_staff_remove_lets_all_who_share_the_address_get_emails() -> None:
    therapists = practices()
    staff(therapists[0])
    composed(NOW)
    remove()
    composed(NOW + timedelta(seconds=1))
    assert {inquiry.channel for inquiry in rows(Inquiry, status="open")} == {"email"}


def test_a_repeated_event_brings_no_suppression_back_that_staff_removed() -> None:
    """A rebuild handles every event once more; an opt-out that was taken back is among them."""
    therapists = practices()
    opt_out(therapists[0])
    remove()
    opt_out(therapists[0])
    a_therapist(id=therapists[0], sequence=3, email=SHARED, email_opt_out=True, first_name="Neu", time=NOW)
    assert suppressed() == []
    taken_back(therapists[0], sequence=4)
    opt_out(therapists[0])
    assert suppressed() == []


# An e-mail that is on its way


def on_its_way(sending: Sending) -> email_claims.EmailClaim:
    with transaction() as session:
        (mail, *_) = email_claims.next_to_send(session, rules=RULES, now=NOW)
        claim = domain.claim(session, mail.email_id, rules=RULES, texts=TEXTS, lease=sending.lease, now=NOW)
    assert claim is not None
    return claim


@pytest.mark.parametrize("source", [opt_out, staff])
def test_an_email_on_its_way_that_did_not_go_goes_no_more(source: Suppress, sending: Sending) -> None:
    therapists = practices()
    claim = on_its_way(sending)
    source(therapists[0])
    composed(NOW)
    with transaction() as session:
        domain.record_deferral(session, claim.email_id, claim.attempt, detail="451", rules=RULES, now=NOW)
    composed(NOW + timedelta(seconds=1))
    assert {email.status for email in rows(Email)} == {"cancelled"}
    assert {c.therapist_id for c in rows(PhoneCall, status="planned")} == set(therapists)


def test_an_email_on_its_way_that_went_is_sent_and_the_others_are_phoned(sending: Sending) -> None:
    therapists = practices()
    claim = on_its_way(sending)
    opt_out(therapists[0])
    composed(NOW)
    with transaction() as session:
        domain.record_sent(session, claim.email_id, claim.attempt, rules=RULES, now=NOW)
    composed(NOW + timedelta(seconds=1))
    assert sorted(email.status for email in rows(Email)) == ["cancelled", "cancelled", "sent"]
    assert len(rows(PhoneCall, status="planned")) == 2


# Several workers


@pytest.mark.usefixtures("committed")
def test_an_opt_out_that_is_being_written_keeps_the_address_suppressed() -> None:
    first, second = a_therapist(email=SHARED), a_therapist(email=SHARED)
    opt_out(first)
    other = threading.Thread(target=taken_back, args=(first,))
    with transaction() as session:
        wants_none = PublicTherapist(id=second, last_name="Erfunden", email=SHARED, email_opt_out=True)
        event = happened(TherapistUpdated(therapist=wants_none), second, sequence=2)
        copies.keep_therapists(session, [(wants_none, event.envelope)], now=NOW)
        other.start()
        other.join(0.5)
        assert other.is_alive(), "it must wait to see what becomes of the neighbour's"
    other.join(10)
    assert len(suppressed()) == 1
    taken_back(second)
    assert suppressed() == []


@pytest.mark.usefixtures("committed")
def test_addresses_suppressed_from_all_sides_at_once_end_with_all_requests_at_the_phone(
    committed: Engine, catcher: FakeMailServer, sending: Sending
) -> None:
    therapists = practices()
    for therapist in therapists:
        a_request(therapist, a_patient())
    catcher.recipient_answer = "550 5.1.1 no such user"
    at_once(
        lambda: opt_out(therapists[0]),
        lambda: opt_out(therapists[1]),
        lambda: sending.run(NOW),
        lambda: composed(NOW),
    )
    composed(NOW + timedelta(hours=2))
    assert [each.source for each in suppressed() if each.source != "mail_server"] == ["opt_out"]
    assert rows(Email, status="waiting") + rows(Email, status="approved") == []
    assert {c.therapist_id for c in rows(PhoneCall, status="planned")} == set(therapists)
