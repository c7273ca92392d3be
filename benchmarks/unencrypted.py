"""The patient service without encryption: what `POST /api/patients` would cost if files lay in the clear."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from hashlib import md5
from typing import Any

from pydantic_core import from_json, to_json

from patient_service.dependencies import Dependencies
from patient_service.service import SERVICE
from patient_service.settings import Settings
from shared import database
from shared.http.web import web_app
from shared.runtime.web import serve
from shared.security.encryption import IndexKey, Keys


class PlainIndexKey(IndexKey):
    """Indexes that anybody could compute; the same in form."""

    def blind_index(self, text: str) -> bytes:
        """Returns a digest without a key."""
        return md5(text.encode(), usedforsecurity=False).digest()

    def search_value(self, kind: str, word: str) -> int:
        """Returns a number of 64 bits with a sign."""
        return hash((kind, word))


class PlainKeys(Keys):
    """Documents as they are."""

    indexes: tuple[IndexKey, ...]

    def new_data_key(self, owner: bytes) -> bytes:
        """Returns no key, in the form of one."""
        return self.masters.ids[0] + owner

    def encrypt(self, wrapped_key: bytes, owner: bytes, document: dict[str, Any] | bytes) -> bytes:  # noqa: ARG002
        """Returns the document as JSON."""
        return document if isinstance(document, bytes) else to_json(document)

    def decrypt(self, wrapped_key: bytes, owner: bytes, sealed: bytes) -> dict[str, Any]:  # noqa: ARG002
        """Returns the document."""
        return from_json(sealed)  # type: ignore[no-any-return]


def dependencies(settings: Settings) -> Dependencies:
    """Those of the service, with keys that encrypt nothing."""
    master, index = (ring.get_secret_value() for ring in (settings.master_key, settings.index_key))
    keys = PlainKeys(master, index)
    keys.indexes = tuple(map(PlainIndexKey, index.split(",")))
    return replace(Dependencies.of(settings), keys=keys)


def main(arguments: Sequence[str]) -> None:
    """Serve on this port."""
    settings = Settings().model_copy(update={"port": int(arguments[0])})
    service = replace(SERVICE, dependencies=dependencies)

    def create() -> Any:
        database.connect(settings.database_url, pool_size=settings.database_pool_size)
        return web_app(service, settings)

    serve(create, settings)


if __name__ == "__main__":
    main(sys.argv[1:])
