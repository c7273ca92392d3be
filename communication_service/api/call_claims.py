"""Endpoints to claims of calls, and to what can be called now."""

from __future__ import annotations

from uuid import UUID

from communication_service.api.phone_calls import PhoneCallItem, ask_for_summaries
from communication_service.api.texts import texts
from communication_service.dependencies import Dependencies
from communication_service.domain import call_claims, calls
from communication_service.domain.call_schemas import CallableCalls, CallableQuery, Release
from communication_service.domain.practice_summaries import NO_NEXT_SHEET, NO_SUMMARIES, NextSheet, SheetSummaries
from communication_service.domain.schemas import PhoneCallView
from communication_service.jobs import call_sheets
from shared.http import Context, Resource, endpoint
from shared.http.replay import Replay, ResponseReference


class CallableCallResource(Resource):
    """What can be called at a moment."""

    @endpoint(query=CallableQuery, response=CallableCalls)
    def get(self, context: Context[Dependencies], query: CallableQuery) -> CallableCalls:
        """List planned calls whose practices answer the phone now, or `at` a moment, the best first."""
        rules = context.dependencies.rules
        return call_claims.list_callable(context.session, query, rules=rules, by=context.caller.id, now=context.now)


def _reference_to_claimed(claimed: PhoneCallView | None) -> ResponseReference:
    return {"id": claimed and str(claimed.id)}


def _find_claimed(context: Context[Dependencies], reference: ResponseReference) -> PhoneCallView | None:
    known, rules = reference["id"] and UUID(reference["id"]), context.dependencies.rules
    return call_claims.find_claimed(context.session, texts(context), known, rules=rules, now=context.now)


def _ask_for_next(context: Context[Dependencies]) -> NextSheet:
    return call_sheets.ask_for_next(context.dependencies, by=context.caller.id, now=context.now, besides=None)


class NextPhoneCallResource(Resource):
    """The next call."""

    @endpoint(
        response=PhoneCallView,
        statuses=(204,),
        replay=Replay(reference=_reference_to_claimed, find=_find_claimed),
        before_transaction=_ask_for_next,
    )
    def post(self, context: Context[Dependencies], fetched: NextSheet = NO_NEXT_SHEET) -> PhoneCallView | None:
        """Claim the best call that can be made now; 204 where there is none.

        Who has claimed one gets the same again. It has what the practice may know of the patients, or says that this is
        missing: then `GET` the call.
        """
        rules = context.dependencies.rules
        return call_claims.claim_next(
            context.session, texts(context), fetched, rules=rules, by=context.caller.id, now=context.now
        )


class PhoneCallClaimResource(Resource):
    """The claim of a call."""

    @endpoint(
        response=PhoneCallView,
        replay=PhoneCallItem.get,
        before_transaction=ask_for_summaries,
        lock_before=calls.wait_for,
    )
    def post(self, context: Context[Dependencies], id: UUID, fetched: SheetSummaries = NO_SUMMARIES) -> PhoneCallView:
        """Claim a call before making it, for some minutes; 409 where somebody else has."""
        rules = context.dependencies.rules
        return call_claims.claim(
            context.session, texts(context), id, fetched, rules=rules, by=context.caller.id, now=context.now
        )


class PhoneCallRenewResource(Resource):
    """The end of a claim."""

    @endpoint(response=PhoneCallView, replay=PhoneCallItem.get, lock_before=calls.wait_for)
    def post(self, context: Context[Dependencies], id: UUID) -> PhoneCallView:
        """Let your claim of a call last longer."""
        rules = context.dependencies.rules
        return call_claims.renew(
            context.session, texts(context), id, rules=rules, by=context.caller.id, now=context.now
        )


class PhoneCallReleaseResource(Resource):
    """The end of a claim before its time."""

    @endpoint(body=Release, response=PhoneCallView, replay=PhoneCallItem.get, lock_before=calls.wait_for)
    def post(self, context: Context[Dependencies], id: UUID, body: Release) -> PhoneCallView:
        """Give a claimed call back, so that others may make it."""
        rules = context.dependencies.rules
        return call_claims.release(
            context.session, texts(context), id, body, rules=rules, by=context.caller.id, now=context.now
        )
