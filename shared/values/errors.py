"""The error for a value that is not accepted: a text for the sender, without the value itself."""

from __future__ import annotations

from collections.abc import Sequence

from shared.texts import Sentence, Value


class NotAcceptable(ValueError):
    """A value that cannot be accepted. The text is shown to the sender.

    It says what would be right and never repeats what was sent: that may be health data. It follows the field's name,
    so it reads on from it: "must be a date like 2026-11-23".
    Validators raise this and nothing else: the text of any other exception is not shown to anyone,
    since Python's own messages quote the value.
    """

    def __init__(self, key: str, /, *, fields: Sequence[str] = (), **values: Value) -> None:
        """`fields`: what the text is about where that is not the value itself, as dotted paths below it."""
        super().__init__(key)
        self.sentence = Sentence.of(key, **values)
        self.fields = tuple(fields)

    def __str__(self) -> str:
        return str(self.sentence)
