"""A sentence with its values, which is worded where it is written for somebody: only there the language is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cache
from typing import Any, Final

from shared.texts.catalogue import UnknownText, catalogue, placeholders
from shared.texts.languages import TextLanguage

Value = Any
"""What fills a placeholder: a text, a number, a day, a word of a vocabulary (`[word.…]` in the catalogue), another
`Sentence`, `OneOf` several, or a list of these."""

_CODE_PARTS: Final = 2


def code_of(key: str) -> str:
    """Returns the code of a text: the first two parts of its key, of HTTP's own (`http.…`) the second alone."""
    return ".".join(key.split(".")[:_CODE_PARTS]).removeprefix("http.")


class OneOf(tuple[Any, ...]):
    """Values of which one is meant: `a, b or c`."""

    __slots__ = ()


class Number(str):
    """A number with a fraction, as English writes it: `2.4`. In JSON it has a point in every language."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Sentence:
    """What is said to people, by its code and values. Raises UnknownText where the catalogue has no such text."""

    key: str
    """The code, perhaps with a third part that chooses one of several wordings: `otp.wrong.nor_recovery_code`."""
    values: Mapping[str, Value]
    _worded: dict[TextLanguage, str] = field(default_factory=dict, init=False, repr=False, compare=False)
    """It is worded once: who says the same again and again keeps the sentence."""

    @classmethod
    def of(cls, key: str, /, **values: Value) -> Sentence:
        """Returns the sentence with these values."""
        return cls(key, values) if values else _without_values(key)

    def __post_init__(self) -> None:
        if placeholders(self.key) != self.values.keys():
            raise UnknownText(f"{self.key} has the placeholders {sorted(placeholders(self.key))}")

    @property
    def code(self) -> str:
        """What programs know it by, whatever its wording."""
        return code_of(self.key)

    @property
    def params(self) -> dict[str, Any]:
        """Its values for programs: numbers, days as in JSON, the words of vocabularies, codes of other sentences."""
        return {name: _param(value) for name, value in self.values.items()}

    def in_language(self, language: TextLanguage) -> str:
        """Returns the sentence."""
        if language not in self._worded:
            words = {name: _word(value, language) for name, value in self.values.items()}
            sentence = catalogue()[self.key][language]
            self._worded[language] = sentence.format_map(words) if words else sentence
        return self._worded[language]

    def to_json(self) -> dict[str, Any]:
        """Returns the sentence in a form that can be stored: it fixes no language."""
        return {"key": self.key, "values": {name: _stored(value) for name, value in self.values.items()}}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Sentence:
        """Returns the sentence that was stored. Raises UnknownText where its text is gone."""
        return cls(stored["key"], {name: _restored(value) for name, value in stored["values"].items()})

    def __str__(self) -> str:
        """Returns the English sentence, for logs and command lines."""
        return self.in_language(TextLanguage.EN)


@cache
def _without_values(key: str) -> Sentence:
    return Sentence(key, {})


def word(member: StrEnum) -> Sentence:
    """Returns the word for a member of a vocabulary."""
    return Sentence.of(f"word.{type(member).__name__}.{member.name.lower()}")


@cache
def word_in(member: StrEnum, language: TextLanguage) -> str:
    """Returns the same in a language."""
    return word(member).in_language(language)


def _word(value: Value, language: TextLanguage) -> str:
    if type(value) is str:  # most are: a list of matches has thousands of values
        return value
    match value:
        case Number():
            return value.replace(".", ",") if language == TextLanguage.DE else value
        case Sentence():
            return value.in_language(language)
        case StrEnum():
            return word_in(value, language)
        case date():
            return _day(value, language)
        case OneOf():
            *others, last = (_word(each, language) for each in value)
            return f"{', '.join(others)} {Sentence.of('word.or').in_language(language)} {last}" if others else last
        case list() | tuple():
            return ", ".join(_word(each, language) for each in value)
    return str(value)


def _day(value: date, language: TextLanguage) -> str:
    shown = "%d.%m.%Y" if language == TextLanguage.DE else "%Y-%m-%d"
    return value.strftime(shown)


def _param(value: Value) -> Any:
    match value:
        case Sentence(key=key) if key.startswith("word."):
            return key.rpartition(".")[2]
        case Sentence():
            return {"code": value.code, "params": value.params}
        case Number():
            return float(value)
        case date():
            return _day(value, TextLanguage.EN)
        case list() | tuple():
            return [_param(each) for each in value]
    return value


def _stored(value: Value) -> Any:
    match value:
        case Sentence():
            return value.to_json()
        case StrEnum():
            return word(value).to_json()
        case Number():
            return {"number": str(value)}
        case date():
            return {"day": _day(value, TextLanguage.EN)}
        case OneOf():
            return {"one_of": [_stored(each) for each in value]}
        case str():
            return value
        case list() | tuple():
            return [_stored(each) for each in value]
    return value


def _restored(value: Any) -> Value:
    match value:
        case {"key": _}:
            return Sentence.from_json(value)
        case {"number": str(digits)}:
            return Number(digits)
        case {"day": str(day)}:
            return date.fromisoformat(day)
        case {"one_of": list(values)}:
            return OneOf(_restored(each) for each in values)
        case list():
            return [_restored(each) for each in value]
    return value
