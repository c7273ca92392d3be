"""`scrape` and `convert` against the site, as an operator calls them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.fakes.directory_site import Reply, Site
from tests.scraper.people import people, person
from tests.scraper.samples import SAMPLES
from therapist_scraper import run_state
from therapist_scraper.cli import commands
from therapist_scraper.manners import VERSION

Run = Callable[..., Result]


@pytest.fixture
def run(site: Site, tmp_path: Path) -> Run:
    """Calls a command for Aachen with files in `tmp_path/out`; each call takes place a minute after the last."""

    def call(command: str, *arguments: str, **environment: str) -> Result:
        site.clock.sleep(60)
        folders = ["--out", str(tmp_path / "out"), "--state", str(tmp_path / "state")]
        where = ["--site", site.address, "--area", "50.776,6.084,25", "--contact", "scraper@example.org"]
        given = [command, *folders, *(where if command == "scrape" else []), *arguments]
        return CliRunner().invoke(commands, given, obj=site.clock, env=environment)

    return call


def files(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted((folder / "out").glob("*"))]


def changes(folder: Path) -> list[dict[str, list[str]]]:
    """Who is in each file, by the name of the list."""
    return [
        {name: [each["external_id"] for each in records] for name, records in file["changes"].items() if records}
        for file in files(folder)
    ]


def break_after(site: Site, number: int, reply: Reply) -> Callable[[], None]:
    """Let the site give this answer to every search after so many; returns what mends it."""
    search, asked = site.answer, iter(range(10_000))
    site.answer = lambda *a: reply if a[1] == "/api/data" and next(asked) >= number else search(*a)  # type: ignore[method-assign]

    def mend() -> None:
        site.answer = search  # type: ignore[method-assign]

    return mend


def test_day_by_day_the_files_hold_what_has_changed(tmp_path: Path, site: Site, run: Run) -> None:
    everybody = [each["external_id"] for each in site.people]
    assert run("scrape").exit_code == 0
    site.people = [*people(58), person(58, phone="+493023125777"), person(901)]
    second = run("scrape")
    assert second.exit_code == 0, second.output
    assert run("scrape").exit_code == 0
    assert changes(tmp_path) == [
        {"additions": everybody},
        {"additions": ["p-0901"], "modifications": ["p-0058"], "deletions": ["p-0059"]},
        {},
    ]
    assert files(tmp_path)[1]["statistics"]["unchanged_therapists"] == 58
    assert "1 added, 1 changed, 1 gone, 58 as before" in second.stderr
    assert list((tmp_path / "state").glob("run.jsonl")) == []


def test_what_is_written_is_what_the_site_shows(tmp_path: Path, site: Site, run: Run) -> None:
    """Both generations of the site give the same record."""
    assert run("scrape").exit_code == 0
    site.generation = "named"
    assert run("scrape").exit_code == 0
    (first, second) = files(tmp_path)
    assert second["changes"]["modifications"] == []
    record = first["changes"]["additions"][5]
    known = person(5)
    assert {name: record[name] for name in ("last_name", "procedures", "age_groups", "settings", "phone_hours")} == {
        name: known[name] for name in ("last_name", "procedures", "age_groups", "settings", "phone_hours")
    }
    assert (record["phone"], record["languages"]) == (known["phone"], ["en"])


def test_who_is_shown_at_a_place_that_cannot_be_is_not_gone(tmp_path: Path, site: Site, run: Run) -> None:
    """Neither is one who moved to a neighbouring area that a search reaches."""
    site.people = people(5)
    assert run("scrape").exit_code == 0
    places = {0: (0, 0), 1: (float("nan"), 6.0), 2: (6.084, 50.776), 3: (50.70, 6.45)}
    search = site.answer

    def moved(method: str, path: str, headers: Mapping[str, str], body: Any) -> Reply:
        reply = search(method, path, headers, body)
        if path != "/api/data":
            return reply
        document = json.loads(reply.text)
        for each in document["arztPraxisDatas"]:
            each["lat"], each["lon"] = places.get(int(each["id"][-1]), (each["lat"], each["lon"]))
        return Reply(200, json.dumps(document))

    site.answer = moved  # type: ignore[method-assign]
    again = run("scrape")
    assert changes(tmp_path)[1:] == [{}], again.stderr
    assert "left out 1× latitude: is zero, as programs write what they do not know" in again.stderr
    assert "left out 1× latitude: is no number of degrees" in again.stderr


def test_an_outage_deletes_nobody_and_the_rest_is_read_later(tmp_path: Path, site: Site, run: Run) -> None:
    assert run("scrape").exit_code == 0
    site.people = people(50)
    mend = break_after(site, 9, Reply(503))
    stopped = run("scrape")
    assert stopped.exit_code == 3
    assert "3 searches failed: status 503, 5 times" in stopped.stderr
    assert "7 searches failed, and nobody is deleted; --resume asks for them again" in stopped.stderr
    assert [name for each in changes(tmp_path)[1:] for name in each] == []
    mend()
    before = len(site.searches())
    resumed = run("scrape", "--resume")
    assert resumed.exit_code == 0, resumed.output
    assert len(site.searches()) == before + 7
    assert changes(tmp_path)[-1] == {"deletions": [f"p-{number:04}" for number in range(50, 60)]}


@pytest.mark.parametrize(
    ("reply", "code", "said"),
    [
        (Reply(403), 4, "refuses us (status 403)"),
        (Reply(200, "<div class=h-captcha>"), 4, "a proof that a person sits here"),
        (Reply(200, "<h1>Neu</h1>"), 5, "something else than JSON"),
        (Reply(200, '{"arztPraxisDatas": [], "moreResults": false}'), 3, "nobody was found in the whole area"),
        (Reply(500), 3, "16 searches failed, and nobody is deleted"),
    ],
)
def test_a_refusal_a_redesign_and_an_empty_site_write_nothing(
    tmp_path: Path, site: Site, run: Run, reply: Reply, code: int, said: str
) -> None:
    """Each has its exit code, and one line says why."""
    break_after(site, 0, reply)
    done = run("scrape")
    assert done.exit_code == code
    assert said in done.stderr.splitlines()[-1]
    assert changes(tmp_path) == []
    assert not (tmp_path / "state" / "people.jsonl").exists()


def test_half_a_directory_is_looked_at_by_a_person_first(tmp_path: Path, site: Site, run: Run) -> None:
    """Who allows it afterwards needs no second reading."""
    assert run("scrape").exit_code == 0
    site.people = people(30)
    assert run("scrape").exit_code == 6
    asked = len(site.searches())
    assert run("scrape", "--resume", "--allow").exit_code == 0
    assert len(site.searches()) == asked
    assert len(changes(tmp_path)[-1]["deletions"]) == 30


def test_a_dry_run_prints_the_file_and_keeps_the_state(tmp_path: Path, site: Site, run: Run) -> None:
    dry = run("scrape", "--dry-run")
    assert (dry.exit_code, len(json.loads(dry.stdout)["changes"]["additions"])) == (0, 60)
    assert changes(tmp_path) == []
    assert "a dry run: nothing was written" in dry.stderr
    asked = len(site.searches())
    assert run("scrape", "--dry-run", "--resume").exit_code == 0
    assert len(site.searches()) == asked
    # the night's run has nothing of it: what it read is of another day
    assert run("scrape", "--resume").exit_code == 0
    assert (len(site.searches()), len(changes(tmp_path))) == (2 * asked, 1)


def test_an_old_run_or_one_for_another_area_is_not_continued(tmp_path: Path, site: Site, run: Run) -> None:
    assert run("scrape", "--dry-run").exit_code == 0
    (tmp_path / "state" / "dry-run" / "run.jsonl").rename(tmp_path / "state" / "run.jsonl")
    assert "beginning anew" in run("scrape", "--resume", "--area", "50.8,6.1,5").stderr
    assert run("scrape", "--dry-run", "--area", "50.8,6.1,5").exit_code == 0
    (tmp_path / "state" / "dry-run" / "run.jsonl").rename(tmp_path / "state" / "run.jsonl")
    site.clock.instant += timedelta(hours=21)
    assert "beginning anew" in run("scrape", "--resume", "--area", "50.8,6.1,5").stderr
    (tmp_path / "state" / "run.jsonl").write_text("{")
    assert "cannot be read: beginning anew" in run("scrape", "--resume").stderr


def test_one_run_at_a_time(tmp_path: Path, site: Site, run: Run) -> None:
    with run_state.alone(tmp_path / "state"):
        done = run("scrape")
    assert (done.exit_code, site.requests) == (1, [])
    assert "another run uses" in done.stderr


def test_settings_come_from_the_environment_and_a_key_from_a_file(tmp_path: Path, site: Site, run: Run) -> None:
    site.session_needed, site.key = True, "Bearer given-to-us"
    assert run("scrape").exit_code == 4
    (tmp_path / "key").write_text("Bearer given-to-us\n")
    done = run("scrape", SCRAPER_AUTHORIZATION_FILE=str(tmp_path / "key"), SCRAPER_INTERVAL="3")
    assert done.exit_code == 0, done.output
    assert site.clock.pauses[-1] == 3.0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--area", "atlantis"], 1, "no area is called 'atlantis'"),
        (["--interval", "-1"], 1, "the interval must be 0.5 seconds or more"),
        (["--contact", "me"], 1, "neither an e-mail address nor a web page"),
        (["--largest-radius", "0"], 1, "the largest radius"),
        (["--authorization-file", "nowhere"], 2, "does not exist"),
    ],
)
def test_a_wrong_setting_is_named_before_anything_is_asked(
    site: Site, run: Run, arguments: list[str], code: int, said: str
) -> None:
    done = run("scrape", *arguments)
    assert (done.exit_code, site.requests) == (code, [])
    assert said in done.stderr


def test_ctrl_c_ends_it_with_the_code_of_shells(site: Site, run: Run) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    site.clock.sleep = lambda seconds: interrupt() if seconds != 60 else None  # type: ignore[method-assign]
    done = run("scrape")
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (130, "Error: interrupted; with --resume it goes on")


def test_what_a_person_saved_adds_and_changes_and_deletes_nobody(tmp_path: Path, site: Site, run: Run) -> None:
    shutil.copytree(SAMPLES, tmp_path / "saved")
    for path in (tmp_path / "saved").iterdir():
        os.utime(path, (site.clock.now().timestamp(),) * 2)
    done = run("convert", "--from-dir", str(tmp_path / "saved"), "--saved-from", "arztsuche.116117.de")
    assert done.exit_code == 0, done.output
    assert changes(tmp_path) == [{"additions": ["p-0001", "p-0002", "p-0003", "p-7001", "p-7002"]}]
    records = {each["external_id"]: each for each in files(tmp_path)[0]["changes"]["additions"]}
    assert records["p-7001"]["phone_hours"] == {
        "monday": [{"start": "08:00", "end": "09:00"}, {"start": "17:00", "end": "17:50"}],
        "wednesday": [{"start": "08:00", "end": "08:50"}],
    }
    clara, jonas = records["p-7001"], records["p-7002"]
    assert (clara["salutation"], clara["title"], clara["first_name"]) == ("Frau", "Dr. phil.", "Clara")
    assert (clara["last_name"], clara["email"]) == ("Ahornlicht-Bach", "praxis.ahornlicht@example.org")
    assert (clara["procedures"], clara["settings"]) == (["VT", "NP"], ["individual", "group"])
    assert (jonas["first_name"], jonas["last_name"]) == ("Jonas", "von der Heide")
    assert run("convert", "--from-har", str(SAMPLES / "recording.har")).exit_code == 0
    assert changes(tmp_path)[1:] == [{}]


@pytest.mark.parametrize("sources", [[], ["--from-har", "a", "--from-dir", "b"]])
def test_one_thing_is_converted(run: Run, sources: list[str]) -> None:
    done = run("convert", *sources)
    assert (done.exit_code, "either --from-har or --from-dir" in done.stderr) == (2, True)


def test_the_version_is_that_of_the_package() -> None:
    done = CliRunner().invoke(commands, ["--version"])
    assert done.stdout == f"{VERSION}\n"
    assert f'version = "{VERSION}"' in (SAMPLES.parent / "pyproject.toml").read_text()
