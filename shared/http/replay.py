"""How the response to a repeated `Idempotency-Key` is found again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

ResponseReference = Any
"""Ids and refusals as JSON: enough to find a response again, nothing of what was sent."""

READ_ONLY: Final = "read only"
"""The replay of a POST that only asks: it has no effect, so a repeated question is answered anew."""

NOT_REPLAYED: Final = "not replayed"
"""The replay of a POST that signs somebody in or out: its response is a secret of which nothing is stored, or depends
on one, so a repeated request is handled again and its key is ignored."""


@dataclass(frozen=True)
class Replay:
    """How the response to a repeated key is found where it is more than one object."""

    reference: Callable[[Any], ResponseReference]
    """Given the result, returns what is stored of it in the transaction of the effect."""
    find: Callable[..., Any]
    """Given the context, what `reference` returned, and the path's variables by name, returns the result again."""
