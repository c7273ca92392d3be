"""Sentences for people, in German and English: code names a text, the catalogue (`*/texts.toml`) words it."""

from __future__ import annotations

from shared.texts.catalogue import UnknownText, catalogue, placeholders
from shared.texts.languages import TextLanguage, preferred_language
from shared.texts.sentence import Number, OneOf, Sentence, Value, code_of, word, word_in

__all__ = [
    "Number",
    "OneOf",
    "Sentence",
    "TextLanguage",
    "UnknownText",
    "Value",
    "catalogue",
    "code_of",
    "placeholders",
    "preferred_language",
    "word",
    "word_in",
]
