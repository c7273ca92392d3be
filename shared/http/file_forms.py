"""Further forms of a response, of which the header `Accept` chooses one: a document, or CSV of what is no list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import request

from shared.errors import PlatformError


class NoSuchForm(PlatformError):
    """The request accepts none of the forms that there are."""

    def __init__(self, offered: Sequence[str]) -> None:
        super().__init__("http.not_acceptable.forms", media_types=list(offered))


@dataclass(frozen=True)
class FileForm:
    """A form in which an endpoint with GET shows something as a file.

    `read` is given what the endpoint's method is given, without the resource, in the transaction; `write` makes the
    file of what it returned, after the transaction: that may take long.
    """

    media_type: str
    ending: str
    """Of the file's name, which is the last part of the path, unless `name` makes another one."""
    read: Callable[..., Any]
    write: Callable[[Any], bytes]
    name: Callable[[Any], str] | None = None
    """The file's name without its ending, of what was read: letters, digits and dashes."""

    def file_name(self, found: Any, path: str) -> str:
        """The name of the file with what was read at this path."""
        return f"{self.name(found) if self.name else path.rstrip('/').rsplit('/', 1)[-1]}.{self.ending}"


JSON = "application/json"


def chosen(*offered: str) -> str:
    """The media type that the present request accepts best of these, the first where it says nothing.

    Raises `NoSuchForm`, which is answered with 406, where it accepts none.
    """
    if not request.headers.get("Accept", "").strip():
        return offered[0]
    found = request.accept_mimetypes.best_match(offered)
    if found is None:
        raise NoSuchForm(offered)
    return found
