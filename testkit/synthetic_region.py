"""Invented therapists in the scraper's format, for demonstration, tests and benchmarks: the same seed, the same people.

Names are put together from nature ("Sonnentau", "Birkenfels"), addresses end in example.org, and phone numbers come
from the blocks that the Bundesnetzagentur keeps for films (Mitteilung 148/2021, "Drama Numbers"): nobody is reached.
Postal codes and their places are real (`shared/values/postal_codes.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any, Literal

from shared.values.places import Place
from shared.values.postal_codes import areas

Record = dict[str, Any]
Region = Literal["rhineland", "germany"]
Weekly = dict[str, list[dict[str, str]]]

FORMAT_VERSION = "1.0"
SOURCE = "116117.de"


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_FIRST_NAMES = {
    "female": _words("Anna Berta Clara Dora Elif Frieda Greta Hanna Ida Jette Katarzyna Lina Mara Nele Olga Paula"),
    "male": _words("Anton Bruno Can David Emil Fritz Georg Hannes Ivo Jonas Karl Levin Moritz Nils Otto Pavel"),
    "diverse": _words("Alex Kim Luca Robin Toni Sascha"),
}
_BEGINNINGS = _words(
    "Sonnen Birken Morgen Silber Ahorn Nebel Kiesel Wolken Linden Abend Regen Wiesen Eulen Mond Brombeer Schilf "
    "Mühlen Höhen Farn Lerchen Erlen Moos Tannen Winter Sommer Bernstein Distel Heide Kranich Libellen"
)
_ENDINGS = _words(
    "tau fels hain licht grund quell stern wind ufer blatt garten weg bach sang ruh dorn moor glanz tal see"
)
_STREETS = ("Musterweg", "Beispielallee", "Probestraße", "Erfindergasse", "Am Modellteich", "Platz der Vorlagen")

# Places where the table's postal codes have one name; elsewhere a record has no city.
_RHINELAND = (
    ("Aachen", "52062", "52080"), ("Herzogenrath", "52134", "52134"), ("Würselen", "52146", "52146"),
    ("Stolberg", "52222", "52224"), ("Eschweiler", "52249", "52249"), ("Düren", "52349", "52355"),
    ("Köln", "50667", "51149"), ("Frechen", "50226", "50226"), ("Brühl", "50321", "50321"),
    ("Hürth", "50354", "50354"), ("Bergheim", "50126", "50129"), ("Leverkusen", "51371", "51381"),
    ("Bergisch Gladbach", "51427", "51469"),
)  # fmt: skip
_LARGE_CITIES = (
    ("Berlin", "10115", "14199"), ("Hamburg", "20095", "21149"), ("München", "80331", "81929"),
    ("Frankfurt am Main", "60306", "60599"), ("Stuttgart", "70173", "70629"), ("Düsseldorf", "40210", "40629"),
    ("Leipzig", "04103", "04357"), ("Dresden", "01067", "01328"), ("Hannover", "30159", "30659"),
    ("Nürnberg", "90402", "90491"), ("Bremen", "28195", "28779"),
)  # fmt: skip

_DRAMA_BLOCKS = ("22147 10", "3023125", "6990009", "4066969", "8999998")
"""Area code and block; three digits follow: Köln, Berlin, Frankfurt, Hamburg, München."""
_DRAMA_MOBILE_BLOCKS = ("17139200", "17604069 0")
"""Two digits follow."""

_PROCEDURES = ((["VT"], 50), (["TP"], 27), (["TP", "AP"], 12), (["AP"], 3), (["ST"], 6), (["VT", "NP"], 2))
_AGE_GROUPS = ((["adult"], 74), (["child_adolescent"], 20), (["adult", "child_adolescent"], 6))
_LANGUAGES = (
    (["de"], 60), (["de", "en"], 25), (["de", "tr"], 4), (["de", "en", "fr"], 3), (["de", "ru"], 3), (["de", "pl"], 2),
    (["de", "ar"], 2), (["de", "fa"], 1),
)  # fmt: skip
# windows a week and minutes each, one to four hours in all; a block has at least 25 minutes (BMV-Ä, psychotherapy)
_PHONE_WEEKS = (((4, 50), 35), ((2, 100), 20), ((5, 40), 10), ((4, 25), 15), ((2, 30), 8), ((1, 60), 6), ((4, 60), 6))
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")


def therapists(count: int, seed: int = 1, region: Region = "rhineland") -> Iterator[Record]:
    """So many import records, around Aachen and Köln or from all of Germany.

    The same arguments give the same records, and a larger count begins with those of a smaller one. About three in ten
    have an e-mail address; some practices share theirs, and their address. The `external_id` holds seed and number.
    """
    chance = Random(f"{region} {seed}")
    places = _places(region)
    practice: Record | None = None
    for number in range(1, count + 1):
        if practice is None or chance.random() > 0.08:
            practice = _practice(chance, places, number)
        yield _therapist(chance, f"syn-{seed}-{number:06}", practice)


def import_file(
    records: Iterable[Record],
    at: datetime,
    *,
    modifications: Iterable[Record] = (),
    deletions: Iterable[str] = (),
) -> tuple[str, Record]:
    """The name and the document of the file that a scraper would drop at that instant (aware).

    `records` are additions, `deletions` external ids. The name's time is UTC, as the importer orders files by it.
    """
    moment = at.astimezone(UTC)
    added, changed = list(records), list(modifications)
    gone = [{"external_id": external_id} for external_id in deletions]
    document = {
        "metadata": {
            "timestamp": moment.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "scrape_id": f"{moment:%Y%m%d%H%M%S}",
            "source": SOURCE,
            "version": FORMAT_VERSION,
        },
        "changes": {"additions": added, "modifications": changed, "deletions": gone},
        "statistics": {
            "total_therapists_scraped": len(added) + len(changed),
            "new_therapists": len(added),
            "updated_therapists": len(changed),
            "deleted_therapists": len(gone),
            "unchanged_therapists": 0,
        },
    }
    return f"therapists_{moment:%Y%m%d_%H%M%S}.json", document


def _places(region: Region) -> list[tuple[str, str | None, Place]]:
    named = _RHINELAND if region == "rhineland" else _RHINELAND + _LARGE_CITIES
    found = ((code, _city(code, named), place) for code, place in sorted(areas().items()))
    return [(code, city, place) for code, city, place in found if city or region == "germany"]


def _city(postal_code: str, named: Iterable[tuple[str, str, str]]) -> str | None:
    return next((city for city, first, last in named if first <= postal_code <= last), None)


def _practice(chance: Random, places: list[tuple[str, str | None, Place]], number: int) -> Record:
    """What people of one practice share."""
    postal_code, city, place = chance.choice(places)
    name = _surname(chance)
    has_email = chance.random() < 0.3
    return {
        "street": chance.choice(_STREETS),
        "house_number": f"{chance.randint(1, 180)}{chance.choice(('', '', '', 'a', 'b'))}",
        "postal_code": postal_code,
        "city": city,
        "latitude": round(place.latitude + chance.uniform(-0.01, 0.01), 6),
        "longitude": round(place.longitude + chance.uniform(-0.015, 0.015), 6),
        "phone": _phone(chance),
        "fax": _phone(chance) if chance.random() < 0.3 else None,
        "email": f"praxis.{_ascii(name)}.{number}@example.org" if has_email else None,
        "website": f"https://{_ascii(name)}-{number}.example.org" if has_email and chance.random() < 0.5 else None,
    }


def _therapist(chance: Random, external_id: str, practice: Record) -> Record:
    gender = _one_of(chance, (("female", 72), ("male", 27), ("diverse", 1)))
    profession = {"female": "Psychologische Psychotherapeutin", "male": "Psychologischer Psychotherapeut"}
    return {
        "external_id": external_id,
        "salutation": {"female": "Frau", "male": "Herr"}.get(gender),
        "title": _one_of(chance, ((None, 80), ("Dr. phil.", 8), ("Dr. med.", 7), ("Dr. rer. nat.", 5))),
        "first_name": chance.choice(_FIRST_NAMES[gender]),
        "last_name": _whole_surname(chance),
        "gender": gender,
        **practice,
        "mobile": _mobile(chance) if chance.random() < 0.15 else None,
        "accreditation": _one_of(chance, (("statutory", 93), ("private", 7))),
        "procedures": list(_one_of(chance, _PROCEDURES)),
        "age_groups": list(_one_of(chance, _AGE_GROUPS)),
        "settings": ["individual", "group"] if chance.random() < 0.25 else ["individual"],
        "languages": list(_one_of(chance, _LANGUAGES)),
        "qualifications": [profession[gender]] if gender in profession else ["Psychotherapie"],
        "offers": ["Videosprechstunde"] if chance.random() < 0.3 else [],
        "phone_hours": _phone_hours(chance) if chance.random() < 0.92 else None,
    }


def _surname(chance: Random) -> str:
    return chance.choice(_BEGINNINGS) + chance.choice(_ENDINGS)


def _whole_surname(chance: Random) -> str:
    name = _surname(chance)
    kind = chance.random()
    if kind < 0.08:
        return f"{name}-{_surname(chance)}"
    return f"von der {name}" if kind < 0.1 else name


def _ascii(name: str) -> str:
    return name.lower().replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")


def _phone(chance: Random) -> str:
    return f"+49{chance.choice(_DRAMA_BLOCKS)}{chance.randint(0, 999):03}".replace(" ", "")


def _mobile(chance: Random) -> str:
    return f"+49{chance.choice(_DRAMA_MOBILE_BLOCKS)}{chance.randint(0, 99):02}".replace(" ", "")


def _phone_hours(chance: Random) -> Weekly:
    windows, minutes = _one_of(chance, _PHONE_WEEKS)
    days = sorted(chance.sample(_WEEKDAYS, windows), key=_WEEKDAYS.index)
    return {day: [_window(chance.randrange(8 * 60, 18 * 60, 10), minutes)] for day in days}


def _window(start: int, minutes: int) -> dict[str, str]:
    return {"start": _as_clock_time(start), "end": _as_clock_time(start + minutes)}


def _as_clock_time(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _one_of(chance: Random, weighted: Iterable[tuple[Any, int]]) -> Any:
    """One of the choices, as often as its weight says."""
    choices, weights = zip(*weighted, strict=True)
    return chance.choices(choices, weights)[0]
