"""The language in which the present request is answered."""

from __future__ import annotations

from contextlib import suppress

from flask import Response, current_app, g, has_request_context, request

from shared.errors import PlatformError
from shared.runtime.problem_documents import LANGUAGE_HEADERS
from shared.security.authentication import NOBODY, caller
from shared.texts import TextLanguage, preferred_language


def language_of_caller() -> TextLanguage:
    """Returns the language that the request prefers, in which something in its response is worded."""
    return note_language(preferred_by_caller())


def preferred_by_caller() -> TextLanguage:
    """Returns the language that the request prefers; without one, German for a person and English for a program."""
    otherwise = TextLanguage.DE if _is_a_person() else TextLanguage.EN
    return preferred_language(request.headers.get("Accept-Language"), otherwise=otherwise)


def _is_a_person() -> bool:
    """Also of a request that reached no endpoint, such as one to an address that there is not."""
    if "caller" not in g:
        g.caller = NOBODY
        with suppress(PlatformError):
            g.caller = current_app.extensions["sign_in"].caller(request.environ)
    return caller().session_id is not None


def note_language(language: TextLanguage) -> TextLanguage:
    """Returns this language, in which something is worded: a response that has not begun will say so."""
    if has_request_context():
        g.language = language
    return language


def say_language(response: Response) -> None:
    """Let a response say its language, and what that depends on, if something in it was worded."""
    if "language" in g:
        response.headers.update(LANGUAGE_HEADERS[g.language])
