"""What is asked of a Nominatim server, and every answer that it can give: well, badly, late or not at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from geocoding_service.clients.nominatim import LARGEST, GeocoderFailed, Nominatim
from geocoding_service.settings import NominatimSettings
from shared.values.places import Place
from tests.fakes import nominatim as fake
from tests.fakes.nominatim import a_place, nominatim
from tests.fakes.other_service import Answer, raw, with_body, with_json

HOUSE = {"street": "Musterweg", "house_number": "1", "postal_code": "52062", "city": "Aachen"}


def test_a_house_is_asked_for_in_its_parts_and_by_name() -> None:
    with nominatim(a_place(), a_place(house_number=None, ISO=None, road=None, pedestrian="Markt")) as server:
        house, street = Nominatim(server.rules(user_agent="agency (it@agency.example)")).search(**HOUSE)
        (query,), (asked,) = server.queries(), server.asked
    assert query == {
        "street": "1 Musterweg", "city": "Aachen", "postalcode": "52062", "country": "Deutschland", "format": "json",
        "limit": "5", "addressdetails": "1", "countrycodes": "de", "accept-language": "de",
    }  # fmt: skip
    assert asked.headers["User-Agent"] == "agency (it@agency.example)"
    assert (house.place, house.country, house.federal_state) == (Place(50.7767, 6.0839), "de", "NW")
    assert (house.street, house.house_number, house.postal_code, house.city) == ("Musterweg", "1", "52062", "Aachen")
    assert "OpenStreetMap" in house.source
    assert (street.street, street.house_number, street.federal_state) == ("Markt", None, None)


def test_a_server_below_a_path_is_asked_there_and_what_it_does_not_know_is_nothing() -> None:
    with nominatim() as server:
        server.answers = {f"/osm/nominatim{path}": answer for path, answer in server.answers.items()}
        client = Nominatim(NominatimSettings(url=f"{server.url}/osm/nominatim/", interval_seconds=0.001))
        assert client.search(street="Musterweg", house_number=None, postal_code=None, city="Aachen") == []
        assert client.reverse(Place(50.7767, 6.0839)) == []
        assert [each["accept-language"] for each in server.queries()] == ["de", "de"]
        server.places = [a_place()]
        (found,) = client.reverse(Place(50.7767, 6.0839))
        assert found.house_number == "1"


def place(**changes: Any) -> Answer:
    return with_json([{**a_place(), **changes}])


DEEP = b"[" * 100_000 + b"]" * 100_000
HOSTILE: dict[str, Answer] = {
    "no JSON": with_body(b"<html>Bandwidth limit exceeded</html>", Content_Type="text/html"),
    "half of it": with_body(json.dumps([a_place()]).encode()[:-20]),
    "nothing": with_body(b""),
    "bytes": with_body(b"\xff\xfe\x00" * 50),
    "deep": with_body(DEEP),
    "deep in a place": with_body(b'[{"lat":"50","lon":"6","address":{"road":' + DEEP + b"}}]"),
    "huge": with_body(b"[" + b" " * LARGEST + b"]"),
    "an endless list": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n["),
    "no HTTP": raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "an error": with_json({"error": {"code": 500, "message": "Internal Server Error"}}),
    "a number": with_json(7),
    "text": with_json("Aachen"),
    "other things": with_json([1, None, "Aachen", []]),
    "a place without coordinates": with_json([{"address": {"road": "Musterweg"}}]),
    "beyond the pole": place(lat="91"),
    "beyond the date line": place(lon="180.1"),
    "no number": place(lat="NaN"),
    "infinity": with_body(b'[{"lat": Infinity, "lon": 6}]'),
    "a text": place(lat="north"),
    "an address that is none": place(address="Musterweg 1"),
    "a redirect to itself": with_body(b"", 302, Location="/search?street=1"),
    "a redirect elsewhere": with_body(b"", 301, Location="http://127.0.0.1:1/search"),
    "not found": with_body(b"<h1>Not Found</h1>", 404),
    "an outage": with_json({"error": "overloaded"}, 503),
    "too many": with_json({"error": "Too Many Requests"}, 429),
    "blocked": with_body(b"Access blocked", 403),
}


def test_an_answer_that_cannot_be_read_is_a_failure_that_quotes_nothing_of_it() -> None:
    with nominatim(a_place()) as server:
        client = Nominatim(server.rules())
        for name, answer in HOSTILE.items():
            server.answers["/search"] = answer
            before = len(server.asked)
            with pytest.raises(GeocoderFailed) as failed:
                client.search(**HOUSE)
            assert len(server.asked) == before + 1, name  # no redirect is followed, nothing is tried again
            assert not any(word in str(failed.value) for word in ("Musterweg", "Bandwidth", "Aachen", "blocked")), name
            assert failed.value.refuses_us == (name in ("too many", "blocked")), name
        server.answers["/search"] = with_json({"error": {"code": 400, "message": "Bad parameter"}}, 400)
        assert client.search(**HOUSE) == []  # it cannot be asked for this, and there is nothing wrong with the server


def test_what_is_not_as_documented_in_a_detail_is_left_out() -> None:
    odd = {"road": "x" * 5000, "house_number": 7, "city": ["Aachen"], "postcode": None, "country_code": "de"}
    with nominatim({**a_place(), "address": odd}, *[a_place()] * 50) as server:
        server.answers["/search"] = with_json(server.places)
        found = Nominatim(server.rules()).search(**HOUSE)
    assert (found[0].street, found[0].house_number, found[0].city, found[0].postal_code) == (None, None, None, None)
    assert len(found) == 5


def test_a_server_that_is_slow_or_away_is_waited_for_no_longer_than_allowed() -> None:
    with nominatim() as server:
        client = Nominatim(server.rules(timeout_seconds=0.2))
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
        for answer in (raw(until=server.is_over), raw(head, b" ", until=server.is_over)):
            server.answers["/search"] = answer
            with pytest.raises(GeocoderFailed, match="no answer"):
                client.search(**HOUSE)
        server.stop()
        with pytest.raises(GeocoderFailed, match="no answer"):
            client.search(**HOUSE)


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "nominatim.example.org"},
        {"url": "http://somebody@nominatim.example.org"},
        {"url": "https://nominatim.example.org/search?key=1"},
        {"url": "https://nominatim.openstreetmap.org", "interval_seconds": 0.5},
        {"user_agent": ""},
        {"interval_seconds": 0},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        NominatimSettings(**settings)
    assert NominatimSettings().url == ""
    assert fake.STRUCTURED  # the fake knows the parameters of the documentation
