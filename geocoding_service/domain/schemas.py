"""What this service is asked and what it answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict

from shared.texts import Sentence
from shared.values.datetimes import HolidayDate, IsoDate
from shared.values.enums import FederalState, GeocodePrecision, TravelMode
from shared.values.errors import NotAcceptable
from shared.values.geocoding_enums import NotRouted
from shared.values.identifiers import PostalCode
from shared.values.lists import Several
from shared.values.places import Latitude, Longitude, Place
from shared.values.rules import rule_across
from shared.values.schemas import QuerySchema, Schema
from shared.values.text import Line
from shared.values.worded import Worded

MOST_ORIGINS = 100
MOST_DESTINATIONS = 5000
MOST_WAYS = 10_000
MOST_ROUTED = 500
LONGEST_SPAN_DAYS = 5 * 366
NOTHING: JsonDict = {"type": "null"}


class GeocodeQuery(QuerySchema):
    """An address: in its parts, or in one line as `q`."""

    street: Annotated[Line, Field(examples=["Musterweg"])] | None = None
    """Street, without the house number."""
    house_number: Annotated[Line, Field(examples=["1a"])] | None = None
    """House number."""
    postal_code: PostalCode | None = None
    """German postal code."""
    city: Annotated[Line, Field(examples=["Aachen"])] | None = None
    """Town."""
    q: Annotated[Line | None, Field(examples=["Musterweg 1, 52062 Aachen"])] = None
    """The whole address in one line."""

    @rule_across("q")
    def _is_in_parts_or_one_line(self) -> None:
        """Either `q` is given, or the address in parts."""
        if self.q and any((self.street, self.house_number, self.postal_code, self.city)):
            raise NotAcceptable("field.address_twice")

    @rule_across("postal_code", "city", "q")
    def _says_where(self) -> None:
        """`postal_code`, `city` or `q` is needed."""
        if not (self.q or self.postal_code or self.city):
            raise NotAcceptable("field.no_place")


class Area(Schema):
    """Where something lies; `federal_state` is null where it is not certain."""

    latitude: Latitude
    longitude: Longitude
    precision: GeocodePrecision
    """How exact the place is."""
    source: str
    """From which data the place is known."""
    federal_state: FederalState | None
    """The federal state; null where it is not certain."""
    federal_states: list[FederalState]
    """All federal states that it may be in: several near a border, none where nothing is known."""


class Location(Area):
    """Where an address lies; `federal_state` is null where it is not certain."""

    postal_code: PostalCode | None
    """The postal code that says where it is; null where the city does."""
    cities: list[str]
    """The towns of that postal code, in alphabetical order, or the city by its full name."""
    contradictory: bool
    """Whether every town of the name that was sent is far from the postal code, whose place this is: one of the two is
    wrong, unless it is the name of a part of a town."""
    pending: bool
    """Whether a geocoder is still to be asked for this address, and the same question may have a better answer soon."""


class Town(Schema):
    """A town that a name may mean."""

    city: str
    """Its full name."""
    federal_state: FederalState
    """The federal state that it belongs to."""
    postal_codes: list[PostalCode]
    """Its first ten postal codes, with which it can be asked for."""


MOST_ADDRESSES = 100


class GeocodeBatch(Schema):
    """Several addresses."""

    addresses: Annotated[
        list[GeocodeQuery],
        Field(min_length=1, max_length=MOST_ADDRESSES, examples=[[{"q": "Musterweg 1, 52062 Aachen"}]]),
    ]
    """The addresses, each in its parts or in one line."""


class LocationList(Schema):
    """Where several addresses lie."""

    items: list[Location | None]
    """One for each address, in their order; null where nothing is found."""


class PlaceOfPostalCode(Schema):
    """A municipality that has a part of a postal code's area."""

    city: str
    """Its name."""
    federal_state: FederalState
    """The federal state that it belongs to."""


class PostalCodeView(Schema):
    """What is known of a postal code."""

    postal_code: PostalCode
    latitude: Latitude | None
    """Degrees north of where its people live; null for codes without an area, such as those of post boxes."""
    longitude: Longitude | None
    """Degrees east of it."""
    source: str
    """From which data the place is known."""
    places: list[PlaceOfPostalCode]
    """The municipalities that have a part of its area."""
    federal_state: FederalState | None
    """The federal state; null where the area is in several."""
    federal_states: list[FederalState]
    """All federal states in which parts of its area are."""


class ReverseGeocodeQuery(QuerySchema):
    """A place in Germany."""

    latitude: Latitude
    """Degrees north."""
    longitude: Longitude
    """Degrees east."""

    @property
    def place(self) -> Place:
        """Where it is."""
        return Place(self.latitude, self.longitude)


class AreaView(Area):
    """The postal code area nearest to a place, and how far its middle is away in a straight line.

    Where a geocoder was asked and knows it, it is the nearest address instead: `precision` says so.
    """

    street: str | None = None
    """The street of the nearest address; null where no geocoder was asked, or it knows none."""
    house_number: str | None = None
    """Its house number."""

    postal_code: PostalCode
    cities: list[str]
    """The towns of the postal code, in alphabetical order."""
    distance_km: float
    """How far away the middle of the area, or the address, is, in kilometres in a straight line."""


POINT_IN_WORDS = Sentence.of("word.point")
POINT: JsonDict = {
    "examples": [{"postal_code": "52062"}],
    "oneOf": [
        {
            "required": ["postal_code"],
            "properties": {"postal_code": {"type": "string"}, "latitude": NOTHING, "longitude": NOTHING},
        },
        {
            "required": ["latitude", "longitude"],
            "properties": {"latitude": {"type": "number"}, "longitude": {"type": "number"}, "postal_code": NOTHING},
        },
    ],
}


class Point(Schema):
    """A place: by its postal code, or by its coordinates."""

    model_config = ConfigDict(json_schema_extra=POINT)

    latitude: Latitude | None = None
    """Degrees north."""
    longitude: Longitude | None = None
    """Degrees east."""
    postal_code: PostalCode | None = None
    """German postal code."""

    @rule_across("postal_code", "latitude", "longitude")
    def _is_one_point(self) -> None:
        """Either `postal_code` is given, or both coordinates."""
        refuse_no_point(self.latitude, self.longitude, self.postal_code, POINT_IN_WORDS)


def refuse_no_point(
    latitude: float | None, longitude: float | None, postal_code: str | None, what: str | Sentence
) -> None:
    """Raises `NotAcceptable` unless it is a postal code or both coordinates."""
    by_code = postal_code is not None
    if (latitude is None) != by_code or (longitude is None) != by_code:  # of a matrix's thousands of points, too
        raise NotAcceptable("field.no_point", what=what)


class DistanceQuery(QuerySchema):
    """Two points, and how one gets from one to the other."""

    from_latitude: Latitude | None = None
    """Degrees north, of the start."""
    from_longitude: Longitude | None = None
    """Degrees east, of the start."""
    from_postal_code: PostalCode | None = None
    """Postal code of the start."""
    to_latitude: Latitude | None = None
    """Degrees north, of the end."""
    to_longitude: Longitude | None = None
    """Degrees east, of the end."""
    to_postal_code: PostalCode | None = None
    """Postal code of the end."""
    mode: TravelMode = TravelMode.CAR
    """How one travels."""

    @rule_across("from_postal_code", "from_latitude", "from_longitude")
    def _starts_at_a_point(self) -> None:
        """Either `from_postal_code` is given, or both of `from_latitude` and `from_longitude`."""
        refuse_no_point(self.from_latitude, self.from_longitude, self.from_postal_code, "from")

    @rule_across("to_postal_code", "to_latitude", "to_longitude")
    def _ends_at_a_point(self) -> None:
        """The same of `to_postal_code`, `to_latitude` and `to_longitude`."""
        refuse_no_point(self.to_latitude, self.to_longitude, self.to_postal_code, "to")

    @property
    def origin(self) -> Point:
        """Where it starts."""
        return Point(latitude=self.from_latitude, longitude=self.from_longitude, postal_code=self.from_postal_code)

    @property
    def destination(self) -> Point:
        """Where it ends."""
        return Point(latitude=self.to_latitude, longitude=self.to_longitude, postal_code=self.to_postal_code)


class DistanceView(Schema):
    """A distance: the straight line, and the route with the minutes from door to door, known or estimated."""

    distance_km: float
    """Length of the straight line, in kilometres with two decimals: what `max_distance_km` limits."""
    route_km: float
    """Length of the route, in kilometres with two decimals."""
    travel_minutes: int
    """Minutes from door to door, rounded up."""
    mode: TravelMode
    """How one travels."""
    estimated: bool
    """Whether the route and its minutes are estimated from the straight line; otherwise a router knows them."""
    not_routed: NotRouted | None
    """Why no router is asked; null: one is."""
    pending: bool
    """Whether a router is still to be asked, and the same question may have a better answer soon."""
    source: str
    """How length and time are known, and from which data places are known."""


class DistanceMatrixRequest(Schema):
    """The distances from each of the origins to each of the destinations are wanted."""

    origins: Annotated[list[Point], Field(min_length=1, max_length=MOST_ORIGINS)]
    """Where the routes start."""
    destinations: Annotated[list[Point], Field(min_length=1, max_length=MOST_DESTINATIONS)]
    """Where the routes end."""
    mode: TravelMode = TravelMode.CAR
    """How one travels."""
    routed: bool = False
    """Whether routers are asked, where there are any; otherwise all routes are estimated, which takes no time."""

    @rule_across("destinations", "origins")
    def _has_few_routes(self) -> None:
        """There are at most 10,000 routes, `origins` times `destinations`, and 500 where they are `routed`."""
        most = MOST_ROUTED if self.routed else MOST_WAYS
        if len(self.origins) * len(self.destinations) > most:
            raise NotAcceptable("field.too_many_routes", most=most)


class DistanceMatrixView(Schema):
    """One row for each origin, in it one entry for each destination.

    Null where a postal code is not known, or a place is outside Germany.
    """

    mode: TravelMode
    """How one travels."""
    source: str
    """How lengths and times are known, and from which data places are known."""
    distances_km: list[list[float | None]]
    """Lengths of the straight lines, in kilometres with two decimals."""
    routes_km: list[list[float | None]]
    """Lengths of the routes, in kilometres with two decimals."""
    travel_minutes: list[list[int | None]]
    """Minutes from door to door, rounded up."""
    estimated: list[list[bool | None]]
    """Which routes and their minutes are estimated from the straight line; a router knows the others."""
    not_routed: NotRouted | None
    """Why no router is asked; null: one is."""
    pending: bool
    """Whether a router is still to be asked for one of them, and the same question may have better answers soon."""


def _in_capitals(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


class HolidaysQuery(QuerySchema):
    """A span of days, from today on and a year long by default; without a federal state, all of them."""

    federal_state: Several[Annotated[FederalState, BeforeValidator(_in_capitals)]] = []
    """Only the holidays of these states, also written in small letters."""
    first: Annotated[HolidayDate | None, Field(alias="from")] = None
    """First day of the span."""
    last: Annotated[HolidayDate | None, Field(alias="to")] = None
    """Last day of the span."""


class HolidayView(Schema):
    """A public holiday, and in which of the federal states asked for: in all of them or, if `partial`, in parts.

    A feast that some states keep wholly and others in part is listed twice.
    """

    on: IsoDate
    """The day."""
    name: str
    """Its name in German."""
    partial: bool
    """Whether it is kept only in parts of these federal states."""
    where: Worded | None
    """In which parts; null: everywhere in them."""
    federal_states: list[FederalState]
    """The federal states that keep it."""


class HolidayList(Schema):
    """The public holidays of a span of days, in their order."""

    federal_states: list[FederalState]
    """The federal states that were asked for; empty: all of them."""
    first: IsoDate = Field(alias="from")
    """First day of the span."""
    last: IsoDate = Field(alias="to")
    """Last day of the span."""
    items: list[HolidayView]
    """The holidays, the earliest first."""
    no_calls_on: list[IsoDate]
    """Days of the span on which nobody is phoned although they are no public holidays: 24 and 31 December."""
