"""Claims: who makes a call has it for some minutes; what can be called now, the best first."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from communication_service.domain import call_claims, callers, claims
from communication_service.domain.call_schemas import CallableQuery, Release
from communication_service.store.tables import PhoneCall
from shared.database import new_id, transaction
from shared.errors import Conflict
from shared.values.call_enums import ReleaseReason
from shared.values.enums import Role
from tests.accounts import signed_in
from tests.builders.communication import (
    EVERY_DAY,
    FIVE,
    RULES,
    TEN,
    TEXTS,
    a_caller,
    a_practice_to_phone,
    a_request,
    composed,
    outcome,
    rows,
    the,
)

ANNA, BEN = new_id(), new_id()
LEASE = RULES.call_lease


def take_next(by: UUID, now: datetime = TEN) -> UUID | None:
    with transaction() as session:
        call = claims.take_next(session, rules=RULES, by=by, now=now)
        return None if call is None else call.id


def do(what: Any, call: UUID, *more: Any, by: UUID, now: datetime = TEN) -> Any:
    """Claim, renew or release a call."""
    with transaction() as session:
        return what(session, TEXTS, call, *more, rules=RULES, by=by, now=now)


def three_calls() -> list[UUID]:
    """Calls in the order in which they are to be made; the last practice may have a place."""
    for hopeful in (False, False, True):
        a_request(a_practice_to_phone(potentially_available=hopeful))
    composed()
    return [call.id for call in sorted(rows(PhoneCall), key=lambda call: call.starts_at)]


def test_who_asks_for_the_next_call_gets_the_best_one_that_nobody_has() -> None:
    best, second, third = three_calls()
    assert the(PhoneCall, id=best).starts_at == TEN
    assert (take_next(ANNA), take_next(BEN), take_next(ANNA)) == (best, second, best)
    taken = the(PhoneCall, id=best)
    assert (taken.claimed_by, taken.claimed_until, taken.updated_by) == (ANNA, TEN + LEASE, ANNA)
    assert take_next(new_id()) == third
    assert take_next(new_id()) is None
    assert take_next(new_id(), TEN + timedelta(hours=2)) is None, "nobody answers the phone then"
    left_behind = TEN + LEASE
    assert take_next(BEN, left_behind) == best, "an abandoned call is free again when the lease ends"


def test_a_claim_is_renewed_and_given_back_by_its_owner_alone() -> None:
    best, second, _ = three_calls()
    do(call_claims.claim, best, by=ANNA)
    for act, more in ((call_claims.claim, ()), (call_claims.renew, ()), (call_claims.release, (Release(),))):
        with pytest.raises(Conflict, match="claimed"):
            do(act, best, *more, by=BEN)
    late = TEN + LEASE + FIVE
    assert do(call_claims.renew, best, by=ANNA, now=late).claimed_until == late + LEASE
    do(call_claims.release, best, Release(reason=ReleaseReason.NOT_NOW), by=ANNA, now=late)
    given_back = the(PhoneCall, id=best)
    assert (given_back.claimed_by, given_back.claimed_until, given_back.release_reason) == (None, None, "not_now")
    assert (take_next(ANNA, late), take_next(BEN, late)) == (second, best)


def test_only_who_claimed_a_call_says_what_came_of_it_and_claims_the_next_with_that(client: FlaskClient) -> None:
    best, second, _ = three_calls()
    do(call_claims.claim, best, by=ANNA)
    with pytest.raises(Conflict, match="Somebody else has claimed"):
        outcome(best, "busy", by=BEN)
    done = outcome(best, "busy", by=ANNA, claim_next=True)
    assert done.claimed_next is not None
    assert (done.id, done.claimed_by, done.claimed_next.id) == (best, None, second)
    assert the(PhoneCall, id=second).claimed_by == ANNA
    do(call_claims.claim, second, by=BEN, now=TEN + LEASE)
    with pytest.raises(Conflict, match="Somebody else has claimed"):
        outcome(second, "busy", by=ANNA, now=TEN + LEASE)


def test_what_is_claimed_stays_when_callers_change_and_what_is_not_moves(session: Session) -> None:
    """Somebody is talking: no plan takes the call away from them, and nobody joins it."""
    caller = a_caller()
    therapist = a_practice_to_phone(phone_hours=EVERY_DAY)
    request = a_request(therapist)
    a_request(a_practice_to_phone(phone_hours=EVERY_DAY))
    composed()
    talking, planned = sorted(rows(PhoneCall), key=lambda call: call.starts_at)
    do(call_claims.claim, talking.id, by=ANNA)
    with transaction() as session:
        callers.remove(session, caller, by=None, now=TEN)
    a_request(therapist, time=TEN)
    composed(TEN + timedelta(seconds=6))
    kept, moved = the(PhoneCall, id=talking.id), the(PhoneCall, id=planned.id)
    assert (kept.caller_id, kept.starts_at, kept.placement_request_ids) == (caller, talking.starts_at, [request])
    assert moved.caller_id is None
    composed(TEN + LEASE + timedelta(hours=1))
    assert the(PhoneCall, status="planned", therapist_id=therapist).caller_id is None


def test_what_can_be_called_now_says_until_when() -> None:
    best, second, third = three_calls()
    therapist = the(PhoneCall, id=second).therapist_id
    outcome(second, "call_back", call_back_at=(TEN + timedelta(minutes=20)).isoformat())
    do(call_claims.claim, third, by=ANNA)
    with transaction() as session:
        wanted = CallableQuery()
        found = call_claims.list_callable(session, wanted, rules=RULES, by=BEN, now=TEN)
        later = CallableQuery.from_json({"at": (TEN + timedelta(minutes=30)).isoformat()})
        then = call_claims.list_callable(session, later, rules=RULES, by=BEN, now=TEN)
    assert [(each.id, each.reachable_until) for each in found.items] == [(best, TEN + timedelta(minutes=55))]
    assert therapist in {each.therapist_id for each in then.items}
    assert len(then.items) == 3, "the claim is over by then"


def test_callers_claim_over_http(app: Flask, client: FlaskClient) -> None:
    """By the real clock, at which nobody answers the phone as a rule: claimed by its id, whenever it is planned for."""
    (call, *_) = three_calls()
    url = f"/api/phone-calls/{call}"
    anna = signed_in(app, Role.CALLER, id=ANNA)
    key = {"Idempotency-Key": "claim"}
    for _ in range(2):
        taken = anna.post(f"{url}/claim", headers=key)
        assert (taken.status_code, taken.json["version"]) == (200, 2)
    assert anna.post(f"{url}/renew").status_code == 200
    ben = signed_in(app, Role.CALLER, id=BEN)
    refused = ben.post(f"{url}/claim")
    assert (refused.status_code, refused.json["code"]) == (409, "phone_call.claimed")
    assert ben.delete(url).status_code == 409
    assert ben.post(f"{url}/renew").json["code"] == "phone_call.not_claimed"
    anna = signed_in(app, Role.CALLER, id=ANNA)
    assert anna.post(f"{url}/release", json={"reason": "interrupted"}).json["claimed_until"] is None
    assert anna.post(f"{url}/release", json={"reason": "tired"}).status_code == 422
    ben = signed_in(app, Role.CALLER, id=BEN)
    nobody_phones = ben.get("/api/phone-calls/callable-now?at=2026-11-22T10:00:00Z")
    assert nobody_phones.json == {"at": "2026-11-22T10:00:00Z", "items": []}
    at_ten = ben.get("/api/phone-calls/callable-now", query_string={"at": TEN.isoformat(), "limit": 2})
    first, _second = at_ten.json["items"]
    assert first["id"] == str(call)


def test_nothing_to_call_is_no_content(client: FlaskClient) -> None:
    for _ in range(2):
        answer = client.post("/api/phone-calls/next", headers={"Idempotency-Key": "next"})
        assert (answer.status_code, answer.data) == (204, b"")
