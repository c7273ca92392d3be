"""Problem documents (RFC 9457), worded in one language; also for code that answers outside of the Flask application."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from shared.errors import FieldProblem
from shared.texts import Sentence, TextLanguage

MEDIA_TYPE: Final = "application/problem+json"

LANGUAGE_HEADERS: Final[Mapping[TextLanguage, Mapping[str, str]]] = {
    each: {"Content-Language": each, "Vary": "Accept-Language"} for each in TextLanguage
}
"""What a problem document in this language is sent with."""


def problem_document(
    status: int,
    sentence: Sentence,
    language: TextLanguage,
    *,
    code: str | None = None,
    correlation_id: str | None = None,
    errors: Sequence[FieldProblem] = (),
    members: Mapping[str, Any] | None = None,
) -> str:
    """Returns the document; its `code`, that of the sentence unless given, is the same in every language.

    `members` are further ones, which belong to the code.
    """
    document = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": sentence.in_language(language),
        "code": code or sentence.code,
        "correlation_id": correlation_id,
        "errors": [{"field": each.field, "message": each.sentence.in_language(language)} for each in errors],
        **(members or {}),
    }
    return json.dumps(document, ensure_ascii=False)
