"""What other services hold about a patient, collected for an export: from all of them, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import ConfigDict

from shared.runtime.service_client import ServiceClient, ServiceUnreachable
from shared.values.datetimes import Instant
from shared.values.patient_data import PATH
from shared.values.schemas import RecordSchema

SECONDS = 10.0
"""For all that one service holds."""
LARGEST = 16 * 1024 * 1024
"""Bytes of it: a thousand letters."""


AS_IT_IS = ConfigDict(extra="allow", str_strip_whitespace=False)
"""What is handed out is what was said, with all that is not looked at here."""


class HeldData(RecordSchema):
    """All that a service holds, whatever that is: docs/patient-export.schema.json describes it."""

    model_config = AS_IT_IS

    service: str
    patient_id: UUID


class HeldEmail(RecordSchema):
    """What an e-mail needs to be a file of its own."""

    model_config = AS_IT_IS

    id: UUID
    recipient: str
    message_id: str
    created_at: Instant
    sent_at: Instant | None
    subject: str
    body_text: str


class HeldByCommunication(HeldData):
    """The same of the communication service, whose e-mails become files."""

    emails: list[HeldEmail]


KINDS: dict[str, type[HeldData]] = {"communication_service": HeldByCommunication}


@dataclass(frozen=True)
class OtherServices:
    """The services that hold something about patients beside this one."""

    clients: Sequence[ServiceClient]

    def collect(self, patient_id: UUID) -> dict[str, dict[str, Any]]:
        """Returns what each of them holds about this patient, by the name of the service.

        Raises `ServiceUnreachable` with the names of all that do not answer as they should: a part must never pass for
        the whole.
        """
        with ThreadPoolExecutor(len(self.clients)) as pool:
            asked = {each.service: pool.submit(copy_context().run, _ask, each, patient_id) for each in self.clients}
        found = {name: each.result() for name, each in asked.items()}
        missing = sorted(name for name, each in found.items() if each is None)
        if missing:
            raise ServiceUnreachable(*missing)
        return {name: each for name, each in found.items() if each is not None}


def _ask(client: ServiceClient, patient_id: UUID) -> dict[str, Any] | None:
    """All that one service holds; None where it does not say so."""
    try:
        held = client.get(f"{PATH}/{patient_id}", KINDS.get(client.service, HeldData))
    except ServiceUnreachable:
        return None
    # an answer about somebody else, or of another service at this address, is none
    is_asked_for = (held.service, held.patient_id) == (client.service, patient_id)
    return held.model_dump(mode="json") if is_asked_for else None
