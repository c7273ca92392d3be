"""What decrypts letters and notes for who asks."""

from __future__ import annotations

from communication_service.dependencies import Dependencies
from shared.http import Context
from shared.security.patient_texts import PatientTexts


def texts(context: Context[Dependencies]) -> PatientTexts:
    """For the reader of the response: it says in their language what was erased."""
    return context.dependencies.texts.for_reader(lambda: context.language)
