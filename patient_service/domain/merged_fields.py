"""The fields of one person who has two files: the kept one's values stand, and empty ones are filled from the other.

Empty is what nobody has entered: a field that is as a new file has it. What belongs together, such as an address, is
filled only where the two do not contradict each other in it: the street of one and the town of the other are nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Final

from pydantic import BaseModel

from patient_service.domain.crisis import of_both
from patient_service.domain.intake_schemas import Consultation
from patient_service.domain.schemas import PatientFile

Group = tuple[str, ...]

TOGETHER: Final[Sequence[Group]] = (
    ("street", "house_number", "postal_code", "city"),
    ("insurance_type", "health_insurer", "health_insurer_ik", "insurance_number"),
    ("max_distance_km", "max_travel_minutes", "travel_mode"),
)
OF_A_RULE: Final = frozenset(
    {
        "anamnesis", "consultation", "crisis", "excluded_therapist_ids", "last_contact_on", "other_names",
        "registered_on",
    }
)  # fmt: skip
"""Fields of which a rule of their own says what becomes of them."""
OF_THE_SEARCH: Final = frozenset({"search_started_on"})
"""It follows from the status (`states.become_one`)."""
IDENTIFYING: Final = ("insurance_number", "date_of_birth")
"""Two people have different ones, and one person has one."""


def filled(kept: PatientFile, other: PatientFile) -> PatientFile:
    """The fields of one person with these two files."""
    singly = PatientFile.model_fields.keys() - OF_A_RULE - OF_THE_SEARCH - {name for each in TOGETHER for name in each}
    changes = _filled(kept, other, [*TOGETHER, *((name,) for name in sorted(singly))])
    changes |= {
        "anamnesis": _of_both(kept.anamnesis, other.anamnesis, [(name,) for name in _names(other.anamnesis)]),
        "consultation": _of_both(kept.consultation, other.consultation, [tuple(Consultation.model_fields)]),
        "crisis": of_both(kept.crisis, other.crisis),
        # whom the patient excluded in either file is never asked
        "excluded_therapist_ids": list(dict.fromkeys((*kept.excluded_therapist_ids, *other.excluded_therapist_ids))),
        "other_names": _other_names(kept, other),
        "last_contact_on": max(_days(kept.last_contact_on, other.last_contact_on), default=None),
        "registered_on": min(_days(kept.registered_on, other.registered_on), default=None),
    }
    return kept.model_copy(update=changes)


def contradictions(kept: PatientFile, other: PatientFile) -> list[str]:
    """The fields by which these are files of two people."""
    return [name for name in IDENTIFYING if _contradict(kept, other, (name,))]


def _other_names(kept: PatientFile, other: PatientFile) -> list[str]:
    """By which names the person may be called who is not called by the kept one's, each once."""
    own, others = (f"{each.first_name} {each.last_name}" for each in (kept, other))
    return [name for name in dict.fromkeys((*kept.other_names, others, *other.other_names)) if name != own]


def _of_both(kept: BaseModel | None, other: BaseModel | None, groups: Sequence[Group]) -> BaseModel | None:
    if kept is None or other is None:
        return kept or other
    return kept.model_copy(update=_filled(kept, other, groups))


def _filled(kept: BaseModel, other: BaseModel, groups: Sequence[Group]) -> dict[str, Any]:
    """What the other has and the kept one lacks."""
    clear = (group for group in groups if not _contradict(kept, other, group))
    return {name: getattr(other, name) for group in clear for name in group if _is_empty(kept, name)}


def _contradict(kept: BaseModel, other: BaseModel, group: Group) -> bool:
    return any(
        getattr(kept, name) != getattr(other, name)
        for name in group
        if not _is_empty(kept, name) and not _is_empty(other, name)
    )


def _is_empty(model: BaseModel, name: str) -> bool:
    field = type(model).model_fields[name]
    return not field.is_required() and getattr(model, name) == field.get_default(call_default_factory=True)


def _names(model: BaseModel | None) -> Iterator[str]:
    return iter(() if model is None else type(model).model_fields)


def _days(*days: date | None) -> Iterator[date]:
    return (day for day in days if day is not None)
