"""Endpoints to placement requests."""

from __future__ import annotations

from uuid import UUID

from matching_service.api.rules import ask_again_rules
from matching_service.domain import answers, audit_log, requests
from matching_service.domain.schemas import (
    Approved,
    AuditLogPage,
    ContactList,
    NewAnswer,
    Placing,
    RefusedTherapist,
    RequestFields,
    RequestFilter,
    RequestPage,
    RequestView,
    Withdrawal,
)
from shared.database import transaction
from shared.http import Answer, Note, Resource, endpoint, if_match, once
from shared.runtime import clock
from shared.values.schemas import MergePatch, PageQuery


class PlacementRequests(Resource):
    """All placement requests."""

    @endpoint(query=RequestFilter, answer=RequestPage)
    def get(self, query: RequestFilter) -> RequestPage:
        """List placement requests, newest first."""
        with transaction() as session:
            return requests.listed(session, query)

    @endpoint(body=ContactList, answer=Approved, status=201, statuses=(404,))
    def post(self, body: ContactList) -> Answer:
        """Approve a contact list: ask these therapists for this patient.

        A criterion that a therapist fails can be overridden with a reason, except a block, the wish for no contact, an
        open request and a recent refusal.
        """
        with transaction() as session:
            approved = once(
                session,
                lambda: requests.approve(session, body, rules=ask_again_rules(), today=clock.today(), now=clock.now()),
                recall=lambda note: requests.recall(
                    session,
                    [UUID(each) for each in note["items"]],
                    [RefusedTherapist.from_json(e) for e in note["refused"]],
                ),
                remember=_remembered,
            )
            return Answer(approved, location=f"/api/placement-requests?patient_id={body.patient_id}")


def _remembered(approved: Approved) -> Note:
    return {
        "items": [str(item.id) for item in approved.items],
        "refused": [refusal.to_json() for refusal in approved.refused],
    }


class PlacementRequest(Resource):
    """One placement request."""

    @endpoint(answer=RequestView)
    def get(self, id: UUID) -> RequestView:
        """Show a placement request."""
        with transaction() as session:
            return requests.get(session, id)

    @endpoint(patch=RequestFields, answer=RequestView)
    def patch(self, id: UUID, patch: MergePatch) -> RequestView:
        """Change priority or note."""
        with transaction() as session:
            return requests.change(session, id, patch, expected_versions=if_match(), now=clock.now())


class PlacementRequestHistory(Resource):
    """What happened to a placement request."""

    @endpoint(query=PageQuery, answer=AuditLogPage)
    def get(self, id: UUID, query: PageQuery) -> AuditLogPage:
        """List what happened, oldest first."""
        with transaction() as session:
            return audit_log.listed(session, id, query)


class PlacementRequestResponse(Resource):
    """The practice's answer."""

    @endpoint(body=NewAnswer, answer=RequestView)
    def post(self, id: UUID, body: NewAnswer) -> RequestView:
        """Record what the practice answered.

        409 where an answer is recorded already, unless that was "later".
        """
        with transaction() as session:
            return once(
                session,
                lambda: answers.respond(session, id, body, rules=ask_again_rules(), now=clock.now()),
                recall=lambda known: requests.get(session, known),
            )


class PlacementRequestPlace(Resource):
    """The place that the patient takes up."""

    @endpoint(body=Placing, answer=RequestView)
    def post(self, id: UUID, body: Placing) -> RequestView:
        """Place the patient: every other request is withdrawn."""
        with transaction() as session:
            return once(
                session,
                lambda: answers.place(session, id, body, today=clock.today(), now=clock.now()),
                recall=lambda known: requests.get(session, known),
            )


class PlacementRequestWithdraw(Resource):
    """The end of a request."""

    @endpoint(body=Withdrawal, answer=RequestView)
    def post(self, id: UUID, body: Withdrawal) -> RequestView:
        """Withdraw a placement request."""
        with transaction() as session:
            return once(
                session,
                lambda: answers.withdraw(session, id, body, now=clock.now()),
                recall=lambda known: requests.get(session, known),
            )
