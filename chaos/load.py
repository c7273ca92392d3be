"""A steady mixed load: clients that repeat each request until it is acknowledged, and record it then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import uuid4

from sqlalchemy.exc import SQLAlchemyError

from chaos import witness
from chaos.acknowledged import AcknowledgedClient
from chaos.contact_load import ContactLoad
from chaos.journal import Journal
from shared.database import transaction
from testkit.api_client import ApiClient, Document

PLACES = (("95028", "Hof"), ("52062", "Aachen"), ("50667", "Köln"))


class Load:
    """Threads that send requests until `finish`."""

    def __init__(self, settings: dict[str, str], journal: Journal, seed: int, *, only_count: bool = False) -> None:
        """`only_count`: only increase the witness's counters, without any request to a service."""
        self._api, self._journal, self._seed = ApiClient(settings), journal, seed
        self._client = AcknowledgedClient(self._api, journal)
        self._contacts = ContactLoad(self._client, settings)
        self._stop = threading.Event()
        self.counters = [uuid4() for _ in range(20)]
        self._only_count = only_count
        works = [self._count, self._count]
        if not only_count:
            works += [self._therapists, self._patients, self._patients]
            works += [self._contacts.answer, self._contacts.call, self._contacts.call_too]
        self._works = [(work, Random(f"{seed} {number}")) for number, work in enumerate(works)]
        self._threads = ThreadPoolExecutor(max_workers=len(works), thread_name_prefix="load")

    def start(self) -> None:
        """Sign in, before anything is killed, and begin."""
        if not self._only_count:
            self._api.tokens.headers()
            self._contacts.enter_caller()
        with transaction() as session:
            now = datetime.now(UTC)
            session.add_all([witness.Counter(id=c, created_at=now, updated_at=now) for c in self.counters])
        self._at_work = [self._threads.submit(self._repeat, work, chance) for work, chance in self._works]

    def finish(self) -> None:
        """Wait for the current requests; an error of one of the threads is raised here."""
        self._stop.set()
        for each in self._at_work:
            each.result()

    def _repeat(self, work: Callable[[Random], None], chance: Random) -> None:
        while not self._stop.is_set():
            work(chance)

    def _until_acknowledged(self, method: str, service: str, path: str, body: Document) -> Any:
        return self._client.ask(method, service, path, body)

    def _therapists(self, chance: Random) -> None:
        postal_code, city = chance.choice(PLACES)
        mark = uuid4().hex[:12]
        hours = {day: [{"start": "08:00", "end": "18:00"}] for day in ("monday", "tuesday", "thursday", "friday")}
        made = self._until_acknowledged(
            "POST", "therapist", "/api/therapists",
            {"last_name": f"Probe {mark}", "postal_code": postal_code, "city": city, "accreditation": "statutory",
             "procedures": ["VT"], "age_groups": ["adult"], "settings": ["individual"], "languages": ["de"],
             # some practices share an address, some have none
             "email": chance.choice([f"p-{mark}@example.org", f"shared-{chance.randrange(5)}@example.org", None]),
             "phone": "+49 30 23125 123", "phone_hours": hours},
        )  # fmt: skip
        if made:
            self._journal.note("therapists", made["id"])
        time.sleep(chance.uniform(0.1, 0.4))

    def _patients(self, chance: Random) -> None:
        postal_code, _ = chance.choice(PLACES)
        patient = self._until_acknowledged(
            "POST", "patient", "/api/patients?force=true",
            {"first_name": "Probe", "last_name": f"Geheim {uuid4().hex[:12]}", "date_of_birth": "1990-05-05",
             "postal_code": postal_code, "insurance_type": "statutory", "diagnoses": ["F32.1G"],
             "contracts_signed": True, "max_distance_km": 30},
        )  # fmt: skip
        if not patient:
            return
        self._journal.note("patients", patient["id"])
        if self._search(patient["id"]):
            self._approve(patient["id"], chance)

    def _search(self, patient_id: str) -> bool:
        for _ in range(60):
            started = self._until_acknowledged(
                "POST", "patient", f"/api/patients/{patient_id}/status", {"status": "searching"}
            )
            if started:
                self._journal.note("searching", patient_id)
                return True
            if self._stop.wait(0.5):
                return False
        return False

    def _approve(self, patient_id: str, chance: Random) -> None:
        for _ in range(60):
            wanted = {"patient_id": patient_id, "limit": 50}
            found = self._until_acknowledged("POST", "matching", "/api/matches", wanted)
            candidates = [c["therapist_id"] for c in (found or {}).get("candidates", [])]
            if candidates:
                chosen = chance.sample(candidates, min(3, len(candidates)))
                body = {"patient_id": patient_id, "therapist_ids": chosen}
                approved = self._until_acknowledged("POST", "matching", "/api/placement-requests", body)
                if approved:
                    for request in approved["items"]:
                        self._journal.note("requests", request["id"])
                    self._maybe_answer(approved["items"], chance)
                    return
            if self._stop.wait(0.5):
                return

    def _maybe_answer(self, items: list[Document], chance: Random) -> None:
        for request in items:
            if chance.random() < 0.25:
                outcome = chance.choice(["declined_capacity", "declined_unsuitable", "accepted"])
                path = f"/api/placement-requests/{request['id']}/response"
                if self._until_acknowledged("POST", "matching", path, {"outcome": outcome}):
                    self._journal.answer(request["id"], outcome)
                    if outcome == "accepted":
                        self._contacts.confirm(request["id"], self._stop)
                        return  # the patient's others are held

    def _count(self, chance: Random) -> None:
        counter = chance.choice(self.counters)
        committing = False
        try:
            with transaction() as session:
                witness.increase(session, counter, now=datetime.now(UTC))
                committing = True
            self._journal.count(counter, committed=True)
        except SQLAlchemyError:
            if committing:
                self._journal.count(counter, committed=False)
            time.sleep(0.1)
        time.sleep(chance.uniform(0.005, 0.03))
