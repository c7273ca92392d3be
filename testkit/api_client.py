"""The platform as its staff use it: a small client of the REST APIs, for the demo, end-to-end and fault tests."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import requests

from operations import commands
from operations.errors import OperationsError
from operations.sign_in import AccessTokens
from shared.runtime.hosts import own_url
from testkit.synthetic_region import import_file

Result = TypeVar("Result")
Document = dict[str, Any]


class RequestRefused(OperationsError):
    """The platform answered with a problem."""

    def __init__(self, method: str, path: str, answer: requests.Response) -> None:
        self.status = answer.status_code
        super().__init__(f"{method} {path} was answered with {answer.status_code}: {answer.text[:1000]}")


class ApiClient:
    """Calls the REST APIs as staff do; every call could also be made with curl."""

    def __init__(self, settings: Mapping[str, str], tokens: AccessTokens | None = None) -> None:
        """`tokens`: who calls, the first administrator unless given."""
        self.settings = settings
        self.tokens = tokens or AccessTokens(settings)
        self._session = requests.Session()
        self._session.headers["User-Agent"] = "psychotherapy-platform-demo"
        self._session.headers["Accept-Language"] = "en"  # a person with a session would be answered in German

    def url(self, service: str, path: str = "") -> str:
        """The address of a service (`patient`, `therapist`, …)."""
        return own_url(self.settings["BIND"], self.settings[f"{service.upper()}_SERVICE_PORT"]) + path

    def curl(self) -> str:
        """The command with which a person calls the platform: it signs in where that is needed."""
        return commands.curl(self.settings)

    def get(self, service: str, path: str, **query: Any) -> Any:
        """The JSON answer to a GET; raises `RequestRefused`."""
        return self._ask("GET", service, path, params={k: v for k, v in query.items() if v is not None})

    def post(self, service: str, path: str, body: object = None, **query: Any) -> Any:
        """The JSON answer to a POST, which is sent with an idempotency key, so that it may be repeated."""
        return self._ask("POST", service, path, json=body, params=query, headers={"Idempotency-Key": str(uuid4())})

    def patch(self, service: str, path: str, body: Document) -> Any:
        """The JSON answer to a merge patch."""
        return self._ask("PATCH", service, path, json=body)

    def delete(self, service: str, path: str, **query: Any) -> Any:
        """The JSON answer to a DELETE, if it has one."""
        return self._ask("DELETE", service, path, params=query)

    def _ask(self, method: str, service: str, path: str, **more: Any) -> Any:
        headers = self.tokens.headers() | more.pop("headers", {})
        answer = self._session.request(method, self.url(service, path), timeout=30, headers=headers, **more)
        if not answer.ok:
            raise RequestRefused(method, path, answer)
        return answer.json() if answer.content else None

    # --- the daily work ----------------------------------------------------------------------------------------------

    @property
    def import_folder(self) -> Path:
        """The watched folder."""
        folder = Path(unquote(urlsplit(self.settings["IMPORT_URL"]).path))
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def drop_import_file(
        self, records: Iterable[Document], at: datetime, *, modifications: Iterable[Document] = ()
    ) -> str:
        """Put a scraper's file into the watched folder, whole at once; its name."""
        name, document = import_file(records, at, modifications=modifications)
        part = self.import_folder / f".{name}.part"
        part.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
        os.replace(part, self.import_folder / name)
        return name

    def import_of(self, file: str) -> Document | None:
        """The import of a file, once there is one."""
        found: list[Document] = self.get("therapist", "/api/imports", limit=200)["items"]
        return next((each for each in found if each["file"] == file), None)

    def approve_import(self, import_id: str) -> int:
        """Approve all reviews of an import, as staff who trust its source; returns their number.

        Who somebody is, is decided one by one: they are new people.
        """
        path, wanted = "/api/import-reviews", {"import_id": import_id, "state": "pending"}
        number = 0
        while ids := [each["id"] for each in self.get("therapist", path, limit=200, view="row", **wanted)["items"]]:
            body = {"ids": ids, "expected_total": len(ids), "action": "approve"}
            results = self.post("therapist", f"{path}/bulk", body)["results"]
            for each in results:
                if each["status"] != 200:
                    self.post("therapist", f"{path}/{each['id']}/approve", {})
            number += len(ids)
        return number

    def enter_patient(self, **fields: Any) -> Document:
        """A new patient, entered even where a similar one exists; contracts signed, health data consented."""
        patient: Document = self.post("patient", "/api/patients", {"contracts_signed": True, **fields}, force="true")
        consent = {"purpose": "health_data", "given_on": patient["registered_on"], "text_version": "2026-01"}
        self.post("patient", f"/api/patients/{patient['id']}/consents", consent)
        return patient

    def start_search(self, patient_id: str) -> Document:
        """The search begins as soon as the patient's record is ready for it; the patient."""
        path = f"/api/patients/{patient_id}"
        self.until(lambda: self.get("patient", f"{path}/readiness")["ready"], "the patient's record to be complete")
        patient: Document = self.post("patient", f"{path}/status", {"status": "searching"})
        return patient

    def candidates(self, patient_id: str, **more: Any) -> Document:
        """Therapists for a patient, with reasons; waits until matching knows the patient."""

        def ask() -> Document | None:
            try:
                found: Document = self.post("matching", "/api/matches", {"patient_id": patient_id, **more})
            except RequestRefused as refused:
                if refused.status in (404, 409, 422):
                    return None
                raise
            return found

        return self.until(ask, "matching to know the patient")

    def approve(self, patient_id: str, therapist_ids: list[str], **more: Any) -> Document:
        """A contact list; waits until matching knows that the search has begun."""
        body = {"patient_id": patient_id, "therapist_ids": therapist_ids, **more}

        def ask() -> Document | None:
            try:
                approved: Document = self.post("matching", "/api/placement-requests", body)
            except RequestRefused as refused:
                if refused.status in (404, 409) and "not_searching" in str(refused):
                    return None
                raise
            return approved

        return self.until(ask, "matching to know that the search has begun")

    def requests_of(self, patient_id: str) -> list[Document]:
        """The patient's placement requests."""
        found: list[Document] = self.get("matching", "/api/placement-requests", patient_id=patient_id, limit=200)[
            "items"
        ]
        return found

    def until(self, ask: Callable[[], Result | None], what: str, seconds: float = 150, every: float = 0.1) -> Result:
        """Returns what `ask` returns once that is true; `ask` is called every so many seconds.

        Raises:
            OperationsError: it does not happen in time; the text names `what`.
        """
        deadline = time.monotonic() + seconds
        while True:
            answer = ask()
            if answer:
                return answer
            if time.monotonic() > deadline:
                raise OperationsError(f"waited {seconds:g} s for {what}")
            time.sleep(every)
