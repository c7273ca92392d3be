"""The headers that requests may bring, each with the form that the OpenAPI document names and every endpoint checks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from flask import request

from shared.errors import FieldProblem, RuleBroken
from shared.security.authentication import LONGEST_PURPOSE, purpose

LONGEST_KEY: Final = 255
LONGEST_IF_MATCH: Final = 1000

KEY_FORM: Final = r"^[!-~]([ -~]*[!-~])?$"
"""Printable ASCII: clients, proxies and servers decode the other bytes of a header differently."""
_TAG = r'(W/)?"[!#-~]*"'
IF_MATCH_FORM: Final = rf"^(\*|{_TAG}([ \t]*,[ \t]*{_TAG})*)$"

IDEMPOTENCY_KEY: Final = "Idempotency-Key"
CHANGES = ("patch", "put", "delete")

_STRONG = re.compile(r'(?<!W/)"(0|[1-9][0-9]{0,17})"')

DESCRIBED: dict[str, dict[str, Any]] = {
    "IdempotencyKey": {
        "name": IDEMPOTENCY_KEY,
        "in": "header",
        "description": "The same request with the same key has one effect and one answer, for 24 hours.",
        "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": KEY_FORM},
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "description": (
            "The ETag last seen, several of them, or `*`; 412 if somebody else changed the object since. "
            "A weak one (`W/`) matches nothing."
        ),
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": LONGEST_IF_MATCH,
            "pattern": IF_MATCH_FORM,
            "examples": ['"5"'],
        },
    },
    "Purpose": {
        "name": "X-Purpose",
        "in": "header",
        "description": "Why a patient's file is read; recorded with the read. UTF-8, no control characters but tabs.",
        "schema": {"type": "string", "maxLength": LONGEST_PURPOSE, "pattern": "^[^\\x00-\\x08\\x0a-\\x1f\\x7f]*$"},
    },
    "AcceptLanguage": {
        "name": "Accept-Language",
        "in": "header",
        "description": (
            "The language of sentences for people, German or English (RFC 9110); what is not understood says nothing. "
            "Without it a person with a session is answered in German, everybody else in English."
        ),
        "schema": {"type": "string", "examples": ["de, en;q=0.5"]},
    },
    "CorrelationId": {
        "name": "X-Correlation-Id",
        "in": "header",
        "description": (
            "Goes through logs, events and e-mails where it is 1 to 64 letters, digits, dots, underscores, colons and "
            "hyphens; otherwise, and where it is left out, one is chosen here."
        ),
        "schema": {"type": "string"},
    },
}


def names_of(method: str) -> list[str]:
    """Which of these headers a method takes, as the components of the document name them."""
    own = {"post": "IdempotencyKey"} | dict.fromkeys(CHANGES, "IfMatch")
    return [name for name in (own.get(method), "Purpose", "AcceptLanguage", "CorrelationId") if name]


@dataclass(frozen=True)
class RequestHeaders:
    """What the headers of a request say, as far as its method takes them."""

    purpose: str | None
    idempotency_key: str | None
    if_match: frozenset[int] | None


def read(method: str) -> RequestHeaders:
    """The headers of the present request. Raises `RuleBroken` where one that the method takes is not in its form."""
    return RequestHeaders(
        purpose=purpose(),
        idempotency_key=_idempotency_key() if method == "post" else None,
        if_match=_if_match() if method in CHANGES else None,
    )


def _idempotency_key() -> str | None:
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is not None and (len(key) > LONGEST_KEY or not re.fullmatch(KEY_FORM, key)):
        problem = FieldProblem.of(IDEMPOTENCY_KEY, "field.idempotency_key", longest=LONGEST_KEY)
        raise RuleBroken("idempotency_key.invalid", longest=LONGEST_KEY, errors=[problem])
    return key


def _if_match() -> frozenset[int] | None:
    """The versions that the caller last saw, of which one must be the present one; None where any will do.

    Compared strongly (RFC 9110, 13.1.1): a weak tag, or one that never was an ETag of ours, matches none.
    """
    sent = request.environ.get("HTTP_IF_MATCH")
    if sent is None or sent == "*":
        return None
    if len(sent) > LONGEST_IF_MATCH or not re.fullmatch(IF_MATCH_FORM, sent):
        raise RuleBroken("if_match.malformed", errors=[FieldProblem.of("If-Match", "field.if_match")])
    return frozenset(int(version) for version in _STRONG.findall(sent))
