"""The errors that the domain raises. Only `shared/http` maps them to status numbers, and words them for the caller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.texts import Sentence, Value


@dataclass(frozen=True)
class FieldProblem:
    """One field of the input (a dotted path) and its problem; the sentence never repeats the value."""

    field: str
    sentence: Sentence
    """Goes on after the field's name: `must not lie in the future`."""

    @classmethod
    def of(cls, field: str, key: str, /, **values: Value) -> FieldProblem:
        """Returns the problem with this text of the catalogue."""
        return cls(field, Sentence.of(key, **values))

    @property
    def message(self) -> str:
        """The sentence in English, for logs and command lines."""
        return str(self.sentence)


class PlatformError(Exception):
    """An error with a stable `code` for programs and a text of the catalogue for a person."""

    retry_after: int | None = None
    """After how many seconds the same request may pass."""
    existing_id: UUID | None = None
    """The object of the collection that was asked which is there already."""

    def __init__(self, key: str, /, *, errors: Sequence[FieldProblem] = (), **values: Value) -> None:
        """`key`: of the text; its first two parts are the code. `values`: what fills the placeholders of the text."""
        self.sentence = Sentence.of(key, **values)
        super().__init__(str(self.sentence))  # worded once here, so that a word that is missing shows in any test
        self.errors = tuple(errors)
        self.members: dict[str, Any] = {}
        """Further members of the problem document that belong to the code (RFC 9457, 3.2): as JSON, or schemas, which
        are worded with it."""

    @property
    def code(self) -> str:
        """What programs know the error by."""
        return self.sentence.code

    @property
    def message(self) -> str:
        """The sentence in English, for logs and command lines."""
        return str(self.sentence)

    def __str__(self) -> str:
        return self.message


class NotFound(PlatformError):
    """The requested object does not exist."""

    def __init__(self, noun: str, /, *, wording: str = "", **values: Value) -> None:
        """`wording`: the third part of the key, where this code has several texts."""
        super().__init__(f"{noun}.not_found{wording and f'.{wording}'}", **values)


class Conflict(PlatformError):
    """The current state does not allow the request."""

    def __init__(
        self, key: str, /, *, existing_id: UUID | None = None, errors: Sequence[FieldProblem] = (), **values: Value
    ) -> None:
        """`existing_id`: the object that is there already, of the collection that was asked."""
        super().__init__(key, errors=errors, **values)
        self.existing_id = existing_id


class LostUpdate(PlatformError):
    """The object was changed since it was read (`If-Match` is stale)."""


class RuleBroken(PlatformError):
    """The input is well-formed but a rule forbids it."""


class Unreachable(PlatformError):
    """An external system did not answer; retrying later may help."""


class Outage(Unreachable):
    """Something that this service needs does not answer; `detail` is for operators, in readiness, logs and terminals.

    A caller over HTTP reads the text of the code, without the detail.
    """

    def __init__(self, key: str, detail: str, /) -> None:
        super().__init__(key)
        self.detail = detail

    @property
    def message(self) -> str:
        """What operators read, in English."""
        return self.detail


class Forbidden(PlatformError):
    """The caller may not do this."""


class Unauthenticated(PlatformError):
    """The request does not prove who sends it; after signing in it may pass."""


class TooManyRequests(PlatformError):
    """The same was asked too often; after `retry_after` seconds it may pass."""

    def __init__(self, key: str, /, *, retry_after: int) -> None:
        super().__init__(key)
        self.retry_after = retry_after
