"""Whether a record is somebody who is known."""

from __future__ import annotations

from typing import Any

import pytest

from shared.database import new_id
from therapist_service.domain import entity_resolution
from therapist_service.domain.entity_resolution import COMPARED, KnownPerson

HEIDE = {
    "first_name": "Mira", "last_name": "von der Heide", "street": "Musterstraße", "house_number": "1",
    "postal_code": "52062", "city": "Aachen", "phone": "+492414710123",
}  # fmt: skip
ELSEWHERE = {"street": "Ringweg", "phone": "+492414710999"}
CERTAIN, PROPOSED, NOBODY = "certain", "proposed", "nobody"


def person(**fields: Any) -> dict[str, Any]:
    return {**dict.fromkeys(COMPARED), **HEIDE, **fields}


def answer(sent: dict[str, Any], *, is_listed: bool = False) -> str:
    """Who the record is, of whom HEIDE is the only one known."""
    known = KnownPerson(new_id(), person(), is_listed)
    who = entity_resolution.identify(person(**sent), [known])
    if who.therapist_id is not None:
        assert (who.therapist_id, who.proposed) == (known.id, ())
        return CERTAIN
    assert who.proposed in ((), (known.id,))
    return PROPOSED if who.proposed else NOBODY


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"last_name": "von der Heide"}, {"last_name": "Heide"}),
        ({"last_name": "zu Guttenberg"}, {"last_name": "Guttenberg"}),
        ({"last_name": "Tietz -Roder"}, {"last_name": "Tietz-Roder"}),
        ({"last_name": "Tietz- Roder"}, {"last_name": "Tietz Roder"}),
        ({"last_name": "Müller-Lüdenscheidt"}, {"last_name": "MUELLER-LUEDENSCHEIDT"}),
        ({"last_name": "Weiß"}, {"last_name": "Weiss"}),
        ({"last_name": "Dr. Ng"}, {"last_name": "Ng"}),
        ({"last_name": "O'Neill"}, {"last_name": "ONeill"}),
        ({"first_name": "Dr. med. Mira"}, {"first_name": "Mira"}),
        ({"first_name": "Anna-Maria"}, {"first_name": "Anna"}),
        ({"last_name": "Von"}, {"last_name": "von"}),
    ],
)
def test_spellings_of_one_name_are_one_name(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert entity_resolution.name_key(person(**one)) == entity_resolution.name_key(person(**other)) is not None


def test_other_names_are_other_names_and_half_a_name_is_none() -> None:
    names = [("Mira", "Null"), ("Mira", "Heide"), ("Mira", "Heid"), ("Mara", "Heide"), ("Mira", "Zu")]
    keys = {entity_resolution.name_key(person(first_name=first, last_name=last)) for first, last in names}
    assert len(keys) == len(names)
    assert entity_resolution.name_key(person(first_name=None)) is None
    assert entity_resolution.name_key(person(last_name="…")) is None
    assert len(entity_resolution.name_key(person(last_name="㌀" * 200)) or "") <= 200


@pytest.mark.parametrize(
    ("sent", "unlisted", "listed"),
    [
        ({}, CERTAIN, PROPOSED),  # entered by hand, or back under another id; two of one name in one street
        ({"last_name": "Heide", "street": "Musterstr."}, CERTAIN, PROPOSED),
        ({"street": None, "phone": None}, CERTAIN, NOBODY),
        ({"postal_code": None, "phone": None}, CERTAIN, PROPOSED),
        ({"house_number": "7"}, CERTAIN, PROPOSED),  # the same phone
        ({"house_number": "7", "phone": None}, PROPOSED, NOBODY),
        (ELSEWHERE, PROPOSED, NOBODY),  # the same person at two addresses, or two people of one name in one town
        (ELSEWHERE | {"postal_code": "52070"}, PROPOSED, NOBODY),
        (ELSEWHERE | {"postal_code": "50667", "city": "Köln"}, NOBODY, NOBODY),
        ({"street": "Ringweg", "postal_code": "50667", "city": "Köln"}, PROPOSED, PROPOSED),  # took the number along
        ({"last_name": "Sommer"}, PROPOSED, PROPOSED),  # married
        ({"last_name": "Sommer", "first_name": "M."}, PROPOSED, PROPOSED),
        ({"last_name": "Sommer", "phone": None}, NOBODY, NOBODY),
        ({"last_name": "Sommer", "street": "Ringweg"}, NOBODY, NOBODY),
        ({"last_name": "Sommer", "first_name": "Jan"}, NOBODY, NOBODY),  # a colleague
        ({"first_name": "Jan"}, NOBODY, NOBODY),
        ({"first_name": None}, PROPOSED, NOBODY),
    ],
)
def test_who_a_record_is(sent: dict[str, Any], unlisted: str, listed: str) -> None:
    assert (answer(sent), answer(sent, is_listed=True)) == (unlisted, listed)


def test_of_two_who_could_be_meant_a_person_must_choose() -> None:
    known = [KnownPerson(new_id(), person(), is_listed=False) for _ in range(2)]
    who = entity_resolution.identify(person(), known)
    assert (who.therapist_id, who.proposed) == (None, tuple(sorted(each.id for each in known)))


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"first_name": "Jan", "last_name": "Sommer"}, True),
        ({"last_name": "Sommer"}, False),  # married
        ({"last_name": "Sommer", "street": "Ringweg"}, False),  # and took the number along
        ({"last_name": "Sommer"} | ELSEWHERE, True),
        ({"last_name": "Sommer", "street": None, "phone": None}, False),  # no more is known than the town
        ({"last_name": "Heide-Sommer"} | ELSEWHERE, False),
        ({"first_name": "Miriam"}, False),
        ({"first_name": "Jan", "gender": "male"}, True),  # of a couple with one practice the other one
        ({"first_name": "Jan"} | ELSEWHERE, True),
        ({"first_name": "Jan", "last_name": "Heide-Sommer"}, False),
        ({"first_name": "M.", "last_name": "Sommer"}, False),
        ({"first_name": None, "last_name": "Sommer"}, False),
        ({"first_name": None, "last_name": "Sommer"} | ELSEWHERE, True),
        ({"gender": "male"} | ELSEWHERE, False),  # moved, and the gender was noted wrongly
    ],
)
def test_under_a_known_id_names_and_what_contradicts_them_are_somebody_else(
    sent: dict[str, Any], expected: bool
) -> None:
    assert entity_resolution.is_somebody_else(person(gender="female"), person(gender="female") | sent) is expected
