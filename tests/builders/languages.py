"""What clients send as `Accept-Language`, and which language that prefers."""

from __future__ import annotations

import base64
import json

from shared.texts import TextLanguage

DE, EN = TextLanguage.DE, TextLanguage.EN

PREFERENCES: list[tuple[str, TextLanguage]] = [
    ("de", DE),
    ("en", EN),
    ("DE", DE),
    ("de-AT", DE),
    ("en-GB", EN),
    ("de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7", DE),
    ("en-US,en;q=0.9,de;q=0.8", EN),
    ("en;q=0.5, de", DE),
    ("en;q=0.8,de;q=0.85", DE),
    ("en;q=0.8,de;q=0.799", EN),
    ("fr,de;q=0.1", DE),
    ("fr, en;q=0.001, de;q=0", EN),
    ("de, en", DE),
    ("en, de", EN),
    ("en;q=1.000, de;q=1", EN),
    ("de, *", DE),
    ("en, *", EN),
    ("*;q=0.5, en;q=0.4", DE),
    ("*, de;q=0.5", EN),
    ("*;q=0, de;q=0.1", DE),
    ("en;q=0", DE),
    ("de;q=0", EN),
    ("de ; q=0.3 , en\t;\tq=0.2", DE),
    ("en;q=2, de;q=0.3", DE),
    ("en;q=0.1234, de;q=0.1", DE),
    ("english, de;q=0.1", DE),
]

NO_PREFERENCE: list[str | None] = [
    None,
    "",
    "*",
    "fr",
    "fr, *;q=0.1",
    "*;q=0",
    ";q=1",
    "de-",
    "d e",
    "deutsch",
    "de;q=",
    "de;x=1",
    "de" * 1000,
    "en," * 1000,
    "\u00fcber",
    "i-klingon",
    "de\x00",
]


def token(**claims: str) -> str:
    """What looks like an access token with these claims; nobody signed it."""
    payload = base64.urlsafe_b64encode(json.dumps(claims, separators=(",", ":")).encode()).decode().rstrip("=")
    return f"Bearer e30.{payload}.c2ln"


TOKENS: list[tuple[str | None, TextLanguage]] = [
    *((token(sub="x" * length, sid="0190aaaa"), DE) for length in range(3)),
    (token(sid="0190aaaa"), DE),
    (token(sub="a machine"), EN),
    ("Basic InNpZCI6", EN),
    (None, EN),
]
"""What is sent as `Authorization`, and the language for who prefers none."""
