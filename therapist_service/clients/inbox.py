"""The folder where the scraper drops its files, wherever it is: a path, or a bucket with fsspec's extras installed.

In a bucket a folder exists only while it holds something. Its server may be slow, busy or away: then the folder cannot
be read, and no file is to blame.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import fsspec
from fsspec.asyn import sync

from therapist_service.settings import Settings, kind_of

CONNECT_SECONDS, READ_SECONDS = 5, 15
"""How long a bucket's server may take to answer at all, and between two parts of an answer."""
LIST_SECONDS = 20
"""How long a bucket may take to say which files it has, also where its client asks several times: somebody waits."""
_READ_AHEAD = 4 << 20
"""Bytes of an object that are asked for at once."""
FILE_NAME = re.compile(r"therapists_\d{8}_\d{6}\.json", re.ASCII)
COMPRESSED_NAME = re.compile(r"therapists_\d{8}_\d{6}\.json\.(gz|bz2|xz|zst|zip)", re.ASCII)
"""Never opened: some kilobytes could become more than any disk holds."""
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
    problem: str | None = None
    """Why it is not to be opened at all."""


class Inbox:
    """The files of one folder; only `blocks` reads what is in them."""

    def __init__(self, url: str, options: Mapping[str, Any] | None = None) -> None:
        """`options` are those of fsspec for this kind of address: who we are there, and how long we wait."""
        self.url = url
        self.ignored: list[str] = []
        """The names of the other files that lay there when the folder was last read."""
        self._options = options or {}

    @classmethod
    def of(cls, settings: Settings) -> Inbox:
        """The folder that the settings name, with the credentials that they hold."""
        options = {"s3": _s3_options, "gs": _gs_options}.get(kind_of(settings.import_url))
        return cls(settings.import_url, options(settings) if options else None)

    @property
    def place(self) -> str:
        """The folder, for people: without names, passwords and options that its address may hold."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def arrivals(self) -> list[Arrival]:
        """The scraper's files in the order of their names; anything else in the folder is left out: see `ignored`.

        What has the name of such a file and is none, or is compressed, is among them with its `problem`.

        Raises `InboxUnreachable` where the folder cannot be read.
        """
        with _reachable():
            entries = [entry for entry in self._entries() if entry["type"] != "directory"]
        found = sorted((_arrival(entry) for entry in entries), key=lambda a: a.name)
        self.ignored = [a.name for a in found if not _is_meant(a.name)]
        return [a for a in found if _is_meant(a.name)]

    def find(self, name: str) -> Arrival | None:
        """The file of that name. It is looked for among the folder's own files, so a name is never a path."""
        return next((arrival for arrival in self.arrivals() if arrival.name == name), None)

    def blocks(self, name: str, size: int) -> Iterator[bytes]:
        """What the file holds now, in blocks of this many bytes, the last one shorter.

        Raises `FileNotFoundError` where it is gone, `FileUnreadable` where this file is to blame, and
        `InboxUnreachable`.
        """
        try:
            filesystem, folder = self._opened
            with filesystem.open(f"{folder.rstrip('/')}/{name}", "rb", **self._reading) as file:
                while block := _filled(file, size):
                    yield block
        except FileNotFoundError:
            raise
        except Exception as problem:
            if self._is_bucket and not isinstance(problem, PermissionError):
                raise InboxUnreachable(f"{type(problem).__name__} while reading a file of IMPORT_URL") from problem
            raise FileUnreadable(type(problem).__name__) from problem

    def _entries(self) -> list[dict[str, Any]]:
        filesystem, folder = self._opened
        filesystem.invalidate_cache(folder)
        if not self._is_bucket:
            return list(filesystem.ls(folder, detail=True))
        return list(sync(filesystem.loop, _entries_of_bucket, filesystem, folder, timeout=LIST_SECONDS))

    @property
    def _is_bucket(self) -> bool:
        return kind_of(self.url) in ("s3", "gs")

    @property
    def _reading(self) -> dict[str, Any]:
        return {"block_size": _READ_AHEAD, "cache_type": "readahead"} if self._is_bucket else {}

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        # at first use, so that no connection crosses a fork
        filesystem, folder = fsspec.core.url_to_fs(self.url, **self._options)
        if kind_of(self.url) == "s3":
            filesystem.retries = 1  # the job that watches comes again in seconds
        return filesystem, str(folder)


async def _entries_of_bucket(filesystem: Any, folder: str) -> list[dict[str, Any]]:
    """The files of a folder; where it is not there there are none, unless there is no such bucket either."""
    try:
        return list(await filesystem._ls(folder, detail=True))  # what fsspec calls `ls` where it is awaited
    except FileNotFoundError:
        await filesystem._ls(folder.partition("/")[0])
        return []


def _s3_options(settings: Settings) -> dict[str, Any]:
    return {
        "key": settings.import_s3_access_key.get_secret_value(),
        "secret": settings.import_s3_secret_key.get_secret_value(),
        "client_kwargs": {
            "endpoint_url": settings.import_s3_endpoint or None,
            "region_name": settings.import_s3_region,
        },
        "config_kwargs": {
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": READ_SECONDS,
            "retries": {"total_max_attempts": 1},
        },
        "use_listings_cache": False,
        "skip_instance_cache": True,
    }


def _gs_options(settings: Settings) -> dict[str, Any]:
    return {
        "token": settings.import_gs_credentials_file,
        "requests_timeout": READ_SECONDS,
        "use_listings_cache": False,
        "skip_instance_cache": True,
    }


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


def _is_meant(name: str) -> bool:
    return FILE_NAME.fullmatch(name) is not None or COMPRESSED_NAME.fullmatch(name) is not None


def _arrival(entry: dict[str, Any]) -> Arrival:
    name = PurePosixPath(str(entry["name"])).name  # a backslash is part of a name
    problem = None
    if entry["type"] != "file" or entry.get("islink"):
        problem = "It is a link, a pipe or a device: only files are imported, so that no path leads out of the folder."
    elif COMPRESSED_NAME.fullmatch(name):
        problem = "It is compressed: put the file there as it is."
    return Arrival(name, int(entry["size"] or 0), _moment(_modified(entry)), problem)


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
