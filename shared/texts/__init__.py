"""Sentences for people, in German and English: code names a text, the catalogue (`*/texts.toml`) words it."""

from __future__ import annotations

from shared.texts.catalogue import UnknownText, catalogue, placeholders
from shared.texts.languages import Language, preferred_language
from shared.texts.sentence import OneOf, Sentence, Value, code_of

__all__ = [
    "Language",
    "OneOf",
    "Sentence",
    "UnknownText",
    "Value",
    "catalogue",
    "code_of",
    "placeholders",
    "preferred_language",
]
