"""Endpoints to reviews of imports."""

from __future__ import annotations

from uuid import UUID

from shared.http import REPLAYED_RESULTS, BulkResults, Context, Resource, endpoint, results_of
from shared.values.lists import Listed, ListRequest
from therapist_service.dependencies import Dependencies
from therapist_service.domain import reviews
from therapist_service.domain.lists import IMPORT_REVIEWS
from therapist_service.domain.review_schemas import (
    ImportReviewView,
    ReviewApproval,
    ReviewBulkChange,
    ReviewFilter,
    ReviewRejection,
)


class ImportReviewCollection(Resource):
    """All reviews."""

    @endpoint(lists=IMPORT_REVIEWS)
    def get(self, context: Context[Dependencies], wanted: ListRequest[ReviewFilter]) -> Listed:
        """List what of imports waits for a decision, or was decided; the newest first."""
        return reviews.list_part(context.session, wanted)


class ImportReviewItem(Resource):
    """One review."""

    @endpoint(response=ImportReviewView)
    def get(self, context: Context[Dependencies], id: UUID) -> ImportReviewView:
        """Show a review with what would change."""
        return reviews.get(context.session, id)


class ImportReviewApproveResource(Resource):
    """The approval of a review."""

    @endpoint(body=ReviewApproval, response=ImportReviewView, statuses=(409,), replay=ImportReviewItem.get)
    def post(self, context: Context[Dependencies], id: UUID, body: ReviewApproval) -> ImportReviewView:
        """Take over what waits, or only some fields; what staff have set meanwhile stays.

        Where it is to be decided who somebody is, `therapist_id` names them; without it they are a new person.
        """
        return reviews.approve(context.session, id, body, by=context.caller.id, now=context.now)


class ImportReviewRejectResource(Resource):
    """The rejection of a review."""

    @endpoint(body=ReviewRejection, response=ImportReviewView, statuses=(409,), replay=ImportReviewItem.get)
    def post(self, context: Context[Dependencies], id: UUID, body: ReviewRejection) -> ImportReviewView:
        """Take over nothing; it waits again only when the source says something else."""
        return reviews.reject(context.session, id, body, by=context.caller.id, now=context.now)


class ImportReviewReopenResource(Resource):
    """The end of a decision."""

    @endpoint(response=ImportReviewView, statuses=(409,), replay=ImportReviewItem.get)
    def post(self, context: Context[Dependencies], id: UUID) -> ImportReviewView:
        """Let what was rejected wait again, or what an approval left out."""
        return reviews.reopen(context.session, id, by=context.caller.id, now=context.now)


class ImportReviewBulkResource(Resource):
    """Decisions of many reviews."""

    @endpoint(body=ReviewBulkChange, response=BulkResults, replay=REPLAYED_RESULTS)
    def post(self, context: Context[Dependencies], body: ReviewBulkChange) -> BulkResults:
        """Approve or reject many reviews at once, each for itself; who somebody is, is decided one by one."""
        return results_of(reviews.change_many(context.session, body, by=context.caller.id, now=context.now))
