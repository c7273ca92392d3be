"""The language in which the present request is answered."""

from __future__ import annotations

from flask import Response, g, request

from shared.runtime.problem_documents import LANGUAGE_HEADERS
from shared.security.authentication import NOBODY
from shared.texts import TextLanguage, preferred_language


def language_of_caller() -> TextLanguage:
    """Returns the language that the request prefers; without one, German for a person and English for a program."""
    is_person = getattr(g, "caller", NOBODY).session_id is not None
    otherwise = TextLanguage.DE if is_person else TextLanguage.EN
    language = preferred_language(request.headers.get("Accept-Language"), otherwise=otherwise)
    g.language = language
    return language


def say_language(response: Response) -> None:
    """Let a response say its language, and what that depends on, if something in it was worded."""
    if "language" in g:
        response.headers.update(LANGUAGE_HEADERS[g.language])
