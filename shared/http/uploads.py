"""A file as the body of a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import request

from shared.http.inputs import raw_body, require_media_type


@dataclass(frozen=True)
class Upload:
    """Which files an endpoint takes; the server takes larger bodies for it than for the others."""

    media_types: Mapping[str, Any]
    """The schema of the content by the media type, for the OpenAPI document; a text has an example."""
    largest: int
    """In bytes; more is answered 413."""


@dataclass(frozen=True)
class SentFile:
    """A file that was sent; nothing of it was written anywhere."""

    content: bytes = field(repr=False)
    media_type: str
    charset: str | None
    """The encoding, where the sender names it."""


class UploadReader:
    """Reads a file, larger than other bodies may be."""

    def __init__(self, upload: Upload) -> None:
        self._upload = upload

    def read(self) -> SentFile:
        """The file that was sent. Raises 400 (cut off), 413 or 415."""
        request.max_content_length = self._upload.largest
        content = raw_body()
        require_media_type(self._upload.media_types)
        return SentFile(content, request.mimetype, request.mimetype_params.get("charset"))
