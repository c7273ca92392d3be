"""How a value is refused: with a sentence for the person who sent it, and never with the value itself."""


class NotAcceptable(ValueError):
    """A value that cannot be accepted. The message is shown to the sender.

    The message says what would be right and never repeats what was sent: that may be health data. It follows
    the field's name, so it reads on from it: "must be a date like 2026-11-23".
    Validators raise this and nothing else: the text of any other exception is not shown to anyone,
    since Python's own messages quote the value.
    """
