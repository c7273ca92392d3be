"""From the line of the crontab to a match: the scraper reads a site, and the platform its file."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from testkit.api_client import ApiClient, Document
from testkit.private_platform import PrivatePlatform
from testkit.synthetic_region import therapists
from tests.end_to_end.people import a_searching_patient, known_to_matching
from tests.fakes.directory_site import RunningSite, Site

ROOT = Path(__file__).parent.parent.parent
GREIFSWALD = {"postal_code": "17489", "city": "Greifswald", "latitude": 54.0924, "longitude": 13.3815}
"""Nobody else in these tests is near."""
OFFERED = {"procedures": ["VT"], "age_groups": ["adult"], "settings": ["individual"]}
ALL_BUT_NEW = "identity,contact,reactivation"


@pytest.fixture
def site() -> Iterator[Site]:
    """Three people in Greifswald, of whom an answer shows two."""
    people = [
        person | GREIFSWALD | OFFERED | {"latitude": 54.07 + number / 50}
        for number, person in enumerate(therapists(3, seed=1313))
    ]
    with RunningSite(Site(people, most=2)) as running:
        yield running


@pytest.fixture
def reviewing(platform: PrivatePlatform) -> Iterator[None]:
    """The platform, while new therapists of a file wait for a person."""
    usual = platform.settings.get("IMPORT_PASSES", "")
    _let_pass(platform, ALL_BUT_NEW)
    yield
    _let_pass(platform, usual)


def _let_pass(platform: PrivatePlatform, kinds: str) -> None:
    platform.settings["IMPORT_PASSES"] = kinds
    del platform.process_specs  # made anew, from the settings
    platform.process("therapist_service.worker").restart()


def _crontab() -> tuple[dict[str, str], str]:
    """The settings and the first command of the crontab in the scraper's README."""
    found = re.search(r"```crontab\n(.*?)```", (ROOT / "scraper/README.md").read_text(), re.DOTALL)
    assert found
    lines = found[1].splitlines()
    settings = dict(line.split("=", 1) for line in lines if re.match(r"[A-Z_]+=", line))
    command = next(line.split(maxsplit=5)[5] for line in lines if line[0].isdigit())
    return settings, command


def cron(folder: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run that line as cron does: with `sh`, in the home folder, with next to no environment."""
    settings, command = _crontab()
    program = folder / "bin" / "therapist-scraper"
    if not program.exists():
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT}/scraper exec {sys.executable} -m therapist_scraper "$@"\n')
        program.chmod(0o755)
    around = {"HOME": str(folder), "PATH": f"{program.parent}{os.pathsep}/usr/bin{os.pathsep}/bin"}
    return subprocess.run(
        ["/bin/sh", "-c", command], cwd=folder, env=settings | around | changes, capture_output=True, text=True
    )


def imported(api: ApiClient, folder: Path, number: int) -> Document:
    """The import of the file of that number, once it is complete."""
    api.until(lambda: len(list(folder.glob("therapists_*.json"))) >= number, "the scraper's file")
    name = sorted(path.name for path in folder.glob("therapists_*.json"))[-1]
    done: Document = api.until(
        lambda: (found := api.import_of(name)) and found["status"] == "completed" and found, "the file to be imported"
    )
    return done


def known(api: ApiClient, people: Iterable[Mapping[str, Any]]) -> dict[str, Document]:
    """Those of these people whom the platform knows, by their last names."""
    names = {person["last_name"] for person in people}
    found = api.get("therapist", "/api/therapists", city="Greifswald", limit=200)["items"]
    return {each["last_name"]: each for each in found if each["last_name"] in names}


def reviews_of(api: ApiClient, imported_file: Document) -> list[dict[str, Any]]:
    """What of an import waits for a person."""
    found: list[dict[str, Any]] = api.get(
        "therapist", "/api/import-reviews", import_id=imported_file["id"], state="pending", limit=200
    )["items"]
    return found


def test_a_line_of_the_crontab_leads_to_a_match(
    platform: PrivatePlatform, api: ApiClient, reviewing: None, site: Site, tmp_path: Path
) -> None:
    """Who is new waits for a person; on the next day a number has changed and somebody is gone."""
    folder = Path(unquote(urlsplit(platform.settings["IMPORT_URL"]).path))
    earlier = len(list(folder.glob("therapists_*.json")))
    where = {"SCRAPER_SITE": site.address, "SCRAPER_OUT": str(folder), "SCRAPER_INTERVAL": "0.01"}
    where["SCRAPER_AREA"] = "{latitude},{longitude},10".format(**GREIFSWALD)
    people = site.people

    first = cron(tmp_path, **where)
    assert first.returncode == 0, first.stderr
    done = imported(api, folder, earlier + 1)
    assert done["source"] == "116117.de"
    assert (done["counts"]["waiting"], done["counts"]["rejected"]) == (3, 0)
    assert known(api, people) == {}
    for review in reviews_of(api, done):
        api.post("therapist", f"/api/import-reviews/{review['id']}/approve", {})
    approved = known(api, people)
    assert len(approved) == 3
    patient = a_searching_patient(api, postal_code=GREIFSWALD["postal_code"])
    known_to_matching(api, patient, *approved.values())

    changed, gone, same = people
    site.people = [{**changed, "phone": "+493023125909"}, same]
    second = cron(tmp_path, **where)
    assert second.returncode == 0, second.stderr
    counts = imported(api, folder, earlier + 2)["counts"]
    assert (counts["modifications"], counts["deletions"], counts["rejected"]) == (1, 1, 0)
    now = known(api, people)
    assert now[changed["last_name"]]["phone"] == "+493023125909"
    assert now[gone["last_name"]]["status"] == "inactive"
