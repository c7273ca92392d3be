"""Claiming a call before it is made, renewing and giving back the claim, and what can be called now."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from uuid import UUID

from communication_service.domain import calls, claims
from communication_service.domain.call_schemas import CallableCall, CallableCalls, CallableQuery, Release
from communication_service.domain.lists import PhoneCallRow
from communication_service.domain.practice_summaries import NO_NEXT_SHEET, NO_SUMMARIES, NextSheet, SheetSummaries
from communication_service.domain.schemas import PhoneCallView
from communication_service.settings import ContactRules
from communication_service.store import call_queries
from shared.database import Session
from shared.database.rows import require
from shared.security.patient_texts import PatientTexts


def claim(
    session: Session,
    texts: PatientTexts,
    call_id: UUID,
    summaries: SheetSummaries = NO_SUMMARIES,
    *,
    rules: ContactRules,
    by: UUID | None,
    now: datetime,
) -> PhoneCallView:
    """Claim a call, whenever it was planned for. Raises `NotFound`, and `Conflict` where somebody else has it."""
    call = calls.lock_planned(session, call_id)
    claims.require_free(call, by=by, now=now)
    claims.require_allowed(session, call, rules=rules, now=now)
    claims.take(call, rules=rules, by=by, now=now)
    return calls.view(session, texts, call, summaries, rules=rules, now=now)


def claim_next(
    session: Session,
    texts: PatientTexts,
    asked: NextSheet = NO_NEXT_SHEET,
    *,
    rules: ContactRules,
    by: UUID | None,
    now: datetime,
) -> PhoneCallView | None:
    """Claim the best call that can be made now; None where there is none."""
    call = claims.take_next(session, rules=rules, by=by, now=now)
    return None if call is None else calls.view_claimed(session, texts, call, asked, rules=rules, now=now)


def find_claimed(
    session: Session, texts: PatientTexts, call_id: UUID | None, *, rules: ContactRules, now: datetime
) -> PhoneCallView | None:
    """What claiming the next call answered the first time, with the call as it is now."""
    if call_id is None:
        return None
    call = require(call_queries.phone_call(session, call_id), "phone_call")
    return calls.view_without_asking(session, texts, call, rules=rules, now=now)


def renew(
    session: Session, texts: PatientTexts, call_id: UUID, *, rules: ContactRules, by: UUID | None, now: datetime
) -> PhoneCallView:
    """Let the claim last as long again from now on, also one that has ended and that nobody has taken over.

    Raises `NotFound`, and `Conflict` where the call is not the account's.
    """
    call = calls.lock_planned(session, call_id)
    claims.require_own(call, by=by)
    claims.take(call, rules=rules, by=by, now=now)
    return calls.view_without_asking(session, texts, call, rules=rules, now=now)


def release(
    session: Session,
    texts: PatientTexts,
    call_id: UUID,
    because: Release,
    *,
    rules: ContactRules,
    by: UUID | None,
    now: datetime,
) -> PhoneCallView:
    """Give the call back, so that others may make it. Raises `NotFound`, and `Conflict` as `renew` does."""
    call = calls.lock_planned(session, call_id)
    claims.require_own(call, by=by)
    claims.release(call, because.reason, rules=rules, by=by, now=now)
    return calls.view_without_asking(session, texts, call, rules=rules, now=now)


def list_callable(
    session: Session, wanted: CallableQuery, *, rules: ContactRules, by: UUID | None, now: datetime
) -> CallableCalls:
    """What can be called at a moment, the best first."""
    at = wanted.at or now
    found = claims.callable_now(session, rules, by=by, at=at)
    shown = islice(found, wanted.offset, wanted.offset + wanted.limit)
    names = PhoneCallRow.model_fields
    items = [
        CallableCall.of({name: getattr(each.call, name) for name in names} | {"reachable_until": each.until})
        for each in shown
    ]
    return CallableCalls(at=at, items=items)
