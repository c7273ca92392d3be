from __future__ import annotations

import base64
import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.scraper.samples import SAMPLES
from therapist_scraper.errors import ScraperError, UnknownForm
from therapist_scraper.recordings import read_folder, read_har

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def har(**changes: Any) -> dict[str, Any]:
    """The sample with its search changed."""
    document: dict[str, Any] = json.loads((SAMPLES / "recording.har").read_text())
    search = document["log"]["entries"][2]
    search["request"] |= changes.get("request", {})
    search["response"] |= changes.get("response", {})
    return document


def written(folder: Path, document: Any) -> Path:
    path = folder / "search.har"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    return path


def test_a_har_is_read_with_what_was_searched_for() -> None:
    harvest = read_har(SAMPLES / "recording.har", datetime.now(UTC))
    (entry,) = harvest.entries
    assert (entry.source, entry.fields["id"]) == ("116117.de", "p-0003")
    assert (entry.seen_at, entry.query) == (datetime(2026, 11, 23, 8, 15, tzinfo=UTC), {"procedure": "VT"})
    assert not harvest.coverage.complete
    assert harvest.notes == (
        "recording.har: a search has status 500 and no answer",
        "recording.har: left out what was loaded from static.example.org",
    )


def test_a_har_may_hold_its_content_in_base64_and_times_that_cannot_be(tmp_path: Path) -> None:
    text = '{"arztPraxisDatas": [{"id": "ä", "name": "Null"}], "moreResults": true}'
    content = {"text": base64.b64encode(text.encode()).decode(), "encoding": "base64"}
    document = har(response={"content": content})
    document["log"]["entries"][2]["startedDateTime"] = "tomorrow"
    harvest = read_har(written(tmp_path, document), NOW)
    (entry,) = harvest.entries
    assert (entry.fields["id"], entry.seen_at) == ("ä", NOW)
    assert harvest.notes[0] == "search.har: the site knows of more people than it shows here"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("{", "cannot be read as JSON: was it saved to its end"),
        ("[" * 100_000, "cannot be read as JSON"),
        ([], "is no HAR file"),
        ({"log": {"entries": "none"}}, "is no HAR file"),
        ({"log": {"entries": [None, {"request": {"url": 3}}]}}, "has nothing of the directory"),
        (har(request={"url": "http://[::1/"}), "left out what was loaded from .*an address that cannot be read"),
        (
            har(request={"url": "https://arzt.example.org/api/data"}),
            "has nothing of the directory.*static.example.org, arzt.example.org",
        ),
        (har(request={"url": "https://116117.de.example.org/api/data"}), "has nothing of the directory"),
        (har(response={"content": {"text": '{"doctors": []}'}}), "/api/data: an answer of the search lacks"),
        (har(response={"content": {"text": "<html>"}}), "no JSON object"),
        (har(response={"content": {}}), "has nothing of the directory.*no answer"),
        (har(response={"status": 403}), "has nothing of the directory.*status 403"),
    ],
)
def test_a_har_of_another_site_or_form_is_named(tmp_path: Path, document: Any, said: str) -> None:
    with pytest.raises(UnknownForm, match=said):
        read_har(written(tmp_path, document), NOW)


def test_a_folder_of_pages_answers_and_recordings_is_read(tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    shutil.copytree(SAMPLES, saved)
    (saved / "page_files").mkdir()
    (saved / "page_files" / "frame.html").write_text("<p>Werbung</p>")
    (saved / "other.json").write_text("[]")
    (saved / ".hidden.json").write_text("{")
    (saved / "outside.html").symlink_to(SAMPLES / "practice_page.html")
    harvest = read_folder(saved, datetime.now(UTC), "arztsuche.116117.de")
    ids = [entry.fields["id"] for entry in harvest.entries]
    assert ids == ["p-0001", "p-0002", "p-0001", "p-0002", "p-7001", "p-7002", "p-7001", "p-0003"]
    assert harvest.notes == (
        "answer_named.json: the site knows of more people than it shows here",
        "directory_page.html: the results go on on another page",
        "other.json: is no answer of the directory",
        "outside.html: is a link, and was left out",
        "page_files/frame.html: is no page of the directory",
        "recording.har: a search has status 500 and no answer",
        "recording.har: left out what was loaded from static.example.org",
    )


OURS, FOREIGN = (
    f'<link rel="canonical" href="https://{host}/1">' for host in ("arztsuche.116117.de", "arzt.example.org")
)
PRACTICE = "<i class=arztpraxis></i>"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("page.html", f"{OURS}<h1>Frau Clara Ahornlicht</h1></html>", "page.html is a page of the directory without"),
        ("page.htm", f"{OURS}{PRACTICE}</html>\n<!-- x -->\n", "page.htm: of 1 practices only 0"),
        ("page.htm", f"{OURS}{PRACTICE}", "page.htm is cut off, it has no </html> at its end"),
        ("page.htm", f"{OURS}<script>'</html>'</script>{PRACTICE}", "page.htm is cut off"),
        ("page.htm", f"{PRACTICE}</html>", "page.htm does not say from which site it was saved: .*--saved-from"),
        ("a.json", '{"arztPraxisDatas": [], "moreResults": true}', "a.json does not say from which site it was saved"),
        ("a.json", '{"arztPraxisDatas": [{', "a.json cannot be read as JSON"),
    ],
)
def test_one_changed_page_stops_the_whole_folder(tmp_path: Path, name: str, text: str, said: str) -> None:
    shutil.copy(SAMPLES / "practice_page.html", tmp_path)
    (tmp_path / name).write_text(text)
    with pytest.raises(UnknownForm, match=said):
        read_folder(tmp_path, NOW)


def test_only_pages_of_the_directory_are_read(tmp_path: Path) -> None:
    """What the browser noted counts as much as what the page says of itself."""
    shutil.copy(SAMPLES / "practice_page.html", tmp_path)
    for name, says in (
        ("a.html", FOREIGN),
        ("b.html", f"<!-- saved from url=(0024)https://arzt.example.org/ -->{OURS}"),
    ):
        (tmp_path / name).write_text(f"{says}{PRACTICE}</html>")
    harvest = read_folder(tmp_path, NOW)
    assert [entry.fields["id"] for entry in harvest.entries] == ["p-7001"]
    assert harvest.notes == tuple(f"{each}.html: left out, since it is of arzt.example.org" for each in "ab")
    (tmp_path / "c.json").write_text('{"moreResults": true}')
    with pytest.raises(UnknownForm, match=r"c.json: an answer of the search lacks"):
        read_folder(tmp_path, NOW, "116117.de")
    with pytest.raises(ScraperError, match=r"arzt.example.org is not the directory"):
        read_folder(tmp_path, NOW, "arzt.example.org")


def test_a_folder_without_the_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "news.html").write_text("<h1>Nachrichten</h1>")
    with pytest.raises(UnknownForm, match=r"has nothing of the directory; news.html: is no page of the directory"):
        read_folder(tmp_path, NOW)
    with pytest.raises(ScraperError, match="is no folder"):
        read_folder(tmp_path / "news.html", NOW)
    with pytest.raises(ScraperError, match="cannot be read: No such file"):
        read_har(tmp_path / "nothing.har", NOW)
