"""Blind indexes: how a patient is found although name, date of birth and insurance number are encrypted."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from uuid import UUID

from patient_service.domain.intake_schemas import Crisis
from patient_service.domain.rules import last_day_of_prior_therapy
from patient_service.domain.schemas import PatientFields, PatientFile
from shared.errors import FieldProblem
from shared.security.encryption import IndexKey, Keys
from shared.values import text
from shared.values.errors import NotAcceptable
from shared.values.identifiers import insurance_number, patient_reference
from shared.values.phonetics import cologne_code
from shared.values.schemas import InvalidFields

MOST_WORDS = 10
DAYS_LOOKED_BACK = 731
"""How long ago, at most, the two years after a therapy ended that are published as over."""
CRISIS_INDEXES = 1024
"""So many indexes mean the same, so that two rows in a crisis rarely have the same one."""
LENGTH = 16
"""Of a blind index in bytes."""
SHORTEST_BEGINNING = 3
"""So many letters of a word find it."""
LONGEST_BEGINNING = 20
"""Words with the same first letters, so many, are found alike."""
SHORTEST_SOUND = 2
"""So many signs of the code of how a word sounds; a single one is that of half the names."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The blind indexes by which somebody is recognised who is known already; None where the field is empty."""

    person_index: bytes | None
    address_index: bytes | None
    insurance_number_index: bytes | None


@dataclass(frozen=True, kw_only=True)
class Indexes(Identity):
    """What the table holds to find a patient by."""

    index_key: bytes
    """The id of the key that they are made with."""
    search_index: list[int]
    birthday_index: bytes | None
    prior_therapy_index: bytes
    crisis_index: bytes


def indexes_of(keys: Keys, fields: PatientFile, *references: str) -> Sequence[Indexes]:
    """The blind indexes of a patient's fields with every key of the ring: the first are written, all are looked for.

    `references`: the patient's own, and those of files that were merged into this one.
    """
    return [_indexes(key, fields, references) for key in keys.indexes]


def identity_of(keys: Keys, fields: PatientFields) -> Sequence[Identity]:
    """Those of them by which somebody alike is recognised."""
    words = words_of(fields.first_name, fields.last_name)
    return [Identity(**_identity(key, fields, sound_of(words))) for key in keys.indexes]


def no_indexes(keys: Keys) -> Indexes:
    """The indexes of a patient who was erased, or merged into another one, and is found by none of them."""
    return Indexes(
        index_key=keys.indexes[0].id,
        search_index=[],
        person_index=None,
        address_index=None,
        insurance_number_index=None,
        birthday_index=None,
        prior_therapy_index=secrets.token_bytes(LENGTH),
        crisis_index=secrets.token_bytes(LENGTH),
    )


def indexes_of_merged(keys: Keys, fields: PatientFields) -> Indexes:
    """The indexes of who was merged into another one: only somebody who may be the same person is found by them."""
    identity = identity_of(keys, fields)[0]
    return replace(no_indexes(keys), person_index=identity.person_index, address_index=identity.address_index)


def _indexes(key: IndexKey, fields: PatientFile, references: Sequence[str]) -> Indexes:
    born = fields.date_of_birth
    words = words_of(fields.first_name, fields.last_name)
    sounds = {word: cologne_code(word) for word in (*words, *words_of(*fields.other_names))}
    return Indexes(
        index_key=key.id,
        search_index=_search_index(key, sounds, references, born),
        birthday_index=_index(key, "birthday", f"{born:%m-%d}") if born else None,
        prior_therapy_index=_prior_therapy_index(key, last_day_of_prior_therapy(fields)),
        crisis_index=_crisis_index(key, fields.crisis),
        **_identity(key, fields, _sound_of(words, sounds)),
    )


def _identity(key: IndexKey, fields: PatientFields, sound: Sequence[str]) -> dict[str, bytes | None]:
    born, number, address = fields.date_of_birth, fields.insurance_number, address_of(fields)
    return {
        "person_index": _index(key, "person", *sound, born.isoformat()) if born else None,
        "address_index": _index(key, "address", *sound, address) if address else None,
        "insurance_number_index": _index(key, "insurance number", number) if number else None,
    }


def _search_index(key: IndexKey, sounds: Mapping[str, str], references: Sequence[str], born: date | None) -> list[int]:
    """What a search compares: of each word every beginning and how it sounds, references, and the date of birth.

    Sorted by what they are with the key, so that their order does not say which ones are of one word.
    """
    found = {key.search_value("ref", reference) for reference in references}
    for word, sound in sounds.items():
        found.update(key.search_values("name", word[:LONGEST_BEGINNING], shortest=SHORTEST_BEGINNING))
        if len(sound) >= SHORTEST_SOUND:
            found.add(key.search_value("sound", sound))
    if born:
        found.add(key.search_value("born", born.isoformat()))
    return sorted(found)


def wanted(keys: Keys, q: str) -> Sequence[Sequence[Sequence[int]]]:
    """Of every key of the ring, of each word of a search, the values of which a patient must have one.

    A word finds those of whose names one begins with it or sounds like it; a reference only that, and one without
    hyphens, which may be a name, either. No keys where the search holds no word. Raises `InvalidFields` for too many
    words.
    """
    words = [part for word in q.split() for part in _parts_of_word(word)]
    if len(words) > MOST_WORDS:
        raise InvalidFields([FieldProblem.of("q", "field.too_many_words", most=MOST_WORDS)])
    return [[_values_of(key, word) for word in words] for key in keys.indexes] if words else []


def _values_of(key: IndexKey, word: Iterable[tuple[str, str]]) -> list[int]:
    return [value for kind, written in word for value in _values(key, kind, written)]


def _values(key: IndexKey, kind: str, word: str) -> list[int]:
    if kind == "ref":
        return [key.search_value(kind, word)]
    sound = cologne_code(word)
    sounds = [key.search_value("sound", sound)] if len(sound) >= SHORTEST_SOUND else []
    return [key.search_value("name", word[:LONGEST_BEGINNING]), *sounds]


def born_on(keys: Keys, day: date) -> Sequence[Sequence[Sequence[int]]]:
    """What `wanted` returns, for a date of birth."""
    return [[[key.search_value("born", day.isoformat())]] for key in keys.indexes]


def list_digest(
    keys: Keys, action: str, view: str, reader_id: UUID | None, purpose: str | None, patient_ids: Iterable[UUID]
) -> bytes:
    """Recognises that the same reader does the same with the same patients in the same view for the same purpose.

    The patients and the log of who was shown them are different lists: the action distinguishes them.
    """
    return _index(keys.indexes[0], "list", action, view, str(reader_id), repr(purpose), *map(str, patient_ids))


def _parts_of_word(word: str) -> list[list[tuple[str, str]]]:
    """Of what a word of a search is made, and what each part may be: a reference, a name, or either."""
    names = [[("name", part)] for part in words_of(word)]
    try:
        reference = ("ref", patient_reference(word))
    except NotAcceptable:
        return names
    return [[reference]] if "-" in word else [[reference, *part] for part in names]


def numbered(keys: Keys, q: str) -> Sequence[bytes]:
    """The blind indexes of the insurance number that a search is; none where it is something else."""
    try:
        number = insurance_number(q)
    except NotAcceptable:
        return ()
    return [_index(key, "insurance number", number) for key in keys.indexes]


def words_of(*names: str) -> list[str]:
    """The words of names in one spelling: without case, accents, hyphens; ä as ae, so that Müller is Mueller."""
    return [word for name in names for word in text.words(name)]


def sound_of(words: Sequence[str]) -> list[str]:
    """How the first and the last word of a name sound, in any order: middle names and particles come and go."""
    return _sound_of(words, {word: cologne_code(word) for word in (*words[:1], *words[-1:])})


def _sound_of(words: Sequence[str], sounds: Mapping[str, str]) -> list[str]:
    return sorted(sounds[word] or word for word in (*words[:1], *words[-1:]))


def address_of(fields: PatientFields) -> str | None:
    """The address in one spelling; None without a postal code or a house number."""
    house = "".join(words_of(fields.street or "", fields.house_number or "")).replace("strasse", "str")
    is_complete = fields.street and fields.postal_code and any(sign.isdigit() for sign in house)
    return f"{fields.postal_code} {house}" if is_complete else None


def latest_birthdays(keys: Keys, today: date) -> list[tuple[bytes, date]]:
    """For each of the 366 days of a year its blind indexes and the day, today at the latest, on which it came last."""
    days = [(f"{born:%m-%d}", _latest(born, today)) for born in _days_of_a_year()]
    return [(_index(key, "birthday", day), latest) for key in keys.indexes for day, latest in days]


def ends_of_prior_therapies(keys: Keys, today: date) -> list[tuple[bytes, date]]:
    """For each day on which two years after a therapy may have ended its blind index and the day after, the first
    without a warning.
    """
    days = [today - timedelta(days=number) for number in range(1, DAYS_LOOKED_BACK + 1)]
    return [(_prior_therapy_index(key, day), day + timedelta(days=1)) for key in keys.indexes for day in days]


def _prior_therapy_index(key: IndexKey, last_day: date | None) -> bytes:
    """Without a therapy some bytes that are the index of nothing: whether there was one is nobody's to see."""
    return _index(key, "prior therapy", last_day.isoformat()) if last_day else secrets.token_bytes(LENGTH)


def unacknowledged_crises(keys: Keys) -> list[bytes]:
    """The blind indexes of patients in a crisis that nobody has acknowledged."""
    return [_unacknowledged_crisis(key, number) for key in keys.indexes for number in range(CRISIS_INDEXES)]


def _crisis_index(key: IndexKey, crisis: Crisis) -> bytes:
    """One of many for a crisis that waits, and otherwise some bytes: without the key both look alike."""
    waits = crisis.flagged and crisis.acknowledged_at is None
    return _unacknowledged_crisis(key, secrets.randbelow(CRISIS_INDEXES)) if waits else secrets.token_bytes(LENGTH)


def _unacknowledged_crisis(key: IndexKey, number: int) -> bytes:
    return _index(key, "crisis", str(number))


def _days_of_a_year() -> Iterable[date]:
    first = date(2000, 1, 1)  # a leap year
    return (first + timedelta(days=number) for number in range(366))


def _latest(born: date, today: date) -> date:
    this_year = _celebrated(born, today.year)
    return this_year if this_year <= today else _celebrated(born, today.year - 1)


def _celebrated(born: date, year: int) -> date:
    try:
        return born.replace(year=year)
    except ValueError:
        return date(year, 3, 1)  # 29 February: as `age_on` has it


def _index(key: IndexKey, kind: str, *parts: str) -> bytes:
    # the kind keeps a name that looks like a date from being found as one
    return key.blind_index("\x1f".join((kind, *parts)))
