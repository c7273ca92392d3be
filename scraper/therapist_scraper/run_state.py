"""A run in a file: each answer as one line, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, cast

from therapist_scraper.areas import Box
from therapist_scraper.errors import ScraperError
from therapist_scraper.raw import Query

Outcome = Literal["read", "split", "failed"]
FORMAT = 1


@dataclass(frozen=True)
class Item:
    """One search: a box and what is looked for in it."""

    box: Box
    query: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, box: Box, query: Query) -> Item:
        """Returns the item for this search."""
        return cls(box, tuple(sorted(cast(dict[str, str], query).items())))

    def as_query(self) -> Query:
        """Returns what is looked for."""
        return cast(Query, dict(self.query))

    @property
    def name(self) -> str:
        """The box and what is looked for, as messages name them."""
        return " ".join([self.box.name, *(value for _, value in self.query)])


@dataclass(frozen=True)
class Plan:
    """What a run was asked for; a run goes on only with the same plan."""

    site: str
    areas: tuple[str, ...]
    largest_radius_km: float


@dataclass
class Run:
    """A run and what it knows so far. Its file is appended to, never changed."""

    path: Path
    plan: Plan
    started_at: datetime
    outcomes: dict[Item, tuple[Outcome, str]] = field(default_factory=dict)
    """The newest outcome of each search with its reason."""

    def note(
        self, item: Item, outcome: Outcome, at: datetime, *, reason: str = "", entries: Sequence[Any] = ()
    ) -> None:
        """Write down what became of a search and whom it showed, on the disk when this returns. Raises ScraperError."""
        line = {"box": _corners(item.box), "query": dict(item.query), "outcome": outcome, "at": at.isoformat()}
        _append(self.path, line | {"reason": reason, "entries": list(entries)})
        self.outcomes[item] = outcome, reason

    def entries(self) -> Iterator[tuple[Item, Outcome, datetime, Mapping[str, Any]]]:
        """Yields every entry that was shown, with its search, what became of that, and the instant.

        It reads the file one line at a time.
        """
        with self.path.open(encoding="utf-8") as lines:
            next(lines)
            for line in lines:
                said = json.loads(line)
                item, at = _item(said), datetime.fromisoformat(said["at"])
                yield from ((item, said["outcome"], at, entry) for entry in said["entries"])

    def remove(self) -> None:
        """Forget the run: what it has read is written elsewhere."""
        self.path.unlink(missing_ok=True)


def folder_of(state: Path, *, dry_run: bool) -> Path:
    """Returns the folder of the run; a dry run has one of its own, so that no other run goes on with it."""
    if not dry_run:
        return state
    folder = state / "dry-run"
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder


def begin(folder: Path, plan: Plan, now: datetime) -> Run:
    """Start a run; an earlier one is forgotten."""
    run = Run(_path(folder), plan, now)
    run.remove()
    header = {"format": FORMAT, "site": plan.site, "areas": plan.areas, "largest_radius_km": plan.largest_radius_km}
    _append(run.path, header | {"started_at": now.isoformat()})
    return run


def load(folder: Path) -> Run | None:
    """Returns the run that was stopped, None where there is none that can be read.

    A last line without its end was being written when the machine stopped, and is cut off.
    """
    path = _path(folder)
    try:
        _cut_off_half_a_line(path)
        with path.open(encoding="utf-8") as lines:
            header = json.loads(next(lines))
            if header["format"] != FORMAT:
                return None
            plan = Plan(header["site"], tuple(header["areas"]), header["largest_radius_km"])
            run = Run(path, plan, datetime.fromisoformat(header["started_at"]))
            for line in lines:
                said = json.loads(line)
                run.outcomes[_item(said)] = said["outcome"], said["reason"]
    except (FileNotFoundError, StopIteration, ValueError, KeyError, TypeError):
        return None
    return run


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep the state for this process; two runs at once would ask the site twice as fast.

    Raises:
        ScraperError: another run is under way, or the folder cannot be used.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (folder / "lock").open("a")
    except OSError as error:
        raise ScraperError(f"the folder {folder} cannot be used: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ScraperError(f"another run uses {folder}") from None
        yield


def _append(path: Path, line: Mapping[str, Any]) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ScraperError(f"{path} cannot be written: {error.strerror}") from None


def _cut_off_half_a_line(path: Path) -> None:
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        while size:
            start = max(0, size - (1 << 16))
            file.seek(start)
            end = file.read(size - start).rfind(b"\n")
            if end >= 0:
                file.truncate(start + end + 1)
                return
            size = start
        file.truncate(0)


def _corners(box: Box) -> list[float]:
    return [box.south, box.west, box.north, box.east]


def _item(said: Mapping[str, Any]) -> Item:
    return Item.of(Box(*said["box"]), said["query"])


def exists(folder: Path) -> bool:
    """Whether there is a run, or what is left of one."""
    return _path(folder).exists()


def _path(folder: Path) -> Path:
    return folder / "run.jsonl"
