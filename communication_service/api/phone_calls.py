"""Endpoints to phone calls: lists, sheets, times and outcomes; `api/call_claims.py` has claims."""

from __future__ import annotations

from uuid import UUID

from communication_service.api.texts import texts
from communication_service.dependencies import Dependencies
from communication_service.domain import call_changes, call_corrections, call_lists, call_outcomes, calls
from communication_service.domain.call_changes import PlannedBy
from communication_service.domain.call_lists import CallList
from communication_service.domain.call_schemas import (
    CallCorrection,
    CallTimeQuery,
    MovedCall,
    NewPhoneCall,
    OpenRequests,
    RecordedOutcome,
)
from communication_service.domain.lists import PHONE_CALLS
from communication_service.domain.practice_summaries import NO_NEXT_SHEET, NO_SUMMARIES, NextSheet, SheetSummaries
from communication_service.domain.schemas import CallOutcome, PhoneCallFilter, PhoneCallView
from communication_service.jobs import call_sheets
from shared.http import Context, FileForm, Resource, calendar_files, endpoint, pdf_files
from shared.http.replay import Replay, ResponseReference
from shared.values.lists import Listed, ListRequest
from shared.values.schemas import MergePatch


def ask_for_summaries(context: Context[Dependencies], id: UUID) -> SheetSummaries:
    """Ask the patient service, before a transaction is open, what the practice may know."""
    return call_sheets.ask_for_call(id, context.dependencies, by=context.caller.id)


class PhoneCallItem(Resource):
    """One call."""

    @endpoint(response=PhoneCallView, before_transaction=ask_for_summaries)
    def get(self, context: Context[Dependencies], id: UUID, fetched: SheetSummaries = NO_SUMMARIES) -> PhoneCallView:
        """Show a call with the practice and what the caller may say of each patient.

        Of a planned call the patient service is asked what the practice may know, and notes that in the patients'
        access logs. If it does not answer, `practice_summaries_missing` is true and the rest is shown.
        """
        rules = context.dependencies.rules
        return calls.get(context.session, texts(context), id, fetched, rules=rules, now=context.now)

    @endpoint(patch=MovedCall, query=CallTimeQuery, response=PhoneCallView)
    def patch(self, context: Context[Dependencies], id: UUID, patch: MergePatch, query: CallTimeQuery) -> PhoneCallView:
        """Move a planned call, or let another caller make it.

        422 names the field where the practice or the caller does not phone then, unless `force` is true; 409 where it
        should not be called so soon, unless `because` says why.
        """
        return call_changes.move(
            context.session,
            texts(context),
            id,
            patch,
            expected_versions=context.if_match,
            staff=PlannedBy(context.dependencies.rules, context.caller.id, context.now, query.force),
        )

    @endpoint()
    def delete(self, context: Context[Dependencies], id: UUID) -> None:
        """Cancel a planned call; what it was about is called about on another day, or written about.

        It is written about where the practice may be written to, and only staff had wanted to call.
        """
        call_changes.cancel(
            context.session,
            id,
            expected_versions=context.if_match,
            staff=PlannedBy(context.dependencies.rules, context.caller.id, context.now),
        )


def _call_list(context: Context[Dependencies], wanted: ListRequest[PhoneCallFilter]) -> CallList:
    return call_lists.read(
        context.session,
        wanted,
        rules=context.dependencies.rules,
        by=context.caller.id,
        language=context.language,
        now=context.now,
    )


def _calendar(found: CallList) -> bytes:
    return calendar_files.write(call_lists.events(found))


def _pdf(found: CallList) -> bytes:
    return pdf_files.write(call_lists.document(found))


CALL_LISTS = (
    FileForm(calendar_files.CALENDAR, "ics", _call_list, _calendar),
    FileForm(pdf_files.PDF, "pdf", _call_list, _pdf),
)


class PhoneCallCollection(Resource):
    """All calls."""

    @endpoint(lists=PHONE_CALLS, forms=CALL_LISTS)
    def get(self, context: Context[Dependencies], wanted: ListRequest[PhoneCallFilter]) -> Listed:
        """List calls by their start.

        As iCalendar (`Accept: text/calendar`) and as a PDF to print, all that are wanted, at most 1000. A calendar has
        of patients only how many there are.
        """
        return calls.list_part(context.session, texts(context), wanted, by=context.caller.id)

    @endpoint(body=NewPhoneCall, query=CallTimeQuery, response=PhoneCallView, status=201, replay=PhoneCallItem.get)
    def post(self, context: Context[Dependencies], body: NewPhoneCall, query: CallTimeQuery) -> PhoneCallView:
        """Plan a call about what waits for a practice, or begin to record one that the practice makes.

        422 names the field where the practice or the caller does not phone then, unless `force` is true. A call from a
        practice is planned, and yours, until its outcome is recorded.
        """
        return call_changes.add(
            context.session,
            texts(context),
            body,
            staff=PlannedBy(context.dependencies.rules, context.caller.id, context.now, query.force),
        )


def _reference_to_recorded(recorded: RecordedOutcome) -> ResponseReference:
    following = recorded.claimed_next
    return {"id": str(recorded.id), "next": following and str(following.id)}


def _find_recorded(context: Context[Dependencies], reference: ResponseReference, id: UUID) -> RecordedOutcome:
    return call_outcomes.find_recorded(
        context.session,
        texts(context),
        id,
        reference["next"] and UUID(reference["next"]),
        rules=context.dependencies.rules,
        now=context.now,
    )


def _ask_for_next(context: Context[Dependencies], id: UUID, body: CallOutcome) -> NextSheet:
    """Ask what may be said in the call that is claimed with the outcome."""
    if not body.claim_next:
        return NO_NEXT_SHEET
    return call_sheets.ask_for_next(context.dependencies, by=context.caller.id, now=context.now, besides=id)


class PhoneCallOutcomeResource(Resource):
    """What came of a call."""

    @endpoint(
        body=CallOutcome,
        response=RecordedOutcome,
        replay=Replay(reference=_reference_to_recorded, find=_find_recorded),
        before_transaction=_ask_for_next,
        lock_before=calls.wait_for,
    )
    def post(
        self, context: Context[Dependencies], id: UUID, body: CallOutcome, fetched: NextSheet = NO_NEXT_SHEET
    ) -> RecordedOutcome:
        """Record what came of a call; where nobody was reached the next one is planned.

        409 for a second outcome, for a call that somebody else has claimed, and where a request has an answer already,
        unless that was "later"; then nothing is recorded. `claimed_next` has what the practice may know of the
        patients, or says that this is missing: then `GET` that call.
        """
        rules = context.dependencies.rules
        return call_outcomes.record_outcome(
            context.session, texts(context), id, body, fetched, rules=rules, by=context.caller.id, now=context.now
        )


class PhoneCallCorrectResource(Resource):
    """The outcome of a call that was a mistake."""

    @endpoint(body=CallCorrection, response=PhoneCallView, replay=PhoneCallItem.get, lock_before=calls.wait_for)
    def post(self, context: Context[Dependencies], id: UUID, body: CallCorrection) -> PhoneCallView:
        """Take back what was recorded of a call, with the answers and the next call that followed from it.

        Its requests are called about again, where they still wait: what came of it in truth is recorded with that call.
        409 where a later call to the practice was made, until that one is corrected.
        """
        rules = context.dependencies.rules
        return call_corrections.correct(
            context.session, texts(context), id, body, rules=rules, by=context.caller.id, now=context.now
        )


class OpenRequestCollection(Resource):
    """What a practice that calls may speak of."""

    @endpoint(response=OpenRequests)
    def get(self, context: Context[Dependencies], id: UUID) -> OpenRequests:
        """Show the requests that a practice was or is to be asked for and has not answered, as a call shows them."""
        return call_changes.open_requests(context.session, id)
