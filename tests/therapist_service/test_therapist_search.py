"""Who is found by what, and that the search column says the same however a therapist was written."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from shared.values.enums import ImportOutcome
from shared.values.text import words
from tests.builders.imports import FIRST, SECOND, Folder, a_file, a_record
from tests.builders.therapists import a_therapist, new_therapist
from tests.hostile import TEXTS, params
from tests.selection import mostly_slow
from therapist_service.domain import search
from therapist_service.store.tables import Therapist


def found(client: FlaskClient, q: str) -> list[str]:
    answer = client.get("/api/therapists", query_string={"q": q})
    assert answer.status_code == 200, answer.json
    assert answer.json["total"] == len(answer.json["items"])
    return [each["last_name"] for each in answer.json["items"]]


@pytest.fixture
def three(session: Session) -> None:
    name = {"last_name": "Müller-Lüdenscheidt", "first_name": "Jörg"}
    a_therapist(session, **name, city="Lü\u00addenscheid", phone="02351 4710123")
    a_therapist(session, last_name="Groß", city="Köln", postal_code="50667", mobile="+49 171 3920055")
    zoe = {"last_name": "O'Neill", "first_name": "Zoë", "email": "Zoe@O-Neill.example"}
    a_therapist(session, **zoe, city="Aachen", phone="0043 1 5880155")


@pytest.mark.parametrize(
    ("q", "names"),
    [
        ("müller", ["Müller-Lüdenscheidt"]),
        ("MUELLER", ["Müller-Lüdenscheidt"]),
        ("Mu\u0308ller", ["Müller-Lüdenscheidt"]),
        ("lüdensch", ["Müller-Lüdenscheidt"]),
        ("müller-lüd jö", ["Müller-Lüdenscheidt"]),
        ("Luedenscheid", ["Müller-Lüdenscheidt"]),
        ("muller ludensch jorg", ["Müller-Lüdenscheidt"]),
        ("Herr Dr. Müller", ["Müller-Lüdenscheidt"]),
        ("zoe@o-neill.ex", ["O'Neill"]),
        ("zoe@elsewhere.example", []),
        ("gross", ["Groß"]),
        ("GROẞ köln 50667", ["Groß"]),
        ("506", ["Groß"]),
        ("g", ["Groß"]),
        ("groß m", ["Groß"]),
        ("köln aachen", []),
        ("zoe o'ne", ["O'Neill"]),
        ("eill", []),
        ("0235147", ["Müller-Lüdenscheidt"]),
        ("02351 / 4710-123", ["Müller-Lüdenscheidt"]),
        ("+49 (0)2351 4710123", ["Müller-Lüdenscheidt"]),
        ("0049 2351 4710123", ["Müller-Lüdenscheidt"]),
        ("0171 3920", ["Groß"]),
        ("0043 1 588", ["O'Neill"]),
        ("+43 1588", ["O'Neill"]),
        ("0049", []),
        ("+49", []),
        ("49", []),
        ("0", []),
        ("00490", []),
        ("0049 17", []),
        ("- /", []),
        ("' & | ! :* <->", []),
        ("m:*", ["Müller-Lüdenscheidt"]),
    ],
)
@pytest.mark.usefixtures("three")
def test_who_is_found(client: FlaskClient, q: str, names: list[str]) -> None:
    assert found(client, q) == names


@pytest.mark.parametrize("letter", ["㌀", "ŉ", "ß", "\U0001d400", "\U00020000", "x"])
def test_words_that_grow_when_they_are_folded_are_stored_and_found(client: FlaskClient, letter: str) -> None:
    long = letter * 200
    answer = client.post("/api/therapists", json=new_therapist(last_name="Lang", city=long))
    assert answer.status_code == 201, answer.json
    assert found(client, long[:100]) == found(client, long) == ["Lang"]


def test_an_imported_word_that_grows_costs_nothing(folder: Folder) -> None:
    done = folder.bring(FIRST, a_file([a_record(city="㌀" * 200)]))
    assert [each.outcome for each in folder.records(done)] == [ImportOutcome.APPLIED]


@pytest.mark.parametrize("q", mostly_slow(params(TEXTS), every=4))
def test_any_text_can_be_searched_for(client: FlaskClient, session: Session, q: str) -> None:
    a_therapist(session)
    assert client.get("/api/therapists", query_string={"q": q}).status_code in (200, 422)


@pytest.mark.parametrize("q", ["a b c d e f g h i j k", "a-b-c-d-e-f-g-h-i-j-k", "x " * 99])
def test_ten_words_are_enough(client: FlaskClient, q: str) -> None:
    answer = client.get("/api/therapists", query_string={"q": q})
    assert (answer.status_code, answer.json["errors"]) == (
        422, [{"field": "q", "message": "must have at most 10 words"}],
    )  # fmt: skip
    assert client.get("/api/therapists", query_string={"q": "a b c d e f g h i j"}).status_code == 200


NAMES = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=40)


@given(NAMES, st.none() | NAMES, st.none() | NAMES)
def test_everybody_is_found_by_their_own_words(last_name: str, first_name: str | None, city: str | None) -> None:
    row = {"last_name": last_name, "first_name": first_name, "city": city}
    stored = search.found_by({name: row.get(name) for name in search.FIELDS}).split(" ")
    for typed in filter(None, (last_name, first_name, city)):
        asked = words(typed)
        assert all(word in stored for word in asked)
        assert all(sign not in word for word in asked for sign in "'\\:&|!()<>* "), "nothing that PostgreSQL reads"


def test_the_column_says_the_same_however_the_therapist_was_written(
    client: FlaskClient, folder: Folder, session: Session
) -> None:
    folder.bring(FIRST, a_file([a_record(last_name="Größe", city="Köln", phone="0221 4710123"), a_record("a-2")]))
    folder.bring(SECOND, a_file(modifications=[a_record("a-2", last_name="Weiß", first_name="Zoë")]))
    entered = a_therapist(session, last_name="Ångström")
    client.patch(f"/api/therapists/{entered.id}", json={"last_name": "Øster", "mobile": "0171 3920055"})
    session.expire_all()
    assert (found(client, "groesse"), found(client, "weiss zoe"), found(client, "oster 52062")) == (
        ["Größe"], ["Weiß"], ["Øster"],
    )  # fmt: skip
    assert found(client, "sonnentau") == found(client, "angstrom") == []
    for known in session.scalars(select(Therapist)):
        written = search.found_by({name: getattr(known, name) for name in search.FIELDS})
        assert session.scalar(text("SELECT CAST(:words AS tsvector)"), {"words": written}) == known.search


def test_a_wide_search_shows_and_counts_the_same_ones(client: FlaskClient, session: Session) -> None:
    many = search.MOST_FOUND + 5
    session.execute(
        text("INSERT INTO therapists (id, last_name, search) SELECT gen_random_uuid(), 'N' || n, 'zuviel' "
             "FROM generate_series(10001, 10000 + :many) n"), {"many": many},
    )  # fmt: skip
    seen: list[str] = []
    for offset in range(0, search.MOST_FOUND, 50):
        page: Any = client.get(f"/api/therapists?q=zuv&limit=50&offset={offset}").json
        assert page["total"] == search.MOST_FOUND
        seen += [each["last_name"] for each in page["items"]]
    assert len(set(seen)) == search.MOST_FOUND
    assert seen == sorted(seen)
    beyond = client.get("/api/therapists?q=zuv&offset=2147483647").json
    assert (beyond["total"], beyond["items"]) == (search.MOST_FOUND, [])
    assert client.get("/api/therapists?limit=1").json["total"] == many
