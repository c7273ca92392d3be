"""Endpoints to therapists."""

from __future__ import annotations

from uuid import UUID

from shared.http import Context, Resource, endpoint
from shared.values.lists import Listed, ListRequest
from shared.values.schemas import MergePatch, QuerySchema
from therapist_service.dependencies import Dependencies
from therapist_service.domain import change_log, therapists
from therapist_service.domain.lists import THERAPIST_CHANGES, THERAPISTS
from therapist_service.domain.schemas import (
    ChangedTherapist,
    NewBlock,
    NewTherapist,
    TherapistFilter,
    TherapistView,
)


class TherapistItem(Resource):
    """One therapist."""

    @endpoint(response=TherapistView)
    def get(self, context: Context[Dependencies], id: UUID) -> TherapistView:
        """Show a therapist."""
        return therapists.get(context.session, id)

    @endpoint(patch=ChangedTherapist, response=TherapistView)
    def patch(self, context: Context[Dependencies], id: UUID, patch: MergePatch) -> TherapistView:
        """Change a therapist; what staff change is protected from imports."""
        return therapists.change(
            context.session, id, patch, expected_versions=context.if_match, by=context.caller.id, now=context.now
        )


class TherapistCollection(Resource):
    """All therapists."""

    @endpoint(lists=THERAPISTS)
    def get(self, context: Context[Dependencies], wanted: ListRequest[TherapistFilter]) -> Listed:
        """List therapists by name."""
        return therapists.list_part(context.session, wanted)

    @endpoint(body=NewTherapist, response=TherapistView, status=201, replay=TherapistItem.get)
    def post(self, context: Context[Dependencies], body: NewTherapist) -> TherapistView:
        """Enter a therapist by hand."""
        return therapists.register(context.session, body, by=context.caller.id, now=context.now)


class TherapistHistoryCollection(Resource):
    """What happened to a therapist."""

    @endpoint(lists=THERAPIST_CHANGES)
    def get(self, context: Context[Dependencies], id: UUID, wanted: ListRequest[QuerySchema]) -> Listed:
        """List who or which file changed what, when, oldest first."""
        return change_log.list_part(context.session, id, wanted)


class TherapistBlockResource(Resource):
    """The block of a therapist."""

    @endpoint(body=NewBlock, response=TherapistView, replay=TherapistItem.get)
    def post(self, context: Context[Dependencies], id: UUID, body: NewBlock) -> TherapistView:
        """Let nobody contact this therapist."""
        return therapists.block(context.session, id, body, by=context.caller.id, today=context.today, now=context.now)


class TherapistUnblockResource(Resource):
    """The end of a block."""

    @endpoint(response=TherapistView, replay=TherapistItem.get)
    def post(self, context: Context[Dependencies], id: UUID) -> TherapistView:
        """Let the therapist be contacted again."""
        return therapists.unblock(context.session, id, by=context.caller.id, now=context.now)
