"""Differences between document and service that JSON Schema cannot express, each with its reason.

What is refused although a schema allows it is explained where **every** message of the refusal is one of these; what is
taken although a schema forbids it, where the reason is how HTTP carries values.
"""

from __future__ import annotations

import re
from typing import Any

VALUES: dict[str, str] = {
    "must be a German postal code": "a range of numbers, in several spellings",
    "must be a letter and nine digits": "in several spellings",
    "must be nine digits": "in several spellings",
    "has a typing mistake": "check digits",
    "must be an ICD-10 code": "in several spellings",
    "must be a language's two-letter code": "a list of 180, in several spellings",
    "must be a patient's reference": "in several spellings",
    "must be twelve letters and digits": "in several spellings",
    "must be a phone number": "a numbering plan",
    "must be one phone number": "a numbering plan",
    "must be an e-mail address": "the format `email` is an annotation, and wider",
    "must have at least one letter or digit": "classes of Unicode are no part of JSON Schema's patterns",
    "must have at least one letter": "classes of Unicode are no part of JSON Schema's patterns",
    "must have at least one visible character": "classes of Unicode are no part of JSON Schema's patterns",
    "must not contain control characters": "texts that no database stores",
    "must not contain the NUL character": "texts that no database stores",
    "must have at least {min_length} characters": "counted after blanks around a text are gone",
    "must lie between ": "JSON Schema has no bounds for dates and times",
    "must be a date and time that exist": "JSON Schema's instants know seconds and offsets that no calendar has",
    "must be a day that exists": "JSON Schema's days may lie in the year 0",
    "must be a whole number": "JSON Schema takes 5.0 for a whole number, a reader of JSON does not",
    "must not be cleared": "has a default where the object is made, and none afterwards",
    "must not lie in the future": "depends on today",
    "must lie in the future": "depends on today",
}
"""Rules of one value, by their message: why its schema cannot say it."""

RULES: dict[str, str] = {
    "two windows overlap": "compares times within a list",
    "end must be after start": "compares two times",
    "latitude and longitude go together": "a merge patch is completed by what is stored",
    "must not be empty once the search has started": "depends on what is stored",
    "was not asked in this contact": "depends on what is stored",
    "must lie within ": "compares coordinates with the place of the postal code",
    "must lie in the region of the postal code": "compares coordinates with the place of the postal code",
    "must lie in Germany": "a shape, not a range of numbers",
    "must not have two answers for one request": "compares fields within a list",
    "overrides must concern therapists": "compares two lists",
    "must not end before it": "compares two dates",
    "must not lie before from": "compares two dates",
    "is either a postal code or a latitude and a longitude": "parameters have no schema in common",
    "give a postal_code, a city or q": "parameters have no schema in common",
    "give the address in parts or as q, not both": "parameters have no schema in common",
}
"""Rules across fields; the document's descriptions say them."""

REFUSALS: dict[str, str] = {
    "idempotency_key.reused": "depends on the requests before",
    "response.time": "depends on what is stored",
    "therapist.block_in_the_past": "depends on today",
    "therapist.protection": "depends on what is stored",
}
"""Refusals as a whole, by their code; whoever reads the document cannot know them beforehand."""

PRECONDITION_FAILED = 412


def is_explained(case: Any, answer: Any, what: str) -> str | None:
    """The reason why this is no difference; None where it is one."""
    if what.startswith("Schema-valid request rejected"):
        return _why_refused(answer)
    return None


def _why_refused(answer: Any) -> str | None:
    if answer.status_code == PRECONDITION_FAILED:
        return "a version that is not the present one"
    document = answer.json()
    if document["code"] in REFUSALS:
        return REFUSALS[document["code"]]
    reasons = [_reason(error["message"]) for error in document["errors"]]
    return reasons[0] if reasons and all(reasons) else None


def _reason(message: str) -> str | None:
    return next((why for form, why in (VALUES | RULES).items() if _matches(form, message)), None)


def _matches(form: str, message: str) -> bool:
    """Whether the message is of that form, in which names in braces stand for numbers."""
    return all(part in message for part in re.split(r"\{\w+\}", form))
