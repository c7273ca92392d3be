"""What the tests of the patient service share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from flask import Flask

from patient_service.clients.other_services import OtherServices
from patient_service.dependencies import Dependencies
from shared.runtime.service_client import ServiceClient
from shared.runtime.service_tokens import ServiceTokens
from shared.security.encryption import Keys
from shared.values.patient_data import PATH
from tests.fakes.other_service import Answer, OtherService, other_service, with_json


@pytest.fixture
def keys(settings: Any) -> Keys:
    """The keys that the service under test is wired with."""
    return Dependencies.of(settings).keys


HOLDS: dict[str, dict[str, Any]] = {
    "matching_service": {"placement_requests": []},
    "communication_service": {"emails": []},
    "geocoding_service": {"located_addresses": []},
}
"""What each of the other services says where a test says nothing else."""


@dataclass
class Others:
    """The other services, which hold what they are told, each below a path of its own."""

    server: OtherService

    @property
    def services(self) -> OtherServices:
        """What the service under test asks them with."""
        clients = [
            ServiceClient(name, f"{self.server.url}/{name}", ServiceTokens(None), seconds=1, largest=100_000)
            for name in HOLDS
        ]
        return OtherServices(clients)

    def hold(self, patient_id: UUID, **held: dict[str, Any]) -> None:
        """Let the services say this of the patient, or of nobody in particular."""
        for name, usual in HOLDS.items():
            said = {"service": name, "patient_id": str(patient_id), "events": [], **usual, **held.get(name, {})}
            self.answer(name, patient_id, with_json(said))

    def answer(self, service: str, patient_id: UUID, answer: Answer) -> None:
        """Let a service answer this when it is asked about the patient."""
        self.server.answers[f"/{service}{PATH}/{patient_id}"] = answer


@pytest.fixture
def others(app: Flask) -> Iterator[Others]:
    """The other services, which hold nothing about whoever is asked for, until told otherwise."""
    with other_service() as server:
        running = Others(server)
        server.otherwise = _nothing_held
        dependencies: Dependencies = app.extensions["dependencies"]
        app.extensions["dependencies"] = replace(dependencies, others=running.services)
        yield running


def _nothing_held(handler: Any) -> None:
    asked = urlsplit(handler.path)
    service, patient_id = asked.path.split("/")[1], asked.path.split("/")[-1]
    merged_ids = [id for ids in parse_qs(asked.query).get("merged_ids", []) for id in ids.split(",")]
    about = {"service": service, "patient_id": patient_id, "merged_ids": merged_ids}
    with_json({**about, "events": [], **HOLDS[service]})(handler)
