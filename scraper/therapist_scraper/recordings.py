"""What a person saved from a browser: a HAR of the developer tools, or a folder of pages and answers.

Nobody knows what they did not save, so it never says that somebody is gone.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from therapist_scraper.errors import ScraperError, UnknownForm
from therapist_scraper.online_addresses import split_address
from therapist_scraper.raw import Coverage, Harvest, Query, RawEntry
from therapist_scraper.sources import directory_116117 as directory
from therapist_scraper.sources.directory_pages import Page
from therapist_scraper.text import excerpt

LARGEST_FILE = 512 << 20
DIRECTORY_DOMAIN = "116117.de"
UNREADABLE_ADDRESS = "an address that cannot be read"
PAGES, ANSWERS = (".html", ".htm"), (".json", ".har")


@dataclass
class Recording:
    """What was found in the files of a person."""

    entries: list[RawEntry] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What was left out, for the person to read."""
    saved_from: str | None = None
    """The site of files that do not say theirs."""
    usable: int = 0
    """The number of answers and pages of the directory, also of those without anybody."""

    def add(self, entries: Sequence[Mapping[str, Any]], seen_at: datetime, query: Query | None = None) -> None:
        """Add the entries of one answer or page."""
        self.usable += 1
        self.entries += [RawEntry(directory.SOURCE, seen_at, each, query or Query()) for each in entries]

    def add_answer(self, answer: directory.Answer, seen_at: datetime, where: str, query: Query | None = None) -> None:
        """Add an answer of the search."""
        self.add(answer.entries, seen_at, query)
        if answer.more_results:
            self.notes.append(f"{where}: the site knows of more people than it shows here")


def read_har(path: Path, now: datetime) -> Harvest:
    """Returns what the HAR file has of the directory, and notes about what it has not.

    Raises:
        UnknownForm: it is no HAR, of another site, or of a changed one.
        ScraperError: it cannot be read.
    """
    recording = Recording()
    _read_har(recording, _parsed(path), path.name, _saved_at(path, now))
    return _harvest(recording, now, path.name)


def read_folder(path: Path, now: datetime, saved_from: str | None = None) -> Harvest:
    """Returns what the pages, answers and HAR files of a folder and its folders have of the directory.

    `saved_from` is the site, such as `arztsuche.116117.de`, of those that do not say theirs.

    Raises:
        UnknownForm: none of them is of the directory, or one is of a changed one, of an unknown site, or cut off.
        ScraperError: the folder cannot be read, or the site is not the directory's.
    """
    if saved_from is not None and not _is_of_directory(saved_from.lower()):
        raise ScraperError(f"{excerpt(saved_from)} is not the directory: {DIRECTORY_DOMAIN}, or a site below it")
    recording = Recording(saved_from=saved_from)
    for file in _files(path, recording):
        where, saved_at = str(file.relative_to(path)), _saved_at(file, now)
        if file.suffix.lower() in PAGES:
            _read_page(recording, Page(_content(file)), where, saved_at)
        else:
            _read_document(recording, _parsed(file), where, saved_at)
    return _harvest(recording, now, path.name)


def _harvest(recording: Recording, now: datetime, name: str) -> Harvest:
    if not recording.usable:
        raise UnknownForm("; ".join([f"{name} has nothing of the directory", *recording.notes[:5]]))
    return Harvest(
        source=directory.SOURCE,
        entries=recording.entries,
        coverage=Coverage(areas=(), is_whole=False),
        started_at=min((entry.seen_at for entry in recording.entries), default=now),
        finished_at=now,
        notes=tuple(recording.notes),
    )


def _files(folder: Path, recording: Recording) -> Iterator[Path]:
    if not folder.is_dir():
        raise ScraperError(f"{folder} is no folder")
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in PAGES + ANSWERS or path.name.startswith("."):
            continue
        if path.is_symlink():
            recording.notes.append(f"{path.relative_to(folder)}: is a link, and was left out")
        elif path.is_file():
            yield path


def _read_page(recording: Recording, page: Page, where: str, saved_at: datetime) -> None:
    if others := sorted(host for host in page.hosts if not _is_of_directory(host)):
        recording.notes.append(f"{where}: left out, since it is of {excerpt(others[0])}")
        return
    if not page.is_known and not page.hosts:  # a browser also saves the frames of a page
        recording.notes.append(f"{where}: is no page of the directory")
        return
    if not page.hosts:
        _check_origin(recording, where)
    if not page.has_end:
        raise UnknownForm(f"{where} is cut off, it has no </html> at its end: save it again, or take it out")
    if not page.is_known:
        raise UnknownForm(f"{where} is a page of the directory without a practice: the site may have changed")
    try:
        recording.add(page.entries(saved_at.date()), saved_at)
    except UnknownForm as error:
        raise UnknownForm(f"{where}: {error.message}") from None
    if page.has_more:
        recording.notes.append(f"{where}: the results go on on another page")


def _read_document(recording: Recording, document: Any, where: str, saved_at: datetime) -> None:
    if isinstance(document, Mapping) and "log" in document:
        _read_har(recording, document, where, saved_at)
    elif directory.is_answer(document):
        _check_origin(recording, where)
        recording.add_answer(_answer(document, where), saved_at, where)
    else:
        recording.notes.append(f"{where}: is no answer of the directory")


def _check_origin(recording: Recording, where: str) -> None:
    if recording.saved_from is None:
        raise UnknownForm(
            f"{where} does not say from which site it was saved: say it with --saved-from, or take it out"
        )


def _answer(document: Any, where: str) -> directory.Answer:
    try:
        return directory.read_answer(document)
    except UnknownForm as error:
        raise UnknownForm(f"{where}: {error.message}") from None


def _read_har(recording: Recording, document: Any, where: str, saved_at: datetime) -> None:
    log = document.get("log") if isinstance(document, Mapping) else None
    exchanges = log.get("entries") if isinstance(log, Mapping) else None
    if not isinstance(exchanges, list):
        raise UnknownForm(f"{where} is no HAR file: it has no log with entries")
    hosts: Counter[str] = Counter()
    for each in exchanges:
        url = split_address(str(_at(each, "request", "url") or ""))
        hosts[url.hostname or UNREADABLE_ADDRESS] += 1
        if _is_of_directory(url.hostname):
            _read_exchange(recording, each, url.path, where, _instant(_at(each, "startedDateTime"), saved_at))
    others = ", ".join(excerpt(host) for host, _ in hosts.most_common(5) if not _is_of_directory(host))
    if others:
        recording.notes.append(f"{where}: left out what was loaded from {others}")


def _read_exchange(recording: Recording, exchange: Any, path: str, where: str, at: datetime) -> None:
    is_search, status = path == directory.PATH, _at(exchange, "response", "status")
    kind = str(_at(exchange, "response", "content", "mimeType") or "")
    if not is_search and not kind.startswith("text/html"):
        return
    content = _har_content(exchange)
    if status != 200 or content is None:
        if is_search:
            recording.notes.append(f"{where}: a search has status {status} and no answer")
    elif is_search:
        query = directory.read_query(_json_or_none(_at(exchange, "request", "postData", "text")))
        recording.add_answer(_answer(_json_or_none(content), f"{where}, {path}"), at, where, query)
    elif (page := Page(content)).is_known:  # a browser also loads the frame of the site, which has no practices
        recording.add(page.entries(at.date()), at)


def _har_content(exchange: Any) -> str | bytes | None:
    text = _at(exchange, "response", "content", "text")
    if not isinstance(text, str) or not text:
        return None
    if _at(exchange, "response", "content", "encoding") != "base64":
        return text
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _is_of_directory(host: str | None) -> bool:
    return host is not None and (host == DIRECTORY_DOMAIN or host.endswith(f".{DIRECTORY_DOMAIN}"))


def _at(value: Any, *path: str) -> Any:
    """Returns what lies at a path of keys, None where there is nothing."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _instant(written: Any, otherwise: datetime) -> datetime:
    """Returns the instant that a HAR names, not later than the file."""
    try:
        found = datetime.fromisoformat(written)
        return min(found.astimezone(UTC), otherwise) if found.tzinfo else otherwise
    except (TypeError, ValueError, OverflowError):
        return otherwise


def _saved_at(path: Path, now: datetime) -> datetime:
    return min(datetime.fromtimestamp(path.stat().st_mtime, UTC), now)


def _json_or_none(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None


def _parsed(path: Path) -> Any:
    try:
        return json.loads(_content(path))
    except (ValueError, RecursionError):
        raise UnknownForm(f"{path.name} cannot be read as JSON: was it saved to its end?") from None


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ScraperError(f"{path} is larger than {LARGEST_FILE >> 20} MiB: export fewer searches at a time")
        return path.read_bytes()
    except OSError as error:
        raise ScraperError(f"{path} cannot be read: {error.strerror}") from None
