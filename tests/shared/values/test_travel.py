"""Estimates of ways, against published times."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.values import travel
from shared.values.enums import TravelMode
from shared.values.places import distance_km
from shared.values.postal_codes import area
from shared.values.travel import Estimate, minutes, route_km, straight_km_within

CAR, TRANSIT, BICYCLE, FOOT = TravelMode.CAR, TravelMode.TRANSIT, TravelMode.BICYCLE, TravelMode.FOOT

TO_AND_FROM_THE_STATION = 20
"""Minutes, ten at each end: a timetable says the time from station to station, we estimate it from door to door."""

PLANNER = "unverified: usual value of route planners without traffic"
TIMETABLE = "unverified: timetable of DB of these years"
WANTED = "unverified: what was wanted of the estimates (issue 14)"
KSTA = "Kölner Stadt-Anzeiger, ksta.de, 'Aachen - Nur eine Stunde ab Kölner Hauptbahnhof'"
WUERZBURG = "WürzburgWiki, wuerzburgwiki.de, 'Bahnstrecke Würzburg-Nürnberg'"
NUERNBERG = "Nürnberg Kurier, nuernberg-kurier.de, 'Verkehr Nürnberg Würzburg' (an hour to an hour and a half)"
WIKIBOOKS = "Wikibooks, 'Augsburger Ausflüge: Eisenbahn' (TGV 9576)"
GA = "General-Anzeiger, ga.de, 'Endenicher Ei in Bonn: Verkehrschaos durch Sperrung' (what it takes otherwise)"
BILD = "BILD on 175 years of the line, quoted in a corpus of Université Paris 3"
BLOG = "wawimuc.blogspot.com, 2007, 'Kreuz und quer durch Augsburg'"

PUBLISHED: list[tuple[TravelMode, str, str, float, str]] = [
    (CAR, "97070 Würzburg", "90402 Nürnberg", 75, NUERNBERG),
    (CAR, "50667 Köln", "53111 Bonn", 35, GA),
    (TRANSIT, "52062 Aachen", "50667 Köln", 52, KSTA),
    (TRANSIT, "97070 Würzburg", "90402 Nürnberg", 54, WUERZBURG),
    (TRANSIT, "97070 Würzburg", "90402 Nürnberg", 72, WUERZBURG),
    (TRANSIT, "86150 Augsburg", "89073 Ulm", 43, WIKIBOOKS),
    (TRANSIT, "89073 Ulm", "70173 Stuttgart", 59, WIKIBOOKS),
    (TRANSIT, "80331 München", "86150 Augsburg", 40, BLOG),
    (TRANSIT, "04109 Leipzig", "01069 Dresden", 65, BILD),
]  # fmt: skip
"""Two cities, the minutes between them (of trains from station to station), and who says so."""

UNVERIFIED: list[tuple[TravelMode, str, str, float, str]] = [
    (CAR, "52062 Aachen", "50667 Köln", 60, WANTED),
    (CAR, "50667 Köln", "40210 Düsseldorf", 40, PLANNER),
    (CAR, "04109 Leipzig", "06108 Halle", 40, PLANNER),
    (CAR, "04109 Leipzig", "01069 Dresden", 75, PLANNER),
    (CAR, "20095 Hamburg", "28195 Bremen", 80, PLANNER),
    (CAR, "20095 Hamburg", "23552 Lübeck", 55, PLANNER),
    (CAR, "80331 München", "86150 Augsburg", 60, PLANNER),
    (CAR, "80331 München", "90402 Nürnberg", 110, PLANNER),
    (CAR, "70173 Stuttgart", "89073 Ulm", 70, PLANNER),
    (CAR, "70173 Stuttgart", "76133 Karlsruhe", 60, PLANNER),
    (CAR, "60311 Frankfurt", "55116 Mainz", 40, PLANNER),
    (CAR, "60311 Frankfurt", "34117 Kassel", 120, PLANNER),
    (CAR, "30159 Hannover", "38100 Braunschweig", 50, PLANNER),
    (CAR, "10178 Berlin", "14467 Potsdam", 45, PLANNER),
    (CAR, "10178 Berlin", "39104 Magdeburg", 105, PLANNER),
    (CAR, "79098 Freiburg", "76133 Karlsruhe", 85, PLANNER),
    (CAR, "99084 Erfurt", "07743 Jena", 45, PLANNER),
    (TRANSIT, "50667 Köln", "53111 Bonn", 25, TIMETABLE),
    (TRANSIT, "50667 Köln", "40210 Düsseldorf", 27, TIMETABLE),
    (TRANSIT, "20095 Hamburg", "28195 Bremen", 70, TIMETABLE),
    (TRANSIT, "20095 Hamburg", "23552 Lübeck", 43, TIMETABLE),
    (TRANSIT, "80331 München", "90402 Nürnberg", 65, TIMETABLE),
    (TRANSIT, "60311 Frankfurt", "34117 Kassel", 88, TIMETABLE),
    (TRANSIT, "10178 Berlin", "39104 Magdeburg", 100, TIMETABLE),
    (TRANSIT, "79098 Freiburg", "76133 Karlsruhe", 62, TIMETABLE),
    (BICYCLE, "50667 Köln", "53111 Bonn", 120, PLANNER),
    (BICYCLE, "52062 Aachen", "50667 Köln", 300, PLANNER),
]  # fmt: skip
"""The same as this was written without access to a route planner or a timetable: nobody has looked them up."""

ROUNDING = 1e-6

CITY = "Umweltbundesamt, comparison of ways from door to door in cities, quoted by basicthinking.de, 26 June 2019"
IN_A_CITY: list[tuple[TravelMode, float, float, str]] = [
    (TRANSIT, 4, 25, CITY),
    (BICYCLE, 4, 19, CITY),
    (FOOT, 4, 60, CITY),
    (FOOT, 4, 48, PLANNER),
    (CAR, 15, 15 / 33 * 60, "Mobilität in Deutschland 2002, Ergebnistelegramm: 33 km/h, trips of 15 km"),
]
"""Kilometres of the way, and minutes."""


@pytest.mark.parametrize(("mode", "start", "end", "minutes_between", "source"), [*PUBLISHED, *UNVERIFIED])
def test_ways_between_cities_take_as_long_as_published_or_usual_within_a_quarter(
    mode: TravelMode, start: str, end: str, minutes_between: float, source: str
) -> None:
    one, other = area(start.split()[0]), area(end.split()[0])
    assert one is not None
    assert other is not None
    in_all = minutes_between + (TO_AND_FROM_THE_STATION if mode is TRANSIT else 0)
    assert minutes(distance_km(one, other), mode) == pytest.approx(in_all, rel=0.25), source


@pytest.mark.parametrize(("mode", "way_km", "published", "source"), IN_A_CITY)
def test_short_ways_take_as_long_as_published_within_a_quarter(
    mode: TravelMode, way_km: float, published: float, source: str
) -> None:
    straight = next(km / 100 for km in range(2000) if route_km(km / 100, mode) >= way_km)
    assert minutes(straight, mode) == pytest.approx(published, rel=0.25), source


@given(st.sampled_from(TravelMode), st.floats(0, 20100), st.floats(0, 20100), st.integers(1, 1440))
def test_a_limit_in_minutes_is_a_radius(mode: TravelMode, one: float, other: float, limit: int) -> None:
    """matching's SQL asks for the radius, and Python shows the minutes: who is within one is within the other."""
    shorter, longer = sorted((one, other))
    assert shorter <= route_km(shorter, mode) <= route_km(longer, mode) + ROUNDING
    assert minutes(shorter, mode) <= minutes(longer, mode) + ROUNDING
    radius = straight_km_within(limit, mode)
    assert minutes(radius, mode) == pytest.approx(limit)
    for km in (shorter, longer):
        if abs(km - radius) > ROUNDING:
            assert (minutes(km, mode) <= limit) == (km <= radius)


@pytest.mark.parametrize("mode", TravelMode)
def test_rows_hold_at_their_lengths_and_beyond_the_last_in_proportion(mode: TravelMode) -> None:
    assert route_km(0, mode) == minutes(0, mode) == straight_km_within(0, mode) == 0
    for row in travel.table()[mode]:
        assert route_km(row.straight_km, mode) == pytest.approx(row.straight_km * row.detour)
        assert minutes(row.straight_km, mode) == pytest.approx(row.straight_km * row.detour / row.speed_kmh * 60)
        assert travel.speed_kmh(row.route_km, mode) == pytest.approx(row.speed_kmh)
    last = travel.table()[mode][-1]
    assert minutes(3 * last.straight_km, mode) == pytest.approx(3 * last.minutes)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [Estimate(0, 1.3, 30)],
        [Estimate(5, 0.9, 30)],
        [Estimate(5, float("nan"), 30)],
        [Estimate(5, 1.3, 0)],
        [Estimate(5, 1.3, 30_000)],
        [Estimate(5, 1.3, 30), Estimate(5, 1.4, 30)],
        [Estimate(5, 3, 30), Estimate(6, 1.1, 30)],
        [Estimate(5, 1.3, 10), Estimate(6, 1.3, 90)],
    ],
)
def test_a_table_that_cannot_be_is_refused(rows: list[Estimate]) -> None:
    with pytest.raises(ValueError, match=r"row|route|takes"):
        travel.check(rows)


def test_a_table_without_a_mode_is_refused() -> None:
    lines = travel.TABLE.read_text().splitlines()
    with pytest.raises(ValueError, match="foot is missing"):
        travel.read(lines[:-1])
    with pytest.raises(ValueError, match="horse"):
        travel.read([*lines, "horse,1,1,12"])
