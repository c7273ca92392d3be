from __future__ import annotations

import pytest

from therapist_scraper.areas import GERMANY, NAMED, Box, distance_km, read_area
from therapist_scraper.errors import ScraperError

GERMAN_BOX = NAMED[GERMANY]


def test_the_circle_covers_its_box() -> None:
    for box in (GERMAN_BOX, Box(50.0, 6.0, 50.2, 6.1)):
        circle = box.circle()
        far = [
            distance_km(circle.latitude, circle.longitude, north, east)
            for north in (box.south, box.north)
            for east in (box.west, box.east)
        ]
        assert max(far) <= circle.radius_km <= max(far) + 0.1


@pytest.mark.parametrize("largest", [75, 200])
def test_pieces_cover_everything_once(largest: float) -> None:
    pieces = list(GERMAN_BOX.pieces(largest))
    assert max(box.circle().radius_km for box in pieces) <= largest
    for place in [(47.2, 5.8), (50.776, 6.084), (52.52, 13.405), (55.09, 15.09)]:
        assert sum(box.contains(*place) for box in pieces) == 1


def test_an_area_is_a_name_or_a_place_with_kilometres() -> None:
    assert read_area("Bayern ").box == NAMED["bayern"]
    around = read_area("50.776,6.084,25")
    assert around.box.contains(50.99, 6.084)
    assert not around.box.contains(51.01, 6.084)
    assert 35 < around.box.circle().radius_km < 36  # the circle around the square around the circle
    assert all(GERMAN_BOX.south <= box.south and box.north <= GERMAN_BOX.north for box in NAMED.values())


@pytest.mark.parametrize("text", ["", "atlantis", "50,6", "50,6,x", "10,10,5", "50,6,nan", "50,6,0", "50.7,6.0,9999"])
def test_what_is_no_area_is_named(text: str) -> None:
    with pytest.raises(ScraperError, match="area"):
        read_area(text)
