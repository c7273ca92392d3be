"""One reason why a request that its schema permits may be refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fuzz.sent import Sent

Breaks = Callable[[Any, Sent], bool]
"""Whether a value, in the request it was sent in, breaks the rule."""


@dataclass(frozen=True)
class Reason:
    """One sentence of refusal at some fields of some operations, and why no schema says it."""

    message: str
    """The sentence's beginning or middle; `{}` stands for what is filled in."""
    why: str
    breaks: Breaks
    operation: str
    """Where `wrong` and `right` are sent."""
    wrong: Mapping[str, Any]
    """The body, or the parameters, beside what the operation needs in any case."""
    right: Mapping[str, Any] | None
    """None where only what is stored says whether it is right."""
    described: Mapping[str, Any] = field(default_factory=dict)
    """For rules of one value: what the document says of every field that the reason is for."""
    fields: tuple[str, ...] = ()
    """For the others: the fields, `*` for any place in a list, ..."""
    also: tuple[str, ...] = ()
    """... and the operations beside `operation`."""
    before: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    """Operations, and what has to be sent to them before `wrong`, with the same `Idempotency-Key` if there is one."""
    key: str | None = None
    at: str | None = None
    """The id in the path; None: the first one that is known."""

    def explains(self, name: str, message: str, sent: Sent) -> bool:
        """Whether this message about this field of the request is one of this reason."""
        if not re.search(re.escape(self.message).replace(r"\{\}", ".+"), message):
            return False
        return self._is_for(name, sent) and self.breaks(sent.value(name), sent)

    def _is_for(self, name: str, sent: Sent) -> bool:
        if self.described:
            return any(self.described.items() <= each.items() for each in sent.schemas(name))
        place = re.sub(r"\.\d+(?=\.|$)", ".*", name)
        return place in self.fields and sent.operation in (self.operation, *self.also)
