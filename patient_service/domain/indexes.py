"""Blind indexes: how a patient is found although name, date of birth and insurance number are encrypted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from patient_service.domain.schemas import PatientFields
from shared.errors import FieldProblem
from shared.security.encryption import IndexKey, Keys
from shared.values import text
from shared.values.errors import NotAcceptable
from shared.values.identifiers import patient_reference
from shared.values.schemas import InvalidFields

MOST_WORDS = 10


@dataclass(frozen=True)
class Indexes:
    """What the table holds to find a patient by; None where the field is empty."""

    index_key: bytes
    """The id of the key that they are made with."""
    search_index: list[bytes]
    person_index: bytes | None
    insurance_number_index: bytes | None
    birthday_index: bytes | None


def indexes_of(keys: Keys, fields: PatientFields, reference: str) -> Sequence[Indexes]:
    """The blind indexes of a patient's fields with every key of the ring: the first are written, all are looked for."""
    return [_indexes(key, fields, reference) for key in keys.indexes]


def no_indexes(keys: Keys) -> Indexes:
    """The indexes of a patient who was erased, and is found by none of them."""
    return Indexes(keys.indexes[0].id, [], None, None, None)


def _indexes(key: IndexKey, fields: PatientFields, reference: str) -> Indexes:
    born, number = fields.date_of_birth, fields.insurance_number
    words = words_of(fields.first_name, fields.last_name)
    return Indexes(
        index_key=key.id,
        search_index=[*(_index(key, "name", word) for word in sorted(set(words))), _index(key, "ref", reference)],
        person_index=_index(key, "person", " ".join(words), born.isoformat()) if born else None,
        insurance_number_index=_index(key, "insurance number", number) if number else None,
        birthday_index=_index(key, "birthday", f"{born:%m-%d}") if born else None,
    )


def wanted(keys: Keys, q: str) -> Sequence[Sequence[bytes]]:
    """The blind indexes of all words of a search, with every key of the ring; no keys when it holds no word.

    Raises `InvalidFields` for too many words.
    """
    found = [_parts_of_word(word) for word in q.split()]
    words = [each for those in found for each in those]
    if len(words) > MOST_WORDS:
        raise InvalidFields([FieldProblem("q", f"must have at most {MOST_WORDS} words")])
    return [[_index(key, kind, word) for kind, word in words] for key in keys.indexes] if words else []


def _parts_of_word(word: str) -> list[tuple[str, str]]:
    """What a word of a search may be, as `_index` takes it: a reference, or one or several names."""
    try:
        return [("ref", patient_reference(word))]
    except NotAcceptable:
        return [("name", part) for part in words_of(word)]


def words_of(*names: str) -> list[str]:
    """The words of names in one spelling: without case, accents, hyphens; ä as ae, so that Müller is Mueller."""
    return [word for name in names for word in text.words(name)]


def latest_birthdays(keys: Keys, today: date) -> list[tuple[bytes, date]]:
    """For each of the 366 days of a year its blind indexes and the day, today at the latest, on which it came last."""
    days = [(f"{born:%m-%d}", _latest(born, today)) for born in _days_of_a_year()]
    return [(_index(key, "birthday", day), latest) for key in keys.indexes for day, latest in days]


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
