"""The endpoints of a service, as they are declared, and requests to them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from flask.testing import FlaskClient
from sqlalchemy import Connection
from werkzeug.test import TestResponse

from shared.http.declaration import Endpoint
from shared.values.schemas import patch_of
from tests.boundaries.samples import Input, all_endpoints
from tests.boundaries.worlds import Ids
from tests.hostile import IDS
from tests.infrastructure import CasesTakenBack

SECONDS = 2.0
"""Processor time that no request may take; most take a few milliseconds."""


class Endpoints:
    """A service's endpoints, with objects to work on; whatever a request changes is taken back."""

    def __init__(self, service: str, client: FlaskClient, connection: Connection, ids: Ids) -> None:
        self.service, self.client, self.ids = service, client, ids
        self.faults: list[str] = []
        self.cases = CasesTakenBack(connection)

    def __iter__(self) -> Iterator[tuple[str, str, Endpoint]]:
        """Path, method and what it takes."""
        for service, path, method, endpoint in all_endpoints():
            if service == self.service:
                yield path, method, endpoint

    def address(self, path: str, identity: str | None = None) -> str:
        """The path with ids of objects that exist, or with this one."""
        own = next((str(known) for name, known in self.ids.items() if path.startswith(f"{name}/")), IDS["upper"])
        address = path
        for name in ("consent_id", "entry_id"):
            address = address.replace(f"<uuid:{name}>", str(self.ids.get(name)))
        return re.sub("<[^>]*>", lambda _: own if identity is None else quote(identity, safe=""), address)

    def send(self, what: str, method: str, address: str, **sent: Any) -> TestResponse:
        """Send a request; what is wrong with the answer is kept. Returns the answer."""
        began = time.thread_time()
        with self.cases.case():
            answer = self.client.open(address, method=method.upper(), **sent)
        seconds = time.thread_time() - began
        said = f"{method} {address[:100]} {what}: {answer.status_code}"
        if answer.status_code >= 500 or seconds > SECONDS:
            self.faults.append(f"{said} after {seconds:.2f} s: {answer.get_data(as_text=True)[:300]}")
        if answer.status_code >= 400 and (
            answer.content_type != "application/problem+json" or answer.json["status"] != answer.status_code
        ):
            self.faults.append(f"{said} is no problem: {answer.content_type}")
        return answer


def read_by(endpoint: Endpoint) -> Input | None:
    """What the endpoint's body is read as."""
    kind = patch_of(endpoint.patch) if endpoint.patch is not None else endpoint.body
    return None if kind is None else Input(kind)
