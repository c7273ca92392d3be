"""Keeping copies of therapists and patients, and where they are, from events: one statement a poll."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matching_service.store.tables import Patient, Therapist
from shared.database import Session
from shared.database.copies import keep_newest

UNTOLD = {"sequence": -1}
"""A row of which only the place is known is older than any event of its owner."""


def keep_therapists(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert or update the therapist's half of these rows, except where a newer one is stored."""
    keep_newest(session, Therapist, rows)


def keep_patients(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert or update the patient's half of these rows, except where a newer one is stored."""
    keep_newest(session, Patient, rows)


def keep_therapists_places(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert or update where therapists' addresses lie; also before the therapist is known."""
    keep_newest(session, Therapist, rows, part="geocoded_", at_first=UNTOLD)


def keep_patients_places(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert or update where patients' postal codes lie; also before the patient is known."""
    keep_newest(session, Patient, rows, part="geocoded_", at_first=UNTOLD)
