"""The part of the load between the agency and practices: confirmations, answers by link, claims of calls."""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Mapping
from random import Random

from chaos.acknowledged import AcknowledgedClient
from operations.errors import OperationsError
from operations.sign_in import AccessTokens, PersonalSignIn
from testkit.mail_control import ControlledMailbox

CALLER = PersonalSignIn("anruf@agentur.example.org", secrets.token_urlsafe(16))
_INVITATION = re.compile(r"#token=(\S+)")
_REPLY = re.compile(r"/reply/([a-z0-9]+)")
LATEST_CALLS = "/api/phone-calls?status=planned&limit=5&sort=starts_at&view=row"
"""The first few that are planned: two people who choose among them often want the same."""


class ContactLoad:
    """What practices answer, and how the agency confirms and calls; two people phone."""

    def __init__(self, client: AcknowledgedClient, settings: Mapping[str, str]) -> None:
        self._client, self._mailbox = client, ControlledMailbox.of(settings)
        self._settings, self._read = settings, set[str]()
        self._caller: AccessTokens | None = None

    def enter_caller(self) -> None:
        """Give somebody who phones an account, before anything is killed."""
        api = self._client.api
        user = api.post("user", "/api/users", {"name": "Anna Ruf", "email": CALLER.email, "roles": ["caller"]})
        api.post("user", f"/api/users/{user['id']}/invite")
        (mail,) = self._mailbox.wait_for(1, to=CALLER.email)
        token = _INVITATION.findall(mail["text"])[0]
        self._client.ask(
            "POST", "user", "/api/auth/invitations/accept", {"token": token, "new_password": CALLER.password}
        )
        self._caller = AccessTokens(self._settings, CALLER, is_attended=False)
        self._caller.headers()

    # Letters

    def confirm(self, request: str, stop: threading.Event) -> None:
        """Write to a practice that it is to take the patient, once communication knows of the acceptance."""
        draft = {
            "kind": "confirmation",
            "placement_request_id": request,
            "subject": "Danke",
            "body_text": "Wir freuen uns über Ihre Zusage.",
        }
        for _ in range(10):
            written = self._client.ask("POST", "communication", "/api/emails", draft)
            if written:
                path = f"/api/emails/{written['id']}/approve"
                if self._client.ask("POST", "communication", path):
                    self._client.journal.note("confirmations", written["id"])
                return
            if stop.wait(0.5):  # or the practice has no address
                return

    def answer(self, chance: Random) -> None:
        """Answer a letter by its link as a practice may: twice, since buttons are pressed twice."""
        time.sleep(chance.uniform(0.2, 0.6))
        for mail in self._new_emails()[:3]:
            self._read.add(mail["id"])
            if chance.random() < 0.5:
                self._answer(mail["id"], chance)

    def _new_emails(self) -> list[dict[str, str]]:
        try:
            return [mail for mail in self._mailbox.mails() if mail["id"] not in self._read]
        except (OSError, OperationsError):
            return []

    def _answer(self, mail_id: str, chance: Random) -> None:
        try:
            mail = self._mailbox.mail(mail_id)
        except (OSError, OperationsError):
            return
        tokens = _REPLY.findall(mail["text"])
        if not tokens:
            return
        form = {"outcome-0": chance.choice(["declined_capacity", "declined_unsuitable"])}
        pages = [self._client.submit("communication", f"/reply/{tokens[0]}", form) for _ in range(2)]
        if any(page and ("Gespeichert für: P-" in page or "Saved for: P-" in page) for page in pages):
            self._client.journal.note("replies", mail["message_id"])

    # Calls

    def call(self, chance: Random) -> None:
        """Somebody claims a call, and gives it back or says that nobody answered."""
        self._call(chance, "administrator", None)

    def call_too(self, chance: Random) -> None:
        """So does somebody else, at the same time."""
        self._call(chance, "caller", self._caller)

    def _call(self, chance: Random, by: str, tokens: AccessTokens | None) -> None:
        time.sleep(chance.uniform(0.1, 0.4))
        found = self._client.ask("GET", "communication", LATEST_CALLS, tokens=tokens)
        calls = [each["id"] for each in (found or {}).get("items", [])]
        if not calls:
            return
        path = f"/api/phone-calls/{chance.choice(calls)}"
        if not self._client.ask("POST", "communication", f"{path}/claim", tokens=tokens):
            return
        held = self._client.journal.hold(path.rpartition("/")[2], by)
        time.sleep(chance.uniform(0.1, 0.6))
        held.until = time.monotonic()
        if chance.random() < 0.7:
            self._client.ask("POST", "communication", f"{path}/release", {}, tokens=tokens)
        else:
            self._client.ask("POST", "communication", f"{path}/outcome", {"result": "no_answer"}, tokens=tokens)
