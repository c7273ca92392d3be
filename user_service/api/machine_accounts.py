"""Endpoints to the accounts of machines, for administrators."""

from __future__ import annotations

from uuid import UUID

from shared.http import Context, Replay, Resource, ResponseReference, endpoint
from shared.values.lists import Listed, ListRequest
from shared.values.schemas import MergePatch, QuerySchema
from user_service.api.callers import recently_signed_in
from user_service.dependencies import Dependencies
from user_service.domain import machines
from user_service.domain.lists import MACHINES
from user_service.domain.schemas import MachineFields, MachineSecretView, MachineView, NewMachine


def _reference(made: MachineSecretView) -> ResponseReference:
    return {"id": str(made.id)}


def _shown_again(context: Context[Dependencies], reference: ResponseReference, **_: UUID) -> MachineSecretView:
    return machines.get_without_secret(context.session, UUID(reference["id"]))


SHOWN_ONCE = Replay(reference=_reference, find=_shown_again)
"""The secret is not stored, so a repeated request shows the account without it."""


class MachineAccountItem(Resource):
    """One machine account."""

    @endpoint(response=MachineView)
    def get(self, context: Context[Dependencies], id: UUID) -> MachineView:
        """Show a machine account."""
        return machines.get(context.session, id)

    @endpoint(patch=MachineFields, response=MachineView)
    @recently_signed_in
    def patch(self, context: Context[Dependencies], id: UUID, patch: MergePatch) -> MachineView:
        """Change a machine account; tokens that it has are valid for some minutes more."""
        return machines.change(
            context.session,
            id,
            patch,
            expected_versions=context.if_match,
            by=context.caller.id,
            now=context.now,
        )

    @endpoint()
    @recently_signed_in
    def delete(self, context: Context[Dependencies], id: UUID) -> None:
        """Close a machine account for good; its id and name stay in logs."""
        machines.delete(context.session, id, expected_versions=context.if_match, by=context.caller.id, now=context.now)


class MachineAccountCollection(Resource):
    """All machine accounts."""

    @endpoint(lists=MACHINES)
    def get(self, context: Context[Dependencies], wanted: ListRequest[QuerySchema]) -> Listed:
        """List the machine accounts by name."""
        return machines.list_part(context.session, wanted)

    @endpoint(body=NewMachine, response=MachineSecretView, status=201, replay=SHOWN_ONCE)
    @recently_signed_in
    def post(self, context: Context[Dependencies], body: NewMachine) -> MachineSecretView:
        """Make a machine account; its secret is shown in this answer alone."""
        return machines.create(context.session, body, by=context.caller.id, now=context.now)


class MachineAccountSecretResource(Resource):
    """The secret of a machine account."""

    @endpoint(response=MachineSecretView, replay=SHOWN_ONCE)
    @recently_signed_in
    def post(self, context: Context[Dependencies], id: UUID) -> MachineSecretView:
        """Give a machine account a new secret, shown in this answer alone; the old one is not valid any more."""
        return machines.renew_secret(context.session, id, by=context.caller.id, now=context.now)
