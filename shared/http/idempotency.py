"""`Idempotency-Key`: the same request twice has one effect and one answer, for 24 hours."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, TypeVar, cast, overload
from uuid import UUID

from flask import current_app, g, request
from sqlalchemy import Row, select, text
from sqlalchemy.dialects.postgresql import insert

from shared.database import Session
from shared.database.idempotency import REMEMBERED_FOR
from shared.database.tables import idempotency
from shared.errors import Conflict, FieldProblem, RuleBroken
from shared.http.headers import IDEMPOTENCY_KEY, idempotency_key
from shared.http.inputs import raw_body
from shared.runtime import clock
from shared.security.authentication import caller
from shared.security.encryption import Digests

Result = TypeVar("Result")

Note = Any
"""Ids and refusals as JSON: enough to find the answer again, nothing of what was sent."""


class StillRunning(Conflict):
    """The same request is being worked on at this moment."""

    retry_after = 1


@dataclass(frozen=True)
class _Request:
    """What one keyed request is recognised by."""

    caller: str
    path: str
    key: str
    digest: bytes


@overload
def once(session: Session, make: Callable[[], Result], recall: Callable[[UUID], Result]) -> Result: ...


@overload
def once(
    session: Session,
    make: Callable[[], Result],
    recall: Callable[[Note], Result],
    remember: Callable[[Result], Note],
) -> Result: ...


def once(
    session: Session,
    make: Callable[[], Result],
    recall: Callable[[Any], Result],
    remember: Callable[[Result], Note] | None = None,
) -> Result:
    """What `make` returns; for a repeated `Idempotency-Key`, what `recall` finds of the first time instead.

    Without `remember` the result is one object: its `id` is noted, and `recall` is given it. With `remember`, which
    turns the result into a JSON note, `recall` is given that note. The note is stored in the transaction of the effect,
    so a refusal leaves none. Raises RuleBroken where the key came with another request, Conflict where the first one is
    still running.
    """
    keyed = _keyed_request()
    if keyed is None:
        return make()
    known = _known(session, keyed)
    if known is None:
        result = make()
        _note(session, keyed, {"id": str(_id_of(result))} if remember is None else remember(result))
        return result
    if not hmac.compare_digest(bytes(known.digest), keyed.digest):
        raise _wrong("was used before with another request", code="idempotency_key.reused")
    g.replayed = True
    return recall(UUID(known.note["id"]) if remember is None else known.note)


def is_keyed() -> bool:
    """Whether the request brings a key: then the effect needs a transaction, in which `once` can note it."""
    return IDEMPOTENCY_KEY in request.headers


def _id_of(result: Any) -> UUID:
    return cast(UUID, result.id)


def _keyed_request() -> _Request | None:
    key = idempotency_key()
    if key is None:
        return None
    path = request.path.rstrip("/")
    digests = cast(Digests, current_app.extensions["digests"])
    digest = digests.digest(request.method.encode(), path.encode(), request.query_string, raw_body())
    return _Request(str(caller().id or ""), path, key, digest)


def _known(session: Session, keyed: _Request) -> Row[Any, Any] | None:
    """The row of the first time, if any, under a lock that lasts as long as the transaction."""
    # two statements: one statement would read the snapshot from before the lock
    if not session.scalar(text("SELECT pg_try_advisory_xact_lock(:number)"), {"number": _lock_number(keyed)}):
        raise StillRunning("idempotency_key.running", "The same request is still being worked on.")
    return session.execute(
        select(idempotency.c.digest, idempotency.c.note).where(
            idempotency.c.caller == keyed.caller,
            idempotency.c.path == keyed.path,
            idempotency.c.key == keyed.key,
            idempotency.c.created_at > clock.now() - REMEMBERED_FOR,
        )
    ).one_or_none()


def _note(session: Session, keyed: _Request, note: Note) -> None:
    fresh = {"digest": keyed.digest, "note": note, "created_at": clock.now()}
    statement = insert(idempotency).values(caller=keyed.caller, path=keyed.path, key=keyed.key, **fresh)
    # a row that is still there is older than 24 hours, or `_known` had found it
    session.execute(statement.on_conflict_do_update(index_elements=["caller", "path", "key"], set_=fresh))


def _lock_number(keyed: _Request) -> int:
    # advisory locks are per database, which all services share: the name keeps their keys apart
    parts = "\x00".join((current_app.name, keyed.caller, keyed.path, keyed.key))
    return int.from_bytes(blake2b(parts.encode(), digest_size=8).digest(), "big", signed=True)


def _wrong(message: str, *, code: str) -> RuleBroken:
    return RuleBroken(code, f"The {IDEMPOTENCY_KEY} {message}.", errors=[FieldProblem(IDEMPOTENCY_KEY, message)])
