"""`Idempotency-Key`: the same request twice has one effect and one response, for 24 hours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from flask import current_app, request
from sqlalchemy import Row, bindparam, select
from sqlalchemy.dialects.postgresql import Insert, insert

from shared.database import try_to_take_turn
from shared.database.idempotency import REMEMBERED_FOR
from shared.database.tables import idempotency
from shared.errors import Conflict, FieldProblem, RuleBroken
from shared.http.context import Context
from shared.http.headers import IDEMPOTENCY_KEY
from shared.http.inputs import raw_body
from shared.http.replay import ResponseReference
from shared.security.encryption import Digests

# made once: to build a statement costs as much as to execute it
_FIND = select(idempotency.c.digest, idempotency.c.response_reference).where(
    idempotency.c.caller == bindparam("caller"),
    idempotency.c.path == bindparam("path"),
    idempotency.c.key == bindparam("key"),
    idempotency.c.created_at > bindparam("since"),
)


def _keeping() -> Insert:
    adding = insert(idempotency)
    changed = {name: adding.excluded[name] for name in ("digest", "response_reference", "created_at")}
    # a row that is still there is older than 24 hours, or `find_reference` had found it
    return adding.on_conflict_do_update(index_elements=["caller", "path", "key"], set_=changed)


_KEEP = _keeping()


class StillRunning(Conflict):
    """The first request with this key is still running."""

    retry_after = 1


@dataclass(frozen=True)
class KeyedRequest:
    """What identifies a request with a key."""

    caller: str
    path: str
    key: str
    content: tuple[bytes, ...]
    """What a repetition must have in common with the first request; only its digest is stored."""


def keyed_request(context: Context[Any], key: str) -> KeyedRequest:
    """Returns what identifies the present request, which has this key."""
    path = request.path.rstrip("/")
    content = (request.method.encode(), path.encode(), request.query_string, raw_body())
    return KeyedRequest(str(context.caller.id or ""), path, key, content)


def find_reference(context: Context[Any], keyed: KeyedRequest) -> ResponseReference | None:
    """Returns the reference to the first response; None where this is the first request with the key.

    Until the transaction ends, no other process can handle the same request. Raises RuleBroken where the key came with
    another request, Conflict where the first one is still running.
    """
    # two statements: one statement would read the snapshot from before the lock
    if not try_to_take_turn(context.session, current_app.name, keyed.caller, keyed.path, keyed.key):
        raise StillRunning("idempotency_key.running")
    known = _known(context, keyed)
    if known is None:
        return None
    if not _digests().is_of(bytes(known.digest), *keyed.content):
        problem = FieldProblem.of(IDEMPOTENCY_KEY, "field.idempotency_key.reused")
        raise RuleBroken("idempotency_key.reused", errors=[problem])
    return known.response_reference


def keep_reference(context: Context[Any], keyed: KeyedRequest, reference: ResponseReference) -> None:
    """Store the reference to the response in the transaction of the effect: a refusal leaves none."""
    digest = _digests().digest(*keyed.content)
    stored = {"digest": digest, "response_reference": reference, "created_at": context.now}
    context.session.execute(_KEEP, _key_of(keyed) | stored)


def _digests() -> Digests:
    return cast(Digests, current_app.extensions["digests"])


def _known(context: Context[Any], keyed: KeyedRequest) -> Row[Any, Any] | None:
    return context.session.execute(_FIND, _key_of(keyed) | {"since": context.now - REMEMBERED_FOR}).one_or_none()


def _key_of(keyed: KeyedRequest) -> dict[str, Any]:
    return {"caller": keyed.caller, "path": keyed.path, "key": keyed.key}
