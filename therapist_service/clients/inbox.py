"""The folder where the scraper drops its files, wherever it is: a path, or a bucket with fsspec's extras installed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import fsspec

FILE_NAME = re.compile(r"therapists_\d{8}_\d{6}\.json", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class InboxUnreachable(Exception):
    """The folder cannot be read at the moment; says why."""


class FileUnreadable(Exception):
    """The folder can be read and this file cannot; says why."""


@dataclass(frozen=True)
class Arrival:
    """A file that lies in the folder, as it looked at one moment."""

    name: str
    size: int
    modified_at: datetime | None
    """None where the storage does not say."""


class Inbox:
    """The files of one folder; only `blocks` reads what is in them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.ignored: list[str] = []
        """The names of the other files that lay there when the folder was last read."""

    @property
    def place(self) -> str:
        """The folder, for people: without names, passwords and options that its address may hold."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def arrivals(self) -> list[Arrival]:
        """The scraper's files in the order of their names; anything else in the folder is left out: see `ignored`.

        Raises `InboxUnreachable` where the folder cannot be read.
        """
        with _reachable():
            filesystem, folder = self._opened
            filesystem.invalidate_cache(folder)
            entries = [entry for entry in filesystem.ls(folder, detail=True) if entry["type"] == "file"]
        found = sorted((_arrival(entry) for entry in entries), key=lambda a: a.name)
        self.ignored = [a.name for a in found if not FILE_NAME.fullmatch(a.name)]
        return [a for a in found if FILE_NAME.fullmatch(a.name)]

    def find(self, name: str) -> Arrival | None:
        """The file of that name. It is looked for among the folder's own files, so a name is never a path."""
        return next((arrival for arrival in self.arrivals() if arrival.name == name), None)

    def blocks(self, name: str, size: int) -> Iterator[bytes]:
        """What the file holds now, in blocks of this many bytes, the last one shorter.

        Raises `FileNotFoundError` where it is gone, and `FileUnreadable`.
        """
        try:
            filesystem, folder = self._opened
            with filesystem.open(f"{folder.rstrip('/')}/{name}", "rb") as file:
                while block := _filled(file, size):
                    yield block
        except FileNotFoundError:
            raise
        except Exception as problem:
            raise FileUnreadable(type(problem).__name__) from problem

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


def _filled(file: Any, size: int) -> bytes:
    """So many bytes; fewer only at the end of the file."""
    block: bytes = file.read(size)
    while len(block) < size and (more := file.read(size - len(block))):
        block += more
    return block


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
