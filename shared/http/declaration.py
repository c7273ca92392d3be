"""What an endpoint declares: read by the handler of its requests, by the routes and by the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from shared.http.file_forms import FileForm
from shared.http.replay import NOT_REPLAYED, READ_ONLY, Replay
from shared.http.uploads import Upload
from shared.values.lists import ListOf

BRINGS_A_BODY = frozenset({"post", "put", "patch"})


class UndeclaredReplay(TypeError):
    """A POST does not say how a repeated `Idempotency-Key` finds the first response again."""


@dataclass(frozen=True)
class Cookie:
    """A cookie that proves who asks, at an endpoint that is open to anyone otherwise."""

    name: str
    description: str
    is_needed: bool = True
    """Whether a request without it is refused."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """What a method takes and returns; the docstring of `endpoint` explains each field."""

    method: Callable[..., Any]
    body: Any
    patch: type[BaseModel] | None
    upload: Upload | None
    query: type[BaseModel] | None
    response: Any
    status: int | None
    location: str | None
    replay: Callable[..., Any] | Replay | str | None
    transaction: bool
    before_transaction: Callable[..., Any] | None
    lock_before: Callable[..., None] | None
    raw: bool
    media_types: tuple[str, ...]
    statuses: tuple[int, ...]
    cookie: Cookie | None
    lists: ListOf[Any] | None
    forms: tuple[FileForm, ...]

    def __post_init__(self) -> None:
        if (self.name == "post") != (self.replay is not None):
            raise UndeclaredReplay(f"{self.method.__qualname__}: every POST, and nothing else, says its replay")
        if not self.transaction and (
            self.replay not in (None, READ_ONLY, NOT_REPLAYED) or self.lock_before or self.before_transaction
        ):
            raise TypeError(f"{self.method.__qualname__} needs a transaction: it notes a key, or waits for a lock")
        if self.lists is not None and (self.name != "get" or not self.transaction):
            raise TypeError(f"{self.method.__qualname__} is no list: a list is read with GET, in transactions")
        if self.forms and (self.name != "get" or not self.transaction):
            raise TypeError(f"{self.method.__qualname__} has further forms: what is read with GET, in a transaction")
        if self.patch is not None and self.response is None:
            raise TypeError(f"{self.method.__qualname__} takes a patch, so it names its response: the fields shown")

        if self.upload is not None and (self.body is not None or self.patch is not None):
            raise TypeError(f"{self.method.__qualname__} has two bodies: a file, and what it declares beside it")

    @property
    def name(self) -> str:
        """The HTTP method, in lower case."""
        return self.method.__name__

    @property
    def brings_a_body(self) -> bool:
        """Whether its body is read: always by methods that have one, by others where the endpoint declares it."""
        return self.name in BRINGS_A_BODY or self.body is not None

    @property
    def success(self) -> int:
        """The status of a successful response."""
        is_empty = self.response is None and not self.raw
        return self.status or (HTTPStatus.NO_CONTENT if is_empty else HTTPStatus.OK)

    @property
    def summary(self) -> str:
        """The first line of the method's docstring."""
        return self._documentation()[0].rstrip(".")

    @property
    def description(self) -> str:
        """The rest of the method's docstring."""
        return self._documentation()[1].strip()

    def _documentation(self) -> tuple[str, str]:
        summary, _, description = (self.method.__doc__ or "").strip().partition("\n")
        return summary, description


def endpoint_of(method: Callable[..., Any]) -> Endpoint:
    """What a decorated method declares. Raises `TypeError` for one that is not decorated."""
    found = getattr(method, "endpoint", None)
    if not isinstance(found, Endpoint):
        raise TypeError(f"{method.__qualname__} is not decorated with @endpoint")
    return found
