from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.directory_site import Reply, Site
from tests.scraper.people import people, person
from therapist_scraper import run_state
from therapist_scraper.areas import Area, read_area
from therapist_scraper.errors import Incomplete, Refused, UnknownForm
from therapist_scraper.polite_client import PoliteClient
from therapist_scraper.raw import Harvest
from therapist_scraper.run_state import Plan, Run
from therapist_scraper.walk import FULL, NOT_ASKED, TOO_MANY, harvest, read_all

Make = Callable[..., PoliteClient]
AACHEN = [read_area("50.776,6.084,25")]


def begin(folder: Path, client: PoliteClient, areas: list[Area] = AACHEN) -> Run:
    return run_state.begin(folder, Plan(client.site, tuple(a.name for a in areas), 75.0), client.clock.now())


def read(run: Run, client: PoliteClient, areas: list[Area] = AACHEN) -> tuple[Harvest, list[float]]:
    shares: list[float] = []
    read_all(client, run, areas, shares.append)
    return harvest(run, areas, client), shares


def found(harvested: Harvest) -> Counter[str]:
    return Counter(str(entry.fields["id"]) for entry in harvested.entries if not entry.only_present)


@pytest.mark.parametrize("most", [50, 3])
def test_everybody_is_found_with_all_that_they_offer(tmp_path: Path, site: Site, client: Make, most: int) -> None:
    """A capped answer is asked for again in quarters, until nothing is capped."""
    site.most = most
    site.people = [*people(60), person(900, latitude=51.9, longitude=8.0)]
    harvested, shares = read(begin(tmp_path, client()), client())
    offered = {
        (each["external_id"], procedure, age_group, setting)
        for each in people(60)
        for procedure in each["procedures"]
        for age_group in each["age_groups"]
        for setting in each["settings"]
    }
    entries = [each for each in harvested.entries if not each.only_present]
    said = [(e.fields["id"], e.query["procedure"], e.query["age_group"], e.query["setting"]) for e in entries]
    assert sorted(said) == sorted(offered)
    assert harvested.coverage.complete
    assert sum(shares) == pytest.approx(1)
    assert len(site.searches()) == 16 if most == 50 else len(site.searches()) > 100


def test_more_people_in_a_house_than_an_answer_holds_is_no_complete_scrape(
    tmp_path: Path, site: Site, client: Make
) -> None:
    """Nobody of that house is handed on: what is known of them would look changed."""
    house = {"latitude": 50.71, "longitude": 6.05, "procedures": ["VT"], "age_groups": ["adult"]}
    site.most, site.people = 2, [*people(1), *(person(number, **house) for number in range(10, 13))]
    harvested, _ = read(begin(tmp_path, client()), client())
    assert not harvested.coverage.complete
    assert set(harvested.coverage.failed.values()) == {FULL}
    assert found(harvested).keys() == {"p-0000"}


def test_an_outage_ends_a_run_that_goes_on_later_without_asking_twice(tmp_path: Path, site: Site, client: Make) -> None:
    asking = client(attempts=2)
    run = begin(tmp_path, asking)
    search, calls = site.answer, iter(range(1000))
    site.answer = lambda *a: Reply(500) if a[1] != "/robots.txt" and next(calls) >= 5 else search(*a)  # type: ignore[method-assign]
    harvested, shares = read(run, asking)
    assert len(site.searches()) == 5
    assert sum(shares) == pytest.approx(1)
    assert Counter(harvested.coverage.failed.values()) == {"status 500, 2 times": 3, NOT_ASKED: 8}
    assert found(harvested) == {}

    site.answer = search  # type: ignore[method-assign]
    with (tmp_path / "run.jsonl").open("a") as file:
        file.write('{"box": [50.')  # the machine stopped here
    resumed = run_state.load(tmp_path)
    assert resumed
    assert (resumed.plan, resumed.started_at) == (run.plan, run.started_at)
    assert resumed.outcomes == run.outcomes
    harvested, _ = read(resumed, client())
    assert len(site.searches()) == 16
    assert harvested.coverage.complete
    assert found(harvested).keys() == {each["external_id"] for each in site.people}
    assert run_state.load(tmp_path) is not None
    resumed.remove()
    assert run_state.load(tmp_path) is None


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(403), Refused),
        (Reply(200, '{"results": []}'), UnknownForm),
        (Reply(200, '{"arztPraxisDatas": [{"key": 1}, {"key": 2}], "moreResults": false}'), UnknownForm),
    ],
)
def test_a_refusal_and_a_redesign_stop_it_and_keep_what_was_read(
    tmp_path: Path, site: Site, client: Make, reply: Reply, error: type[Exception]
) -> None:
    asking = client()
    run = begin(tmp_path, asking)
    search, calls = site.answer, iter(range(1000))
    site.answer = lambda *a: reply if a[1] != "/robots.txt" and next(calls) >= 2 else search(*a)  # type: ignore[method-assign]
    with pytest.raises(error):
        read(run, asking)
    resumed = run_state.load(tmp_path)
    assert resumed
    assert Counter(outcome for outcome, _ in resumed.outcomes.values()) == {"read": 2}


def test_a_site_that_always_knows_of_more_people_is_asked_so_often_and_no_more(
    tmp_path: Path, site: Site, client: Make
) -> None:
    site.answer = lambda *a: Reply(404) if a[0] == "GET" else Reply(200, '{"arztPraxisDatas": [], "moreResults": true}')  # type: ignore[method-assign]
    asking, shares = client(), list[float]()
    run = begin(tmp_path, asking)
    read_all(asking, run, AACHEN, shares.append, most=30)
    assert asking.requests_sent == 31
    assert sum(shares) == pytest.approx(1)
    failed = harvest(run, AACHEN, asking).coverage.failed
    assert set(failed.values()) == {FULL, TOO_MANY}


def test_an_empty_directory_is_an_outage(tmp_path: Path, site: Site, client: Make) -> None:
    site.people = []
    with pytest.raises(Incomplete, match="nobody was found"):
        read(begin(tmp_path, client()), client())


@pytest.mark.parametrize("text", ["", "{}\n", "[]\n", '{"format": 99}\n', "\x00\n"])
def test_a_state_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.jsonl").write_text(text)
    assert run_state.load(tmp_path) is None
