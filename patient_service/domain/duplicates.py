"""Whether two patients may be one: a name that sounds alike with the same date of birth or address, the same number.

Blind indexes find them in the statement that writes; unique indexes let one of two pass who come at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from uuid import UUID

from patient_service.domain.accesses import RevealingConflict
from patient_service.domain.files import decrypt_or_none, kept_one
from patient_service.domain.indexes import Identity, Indexes, address_of, sound_of, words_of
from patient_service.domain.schemas import PatientFields, PatientFile
from patient_service.store import locks, queries
from patient_service.store.queries import LookedFor
from patient_service.store.tables import Patient
from shared.database import Session
from shared.errors import FieldProblem
from shared.security.encryption import Keys


class Likeness(StrEnum):
    """What two patients who may be one have in common."""

    INSURANCE_NUMBER = "insurance_number"
    NAME = "name"
    SIMILAR_NAME = "similar_name"
    """The first and the last word sound alike (Kölner Phonetik)."""
    DATE_OF_BIRTH = "date_of_birth"
    ADDRESS = "address"


COLUMNS = ("person_index", "address_index", "insurance_number_index")
FIELDS = {
    Likeness.INSURANCE_NUMBER: "insurance_number",
    Likeness.DATE_OF_BIRTH: "date_of_birth",
    Likeness.ADDRESS: "street",
}
"""The field that a refusal names for what is alike."""
TEXTS = {
    Likeness.INSURANCE_NUMBER: "field.number_of",
    Likeness.DATE_OF_BIRTH: "field.birth_date_of",
    Likeness.ADDRESS: "field.address_of",
}

Candidates = Mapping[Patient, Sequence[Likeness]]
"""Patients who may be the same person, and what they have in common."""


def looked_for(found_by: Sequence[Identity]) -> LookedFor:
    """The indexes by which somebody alike is looked for, with every key of the ring."""
    person, address, insurance_number = (
        [value for each in found_by if (value := getattr(each, name))] for name in COLUMNS
    )
    return LookedFor(person=person, address=address, insurance_number=insurance_number)


def identify(
    session: Session, keys: Keys, patient: Patient, wanted: PatientFile, found_by: Sequence[Indexes], *, force: bool
) -> None:
    """Let the patient be found by other indexes. Raises `Conflict` where somebody else is found by one that is new."""
    changed = {
        name: getattr(found_by[0], name)
        for name in COLUMNS
        if getattr(patient, name) not in [getattr(each, name) for each in found_by]
    }
    if not changed:
        return
    alike_to = looked_for(found_by).only(changed)
    locks.lock_if_of_several_keys(session, alike_to)
    while not queries.identify(session, patient, alike_to, is_forced=force, **changed):
        refuse(session, keys, wanted, alike_to, force=force, besides=patient.id)
        # nobody is alike any more: try again


def refuse(
    session: Session,
    keys: Keys,
    fields: PatientFields,
    alike_to: LookedFor,
    *,
    force: bool,
    besides: UUID | None = None,
) -> None:
    """Raise `Conflict` where somebody alike is known besides this one: by force only for the same insurance number."""
    counts = alike_to.only(["insurance_number_index"]) if force else alike_to
    found = _found(session, keys, fields, counts, besides)
    if found:
        raise refusal_of(found)


def refusal_of(found: Candidates) -> RevealingConflict:
    """That these patients, one at least, may be the same person: of who has the same insurance number nothing else."""
    known = {other: why for other, why in found.items() if Likeness.INSURANCE_NUMBER in why}
    references = [other.reference for other in known or found]
    errors, ids = _problems(known or found), [other.id for other in known or found]
    if known:
        return _naming(known, RevealingConflict(ids, "patient.already_known", errors=errors, reference=references[0]))
    suspected = RevealingConflict(ids, "patient.suspected_duplicate", errors=errors, references=references)
    return _naming(found, suspected)


def _likeness(keys: Keys, fields: PatientFields, other: Patient, alike_to: LookedFor) -> list[Likeness]:
    """What somebody has in common with a patient who was found by these indexes: by them alone, where the file cannot
    be read."""
    file = decrypt_or_none(keys, other)
    if file is not None:
        return likeness(fields, file)
    found = {
        Likeness.INSURANCE_NUMBER: other.insurance_number_index in alike_to.insurance_number,
        Likeness.SIMILAR_NAME: other.person_index in alike_to.person or other.address_index in alike_to.address,
        Likeness.DATE_OF_BIRTH: other.person_index in alike_to.person,
        Likeness.ADDRESS: other.address_index in alike_to.address,
    }
    return [what for what, is_common in found.items() if is_common]


def _found(
    session: Session, keys: Keys, fields: PatientFields, alike_to: LookedFor, besides: UUID | None
) -> dict[Patient, list[Likeness]]:
    """Who has one of these indexes, and what is alike; of a file that was merged into another one, the person's."""
    found: dict[Patient, list[Likeness]] = {}
    for other in queries.patients_alike(session, alike_to):
        person = other if other.merged_into is None else kept_one(session, other)
        if person.id != besides:
            why = (*found.get(person, ()), *_likeness(keys, fields, other, alike_to))
            found[person] = [each for each in Likeness if each in why]
    return found


def likeness(fields: PatientFields, other: PatientFields) -> list[Likeness]:
    """What two patients have in common, of what makes them alike."""
    names = [words_of(each.first_name, each.last_name) for each in (fields, other)]
    common = {
        Likeness.INSURANCE_NUMBER: fields.insurance_number is not None
        and fields.insurance_number == other.insurance_number,
        Likeness.NAME: names[0] == names[1],
        Likeness.SIMILAR_NAME: names[0] != names[1] and sound_of(names[0]) == sound_of(names[1]),
        Likeness.DATE_OF_BIRTH: fields.date_of_birth is not None and fields.date_of_birth == other.date_of_birth,
        Likeness.ADDRESS: address_of(fields) is not None and address_of(fields) == address_of(other),
    }
    return [what for what, is_common in common.items() if is_common]


def _problems(candidates: Candidates) -> list[FieldProblem]:
    return [
        FieldProblem.of(FIELDS[what], TEXTS[what], reference=other.reference)
        for other, why in candidates.items()
        for what in FIELDS
        if what in why
    ]


def _naming(candidates: Candidates, refusal: RevealingConflict) -> RevealingConflict:
    refusal.members["candidates"] = [
        {"id": str(other.id), "reference": other.reference, "why": [str(each) for each in why]}
        for other, why in candidates.items()
    ]
    return refusal
