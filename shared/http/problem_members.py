"""The members that a problem document has beside those of all problems, with the codes that bring them."""

from __future__ import annotations

from typing import Any, Final

_PATIENT: Final[dict[str, Any]] = {
    "id": {"type": "string", "format": "uuid", "description": "Identifies the patient."},
    "reference": {"type": "string", "description": "By what practices know the patient."},
}

MEMBERS: Final[dict[str, Any]] = {
    "candidates": {
        "type": "array",
        "description": "With `patient.already_known` and `patient.suspected_duplicate`: up to 20 who may be the same, "
        "each with `reference` and `why`; with `therapist.suspected_duplicate` and `import_review.resembles`: "
        "therapists who may be the same, each with `name` and `city`.",
        "items": {
            "type": "object",
            "required": ["id"],
            "properties": {
                **_PATIENT,
                "id": {**_PATIENT["id"], "description": "Identifies who may be the same."},
                "name": {"type": "string", "description": "First and last name of a therapist."},
                "city": {"type": ["string", "null"], "description": "Town of the practice."},
                "why": {
                    "type": "array",
                    "description": "What is common.",
                    "items": {
                        "type": "string",
                        "enum": ["insurance_number", "name", "similar_name", "date_of_birth", "address"],
                    },
                },
            },
        },
    },
    "merged_into": {
        "type": "object",
        "description": "With `patient.not_found` and `patient.merged_before`, or the same of a therapist: who was "
        "kept, where this one was merged into another.",
        "required": ["id"],
        "properties": {**_PATIENT, "id": {**_PATIENT["id"], "description": "Identifies the kept one."}},
    },
    "allowed": {
        "type": "array",
        "description": "With `patient.transition`: the statuses to which the present one leads.",
        "items": {"type": "string"},
    },
    "unknown_ids": {
        "type": "array",
        "description": "With `bulk.other_total`: those of the ids that are nobody's.",
        "items": {"type": "string", "format": "uuid"},
    },
    "refused": {
        "type": "array",
        "description": "With `placement_request.all_refused`: why each therapist is not asked, as in an approval; one "
        "entry per criterion.",
        "items": {
            "type": "object",
            "required": ["therapist_id", "rule", "values", "detail"],
            "properties": {
                "therapist_id": {"type": "string", "format": "uuid", "description": "The therapist."},
                "rule": {
                    "type": ["string", "null"],
                    "description": "The criterion; null where nobody is known by that id.",
                },
                "values": {"type": ["object", "null"], "description": "What was compared."},
                "detail": {"type": "string", "description": "The same in words."},
            },
        },
    },
    "services": {
        "type": "array",
        "description": "With `services.unreachable`: the services that do not answer as they should.",
        "items": {"type": "string"},
    },
}
"""Each as JSON schema describes it; `current`, `updated_by` and `updated_at` of 412 are in `LostUpdate`."""
