"""The errors that the domain raises. Only `shared/http` maps them to status numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True)
class FieldProblem:
    """One field of the input (a dotted path) and its problem; the message never repeats the value."""

    field: str
    message: str


class PlatformError(Exception):
    """An error with a stable `code` for programs and a sentence for a person."""

    retry_after: int | None = None
    """After how many seconds the same request may pass."""
    existing_id: UUID | None = None
    """The object of the collection that was asked which is there already."""

    def __init__(self, code: str, message: str, *, errors: Sequence[FieldProblem] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.errors = tuple(errors)
        self.members: dict[str, Any] = {}
        """Further members of the problem document, as JSON, that belong to the code (RFC 9457, 3.2)."""


class NotFound(PlatformError):
    """The requested object does not exist."""

    def __init__(self, noun: str, message: str | None = None) -> None:
        super().__init__(f"{noun}.not_found", message or f"There is no such {noun.replace('_', ' ')}.")


class Conflict(PlatformError):
    """The current state does not allow the request."""


class LostUpdate(PlatformError):
    """The object was changed since it was read (`If-Match` is stale)."""


class RuleBroken(PlatformError):
    """The input is well-formed but a rule forbids it."""


class Unreachable(PlatformError):
    """An external system did not answer; retrying later may help."""


class Forbidden(PlatformError):
    """The caller may not do this."""


class Unauthenticated(PlatformError):
    """The request does not prove who sends it; after signing in it may pass."""


class TooManyRequests(PlatformError):
    """The same was asked too often; after `retry_after` seconds it may pass."""

    def __init__(self, code: str, message: str, *, retry_after: int) -> None:
        super().__init__(code, message)
        self.retry_after = retry_after
