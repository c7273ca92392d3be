"""The other services, which these tests do not start: they answer, and hold nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import Flask

from patient_service.clients.other_services import OtherServices
from patient_service.dependencies import Dependencies

HELD: dict[str, dict[str, Any]] = {
    "matching_service": {"placement_requests": []},
    "communication_service": {"emails": []},
    "geocoding_service": {"located_addresses": []},
}


class NothingHeld(OtherServices):
    """Whoever is asked for is known to none of them."""

    def collect(self, patient_id: UUID, merged_ids: Sequence[UUID]) -> dict[str, dict[str, Any]]:
        """Returns nothing of everybody."""
        about = {"patient_id": str(patient_id), "merged_ids": list(map(str, merged_ids))}
        return {name: {"service": name, **about, **held} for name, held in HELD.items()}


def answer_instead(app: Flask) -> None:
    """Let nobody be asked over HTTP."""
    dependencies = app.extensions["dependencies"]
    if isinstance(dependencies, Dependencies):
        app.extensions["dependencies"] = replace(dependencies, others=NothingHeld(()))
