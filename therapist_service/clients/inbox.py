"""The folder where the scraper drops its files, wherever it is: a path, or a bucket with fsspec's extras installed."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

import fsspec

FILE_NAME = re.compile(r"therapists_\d{8}_\d{6}\.json", re.ASCII)
LARGEST_FILE = 256 * 1024 * 1024
_BLOCK = 1024 * 1024
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class InboxUnreachable(Exception):
    """The folder cannot be read at the moment; says why."""


@dataclass(frozen=True)
class Arrival:
    """A file that lies in the folder, as it looked at one moment."""

    name: str
    size: int
    modified_at: datetime | None
    """None where the storage does not say."""


@dataclass(frozen=True)
class Content:
    """What a file holds: compressed (zlib), and empty for one that is larger than anybody should send."""

    checksum: str
    """SHA-256, in hexadecimal."""
    size: int
    packed: bytes


class Inbox:
    """The files of one folder. Every method raises `InboxUnreachable` where the folder cannot be read."""

    def __init__(self, url: str) -> None:
        self.url = url

    def arrivals(self) -> list[Arrival]:
        """The scraper's files in the order of their names; anything else in the folder is left out."""
        with _reachable():
            filesystem, folder = self._opened
            filesystem.invalidate_cache(folder)
            entries = [entry for entry in filesystem.ls(folder, detail=True) if entry["type"] == "file"]
        found = (_arrival(entry) for entry in entries)
        return sorted((a for a in found if FILE_NAME.fullmatch(a.name)), key=lambda a: a.name)

    def find(self, name: str) -> Arrival | None:
        """The file of that name. It is looked for among the folder's own files, so a name is never a path."""
        return next((arrival for arrival in self.arrivals() if arrival.name == name), None)

    def read(self, arrival: Arrival) -> Content | None:
        """What the file holds now; None where it is gone. Reads in blocks: the whole is never in memory."""
        checksum, packer, size = hashlib.sha256(), zlib.compressobj(1), 0
        packed: list[bytes] = []
        for block in self._blocks(arrival.name):
            checksum.update(block)
            size += len(block)
            if size <= LARGEST_FILE:
                packed.append(packer.compress(block))
        if size == 0 and self.find(arrival.name) is None:
            return None
        packed.append(packer.flush())
        return Content(checksum.hexdigest(), size, b"".join(packed) if size <= LARGEST_FILE else b"")

    def _blocks(self, name: str) -> Iterator[bytes]:
        with _reachable():
            filesystem, folder = self._opened
            try:
                file = filesystem.open(f"{folder.rstrip('/')}/{name}", "rb")
            except FileNotFoundError:
                return
            with file:
                while block := file.read(_BLOCK):
                    yield block

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        # at first use, so that no connection crosses a fork
        filesystem, folder = fsspec.core.url_to_fs(self.url)
        return filesystem, str(folder)


class _reachable:
    """Says of whatever a storage raises that the folder cannot be read."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, _: object) -> None:
        if isinstance(problem, Exception) and not isinstance(problem, InboxUnreachable):
            raise InboxUnreachable(f"{type(problem).__name__} while reading IMPORT_URL") from problem


def _arrival(entry: dict[str, Any]) -> Arrival:
    name = PurePosixPath(str(entry["name"]).replace("\\", "/")).name
    return Arrival(name, int(entry["size"] or 0), _moment(_modified(entry)))


def _modified(entry: dict[str, Any]) -> Any:
    # local files say mtime, S3 LastModified, Google updated
    return next((entry[key] for key in ("mtime", "LastModified", "updated", "created") if entry.get(key)), None)


def _moment(said: Any) -> datetime | None:
    """The time of change as the storage says it; None for one that it does not say, or that no calendar has."""
    with suppress(OverflowError, ValueError):
        if isinstance(said, int | float):
            return _EPOCH + timedelta(seconds=said)
        if isinstance(said, str):
            said = datetime.fromisoformat(said)
        if isinstance(said, datetime):
            return said.astimezone(UTC) if said.tzinfo else said.replace(tzinfo=UTC)
    return None
