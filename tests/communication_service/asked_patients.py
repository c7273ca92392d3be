"""The patient service as letters that name somebody ask it, and what is written and sent of such letters."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from communication_service import jobs
from communication_service.clients.patient_service import ADDRESSES, IDENTITIES, PatientService
from communication_service.jobs import Sending
from communication_service.jobs.asking import asking_who
from communication_service.settings import ContactRules
from communication_service.store.tables import Email
from shared.events import catalogue
from shared.values.datetimes import berlin_day
from tests.builders.communication import (
    LINKS,
    RULES,
    TEXTS,
    publish,
    rows,
)
from tests.communication_service.conftest import NOW, reaching
from tests.fakes.other_service import OtherService, with_json
from tests.fakes.smtp import FakeMailServer

LATER = NOW + timedelta(hours=1)
ERIKA: dict[str, Any] = {
    "title": "Dr.",
    "first_name": "Erika",
    "last_name": "Musterfrau",
    "street": "Musterweg",
    "house_number": "1",
    "postal_code": "52062",
    "city": "Aachen",
    "phone": "0241 777888",
    "email": "erika@münchen.example.org",
    "contact_persons": [{"name": "Max Muster", "relation": "guardian", "phone": "0241 654321", "email": None}],
}
WHO = ("Erika", "Musterfrau", "Musterweg", "0241 777888", "erika@", "Max Muster")
HEALTH = ("F30-F39", "Affektive", "34 Jahre", "gesetzlich", "Beschreibung", "Psychotherapie gab")


@dataclass
class Patients:
    """The patient service: it says who everybody is, unless told otherwise."""

    server: OtherService
    refusal: str | None = None
    details: dict[str, Any] = field(default_factory=lambda: dict(ERIKA))

    def __post_init__(self) -> None:
        self.server.otherwise = self._answer

    @property
    def purposes(self) -> list[str]:
        return [each.headers["X-Purpose"] for each in self.server.asked]

    def _answer(self, handler: Any) -> None:
        path = urlsplit(handler.path).path
        part = "identity" if path.startswith(IDENTITIES) else "addressee"
        assert path.startswith((IDENTITIES, ADDRESSES))
        said = None if self.refusal else self.details
        with_json({"patient_id": path.rpartition("/")[2], "refusal": self.refusal, part: said})(handler)


def accepted(request: UUID, *, sequence: int = 2) -> None:
    publish(catalogue.RequestAccepted, request, sequence=sequence, time=NOW, accepted_on=berlin_day(NOW))


def written(now: Any = LATER, rules: ContactRules = RULES) -> list[Email]:
    """Everything that is due is written; returns what is there beside inquiries."""
    while jobs.write_confirmations(rules, TEXTS, now):
        pass
    return [each for each in rows(Email) if each.kind != "inquiry"]


def by_recipient(catcher: FakeMailServer) -> dict[str, Any]:
    return {envelope[1][0]: message for envelope, message in zip(catcher.envelopes, catcher.messages, strict=True)}


def whole(message: Any) -> str:
    return str(message["Subject"]) + "".join(message.get_body((kind,)).get_content() for kind in ("plain", "html"))


def sending_that_asks(catcher: FakeMailServer, server: OtherService) -> Sending:
    """The job that sends to the catcher and asks this server who patients are."""
    service = PatientService(server.client("patient_service", seconds=0.5, rest_seconds=0.01))
    return Sending(RULES, TEXTS, reaching(catcher), ask_who=asking_who(service), links=LINKS)
