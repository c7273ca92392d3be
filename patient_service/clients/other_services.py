"""What other services hold about a patient, collected for an export: from all of them, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
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
    merged_ids: list[UUID] = []


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

    def collect(self, patient_id: UUID, merged_ids: Sequence[UUID]) -> dict[str, dict[str, Any]]:
        """Returns what each of them holds about this patient, and about files that were merged into theirs, by the
        name of the service.

        Raises `ServiceUnreachable` with the names of all that do not answer as they should: a part must never pass for
        the whole.
        """
        with ThreadPoolExecutor(len(self.clients)) as pool:
            ask = partial(_ask, patient_id=patient_id, merged_ids=merged_ids)
            asked = {each.service: pool.submit(copy_context().run, ask, each) for each in self.clients}
        found = {name: each.result() for name, each in asked.items()}
        missing = sorted(name for name, each in found.items() if each is None)
        if missing:
            raise ServiceUnreachable(*missing)
        return {name: each for name, each in found.items() if each is not None}


def _ask(client: ServiceClient, *, patient_id: UUID, merged_ids: Sequence[UUID]) -> dict[str, Any] | None:
    """All that one service holds; None where it does not say so."""
    query = {"merged_ids": ",".join(map(str, merged_ids))} if merged_ids else None
    try:
        held = client.get(f"{PATH}/{patient_id}", KINDS.get(client.service, HeldData), query=query)
    except ServiceUnreachable:
        return None
    # an answer about somebody else, about some of the files only, or of another service at this address, is none
    is_whole = set(held.merged_ids) == set(merged_ids)
    is_asked_for = is_whole and (held.service, held.patient_id) == (client.service, patient_id)
    return held.model_dump(mode="json") if is_asked_for else None
