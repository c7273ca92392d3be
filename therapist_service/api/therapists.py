"""Endpoints to therapists."""

from __future__ import annotations

from uuid import UUID

from shared.http import Context, Resource, endpoint
from shared.values.lists import Listed, ListRequest
from shared.values.schemas import MergePatch, QuerySchema
from shared.values.weekly import Weekly, WeeklyHours
from therapist_service.dependencies import Dependencies
from therapist_service.domain import blocks, capacity, change_log, inactivity, merging, removals, therapists
from therapist_service.domain.capacity_schemas import NewCapacity
from therapist_service.domain.lists import THERAPIST_CHANGES, THERAPISTS
from therapist_service.domain.schemas import (
    Activity,
    ChangedTherapist,
    NewBlock,
    NewTherapist,
    RegistrationQuery,
    TherapistFilter,
    TherapistMerge,
    TherapistRemoval,
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
        """Change a therapist; what staff change is protected from imports.

        Callers may change what they learn in a call: `phone`, `mobile`, `email` and `call_note`.
        """
        return therapists.change(
            context.session,
            id,
            patch,
            expected_versions=context.if_match,
            by=context.caller.id,
            roles=context.caller.roles,
            now=context.now,
        )

    @endpoint(response=TherapistRemoval)
    def delete(self, context: Context[Dependencies], id: UUID) -> TherapistRemoval:
        """Remove a therapist; one to whom anything refers becomes inactive instead, and the answer says what does."""
        return removals.remove(
            context.session, id, expected_versions=context.if_match, by=context.caller.id, now=context.now
        )


class TherapistCollection(Resource):
    """All therapists."""

    @endpoint(lists=THERAPISTS)
    def get(self, context: Context[Dependencies], wanted: ListRequest[TherapistFilter]) -> Listed:
        """List therapists by name."""
        return therapists.list_part(context.session, wanted, today=context.today)

    @endpoint(
        body=NewTherapist,
        query=RegistrationQuery,
        response=TherapistView,
        status=201,
        statuses=(409,),
        replay=TherapistItem.get,
    )
    def post(self, context: Context[Dependencies], body: NewTherapist, query: RegistrationQuery) -> TherapistView:
        """Enter a therapist by hand.

        409 names others who may be the same, in `candidates: [{id, name, city}]`.
        """
        return therapists.register(context.session, body, by=context.caller.id, force=query.force, now=context.now)


class TherapistMergeResource(Resource):
    """The merge of two entries of one therapist."""

    @endpoint(body=TherapistMerge, response=TherapistView, replay=TherapistItem.get, statuses=(409,))
    def post(self, context: Context[Dependencies], id: UUID, body: TherapistMerge) -> TherapistView:
        """Keep this therapist, and let the other one be the same: sources, history and open requests follow.

        What the kept one does not say is filled from the other. A block of either counts, and so do the days without
        another e-mail to either.
        """
        return merging.merge(context.session, id, body, by=context.caller.id, now=context.now)


class TherapistHistoryCollection(Resource):
    """What happened to a therapist."""

    @endpoint(lists=THERAPIST_CHANGES)
    def get(self, context: Context[Dependencies], id: UUID, wanted: ListRequest[QuerySchema]) -> Listed:
        """List who or which file changed what, when, oldest first."""
        return change_log.list_part(context.session, id, wanted)


class TherapistPhoneHoursResource(Resource):
    """When the practice answers the phone."""

    @endpoint(body=WeeklyHours, response=TherapistView)
    def put(self, context: Context[Dependencies], id: UUID, body: Weekly | None) -> TherapistView:
        """Replace the hours in which the practice answers the phone; they are protected from imports."""
        return therapists.change_phone_hours(
            context.session, id, body, expected_versions=context.if_match, by=context.caller.id, now=context.now
        )


class TherapistCapacityResource(Resource):
    """Whether the practice has places."""

    @endpoint(body=NewCapacity, response=TherapistView)
    def put(self, context: Context[Dependencies], id: UUID, body: NewCapacity) -> TherapistView:
        """Say whether the practice has places, from when, and until when that counts.

        `free_individual_from`, `free_group_from` and `potentially_available` follow from it. A setting of which the
        same is said keeps who said so; one that is left out becomes unknown.
        """
        return capacity.state(
            context.session,
            id,
            body,
            expected_versions=context.if_match,
            by=context.caller.id,
            today=context.today,
            now=context.now,
        )


class TherapistDeactivateResource(Resource):
    """The end of the work with a therapist."""

    @endpoint(body=Activity, response=TherapistView, replay=TherapistItem.get)
    def post(self, context: Context[Dependencies], id: UUID, body: Activity) -> TherapistView:
        """Take a therapist out; no import makes them active again. One who is blocked is inactive after the block."""
        return inactivity.deactivate(context.session, id, reason=body.reason, by=context.caller.id, now=context.now)


class TherapistReactivateResource(Resource):
    """The return of a therapist."""

    @endpoint(body=Activity, response=TherapistView, replay=TherapistItem.get)
    def post(self, context: Context[Dependencies], id: UUID, body: Activity) -> TherapistView:
        """Let a therapist who is inactive be active again; one who is blocked after the block."""
        return inactivity.reactivate(context.session, id, reason=body.reason, by=context.caller.id, now=context.now)


class TherapistBlockResource(Resource):
    """The block of a therapist."""

    @endpoint(body=NewBlock, response=TherapistView, replay=TherapistItem.get)
    def post(self, context: Context[Dependencies], id: UUID, body: NewBlock) -> TherapistView:
        """Let nobody contact this therapist."""
        return blocks.block(context.session, id, body, by=context.caller.id, today=context.today, now=context.now)


class TherapistUnblockResource(Resource):
    """The end of a block."""

    @endpoint(response=TherapistView, replay=TherapistItem.get)
    def post(self, context: Context[Dependencies], id: UUID) -> TherapistView:
        """Let the therapist be contacted again."""
        return blocks.unblock(context.session, id, by=context.caller.id, now=context.now)
