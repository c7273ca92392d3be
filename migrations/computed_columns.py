"""Columns of matching's therapists that the database computes (`matching_service/store/{traits,nearness}.py`)."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

JUDGED = (
    "id", "sphere_x", "sphere_y", "sphere_z", "traits", "working_hours",
    "individual_from", "individual_stated_on", "group_from", "group_stated_on",
)  # fmt: skip
"""Columns of therapists that the index has beside its own."""

COUNTED = (
    "patient_id", "status", "outcome", "approved_at", "emailed_at", "called_at", "responded_at", "place_ended_at",
)  # fmt: skip
"""Columns of placement requests that the index of therapists has beside its own."""
_BLOCKS = (
    "F00-F09", "F10-F19", "F20-F29", "F30-F39", "F40-F48", "F50-F59",
    "F60-F69", "F70-F79", "F80-F89", "F90-F98", "F99",
)  # fmt: skip


def traits_and_position() -> list[sa.Column[Any]]:
    """Returns what the judge compares of a therapist, as bits of one number, and where the therapist is."""
    traits = (
        "status = 'active'",
        "contact_preference = 'none'",
        *(f"accreditation = '{each}'" for each in ("statutory", "private", "unknown")),
        *(f"gender = '{each}'" for each in ("female", "male", "diverse", "unknown")),
        *(f"'{each}' = ANY (procedures)" for each in ("VT", "TP", "AP", "ST", "NP")),
        *(f"'{each}' = ANY (age_groups)" for each in ("adult", "child_adolescent")),
        *(f"'{each}' = ANY (settings)" for each in ("individual", "group")),
        *(f"'{each}' = ANY (preferred_diagnoses)" for each in _BLOCKS),
        *(f"cardinality({each}) > 0" for each in ("procedures", "age_groups", "settings")),
        "potentially_available",
    )
    bits = " + ".join(f"CASE WHEN {each} THEN {1 << place} ELSE 0 END" for place, each in enumerate(traits))
    place = "CAST(COALESCE(given_place, CASE WHEN geocoded_address = address THEN geocoded_place END) AS geometry)"
    latitude, longitude = f"ST_Y({place})", f"ST_X({place})"
    columns: dict[str, tuple[Any, str]] = {
        "latitude_band": (sa.Integer(), f"CAST(floor({latitude} * 20) AS integer)"),
        "longitude": (sa.Float(), longitude),
        "sphere_x": (sa.Float(), f"cosd({latitude}) * cosd({longitude})"),
        "sphere_y": (sa.Float(), f"cosd({latitude}) * sind({longitude})"),
        "sphere_z": (sa.Float(), f"sind({latitude})"),
        "traits": (sa.BigInteger(), bits),
    }
    return [
        sa.Column(name, kind, sa.Computed(sql, persisted=True), nullable=True) for name, (kind, sql) in columns.items()
    ]
