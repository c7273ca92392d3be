"""Blind indexes: how a patient is found although name, date of birth and insurance number are encrypted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from patient_service.domain.schemas import PatientFields
from shared.errors import FieldProblem
from shared.security.encryption import Keys
from shared.values import text
from shared.values.errors import NotAcceptable
from shared.values.identifiers import patient_reference
from shared.values.schemas import InvalidFields

MOST_WORDS = 10


@dataclass(frozen=True)
class Indexes:
    """What the table holds to find a patient by; None where the field is empty."""

    search_index: list[bytes]
    person_index: bytes | None
    insurance_number_index: bytes | None
    birthday_index: bytes | None


def indexes_of(keys: Keys, fields: PatientFields, reference: str) -> Indexes:
    """The blind indexes of a patient's fields."""
    born = fields.date_of_birth
    words = words_of(fields.first_name, fields.last_name)
    return Indexes(
        search_index=[*(_index(keys, "name", word) for word in sorted(set(words))), _index(keys, "ref", reference)],
        person_index=_index(keys, "person", " ".join(words), born.isoformat()) if born else None,
        insurance_number_index=insurance_number_index(keys, fields.insurance_number),
        birthday_index=_index(keys, "birthday", f"{born:%m-%d}") if born else None,
    )


def insurance_number_index(keys: Keys, number: str | None) -> bytes | None:
    """The blind index of an insurance number."""
    return _index(keys, "insurance number", number) if number else None


def list_digest(
    keys: Keys, view: str, reader_id: UUID | None, purpose: str | None, patient_ids: Iterable[UUID]
) -> bytes:
    """Recognises that the same reader is shown the same patients in the same view for the same purpose."""
    return _index(keys, "list", view, str(reader_id), repr(purpose), *map(str, patient_ids))


def wanted(keys: Keys, q: str) -> list[bytes]:
    """The blind indexes of all words of a search; empty when it holds no word. Raises `InvalidFields` for too many."""
    found = []
    for word in q.split():
        try:
            found.append(_index(keys, "ref", patient_reference(word)))
        except NotAcceptable:
            found += [_index(keys, "name", part) for part in words_of(word)]
    if len(found) > MOST_WORDS:
        raise InvalidFields([FieldProblem("q", f"must have at most {MOST_WORDS} words")])
    return found


def words_of(*names: str) -> list[str]:
    """The words of names in one spelling: without case, accents, hyphens; ä as ae, so that Müller is Mueller."""
    return [word for name in names for word in text.words(name)]


def latest_birthdays(keys: Keys, today: date) -> list[tuple[bytes, date]]:
    """For each of the 366 days of a year its blind index and the day, today at the latest, on which it came last."""
    return [(_index(keys, "birthday", f"{born:%m-%d}"), _latest(born, today)) for born in _days_of_a_year()]


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


def _index(keys: Keys, kind: str, *parts: str) -> bytes:
    # the kind keeps a name that looks like a date from being found as one
    return keys.blind_index("\x1f".join((kind, *parts)))
