"""Problem documents (RFC 9457) for code that answers outside of the Flask application."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from shared.errors import FieldProblem

MEDIA_TYPE = "application/problem+json"


def problem_document(
    status: int,
    code: str,
    detail: str,
    *,
    correlation_id: str | None = None,
    errors: Sequence[FieldProblem] = (),
    members: Mapping[str, Any] | None = None,
) -> str:
    """Returns the document; `code` is stable and for programs, `detail` is a sentence for a person.

    `members` are further ones, which belong to the code.
    """
    document = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        "code": code,
        "correlation_id": correlation_id,
        "errors": [{"field": each.field, "message": each.message} for each in errors],
        **(members or {}),
    }
    return json.dumps(document, ensure_ascii=False)
