"""Cursors of lists: where a part ended, signed, so that nobody makes one up or takes one to another list."""

from __future__ import annotations

import base64
import binascii
from typing import Any, cast

from flask import current_app, request
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from shared.errors import FieldProblem
from shared.security.authentication import caller
from shared.security.encryption import Digests
from shared.values.lists import Orders, Position
from shared.values.schemas import InvalidFields, QuerySchema

SEAL = 32
"""So many bytes the digest before the position has."""
HOW_MUCH_IS_SHOWN = {"limit", "offset", "after", "view", "count_by"}
"""Parameters that may differ between two parts: they change neither the entries of the list nor their order."""


class Cursors:
    """Writes and reads the cursors of one list."""

    def __init__(self, listing: Orders) -> None:
        self._positions: dict[str, TypeAdapter[Any]] = {
            name: TypeAdapter(_written_as(types)) for name, types in listing.types.items()
        }

    def write(self, query: Any, position: Position, offset: int) -> str:
        """Returns the cursor after an entry, before which and with which there are `offset` entries."""
        written = to_json([offset, *position])
        return base64.urlsafe_b64encode(_digests().digest(*_signed(query, written)) + written).rstrip(b"=").decode()

    def read(self, query: Any) -> tuple[int, Position]:
        """Returns the offset and the position that a cursor says. Raises `InvalidFields` for one that is not ours."""
        sealed = _bytes_of(query.after)
        seal, written = sealed[:SEAL], sealed[SEAL:]
        if not _digests().is_of(seal, *_signed(query, written)):
            raise _wrong()
        try:
            offset, *position = self._positions[query.sort.removeprefix("-")].validate_json(written)
        except ValidationError:  # written before the order got other columns
            raise _wrong() from None
        return offset, tuple(position)


def _written_as(types: tuple[Any, ...]) -> Any:
    return tuple.__class_getitem__((int, *types))


def _signed(query: QuerySchema, written: bytes) -> tuple[bytes, ...]:
    """What a cursor's digest is of: a position in this list, with these filters, for this caller."""
    filters = query.model_dump_json(exclude=HOW_MUCH_IS_SHOWN)
    parts = ("cursor", request.path.rstrip("/"), str(caller().id or ""), filters)
    return *(part.encode() for part in parts), written


def _digests() -> Digests:
    return cast(Digests, current_app.extensions["digests"])


def _bytes_of(cursor: str) -> bytes:
    try:
        read = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _wrong() from None
    return read


def _wrong() -> InvalidFields:
    return InvalidFields([FieldProblem.of("after", "field.not_of_this_list")])
