"""`/api/dead-letters`: what could not be handled, for administrators, in every service with a worker."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from shared.database import transaction
from shared.events import dead_letters
from shared.events.listeners import Listeners
from shared.http.endpoint import Resource, endpoint
from shared.http.idempotency import once
from shared.http.routes import Route
from shared.runtime import clock
from shared.security.authentication import ADMINS
from shared.values.datetimes import Instant
from shared.values.schemas import Page, PageQuery, Schema
from shared.values.text import Reason

State = Literal["waiting", "replayed", "discarded"]


class DeadLetterFilter(PageQuery):
    """Which dead letters to list."""

    state: State | None = None


class DeadLetterView(Schema):
    """An event that was set aside: where it lay, why it failed, what was decided."""

    id: UUID
    topic: str
    partition: int
    offset: int
    event_type: str | None
    reason: str
    traceback: str
    created_at: Instant
    state: State
    resolved_at: Instant | None
    resolved_reason: str | None


class Decision(Schema):
    """Why an event is replayed or discarded."""

    reason: Annotated[Reason, Field(description="why")]


DeadLetterPage = Page[DeadLetterView]


def dead_letter_routes(listeners: Listeners) -> list[Route]:
    """The routes; a replayed event goes to these listeners, in the transaction that marks it replayed."""

    class DeadLetterCollection(Resource):
        @endpoint(query=DeadLetterFilter, answer=DeadLetterPage)
        def get(self, query: DeadLetterFilter) -> DeadLetterPage:
            """List dead letters, newest first."""
            with transaction() as session:
                rows, total = dead_letters.list_page(session, state=query.state, limit=query.limit, offset=query.offset)
            return DeadLetterPage(items=[_shown(r) for r in rows], total=total, limit=query.limit, offset=query.offset)

    class DeadLetterItem(Resource):
        @endpoint(answer=DeadLetterView)
        def get(self, id: UUID) -> DeadLetterView:
            """Show a dead letter with its traceback."""
            with transaction() as session:
                return _shown(dead_letters.get(session, id))

    class Replay(Resource):
        @endpoint(body=Decision, answer=DeadLetterView)
        def post(self, id: UUID, body: Decision) -> DeadLetterView:
            """Give the event to its listeners again; if they fail again, it stays a dead letter."""
            now: datetime = clock.now()

            def replayed() -> DeadLetterView:
                event = dead_letters.replay(session, id, reason=body.reason, now=now)
                listeners.apply(session, [event], now=now)
                return _shown(dead_letters.get(session, id))

            with transaction() as session:
                return once(session, replayed, lambda known: _shown(dead_letters.get(session, known)))

    class Discard(Resource):
        @endpoint(body=Decision, answer=DeadLetterView)
        def post(self, id: UUID, body: Decision) -> DeadLetterView:
            """Decide that the event will have no effect."""

            def discarded() -> DeadLetterView:
                dead_letters.discard(session, id, reason=body.reason, now=clock.now())
                return _shown(dead_letters.get(session, id))

            with transaction() as session:
                return once(session, discarded, lambda known: _shown(dead_letters.get(session, known)))

    return [
        Route("/api/dead-letters", DeadLetterCollection, get=ADMINS),
        Route("/api/dead-letters/<uuid:id>", DeadLetterItem, get=ADMINS),
        Route("/api/dead-letters/<uuid:id>/replay", Replay, post=ADMINS),
        Route("/api/dead-letters/<uuid:id>/discard", Discard, post=ADMINS),
    ]


def _shown(row: Any) -> DeadLetterView:
    return DeadLetterView.of({name: row[name] for name in DeadLetterView.model_fields})
