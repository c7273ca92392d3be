"""The error for a value that is not accepted: a sentence for the sender, without the value itself."""

from __future__ import annotations

from collections.abc import Sequence


class NotAcceptable(ValueError):
    """A value that cannot be accepted. The message is shown to the sender.

    The message says what would be right and never repeats what was sent: that may be health data. It follows
    the field's name, so it reads on from it: "must be a date like 2026-11-23".
    Validators raise this and nothing else: the text of any other exception is not shown to anyone,
    since Python's own messages quote the value.
    """

    def __init__(self, message: str, *, fields: Sequence[str] = ()) -> None:
        """`fields`: what the message is about where that is not the value itself, as dotted paths below it."""
        super().__init__(message)
        self.fields = tuple(fields)
