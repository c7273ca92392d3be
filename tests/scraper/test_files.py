"""A name appears with a whole file, or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import pytest

from therapist_scraper import files
from therapist_scraper.errors import ScraperError
from therapist_scraper.files import join, read_bytes, write_whole


@pytest.fixture(params=["path", "file", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return {"path": str(tmp_path), "file": tmp_path.as_uri(), "memory": f"memory://{uuid4()}"}[request.param]


def test_a_file_is_written_once_and_replaced_only_on_purpose(folder: str) -> None:
    place = join(folder, "new/one.json")
    assert read_bytes(place) is None
    write_whole(place, b"first")
    with pytest.raises(ScraperError, match="is there already"):
        write_whole(place, b"second")
    assert read_bytes(place) == b"first"
    write_whole(place, b"third", replace=True)
    assert read_bytes(place) == b"third"


@pytest.mark.parametrize("when", ["fsync", "link"])
def test_nothing_is_left_where_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, when, fail)
    with pytest.raises(ScraperError, match="No space left on device"):
        write_whole(str(tmp_path / "one.json"), b"content")
    assert list(tmp_path.iterdir()) == []


def test_elsewhere_a_file_is_written_beside_and_renamed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As over SFTP, where a reader could find half a file under its name."""
    monkeypatch.setattr(files, "OBJECT_STORES", set())
    store = fsspec.filesystem("memory")
    renamed: list[tuple[str, str]] = []
    move = store.mv

    def note(source: str, target: str) -> None:
        renamed.append((source, target))
        assert not store.exists(target)
        move(source, target)

    monkeypatch.setattr(type(store), "mv", lambda _, source, target: note(source, target))
    folder = f"memory://{uuid4()}"
    write_whole(f"{folder}/one.json", b"content")
    ((source, target),) = renamed
    assert (source.endswith(".part"), target.endswith("/one.json")) == (True, True)
    assert [each.rpartition("/")[2] for each in store.ls(folder, detail=False)] == ["one.json"]


@pytest.mark.parametrize("url", ["nosuch://bucket/one.json", "/dev/null/one.json"])
def test_a_place_that_cannot_be_written_is_named(url: str) -> None:
    with pytest.raises(ScraperError, match="one"):
        write_whole(url, b"content")
