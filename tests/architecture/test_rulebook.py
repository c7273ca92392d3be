"""The rulebook is true: what cites a rule cites one that exists, and its test vectors are what the code does."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date
from itertools import groupby

import pytest

from communication_service.domain.call_times import is_closed
from communication_service.settings import Settings
from geocoding_service.domain import offline_geocoding
from geocoding_service.domain.cleaning import Address
from matching_service.domain.states import next_contact_after
from matching_service.settings import Settings as MatchingSettings
from shared.runtime.settings import fields
from shared.values import contacts, datetimes, identifiers, places, postal_codes, public_holidays, text, travel
from shared.values.enums import MatchCriterion, TravelMode
from shared.values.errors import NotAcceptable
from shared.values.weekly import Weekly
from tests.architecture.documents import API, DOMAIN, anchors, citations, codes, named_anchors, table_after, tracked
from tests.architecture.sources import ROOT
from therapist_service.domain import phone_hours
from therapist_service.domain.capacity_rules import columns_of, on_a_day, stated
from therapist_service.domain.capacity_schemas import Capacity, NewCapacity

OTHER_FORMS = re.compile(
    r"domain\.md(?!#)|api-contract|\.\./shared|\bAPI contract"
    r"|\brules? (?:[0-9]|one\b|two\b|three\b|four\b|five\b|six\b|seven\b|eight\b|nine\b|ten\b)",
    re.IGNORECASE,
)
THEMSELVES = {
    DOMAIN,
    *(ROOT / "tests" / "architecture").glob("*_rulebook.py"),
    ROOT / "tests" / "architecture" / "documents.py",
}
"""The rulebook, and what has to spell the forms that are looked for."""
LINKS = re.compile(r"\[[^\]]*\]\([^)]*\)")


def test_every_document_and_anchor_that_is_cited_exists() -> None:
    """A citation that leads nowhere costs the reader a search."""
    found = list(citations())
    assert len(found) > 50
    missing = [each for each in found if not each.document.exists()]
    missing += [
        each
        for each in found
        if each.anchor
        and each.document.suffix == ".md"
        and each.document.is_file()
        and each.anchor not in anchors(each.document)
    ]
    assert sorted(set(map(str, missing))) == []


def test_rules_are_cited_by_their_anchor_and_in_no_other_form() -> None:
    """`docs/domain.md#contact-rule-5` can be followed and checked; a number alone cannot."""
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in tracked("*.py", "*.md", "*.toml", "*.yml", "Makefile", ".env.example", "docs/*.json")
        if path not in THEMSELVES
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if OTHER_FORMS.search(LINKS.sub("", line))
    ]
    assert found == []


def test_anchors_are_named_once_and_no_rule_is_missing() -> None:
    """Issues and people call the rules by their numbers, which therefore never change."""
    for document in (DOMAIN, API):
        named = named_anchors(document)
        assert len(named) == len(set(named))
    numbers = [
        int(name.rpartition("-")[2]) for name in named_anchors(DOMAIN) if re.search(r"(?<!import)-rule-\d", name)
    ]
    assert numbers == list(range(1, 15))


def test_every_rule_is_cited_where_it_is_kept() -> None:
    """`git grep contact-rule-5` answers where that one is kept."""
    cited = {each.anchor for each in citations() if each.document == DOMAIN and each.cited_in.suffix == ".py"}
    assert {name for name in named_anchors(DOMAIN) if "-rule-" in name} <= cited


def test_the_criteria_of_the_rulebook_are_those_of_matching() -> None:
    """A criterion that staff cannot read up on is one they do not trust."""
    assert [codes(row[0])[0] for row in table_after(DOMAIN, "matching-rule-2")] == [
        each.value for each in MatchCriterion
    ]


def test_routes_are_estimated_as_the_rulebook_says() -> None:
    """The table that estimates follow from."""
    written = [(codes(mode)[0], *map(float, numbers)) for mode, *numbers in table_after(DOMAIN, "distance")]
    assert written == [
        (mode, row.straight_km, row.detour, row.speed_kmh) for mode, rows in travel.table().items() for row in rows
    ]


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


def _or_unknown(value: object) -> str:
    return "unknown" if value is None else str(value)


def _federal_state(code: str, city: str | None = None) -> str:
    found = offline_geocoding.find(Address(postal_code=code, city=city))
    return _or_unknown(found and found.federal_state)


def _states(written: str) -> set[str]:
    return set() if written == "unknown" else set(written.split(" or "))


def _coordinates(code: str, latitude: str, longitude: str) -> str:
    return "refused" if postal_codes.coordinates_problem(code or None, float(latitude), float(longitude)) else "fit"


def _day(written: str) -> date:
    return date.fromisoformat(written)


def _straight(*degrees: str) -> str:
    north, east, other_north, other_east = map(float, degrees)
    return f"{places.distance_km(places.Place(north, east), places.Place(other_north, other_east)):.2f}"


def _route(kilometres: str, mode: str) -> str:
    straight, by = float(kilometres.removesuffix(" km")), TravelMode(mode)
    return f"{travel.route_km(straight, by):.1f} km, {math.ceil(travel.minutes(straight, by))} min"


def _radius(minutes: str, mode: str) -> str:
    return f"{travel.straight_km_within(int(minutes.removesuffix(' min')), TravelMode(mode)):.1f} km"


ASK_AGAIN = MatchingSettings.model_fields["ask_again"].default


def _asked_again(answered: str, named: str) -> str:
    return str(next_contact_after(_day(answered), None if named == "unknown" else _day(named), ASK_AGAIN))


def _age_groups(age: str) -> str:
    groups = datetimes.age_groups(date(2026 - int(age), 11, 23), date(2026, 11, 23))
    return ", ".join(groups)


def _capacity(day: str, state: str, *more: str) -> str:
    sent = {"state": state, "stated_on": "2026-12-01", **dict(each.split(" ") for each in more)}
    known = stated(Capacity(), NewCapacity.from_json({"individual": sent}), today=_day("2026-12-01"))
    columns = columns_of(on_a_day(known, _day(day)), _day(day))
    return (
        f"{_or_unknown(columns['free_individual_from'])}, {'' if columns['potentially_available'] else 'not '}available"
    )


def _phone_hours(accreditation: str, seat_share: str, *windows: str) -> str:
    share = None if seat_share == "unknown" else float(seat_share)
    days = [{"start": start, "end": end} for start, end in (each.split("-") for each in windows)]
    found = phone_hours.check(accreditation, share, Weekly.from_json({"monday": days}))
    return "no minimum" if found is None else f"{found.minimum_minutes}, {_or_unknown(found.missing_minutes)} missing"


SETTINGS = fields(Settings) | fields(MatchingSettings)
CHECKS: dict[str, Callable[..., str]] = {
    "setting": lambda name: str(SETTINGS[name].default),
    "kvnr": identifiers.insurance_number,
    "ik": identifiers.insurer_number,
    "lanr": identifiers.physician_number,
    "icd": identifiers.diagnosis_code,
    "icd_counts": lambda code: _yes(identifiers.counts(code)),
    "icd_covers": lambda parent, child: _yes(identifiers.covers(parent, child)),
    "icd_block": lambda code: _or_unknown(identifiers.block_of(code)),
    "placement_code": identifiers.placement_code,
    "placement_code_shown": identifiers.masked,
    "reference": identifiers.patient_reference,
    "language": identifiers.language,
    "postal_code": identifiers.postal_code,
    "federal_state": _federal_state,
    "coordinates": _coordinates,
    "phone": contacts.phone_number,
    "email_key": contacts.normalised_email,
    "name": contacts.person_name,
    "found_as": text.fold,
    "holiday": lambda day, state: _yes(public_holidays.may_be_public_holiday(_day(day), _states(state))),
    "closed_for_calls": lambda day, state: _yes(is_closed(_day(day), states=_states(state), practice_holidays=[])),
    "age": lambda born, day: str(datetimes.age_on(_day(born), _day(day))),
    "age_groups": _age_groups,
    "seven_days_later": lambda at: datetimes.format_datetime(datetimes.days_later(datetimes.parse_instant(at), 7)),
    "asked_again_after_refusal": lambda day: str(
        date.fromordinal(_day(day).toordinal() + ASK_AGAIN.days_after_refusal)
    ),
    "asked_again_after_later": _asked_again,
    "straight_km": _straight,
    "route": _route,
    "radius": _radius,
    "capacity": _capacity,
    "phone_hours": _phone_hours,
}

IN_THE_DATABASE = ["score"]
"""What PostgreSQL computes: tests/matching_service/test_score.py."""

VECTORS = [tuple(codes(cell)[0] for cell in row) for row in table_after(DOMAIN, "Test vectors")]


@pytest.mark.parametrize(("check", "given", "result"), [row for row in VECTORS if row[0] not in IN_THE_DATABASE])
def test_the_vectors_of_the_rulebook_are_what_the_code_does(check: str, given: str, result: str) -> None:
    """A number in a document that nothing holds is wrong before long."""
    try:
        assert CHECKS[check](*given.split(", ")) == result
    except NotAcceptable:
        assert result == "refused"


def test_every_check_has_a_vector() -> None:
    """And rows of one check stand together, so that people find them."""
    assert [check for check, _ in groupby(row[0] for row in VECTORS)] == [*CHECKS, *IN_THE_DATABASE]
