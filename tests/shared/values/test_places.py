import struct
from typing import Any

import pytest
from geoalchemy2 import WKBElement
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, MetaData, Table, func, insert, literal, select
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

from shared.values.places import Place, PlaceColumn, distance_km, from_wkb, to_ewkb, to_ewkt
from shared.values.schemas import Schema, problems_of

LEIPZIG = Place(51.3397, 12.3731)
BERLIN = Place(52.5200, 13.4050)
DIALECT = PGDialect_psycopg2()  # type: ignore[no-untyped-call]

places = st.builds(Place, st.floats(-90, 90), st.floats(-180, 180))


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(90.1, 0), (-90.1, 0), (0, 180.1), (0, -180.1), (float("nan"), 0), (0, float("inf"))]
)
def test_a_place_is_on_the_earth(latitude: Any, longitude: Any) -> None:
    with pytest.raises(ValueError):
        Place(latitude, longitude)


class Practice(Schema):
    place: Place | None = None


def test_a_place_is_a_field() -> None:
    practice = Practice.from_json({"place": {"latitude": 51.3397, "longitude": 12.3731}})
    assert practice.place == LEIPZIG
    assert practice.to_json() == {"place": {"latitude": 51.3397, "longitude": 12.3731}}


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ({"latitude": 91, "longitude": 0}, ("place.latitude", "must be at most 90")),
        ({"latitude": "51.3", "longitude": 0}, ("place.latitude", "must be a number")),
        ({"latitude": 51.3}, ("place.longitude", "is required")),
        ({"latitude": 51.3, "longitude": 1, "height": 2}, ("place.height", "is not a known field")),
        ("Leipzig", ("place", "must be an object")),
    ],
)
def test_a_field_that_is_no_place_is_refused(place: dict[str, Any] | str, problem: Any) -> None:
    with pytest.raises(ValueError) as refused:
        Practice.from_json({"place": place})
    assert [(p.field, p.message) for p in problems_of(refused.value)] == [problem]


def test_the_distance_from_leipzig_to_berlin() -> None:
    assert distance_km(LEIPZIG, BERLIN) == pytest.approx(149.0, abs=1.0)


def test_the_distance_to_the_other_side_of_the_earth() -> None:
    assert distance_km(Place(0, 0), Place(0, 180)) == pytest.approx(20015.1, abs=0.1)


@given(places, places)
def test_distances_are_the_same_both_ways_and_nothing_to_itself(one: Any, other: Any) -> None:
    assert distance_km(one, other) == pytest.approx(distance_km(other, one), abs=1e-6)
    assert distance_km(one, one) == 0


@given(places)
def test_the_binary_form_gives_the_place_back(place: Any) -> None:
    wkb = struct.pack("<BIdd", 1, 1, place.longitude, place.latitude)
    ewkb = struct.pack(">BIIdd", 0, 0x20000001, 4326, place.longitude, place.latitude)
    assert from_wkb(wkb) == from_wkb(ewkb) == from_wkb(bytes.fromhex(to_ewkb(place))) == place


def test_what_is_no_point_is_refused() -> None:
    with pytest.raises(ValueError):
        from_wkb(struct.pack("<BII", 1, 2, 0))


def test_longitude_comes_first_in_the_database() -> None:
    assert to_ewkt(LEIPZIG) == "SRID=4326;POINT(12.3731 51.3397)"


def test_the_column_takes_and_gives_places() -> None:
    column = PlaceColumn()
    wkb = struct.pack("<BIdd", 1, 1, 12.3731, 51.3397)
    assert column.process_bind_param(LEIPZIG, DIALECT) == to_ewkt(LEIPZIG)
    assert column.process_result_value(WKBElement(wkb), DIALECT) == LEIPZIG
    assert column.process_result_value(WKBElement(wkb.hex()), DIALECT) == LEIPZIG
    assert column.process_bind_param(None, DIALECT) is None
    assert column.process_result_value(None, DIALECT) is None


def test_the_column_passes_through_postgis_in_sql() -> None:
    table = Table("t", MetaData(), Column("place", PlaceColumn()))
    assert "ST_GeogFromText" in str(insert(table).values(place=LEIPZIG).compile(dialect=DIALECT))
    assert "ST_AsBinary(t.place)" in str(select(table.c.place).compile(dialect=DIALECT))
    within = select(table.c.place).where(func.ST_DWithin(table.c.place, literal(LEIPZIG, PlaceColumn()), 25_000))
    assert "ST_DWithin(t.place, ST_GeogFromText(" in str(within.compile(dialect=DIALECT))
    assert not table.indexes


def test_a_generated_migration_can_make_the_column_again() -> None:
    assert repr(PlaceColumn()) == "PlaceColumn()"
