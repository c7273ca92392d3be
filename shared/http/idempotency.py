"""`Idempotency-Key`: the same request twice has one effect and one response, for 24 hours."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, cast

from flask import current_app, request
from sqlalchemy import Row, select, text
from sqlalchemy.dialects.postgresql import insert

from shared.database.idempotency import REMEMBERED_FOR
from shared.database.tables import idempotency
from shared.errors import Conflict, FieldProblem, RuleBroken
from shared.http.context import Context
from shared.http.headers import IDEMPOTENCY_KEY
from shared.http.inputs import raw_body
from shared.http.replay import ResponseReference
from shared.security.encryption import Digests


class StillRunning(Conflict):
    """The first request with this key is still running."""

    retry_after = 1


@dataclass(frozen=True)
class KeyedRequest:
    """What identifies a request with a key."""

    caller: str
    path: str
    key: str
    digest: bytes


def keyed_request(context: Context[Any], key: str) -> KeyedRequest:
    """Returns what identifies the present request, which has this key."""
    path = request.path.rstrip("/")
    digests = cast(Digests, current_app.extensions["digests"])
    digest = digests.digest(request.method.encode(), path.encode(), request.query_string, raw_body())
    return KeyedRequest(str(context.caller.id or ""), path, key, digest)


def find_reference(context: Context[Any], keyed: KeyedRequest) -> ResponseReference | None:
    """Returns the reference to the first response; None where this is the first request with the key.

    Until the transaction ends, no other process can handle the same request. Raises RuleBroken where the key came with
    another request, Conflict where the first one is still running.
    """
    # two statements: one statement would read the snapshot from before the lock
    if not context.session.scalar(text("SELECT pg_try_advisory_xact_lock(:number)"), {"number": _lock_number(keyed)}):
        raise StillRunning("idempotency_key.running")
    known = _known(context, keyed)
    if known is None:
        return None
    if not hmac.compare_digest(bytes(known.digest), keyed.digest):
        problem = FieldProblem.of(IDEMPOTENCY_KEY, "field.idempotency_key.reused")
        raise RuleBroken("idempotency_key.reused", errors=[problem])
    return known.response_reference


def keep_reference(context: Context[Any], keyed: KeyedRequest, reference: ResponseReference) -> None:
    """Store the reference to the response in the transaction of the effect: a refusal leaves none."""
    fresh = {"digest": keyed.digest, "response_reference": reference, "created_at": context.now}
    statement = insert(idempotency).values(caller=keyed.caller, path=keyed.path, key=keyed.key, **fresh)
    # a row that is still there is older than 24 hours, or `find_reference` had found it
    context.session.execute(statement.on_conflict_do_update(index_elements=["caller", "path", "key"], set_=fresh))


def _known(context: Context[Any], keyed: KeyedRequest) -> Row[Any, Any] | None:
    return context.session.execute(
        select(idempotency.c.digest, idempotency.c.response_reference).where(
            idempotency.c.caller == keyed.caller,
            idempotency.c.path == keyed.path,
            idempotency.c.key == keyed.key,
            idempotency.c.created_at > context.now - REMEMBERED_FOR,
        )
    ).one_or_none()


def _lock_number(keyed: KeyedRequest) -> int:
    # advisory locks are per database, which all services share: the name keeps their keys apart
    parts = "\x00".join((current_app.name, keyed.caller, keyed.path, keyed.key))
    return int.from_bytes(blake2b(parts.encode(), digest_size=8).digest(), "big", signed=True)
