"""A field of a response that is a sentence for people, worded in the language of its reader."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, SerializationInfo, WithJsonSchema

from shared.texts import Sentence


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
