"""Endpoints to therapists."""

from __future__ import annotations

from uuid import UUID

from shared.database import transaction
from shared.http import Resource, endpoint, if_match, once
from shared.runtime import clock
from shared.values.schemas import MergePatch
from therapist_service.domain import therapists
from therapist_service.domain.schemas import (
    ChangedTherapist,
    NewBlock,
    NewTherapist,
    TherapistFilter,
    TherapistPage,
    TherapistView,
)


class Therapists(Resource):
    """All therapists."""

    @endpoint(query=TherapistFilter, answer=TherapistPage)
    def get(self, query: TherapistFilter) -> TherapistPage:
        """List therapists by name."""
        with transaction() as session:
            return therapists.listed(session, query)

    @endpoint(body=NewTherapist, answer=TherapistView, status=201)
    def post(self, body: NewTherapist) -> TherapistView:
        """Enter a therapist by hand."""
        with transaction() as session:
            return once(
                session,
                lambda: therapists.register(session, body, now=clock.now()),
                recall=lambda known: therapists.get(session, known),
            )


class Therapist(Resource):
    """One therapist."""

    @endpoint(answer=TherapistView)
    def get(self, id: UUID) -> TherapistView:
        """Show a therapist."""
        with transaction() as session:
            return therapists.get(session, id)

    @endpoint(patch=ChangedTherapist, answer=TherapistView)
    def patch(self, id: UUID, patch: MergePatch) -> TherapistView:
        """Change a therapist; what staff change is protected from imports."""
        with transaction() as session:
            return therapists.change(session, id, patch, expected_versions=if_match(), now=clock.now())


class TherapistBlock(Resource):
    """The block of a therapist."""

    @endpoint(body=NewBlock, answer=TherapistView)
    def post(self, id: UUID, body: NewBlock) -> TherapistView:
        """Let nobody contact this therapist."""
        with transaction() as session:
            return once(
                session,
                lambda: therapists.block(session, id, body, today=clock.today(), now=clock.now()),
                recall=lambda known: therapists.get(session, known),
            )


class TherapistUnblock(Resource):
    """The end of a block."""

    @endpoint(answer=TherapistView)
    def post(self, id: UUID) -> TherapistView:
        """Let the therapist be contacted again."""
        with transaction() as session:
            return once(
                session,
                lambda: therapists.unblock(session, id, now=clock.now()),
                recall=lambda known: therapists.get(session, known),
            )
