"""Endpoint to the placement code of a patient's consultation."""

from __future__ import annotations

from uuid import UUID

from patient_service.api.access_log import reader
from patient_service.dependencies import Dependencies
from patient_service.domain import placement_codes
from patient_service.domain.intake_schemas import RevealedPlacementCode
from shared.http import READ_ONLY, Context, Resource, endpoint


class PlacementCodeRevealResource(Resource):
    """The placement code in full."""

    @endpoint(response=RevealedPlacementCode, replay=READ_ONLY)
    def post(self, context: Context[Dependencies], id: UUID) -> RevealedPlacementCode:
        """Show the placement code in full; noted in the access log, as `revealed`, with the header X-Purpose."""
        keys = context.dependencies.keys
        return placement_codes.reveal(context.session, keys, id, reader=reader(context), now=context.now)
