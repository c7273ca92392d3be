"""What can go wrong, in words the domain uses. Only `shared/http` knows which status number each becomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class FieldProblem:
    """One field of the input (a dotted path) and what is wrong with it; the message never repeats the value."""

    field: str
    message: str


class PlatformError(Exception):
    """A refusal with a stable `code` for programs and a sentence for a person."""

    retry_after: int | None = None
    """After how many seconds the same request may pass."""
    existing_id: UUID | None = None
    """The object of the collection that was asked which is there already."""

    def __init__(self, code: str, message: str, *, errors: Sequence[FieldProblem] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.errors = tuple(errors)


class NotFound(PlatformError):
    """What was asked for does not exist."""

    def __init__(self, noun: str, message: str | None = None) -> None:
        super().__init__(f"{noun}.not_found", message or f"There is no such {noun.replace('_', ' ')}.")


class Conflict(PlatformError):
    """The state of things does not allow it."""


class LostUpdate(PlatformError):
    """Somebody else changed the object since it was read (`If-Match` is stale)."""


class RuleBroken(PlatformError):
    """The input is well-formed but a rule forbids it."""


class Unreachable(PlatformError):
    """Something outside our walls did not answer; trying later may help."""


class Forbidden(PlatformError):
    """The caller may not do this."""
