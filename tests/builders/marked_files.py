"""A patient's file in which every text is a marker that is looked for afterwards, also that of a field to come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from patient_service.domain.files import IN_THE_CLEAR
from patient_service.domain.schemas import PatientFile
from shared.events.catalogue import PublicPatient

CRISIS = "Krisengrundmarke"
"""The reason with which a crisis is flagged, by a request of its own: the other fields of a crisis follow from it."""
SAYS_NOTHING = {
    "contact_persons.relation", "consultation.timely_treatment_needed", "contracts_signed", "open_to_diga",
}  # fmt: skip
"""Words of a vocabulary and answers of yes and no, which cannot be told from those of others."""
FROM_OTHER_FILES = {"other_names"}
"""What a merge writes, from fields that are marked."""
PASSED_OVER = SAYS_NOTHING | FROM_OTHER_FILES | IN_THE_CLEAR | PublicPatient.model_fields.keys()
"""Beside them what others are to know."""
OF_A_FORM = {
    "health_insurer_ik": "109519005",
    "insurance_number": "T012345678",
    "diagnoses": "F44.81G",
    "consultation.held_on": "2007-07-19",
    "consultation.diagnoses": "F45.41G",
    "consultation.placement_code": "Q9W8-E7R6-T5Z4",
    "anamnesis.previous_therapy_ended_on": "2006-05-23",
    "contact_persons.phone": "0241 87654321",
    "contact_persons.email": "bezugsadresse@example.org",
}
"""Values of fields that do not take every text."""


def completed(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The document of a new patient with these fields and a marker in every other one, and all of its texts.

    Raises `AssertionError` for a field that takes no text and of which nothing says how it is marked.
    """
    document, found = dict(given), []
    for path, annotation in _fields(PatientFile, ""):
        if not path.startswith("crisis.") and path not in PASSED_OVER:
            found.append(_value(document, path.split("."), path, annotation))
    return document, found


def _fields(schema: type[BaseModel], before: str) -> Iterator[tuple[str, Any]]:
    for name, field in schema.model_fields.items():
        inner = list(_schemas_in(field.annotation))
        for each in inner:
            yield from _fields(each, f"{before}{name}.")
        if not inner:
            yield f"{before}{name}", field.annotation


def _schemas_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from _schemas_in(each)


def _value(document: dict[str, Any], names: Sequence[str], path: str, annotation: Any) -> str:
    """The text of a field, which is put there unless one was given."""
    name, *inner = names
    if inner:
        is_list = _is_list(PatientFile.model_fields[name].annotation)
        part = dict(document.get(name, [{}])[0] if is_list else document.get(name, {}))
        document[name] = [part] if is_list else part
        return _value(part, inner, path, annotation)
    if name not in document:
        assert path in OF_A_FORM or _takes_text(annotation), f"{path} is to stand in OF_A_FORM or in SAYS_NOTHING"
        text = OF_A_FORM.get(path, path.replace(".", "-").replace("_", "-") + "-marke")
        document[name] = [text] if _is_list(annotation) else text
    value = document[name]
    return str(value[0] if isinstance(value, list) else value)


def _takes_text(annotation: Any) -> bool:
    return annotation is str or any(_takes_text(each) for each in get_args(annotation))


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is list


def without_marker(texts: Sequence[str], markers: Sequence[str]) -> list[str]:
    """The texts of which no marker would find anything."""
    return [text for text in texts if not any(each.lower() in text.lower() for each in markers)]
