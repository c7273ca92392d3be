"""What a refused change (412) says of the object as it is now, so that its sender can merge both."""

from __future__ import annotations

from typing import Any

from flask import current_app, request

from shared.database import transaction
from shared.errors import LostUpdate
from shared.http.context import request_context
from shared.http.declaration import Endpoint, endpoint_of
from shared.http.headers import RequestHeaders
from shared.http.responses import ResponseShape
from shared.security.authentication import caller


def add_current(lost: LostUpdate, resource: Any, path: dict[str, Any], sent: RequestHeaders) -> None:
    """Read what GET shows at the address of the change, if its caller may, in a transaction of its own.

    It is the endpoint itself that is asked: what it notes of its readers is noted. Raises `NotFound` where the object
    is gone meanwhile.
    """
    lost.members = {"current": None, "updated_by": None, "updated_at": None} | lost.members
    shown = _shown_at(resource)
    if shown is not None:
        with transaction() as session:
            result = shown.method(resource, request_context(session, sent), **path)
            lost.members["current"] = ResponseShape(shown.response, shown.success).document(result, reader=caller())


def _shown_at(resource: Any) -> Endpoint | None:
    """The endpoint that shows the object at the present address to the caller; None where there is none."""
    if not hasattr(resource, "get") or request.url_rule is None:
        return None
    shown, access = endpoint_of(resource.get), current_app.access  # type: ignore[attr-defined]  # a ServiceApp
    is_one_object = shown.query is None and shown.response is not None and shown.transaction
    return shown if is_one_object and caller().may(access[request.url_rule.rule, "GET"]) else None
