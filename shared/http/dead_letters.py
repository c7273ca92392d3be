"""`/api/dead-letters`, in every service: administrators list, replay or discard events that could not be handled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from shared.database import Session
from shared.events import dead_letters
from shared.events.listeners import Listeners
from shared.http.context import Context
from shared.http.endpoint import Resource, endpoint
from shared.http.routes import Route
from shared.security.authentication import ADMINS
from shared.values.datetimes import Instant
from shared.values.lists import Listed, ListOf, ListRequest, Several, part_of
from shared.values.schemas import QuerySchema, Schema
from shared.values.text import Reason

State = Literal["waiting", "replayed", "discarded"]


class DeadLetterFilter(QuerySchema):
    """Which dead letters to list."""

    state: Several[State] = []
    """Only those about which one of these was decided."""


class DeadLetterView(Schema):
    """An event that could not be handled: its position on Kafka, why it failed, and what was decided."""

    id: UUID
    """Identifies the dead letter."""
    topic: str
    """The topic of Kafka from which the event was read."""
    partition: int
    """The partition of the topic."""
    offset: int
    """The place in the partition."""
    event_type: str | None
    """Which event it is, such as `patient.registered`; null where that cannot be read."""
    reason: str
    """Why it could not be handled."""
    traceback: str
    """Where in the code it failed."""
    created_at: Instant
    """When it was set aside."""
    state: State
    """Whether somebody has decided yet, and what."""
    resolved_at: Instant | None
    """When that was decided."""
    resolved_by: UUID | None
    """The account of who decided."""
    resolved_reason: str | None
    """Why it was decided so."""


class Decision(Schema):
    """Why an event is replayed or discarded."""

    reason: Annotated[Reason, Field(description="Why it is replayed or discarded.")]


DeadLetterRow = part_of(
    "DeadLetterRow",
    DeadLetterView,
    *("id", "topic", "partition", "offset", "event_type", "reason", "created_at", "state"),
    *("resolved_at", "resolved_by"),
    about="A dead letter without its traceback and the words of who decided.",
)
DEAD_LETTERS = ListOf(dead_letters.LISTING, DeadLetterFilter, full=DeadLetterView, row=DeadLetterRow)


class DeadLetterItem(Resource):
    """One dead letter."""

    @endpoint(response=DeadLetterView)
    def get(self, context: Context[Any], id: UUID) -> DeadLetterView:
        """Show a dead letter with its traceback."""
        return _get(context.session, id)


class DeadLetterCollection(Resource):
    """All dead letters."""

    @endpoint(lists=DEAD_LETTERS)
    def get(self, context: Context[Any], wanted: ListRequest[DeadLetterFilter]) -> Listed:
        """List dead letters, newest first."""
        return _list_part(context.session, wanted)


class DeadLetterDiscardResource(Resource):
    """The decision that a dead letter has no effect."""

    @endpoint(body=Decision, response=DeadLetterView, replay=DeadLetterItem.get)
    def post(self, context: Context[Any], id: UUID, body: Decision) -> DeadLetterView:
        """Decide that the event will have no effect."""
        return _discard(context.session, id, reason=body.reason, by=context.caller.id, now=context.now)


def dead_letter_routes(listeners: Listeners) -> list[Route]:
    """Returns the routes; `replay` gives the event to these listeners in the transaction that marks it as replayed."""

    class DeadLetterReplayResource(Resource):
        @endpoint(body=Decision, response=DeadLetterView, replay=DeadLetterItem.get)
        def post(self, context: Context[Any], id: UUID, body: Decision) -> DeadLetterView:
            """Give the event to its listeners again; if they fail again, it stays a dead letter."""
            return _replay(context.session, id, listeners, reason=body.reason, by=context.caller.id, now=context.now)

    return [
        Route("/api/dead-letters", DeadLetterCollection, get=ADMINS),
        Route("/api/dead-letters/<uuid:id>", DeadLetterItem, get=ADMINS),
        Route("/api/dead-letters/<uuid:id>/replay", DeadLetterReplayResource, post=ADMINS),
        Route("/api/dead-letters/<uuid:id>/discard", DeadLetterDiscardResource, post=ADMINS),
    ]


def _list_part(session: Session, wanted: ListRequest[DeadLetterFilter]) -> Listed:
    found = dead_letters.read_part(session, wanted.part, states=wanted.filters.state)
    return found.shown(found.rows)


def _get(session: Session, id: UUID) -> DeadLetterView:
    return _view(dead_letters.get(session, id))


def _replay(
    session: Session, id: UUID, listeners: Listeners, *, reason: str, by: UUID | None, now: datetime
) -> DeadLetterView:
    event = dead_letters.replay(session, id, reason=reason, by=by, now=now)
    listeners.apply(session, [event], now=now)
    return _get(session, id)


def _discard(session: Session, id: UUID, *, reason: str, by: UUID | None, now: datetime) -> DeadLetterView:
    dead_letters.discard(session, id, reason=reason, by=by, now=now)
    return _get(session, id)


def _view(row: Mapping[str, Any]) -> DeadLetterView:
    return DeadLetterView.of({name: row[name] for name in DeadLetterView.model_fields})
