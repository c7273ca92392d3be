"""A field of a response that is a sentence for people, worded in the language of its reader."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, SerializationInfo, WithJsonSchema

from shared.texts import Sentence
from shared.values.schemas import Schema


def _sentence(value: Any) -> Sentence:
    return value if isinstance(value, Sentence) else Sentence.from_json(value)


def _shown(sentence: Sentence, info: SerializationInfo) -> Any:
    return sentence.to_json() if info.context is None else sentence.in_language(info.context())


Worded = Annotated[
    Sentence,
    PlainValidator(_sentence),
    PlainSerializer(_shown, when_used="json"),
    WithJsonSchema({"type": "string"}),
]
"""A sentence. An endpoint's response words it (its context says in which language); any other JSON, such as what is
kept for a repeated `Idempotency-Key`, has its key and values and fixes no language."""


def _written(value: Any) -> Sentence | str:
    return value if isinstance(value, str) else _sentence(value)


def _shown_or_written(text: Sentence | str, info: SerializationInfo) -> Any:
    if isinstance(text, str) or info.context is None:
        return str(text)
    return text.in_language(info.context())


WrittenOrWorded = Annotated[
    Sentence | str,
    PlainValidator(_written),
    PlainSerializer(_shown_or_written, when_used="json"),
    WithJsonSchema({"type": "string"}),
]
"""What somebody wrote, as it is, or a sentence of ours, which is worded for its reader; without one, in English. Only
for what is read: of no response is it known which of the two it was."""


class Explanation(Schema):
    """What is said to people, for programs too."""

    code: str
    """What is said, whatever the language."""
    params: dict[str, Any]
    """Its values."""
    text: Worded
    """The same in words."""

    @classmethod
    def by(cls, sentence: Sentence, **params: Any) -> Explanation:
        """Returns what a sentence says; `params` where they are not the values of its text."""
        return cls.of({"code": sentence.code, "params": params or sentence.params, "text": sentence})
