"""A sentence with its values, which is worded where it is written for somebody: only there the language is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from shared.texts.catalogue import UnknownText, catalogue, placeholders
from shared.texts.languages import Language

Value = Any
"""What fills a placeholder: a text, a number, a day, a word of a vocabulary (`[word.…]` in the catalogue), another
`Sentence`, `OneOf` several, or a sequence of these."""

_CODE_PARTS: Final = 2


def code_of(key: str) -> str:
    """Returns the code of a text: the first two parts of its key, of HTTP's own (`http.…`) the second alone."""
    return ".".join(key.split(".")[:_CODE_PARTS]).removeprefix("http.")


class OneOf(tuple[Any, ...]):
    """Values of which one is meant: `a, b or c`."""

    __slots__ = ()


@dataclass(frozen=True)
class Sentence:
    """What is said to people, by its code and values. Raises UnknownText where the catalogue has no such text."""

    key: str
    """The code, perhaps with a third part that chooses one of several wordings: `otp.wrong.at_removal`."""
    values: Mapping[str, Value]

    @classmethod
    def of(cls, key: str, /, **values: Value) -> Sentence:
        """Returns the sentence with these values."""
        return cls(key, values)

    def __post_init__(self) -> None:
        if placeholders(self.key) != self.values.keys():
            raise UnknownText(f"{self.key} has the placeholders {sorted(placeholders(self.key))}")

    @property
    def code(self) -> str:
        """What programs know it by, whatever its wording."""
        return code_of(self.key)

    def in_language(self, language: Language) -> str:
        """Returns the sentence."""
        sentence = catalogue()[self.key][language]
        return sentence.format_map({name: _word(value, language) for name, value in self.values.items()})

    def __str__(self) -> str:
        """Returns the English sentence, for logs and command lines."""
        return self.in_language(Language.EN)


def _word(value: Value, language: Language) -> str:
    match value:
        case Sentence():
            return value.in_language(language)
        case StrEnum():
            return Sentence.of(f"word.{type(value).__name__}.{value.name.lower()}").in_language(language)
        case date():
            return _day(value, language)
        case OneOf():
            *others, last = (_word(each, language) for each in value)
            return f"{', '.join(others)} {Sentence.of('word.or').in_language(language)} {last}" if others else last
        case str():
            return value
        case Sequence():
            return ", ".join(_word(each, language) for each in value)
    return str(value)


def _day(value: date, language: Language) -> str:
    shown = "%d.%m.%Y" if language == Language.DE else "%Y-%m-%d"
    return value.strftime(shown)
