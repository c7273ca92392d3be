"""Problem documents (RFC 9457), worded in one language; also for code that answers outside of the Flask application."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel

from shared.errors import FieldProblem
from shared.texts import Sentence, TextLanguage

MEDIA_TYPE: Final = "application/problem+json"

LANGUAGE_HEADERS: Final[Mapping[TextLanguage, Mapping[str, str]]] = {
    each: {"Content-Language": each.value, "Vary": "Accept-Language"} for each in TextLanguage
}
"""What a problem document in this language is sent with."""

TOKEN_OF_A_SESSION: Final = r"^[Bb]earer [A-Za-z0-9_-]+\.[A-Za-z0-9_-]*(?:InNpZCI6|JzaWQiO|ic2lkIj[o-r])"  # noqa: S105 # pragma: allowlist secret
"""What the `Authorization` of a person looks like: its token names a session (`"sid":` in base64, wherever it begins).

Not verified, so it decides nothing but the language of those who prefer none, where a request is refused before anybody
knows whose it is; `shared.http.languages` asks who it is.
"""


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
        **{name: _member(value, language) for name, value in (members or {}).items()},
    }
    return json.dumps(document, ensure_ascii=False)


def _member(value: Any, language: TextLanguage) -> Any:
    if isinstance(value, list):
        return [_member(each, language) for each in value]
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", context=lambda: language)
    return value
