"""What has changed, and when nobody may be deleted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from tests.scraper.entries import EVERYWHERE, SOURCE, an_entry
from therapist_scraper.differences import Difference, between, compare
from therapist_scraper.errors import Incomplete, Unusual
from therapist_scraper.normalisation import NormalisedDirectory, normalise
from therapist_scraper.raw import Coverage, RawEntry
from therapist_scraper.state import State

NOBODY = State(SOURCE)


def of_area(*areas: str, failed: bool = False, is_whole: bool = True) -> Coverage:
    return Coverage(areas, {"part": "timeout"} if failed else {}, is_whole)


def known(*entries: RawEntry, coverage: Coverage = EVERYWHERE) -> State:
    """The state after these entries."""
    return compare(NOBODY, normalise(entries), coverage).state


def people(numbers: Iterable[int], **fields: Any) -> list[RawEntry]:
    return [an_entry(f"p-{number}", **fields) for number in numbers]


def statistics(difference: Difference) -> tuple[int, ...]:
    return tuple(difference.statistics.values())


def test_additions_modifications_and_deletions_add_up() -> None:
    before = known(*people(range(5)))
    difference = compare(
        before, normalise([*people(range(3)), an_entry("p-3", name="Null"), an_entry("p-9")]), EVERYWHERE
    )
    assert [each["external_id"] for each in difference.additions] == ["p-9"]
    assert [each["last_name"] for each in difference.modifications] == ["Null"]
    assert difference.deletions == ("p-4",)
    assert statistics(difference) == (5, 1, 1, 1, 3)
    assert difference.state.people.keys() == {"p-0", "p-1", "p-2", "p-3", "p-9"}
    again = compare(
        difference.state, normalise([*people(range(3)), an_entry("p-3", name="Null"), an_entry("p-9")]), EVERYWHERE
    )
    assert statistics(again) == (5, 0, 0, 0, 5)


@pytest.mark.parametrize(
    ("before", "now", "is_gone"),
    [
        (of_area("germany"), of_area("germany"), True),
        (of_area("aachen"), of_area("aachen"), True),
        (of_area("aachen"), of_area("germany"), True),
        (of_area("aachen"), of_area("aachen", "koeln"), True),
        (of_area("aachen"), of_area("koeln"), False),
        (of_area("germany"), of_area("aachen"), False),
        (of_area("aachen", "koeln"), of_area("aachen"), False),
        (of_area("germany"), of_area("germany", failed=True), False),
        (of_area("germany"), of_area("germany", is_whole=False), False),
        (of_area(is_whole=False), of_area("aachen"), False),
        (of_area(is_whole=False), of_area("germany"), True),
    ],
)
def test_only_an_area_that_was_read_whole_says_that_somebody_is_gone(
    before: Coverage, now: Coverage, is_gone: bool
) -> None:
    difference = compare(known(*people(range(2)), coverage=before), normalise(people(range(1))), now)
    assert (difference.deletions, difference.kept) == ((("p-1",), 0) if is_gone else ((), 1))
    assert ("p-1" in difference.state.people) is not is_gone


def test_who_cannot_be_read_is_not_gone() -> None:
    before = known(*people(range(3)))
    difference = compare(before, normalise([an_entry("p-0"), an_entry("p-1", name=None), an_entry("p-2")]), EVERYWHERE)
    assert statistics(difference) == (2, 0, 0, 0, 2)
    assert difference.state.people.keys() == before.people.keys()


def test_an_entry_that_could_be_anybodys_keeps_everybody() -> None:
    difference = compare(known(*people(range(3))), normalise([an_entry("p-0"), an_entry(..., name=None)]), EVERYWHERE)
    assert (difference.deletions, difference.kept) == ((), 2)


@pytest.mark.parametrize("state", [NOBODY, known(*people(range(3)))])
def test_an_outage_is_no_empty_directory(state: State) -> None:
    with pytest.raises(Incomplete, match="nobody at all"):
        compare(state, normalise([]), EVERYWHERE)
    with pytest.raises(Incomplete):
        compare(state, NormalisedDirectory({}, unidentified=7), EVERYWHERE)


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        (people(range(79)), "21 of 100 people are not there any more"),
        (people(range(80)), None),
        ([*people(range(79)), *people(range(79, 100), email=...)], "21 of 100 people are other than before"),
        ([*people(range(80)), *people(range(80, 100), email=...)], None),
        (people(range(100), tsz=[]), None),
        (people(range(200)), None),
    ],
)
def test_an_unusual_share_waits_for_a_person(entries: list[RawEntry], reason: str | None) -> None:
    difference = compare(known(*people(range(100))), normalise(entries), EVERYWHERE)
    assert difference.unusual == ((reason,) if reason else ())
    if reason:
        with pytest.raises(Unusual, match=reason):
            difference.refuse_unusual()


def test_people_with_new_ids_wait_for_a_person_also_where_nobody_is_deleted() -> None:
    numbered = [an_entry(f"p-{each}", name=f"Stern {each}") for each in range(30)]
    again = [an_entry(f"q-{each}", name=f"Stern {each}") for each in range(30)]
    difference = compare(known(*numbered), normalise(again), of_area("germany", failed=True))
    assert difference.unusual == ("30 of 30 people have another id than before",)


def test_a_few_are_never_unusual() -> None:
    difference = compare(known(*people(range(10))), normalise(people(range(1))), EVERYWHERE)
    assert (len(difference.deletions), difference.unusual) == (9, ())


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({"tel": "abends", "email": "siehe Webseite"}, True),
        ({"tsz": "täglich"}, True),
        ({"plz": "5206"}, True),
        ({"lat": 48.1, "lon": 11.5}, True),
        ({"tel": "-"}, False),
        ({"tsz": []}, False),
    ],
)
def test_what_cannot_be_read_stays_as_it_was(fields: dict[str, Any], kept: bool) -> None:
    difference = compare(known(an_entry()), normalise([an_entry(**fields)]), EVERYWHERE)
    assert statistics(difference) == ((1, 0, 0, 0, 1) if kept else (1, 0, 1, 0, 0))


def test_old_coordinates_do_not_follow_to_another_address() -> None:
    moved = an_entry(strasse="Probestraße", plz="50667", ort="Köln", lat="?", lon="x")
    (record,) = compare(known(an_entry()), normalise([moved]), EVERYWHERE).modifications
    assert (record["city"], "latitude" in record) == ("Köln", False)


@pytest.mark.parametrize(
    ("coverage", "procedures"),
    [(EVERYWHERE, ["TP"]), (of_area("germany", failed=True), ["VT", "TP"]), (of_area(is_whole=False), ["VT", "TP"])],
)
def test_a_search_that_failed_takes_no_procedure_away(coverage: Coverage, procedures: list[str]) -> None:
    now = an_entry(psy=[], query={"procedure": "TP"})
    (record,) = compare(known(an_entry()), normalise([now]), coverage).modifications
    assert record["procedures"] == procedures


def test_a_page_that_a_person_saved_shows_less_and_clears_nothing() -> None:
    sparse = an_entry(email=..., tel="0221 4710129", tsz=..., fs=..., lat=..., lon=..., geschlecht=..., anrede=...)
    before = known(an_entry())
    (record,) = compare(before, normalise([sparse]), of_area(is_whole=False)).modifications
    assert record == before.people["p-1"].record | {"phone": "+492214710129"}
    moved = an_entry(strasse="Probestraße", plz="50667", ort="Köln", lat=..., lon=..., hausnummer=...)
    (record,) = compare(before, normalise([moved]), of_area(is_whole=False)).modifications
    assert ("latitude" in record, "house_number" in record, record["email"]) == (False, False, "praxis@example.org")


def test_who_was_seen_elsewhere_meanwhile_is_looked_for_there() -> None:
    in_aachen = known(an_entry("p-1"), coverage=of_area("aachen"))
    moved = compare(in_aachen, normalise([an_entry("p-1", strasse="Probestraße")]), of_area("koeln")).state
    assert moved.people["p-1"].areas == {"koeln"}
    assert compare(moved, normalise([an_entry("p-2")]), of_area("aachen")).deletions == ()


def test_between_two_states() -> None:
    difference = between(known(*people(range(3))), known(*people(range(1, 5))))
    assert statistics(difference) == (4, 2, 0, 1, 2)
    assert statistics(between(NOBODY, known(*people(range(3))))) == (3, 3, 0, 0, 0)
