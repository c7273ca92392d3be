"""The catalogue of texts: `texts.toml` of every package, read once."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

from shared.texts.languages import TextLanguage

ROOT = Path(__file__).parents[2]
FILE = "texts.toml"

Wordings = Mapping[TextLanguage, str]
"""One text, in every language."""


class UnknownText(LookupError):
    """A code without a text, or values that do not fit its placeholders: a mistake in the code."""


@cache
def catalogue(root: Path = ROOT) -> Mapping[str, Wordings]:
    """Returns the texts of all packages by their codes. Raises ValueError for a code with two texts, or half a text."""
    found: dict[str, Wordings] = {}
    for file in sorted(root.glob(f"*/{FILE}")):
        for code, sentences in texts_of(file):
            if code in found:
                raise ValueError(f"{code} has two texts")
            found[code] = sentences
    return found


def texts_of(file: Path) -> Iterator[tuple[str, Wordings]]:
    """Yields each code of a file with its text in every language. Raises ValueError where a language is missing."""
    yield from _flat(tomllib.loads(file.read_text("utf-8")), "")


def _flat(table: Mapping[str, Any], path: str) -> Iterator[tuple[str, Wordings]]:
    words = {name: value for name, value in table.items() if isinstance(value, str)}
    if words:
        if set(words) != set(TextLanguage):
            raise ValueError(f"{path} needs {' and '.join(TextLanguage)}, and nothing else")
        yield path, {language: words[language] for language in TextLanguage}
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{path}.{name}" if path else name)


@cache
def placeholders(code: str) -> frozenset[str]:
    """Returns the names that a text leaves open. Raises UnknownText, and ValueError where its languages differ."""
    if code not in catalogue():
        raise UnknownText(code)
    names = {frozenset(names_in(sentence)) for sentence in catalogue()[code].values()}
    if len(names) != 1:
        raise ValueError(f"the languages of {code} have different placeholders")
    return names.pop()


def names_in(sentence: str) -> Iterator[str]:
    """Yields the placeholders of a sentence."""
    return (name for _, name, _, _ in Formatter().parse(sentence) if name is not None)
