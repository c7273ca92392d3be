"""Endpoints to placement requests."""

from __future__ import annotations

from uuid import UUID

from matching_service.api.texts import texts
from matching_service.dependencies import Dependencies
from matching_service.domain import answers, audit_log, bulk, corrections, placement_requests, places
from matching_service.domain.bulk_schemas import BulkChange
from matching_service.domain.lists import AUDIT_LOG, REQUESTS
from matching_service.domain.place_schemas import Confirmation, CorrectedRequest, Correction, NotRestored, PlaceFailure
from matching_service.domain.schemas import (
    Approval,
    ContactList,
    NewAnswer,
    NewPlace,
    RefusedRule,
    RequestFields,
    RequestFilter,
    RequestView,
    Withdrawal,
)
from shared.http import (
    REPLAYED_RESULTS,
    BulkResults,
    Context,
    Replay,
    Resource,
    ResponseReference,
    endpoint,
    results_of,
)
from shared.values.lists import Listed, ListRequest
from shared.values.schemas import MergePatch, QuerySchema


class PlacementRequestItem(Resource):
    """One placement request."""

    @endpoint(response=RequestView)
    def get(self, context: Context[Dependencies], id: UUID) -> RequestView:
        """Show a placement request."""
        return placement_requests.get(context.session, texts(context), id)

    @endpoint(patch=RequestFields, response=RequestView)
    def patch(self, context: Context[Dependencies], id: UUID, patch: MergePatch) -> RequestView:
        """Change priority or note."""
        return placement_requests.change(
            context.session,
            texts(context),
            id,
            patch,
            expected_versions=context.if_match,
            by=context.caller.id,
            now=context.now,
        )


def _reference(approved: Approval) -> ResponseReference:
    return {
        "items": [str(item.id) for item in approved.items],
        # nothing of what was compared: an erasure would not find it here
        "refused": [refusal.model_dump(mode="json", include={"therapist_id", "rule"}) for refusal in approved.refused],
    }


def _find_approved(context: Context[Dependencies], reference: ResponseReference) -> Approval:
    return placement_requests.find_approved(
        context.session,
        texts(context),
        [UUID(each) for each in reference["items"]],
        [RefusedRule.from_json(each) for each in reference["refused"]],
        rules=context.dependencies.rules,
        today=context.today,
    )


class PlacementRequestCollection(Resource):
    """All placement requests."""

    @endpoint(lists=REQUESTS)
    def get(self, context: Context[Dependencies], wanted: ListRequest[RequestFilter]) -> Listed:
        """List placement requests, newest first."""
        return placement_requests.list_part(context.session, texts(context), wanted)

    @endpoint(
        body=ContactList,
        response=Approval,
        status=201,
        statuses=(404,),
        location="/api/placement-requests?patient_id={body.patient_id}",
        replay=Replay(reference=_reference, find=_find_approved),
    )
    def post(self, context: Context[Dependencies], body: ContactList) -> Approval:
        """Approve a contact list: ask these therapists for this patient.

        A criterion that a therapist fails can be overridden with a reason, except a block, the wish for no contact, an
        open request and a recent refusal.
        """
        rules = context.dependencies.rules
        return placement_requests.approve(
            context.session,
            texts(context),
            body,
            rules=rules,
            by=context.caller.id,
            today=context.today,
            now=context.now,
        )


class PlacementRequestBulkResource(Resource):
    """One change of many placement requests."""

    @endpoint(body=BulkChange, response=BulkResults, replay=REPLAYED_RESULTS)
    def post(self, context: Context[Dependencies], body: BulkChange) -> BulkResults:
        """Withdraw many requests, or give them another priority; 409 where these are not as many as expected.

        Each is changed or refused for itself, all in one transaction.
        """
        return results_of(bulk.change(context.session, body, by=context.caller.id, now=context.now))


class PlacementRequestHistoryCollection(Resource):
    """What happened to a placement request."""

    @endpoint(lists=AUDIT_LOG)
    def get(self, context: Context[Dependencies], id: UUID, wanted: ListRequest[QuerySchema]) -> Listed:
        """List what happened, oldest first."""
        return audit_log.list_part(context.session, texts(context), id, wanted)


class PlacementRequestResponseResource(Resource):
    """The practice's answer."""

    @endpoint(body=NewAnswer, response=RequestView, replay=PlacementRequestItem.get)
    def post(self, context: Context[Dependencies], id: UUID, body: NewAnswer) -> RequestView:
        """Record what the practice answered.

        409 where an answer is recorded already, unless that was "later".
        """
        rules = context.dependencies.rules
        return answers.respond(
            context.session, texts(context), id, body, rules=rules, by=context.caller.id, now=context.now
        )


def _reference_to_corrected(corrected: CorrectedRequest) -> ResponseReference:
    return {
        "id": str(corrected.id),
        "restored": [str(each) for each in corrected.restored],
        "not_restored": [each.to_json() for each in corrected.not_restored],
    }


def _find_corrected(context: Context[Dependencies], reference: ResponseReference, id: UUID) -> CorrectedRequest:  # noqa: ARG001 - of a merged one it is another's
    restored = [UUID(each) for each in reference["restored"]]
    kept = [NotRestored.from_json(each) for each in reference["not_restored"]]
    return corrections.find_corrected(context.session, texts(context), UUID(reference["id"]), restored, kept)


class PlacementRequestCorrectResource(Resource):
    """An answer that was recorded wrong."""

    @endpoint(
        body=Correction,
        response=CorrectedRequest,
        replay=Replay(reference=_reference_to_corrected, find=_find_corrected),
    )
    def post(self, context: Context[Dependencies], id: UUID, body: Correction) -> CorrectedRequest:
        """Correct the practice's answer, or take it back, with all that followed from it.

        Requests that were withdrawn because of it go on as they stood; those that cannot are named.
        """
        rules = context.dependencies.rules
        return corrections.correct(
            context.session, texts(context), id, body, rules=rules, by=context.caller.id, now=context.now
        )


class PlacementRequestPlaceResource(Resource):
    """The place that the patient takes up."""

    @endpoint(body=NewPlace, response=RequestView, replay=PlacementRequestItem.get)
    def post(self, context: Context[Dependencies], id: UUID, body: NewPlace) -> RequestView:
        """Place the patient: every other request is withdrawn."""
        return answers.place(
            context.session, texts(context), id, body, by=context.caller.id, today=context.today, now=context.now
        )


class PlacementRequestConfirmResource(Resource):
    """A place that works."""

    @endpoint(body=Confirmation, response=RequestView, replay=PlacementRequestItem.get)
    def post(self, context: Context[Dependencies], id: UUID, body: Confirmation) -> RequestView:
        """Record that the place works, after the first sessions."""
        return places.confirm(
            context.session, texts(context), id, body, by=context.caller.id, today=context.today, now=context.now
        )


class PlacementRequestFailResource(Resource):
    """A place that failed."""

    @endpoint(body=PlaceFailure, response=RequestView, replay=PlacementRequestItem.get)
    def post(self, context: Context[Dependencies], id: UUID, body: PlaceFailure) -> RequestView:
        """Record that the place failed: the search goes on, without this therapist."""
        return places.fail(
            context.session, texts(context), id, body, by=context.caller.id, today=context.today, now=context.now
        )


class PlacementRequestWithdrawResource(Resource):
    """The end of a request."""

    @endpoint(body=Withdrawal, response=RequestView, replay=PlacementRequestItem.get)
    def post(self, context: Context[Dependencies], id: UUID, body: Withdrawal) -> RequestView:
        """Withdraw a placement request."""
        return answers.withdraw_and_show(
            context.session, texts(context), id, body, by=context.caller.id, now=context.now
        )
