"""Files that appear only whole, in a folder or at a URL of a file system that fsspec knows (s3://, gs://, …)."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from fsspec.core import url_to_fs

from therapist_scraper.errors import ScraperError

OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "abfs", "az", "adl", "oss", "oci", "memory"}
"""There a file is written as a whole, by one request at the end; elsewhere it is written beside and renamed."""


def join(folder: str, name: str) -> str:
    """Returns the path or URL of a file in a folder."""
    return f"{folder.rstrip('/') or '/'}/{name}"


def read_bytes(url: str) -> bytes | None:
    """Returns what a file holds, None where there is none. Raises ScraperError where it cannot be read."""
    file_system, path = _located(url)
    try:
        return bytes(file_system.cat_file(path))
    except FileNotFoundError:
        return None
    except Exception as problem:  # each file system raises its own kinds
        raise ScraperError(f"{url} cannot be read: {_reason(problem)}") from problem


def write_whole(url: str, content: bytes, *, replace: bool = False) -> None:
    """Write a file so that nobody ever finds part of it under its name; a missing folder is made.

    Raises ScraperError where it cannot be written, and, unless it may `replace`, where there is one of this name.
    """
    file_system, path = _located(url)
    try:
        if _is_local(file_system):
            _write_local(Path(path), content, replace=replace)
        else:
            _write_remote(file_system, path, content, replace=replace)
    except FileExistsError:
        raise ScraperError(f"{url} is there already.") from None
    except Exception as problem:  # each file system raises its own kinds
        raise ScraperError(f"{url} cannot be written: {_reason(problem)}") from problem


def _located(url: str) -> tuple[Any, str]:
    try:
        file_system, path = url_to_fs(url)
    except (ImportError, ValueError) as problem:
        raise ScraperError(f"{url} cannot be used: {_reason(problem)}") from problem
    return file_system, str(path)


def _protocols(file_system: Any) -> set[str]:
    protocol = file_system.protocol
    return {protocol} if isinstance(protocol, str) else set(protocol)


def _is_local(file_system: Any) -> bool:
    return "file" in _protocols(file_system)


def _write_local(path: Path, content: bytes, *, replace: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            beside.replace(path)
        else:
            path.hardlink_to(beside)  # unlike a renaming it fails where the name is taken
    finally:
        beside.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)  # else the name may be lost with the power, after the state counts on it
    finally:
        os.close(descriptor)


def _write_remote(file_system: Any, path: str, content: bytes, *, replace: bool) -> None:
    if not replace and file_system.exists(path):
        raise FileExistsError
    if _protocols(file_system) & OBJECT_STORES:
        file_system.pipe_file(path, content)
        return
    beside = f"{path}.{secrets.token_hex(4)}.part"
    file_system.makedirs(path.rpartition("/")[0], exist_ok=True)
    try:
        file_system.pipe_file(beside, content)
        file_system.mv(beside, path)
    except BaseException:
        if file_system.exists(beside):
            file_system.rm_file(beside)
        raise


def _reason(problem: BaseException) -> str:
    return (problem.strerror if isinstance(problem, OSError) else None) or str(problem) or type(problem).__name__
