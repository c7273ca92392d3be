"""Lists: orders, cursors, counts, views, CSV; what is sent to confuse them, and what changes between two parts."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared import database
from shared.http.csv_files import lines
from shared.values.enums import Role
from tests.accounts import signed_in
from tests.shared.http.sample import PARTS_READ, Bench, create_app

URL = "/api/catalogue"


@pytest.fixture
def park(stored: FlaskClient) -> FlaskClient:
    """A client of a park with seven benches: names b0 to b6, with 2, 3 or 4 seats."""
    build(*((f"b{number}", 2 + number % 3) for number in range(7)))
    PARTS_READ.clear()
    return stored


def build(*benches: tuple[str, int], **more: Any) -> None:
    with database.transaction() as session:
        session.add_all(Bench(name=name, seats=seats, **more) for name, seats in benches)


def walk(client: FlaskClient, query: str, limit: int = 2) -> Iterator[Any]:
    """The parts of a list, each after the one before."""
    page = client.get(f"{URL}?limit={limit}&{query}").json
    while True:
        yield page
        if page["next"] is None:
            return
        page = client.get(f"{URL}?limit={limit}&{query}&after={page['next']}").json


def names(page: Any) -> list[str]:
    return [item["name"] for item in page["items"]]


def rows_of(answer: Any) -> list[list[str]]:
    assert answer.content_type == "text/csv; charset=utf-8; header=present"
    return list(csv.reader(io.StringIO(answer.get_data(as_text=True), newline="")))


def refused(answer: Any) -> list[str]:
    assert answer.status_code == 422, answer.json
    return [problem["field"] for problem in answer.json["errors"]]


# Orders and cursors


def test_a_list_is_walked_part_by_part_in_every_order(park: FlaskClient) -> None:
    expected = {
        "created_at": [0, 1, 2, 3, 4, 5, 6],
        "seats": [0, 3, 6, 1, 4, 2, 5],
        "name": [0, 1, 2, 3, 4, 5, 6],
        "built_on": [0, 1, 2, 3, 4, 5, 6],
    }
    for sort, order in expected.items():
        for sign, numbers in (("", order), ("-", order[::-1])):
            pages = list(walk(park, f"sort={sign}{sort}"))
            shown = [name for page in pages for name in names(page)]
            assert shown == [f"b{number}" for number in numbers], sign + sort
            assert [page["offset"] for page in pages] == [0, 2, 4, 6]
            assert {page["total"] for page in pages} == {7}
            assert [page["next"] is None for page in pages] == [False, False, False, True]


def test_clients_with_limit_and_offset_go_on_as_before_and_may_go_on_by_cursor(park: FlaskClient) -> None:
    page = park.get(f"{URL}?limit=3&offset=2").json
    assert (names(page), page["total"], page["limit"], page["offset"]) == (["b4", "b3", "b2"], 7, 3, 2)
    following = park.get(f"{URL}?limit=3&after={page['next']}").json
    assert (names(following), following["offset"], following["next"]) == (["b1", "b0"], 5, None)
    beyond = park.get(f"{URL}?offset=50").json
    assert (beyond["items"], beyond["total"], beyond["next"]) == ([], 7, None)


def test_an_entry_that_comes_or_goes_meanwhile_moves_no_other(park: FlaskClient) -> None:
    first = park.get(f"{URL}?limit=3&sort=name").json
    with database.transaction() as session:
        for bench in session.query(Bench).filter(Bench.name.in_(["b0", "b5"])):
            session.delete(bench)
        session.query(Bench).filter(Bench.name == "b4").one().seats = 99
    build(("a", 1), ("b44", 1))
    rest = park.get(f"{URL}?limit=50&sort=name&after={first['next']}").json
    assert names(first) + names(rest) == ["b0", "b1", "b2", "b3", "b4", "b44", "b6"]


def test_entries_that_are_alike_in_the_order_are_each_shown_once(stored: FlaskClient) -> None:
    build(*((f"same {number}", 2) for number in range(23)))
    for sort in ("seats", "-seats", "built_on", "-built_on"):
        shown = [name for page in walk(stored, f"sort={sort}", limit=5) for name in names(page)]
        assert sorted(shown) == sorted(f"same {number}" for number in range(23)), sort


@pytest.mark.parametrize(
    "cursor",
    ["x", "====", "a b", "%00", "ü", "-", "A" * 7999, "A" * 9000, "WzAsMF0", "null", "../..", "eyJhIjoxfQ", "😀"],
)
def test_a_made_up_cursor_is_refused(park: FlaskClient, cursor: str) -> None:
    assert refused(park.get(URL, query_string={"after": cursor})) == ["after"]


def test_a_changed_cursor_is_refused(park: FlaskClient) -> None:
    cursor = park.get(f"{URL}?limit=2").json["next"]
    sealed = base64.urlsafe_b64decode(cursor + "==")
    for place in range(len(sealed)):
        changed = bytes([*sealed[:place], sealed[place] ^ 1, *sealed[place + 1 :]])
        other = base64.urlsafe_b64encode(changed).rstrip(b"=").decode()
        assert refused(park.get(f"{URL}?after={other}")) == ["after"], place
    for other in (cursor[:-1], cursor + "A", cursor + cursor):
        assert refused(park.get(f"{URL}?after={other}")) == ["after"]


@pytest.mark.parametrize("query", ["sort=name", "sort=created_at", "seats=2", "name=b1", f"ids={UUID(int=1)}"])
def test_a_cursor_belongs_to_its_order_and_filters(park: FlaskClient, query: str) -> None:
    cursor = park.get(f"{URL}?limit=2").json["next"]
    assert refused(park.get(f"{URL}?{query}&after={cursor}")) == ["after"]


def test_a_cursor_belongs_to_its_list_and_its_caller(park: FlaskClient) -> None:
    cursor = park.get(f"{URL}?limit=2").json["next"]
    assert refused(park.get(f"/api/other-catalogue?after={cursor}")) == ["after"]
    one, other = (signed_in(create_app(), Role.COORDINATOR, id=UUID(int=number)) for number in (1, 2))
    own = one.get(f"{URL}?limit=2").json["next"]
    assert one.get(f"{URL}?after={own}").status_code == 200
    assert refused(park.get(f"{URL}?after={own}")) == ["after"]
    assert refused(other.get(f"{URL}?after={own}")) == ["after"]


def test_how_much_is_shown_may_change_from_part_to_part(park: FlaskClient) -> None:
    cursor = park.get(f"{URL}?limit=2").json["next"]
    page = park.get(f"{URL}?limit=3&view=label&count_by=seats&after={cursor}").json
    assert names(page) == ["b4", "b3", "b2"]


def test_a_cursor_and_an_offset_contradict_each_other(park: FlaskClient) -> None:
    cursor = park.get(f"{URL}?limit=2").json["next"]
    assert refused(park.get(f"{URL}?after={cursor}&offset=0")) == ["offset"]


@pytest.mark.parametrize("sort", ["seat", "id", "--name", "name,seats", "", "-", "name ", "version", "+name"])
def test_only_the_orders_of_the_list_are_known(park: FlaskClient, sort: str) -> None:
    assert refused(park.get(URL, query_string={"sort": sort})) == ["sort"]


# Filters, ids, counts, views


def test_a_filter_takes_several_values(park: FlaskClient) -> None:
    assert park.get(f"{URL}?seats=2,4").json["total"] == 5
    assert park.get(f"{URL}?seats=2").json["total"] == 3
    assert park.get(f"{URL}?seats=2,2,2").json["total"] == 3
    assert park.get(f"{URL}?seats=17").json["total"] == 0


@pytest.mark.parametrize("seats", ["2,", ",", "", "2,,4", "2;4", "two", "2,%00", "2,ü", "2.5", "1_0"])
def test_each_of_several_values_is_checked(park: FlaskClient, seats: str) -> None:
    assert refused(park.get(f"{URL}?seats={seats}"))[0].startswith("seats")


def test_several_values_are_sent_once(park: FlaskClient) -> None:
    assert refused(park.get(f"{URL}?seats=2&seats=4")) == ["seats"]


def test_a_text_with_a_comma_is_one_value(park: FlaskClient) -> None:
    build(("Halle, Saale – Mühle", 2))
    assert names(park.get(URL, query_string={"name": "Halle, Saale – Mühle"}).json) == ["Halle, Saale – Mühle"]
    assert refused(park.get(f"{URL}?name=b%00")) == ["name"]


def test_single_objects_are_found_by_their_ids(park: FlaskClient) -> None:
    known = {item["name"]: item["id"] for item in park.get(URL).json["items"]}
    asked = [known["b1"], str(uuid4()), known["b5"], known["b1"].upper()]
    page = park.get(f"{URL}?ids={','.join(asked)}").json
    assert (names(page), page["total"]) == (["b5", "b1"], 2)
    assert park.get(f"{URL}?ids={known['b1']}&seats=4").json["total"] == 0


@pytest.mark.parametrize("number", [101, 10_000])
def test_there_is_a_limit_to_ids(park: FlaskClient, number: int) -> None:
    assert refused(park.get(f"{URL}?ids={','.join([str(uuid4())] * number)}")) == ["ids"]
    assert refused(park.get(f"{URL}?ids=1,2")) == ["ids"]


def test_a_list_is_counted_by_a_field(park: FlaskClient) -> None:
    page = park.get(f"{URL}?count_by=seats&limit=1").json
    assert (page["counts"], page["total"], len(page["items"])) == ({"2": 3, "3": 2, "4": 2}, 7, 1)
    assert park.get(f"{URL}?count_by=seats&seats=2,3").json["counts"] == {"2": 3, "3": 2}
    assert park.get(f"{URL}?count_by=seats&seats=9").json["counts"] == {}
    assert park.get(URL).json["counts"] is None
    assert refused(park.get(f"{URL}?count_by=name")) == ["count_by"]


def test_a_label_has_nothing_but_its_fields(park: FlaskClient) -> None:
    assert {*park.get(f"{URL}?view=label").json["items"][0]} == {"id", "name"}
    assert park.get(f"{URL}?view=full").json == park.get(URL).json
    assert park.get(f"{URL}?view=row").json == park.get(URL).json
    assert refused(park.get(f"{URL}?view=all")) == ["view"]


# CSV


def test_the_whole_list_is_a_file(park: FlaskClient) -> None:
    answer = park.get(f"{URL}?sort=name", headers={"Accept": "text/csv"})
    header, *rows = rows_of(answer)
    assert {"id", "name", "seats", "built_on", "version"} <= {*header}
    assert [row[header.index("name")] for row in rows] == [f"b{number}" for number in range(7)]
    assert answer.headers["Content-Disposition"] == 'attachment; filename="catalogue.csv"'


def test_a_file_has_the_same_filters_views_and_parts(park: FlaskClient) -> None:
    accept = {"Accept": "text/csv"}
    cursor = park.get(f"{URL}?limit=2&sort=name").json["next"]
    for query, expected in {
        "seats=2,3&sort=name": ["b0", "b1", "b3", "b4", "b6"],
        "sort=name&limit=3": ["b0", "b1", "b2"],
        "sort=name&limit=2&offset=3": ["b3", "b4"],
        f"sort=name&after={cursor}": ["b2", "b3", "b4", "b5", "b6"],
        "name=nobody": [],
    }.items():
        header, *rows = rows_of(park.get(f"{URL}?view=label&{query}", headers=accept))
        assert (header, [name for _, name in rows]) == (["id", "name"], expected), query
    assert refused(park.get(f"{URL}?count_by=seats", headers=accept)) == ["count_by"]
    assert refused(park.get(f"{URL}?after=x", headers=accept)) == ["after"]


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html", "", "text/csv;q=0.5, application/json"])
def test_whoever_does_not_prefer_a_file_gets_json(park: FlaskClient, accept: str) -> None:
    assert park.get(URL, headers={"Accept": accept}).content_type == "application/json"


def test_a_long_list_is_read_part_by_part_and_no_transaction_stays_open(stored: FlaskClient) -> None:
    build(*((f"b{number:04}", 2) for number in range(450)))
    PARTS_READ.clear()
    answer = stored.get(f"{URL}?sort=name&view=label", headers={"Accept": "text/csv"}, buffered=False)
    pieces = iter(answer.response)
    assert next(pieces).count(b"\n") == 201
    assert len(PARTS_READ) == 1
    build(("b0000x", 2))  # behind what was sent: it moves nobody
    sent = b"".join(pieces).decode().splitlines()
    assert [line.split('"')[3] for line in sent] == [f"b{number:04}" for number in range(200, 450)]
    assert [len(PARTS_READ), {wanted.part.is_export for wanted in PARTS_READ}] == [3, {True}]


def test_a_client_that_goes_away_ends_the_reading(stored: FlaskClient) -> None:
    build(*((f"b{number:04}", 2) for number in range(450)))
    PARTS_READ.clear()
    answer = stored.get(URL, headers={"Accept": "text/csv"}, buffered=False)
    next(iter(answer.response))
    answer.close()
    assert len(PARTS_READ) == 1
    assert stored.get(URL).json["total"] == 450


HOSTILE = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", '"=1', "'=1", '";=1', "\ufeff=1", "=", "＝1", "＋1",
    "a;=1", "a\n=1", "a\r\n \t@x", 'a"; "=1', "a|=cmd", "a;;-1", "\tplain", "\rplain", 'say "=1"', "=HYPERLINK(\"x\")",
]  # fmt: skip


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet could run it, whatever blanks and quotation marks it leaves out in front."""
    return cell.lstrip(' \t\r\n"\ufeff')[:1] in set("=+-@＝＋－＠")


@pytest.mark.parametrize("name", HOSTILE)
def test_no_cell_is_a_formula_whatever_separates_cells(stored: FlaskClient, name: str) -> None:
    build((name, 2))
    answer = stored.get(f"{URL}?view=label", headers={"Accept": "text/csv"})
    _, (_, cell) = rows_of(answer)
    assert cell.replace("'", "") == name.strip().replace("'", "")  # a view leaves out outer blanks
    assert cell[0] not in "=+-@\t\r＝＋－＠"
    text = answer.get_data(as_text=True)
    for separator in ",;\t|":
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            assert not [part for part in row if is_formula(part)], (separator, row)
        for line in text.splitlines():  # a program that knows no quotes
            assert not [part for part in line.split(separator) if is_formula(part)], (separator, line)


@pytest.mark.parametrize(
    "name", ["Müller", "b,c", 'so "called"', "two\nlines", "Ärztehaus – 3. OG", "0241 1234", "a-b"]
)
def test_other_texts_come_back_unchanged(stored: FlaskClient, name: str) -> None:
    build((name, 2))
    assert rows_of(stored.get(f"{URL}?view=label", headers={"Accept": "text/csv"}))[1][1] == name


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet=" \t\r\n;|,\"'=+-@a0＝\ufeff", max_size=12))
def test_no_text_becomes_a_formula(text: str) -> None:
    written = lines([["x", text, "y"]])
    ((_, cell, _),) = csv.reader(io.StringIO(written, newline=""))
    assert cell.replace("'", "") == text.replace("'", "")
    assert not is_formula(cell)
    assert cell[:1] not in ("\t", "\r")
    for separator in ";\t|":
        for line in written.splitlines():
            assert not [part for part in line.split(separator)[1:] if is_formula(part)], (separator, line)
