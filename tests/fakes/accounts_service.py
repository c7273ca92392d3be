"""The user service and the mail catcher, as a tool that signs in sees them: accounts, invitations, resets, e-mails."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from operations.mail_page import credentials

EMAIL, PASSWORD = "admin@example.org", "a long password"
ADMIN: dict[str, Any] = {"id": "1", "email": EMAIL, "roles": ["admin"], "password": PASSWORD}
Answer = tuple[int, Any]


@dataclass
class AccountsService:
    """Answers at 127.0.0.1; what it knows may be changed before a request."""

    accounts: list[dict[str, Any]] = field(default_factory=lambda: [dict(ADMIN)])
    mails: list[dict[str, Any]] = field(default_factory=list)
    sends_mails: bool = True
    has_invitations: bool = True
    asked: list[str] = field(default_factory=list)
    """Each request, as `POST /api/users`."""

    def __post_init__(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def settings(self) -> dict[str, str]:
        """Settings that lead here."""
        port = str(self.server.server_port)
        return {
            "AUTH": "token",
            "BIND": "127.0.0.1",
            "USER_SERVICE_PORT": port,
            "MAIL_CATCHER_PORT": port,
            "MAIL_CATCHER_PASSWORD": PASSWORD,
            "LOCAL_PARTS": "postgresql,mail",
            "ADMIN_EMAIL": EMAIL,
            "ADMIN_PASSWORD": PASSWORD,
        }

    def answer(self, method: str, address: str, body: Any, *, roles: list[str]) -> Answer:
        """What a request with this body of somebody with these roles is answered."""
        path, query = urlsplit(address).path, parse_qs(urlsplit(address).query)
        self.asked.append(f"{method} {path}")
        parts = path.strip("/").split("/")
        match method, parts:
            case "GET", ["mails", *_] if "mails" not in roles:
                return 401, None
            case "GET", ["mails"]:
                return 200, [{"id": each["id"], "envelope_to": each["envelope_to"]} for each in self.mails]
            case "GET", ["mails", number]:
                return 200, next(each for each in self.mails if each["id"] == number)
            case "POST", ["api", "auth", "login"]:
                return self._sign_in(body)
            case "POST", ["api", "auth", "password-resets"]:
                self._send(body["email"])
                return 204, None
            case "POST", ["api", "auth", "invitations", "accept"] | ["api", "auth", "password-resets", "complete"]:
                return self._choose(body)
        if "admin" not in roles:
            return 403, {"code": "role.missing"}
        match method, parts:
            case "GET", ["api", "users"]:
                return self._page(query)
            case "POST", ["api", "users"]:
                return self._create(body)
            case "POST", ["api", "users", number, "invite"] if self.has_invitations:
                return self._invite(number)
        return 404, {"code": "not_found"}

    def _sign_in(self, body: Any) -> Answer:
        for each in self.accounts:
            if each["email"] == body["email"] and each.get("password") == body["password"]:
                claims = base64.urlsafe_b64encode(json.dumps({"roles": each["roles"]}).encode()).decode().rstrip("=")
                return 200, {"access_token": f"head.{claims}.signature", "expires_in": 300}
        return 401, {"code": "sign_in.refused"}

    def _page(self, query: dict[str, list[str]]) -> Answer:
        found = [each for each in self.accounts if query["role"][0] in each["roles"]]
        offset, limit = int(query["offset"][0]), int(query["limit"][0])
        shown = [{name: each[name] for name in ("id", "email", "roles")} for each in found[offset : offset + limit]]
        return 200, {"items": shown, "total": len(found)}

    def _create(self, body: Any) -> Answer:
        if any(each["email"] == body["email"] for each in self.accounts):
            return 409, {"code": "account.email_known"}
        self.accounts.append({**body, "id": str(len(self.accounts) + 1)})
        return 201, self.accounts[-1]

    def _invite(self, number: str) -> Answer:
        account = next(each for each in self.accounts if each["id"] == number)
        if account.get("password"):
            return 409, {"code": "account.has_password"}
        self._send(account["email"])
        return 202, account

    def _send(self, email: str) -> None:
        if self.sends_mails:
            number = str(len(self.mails) + 1)
            link = f"http://127.0.0.1:8080/page#token=link-{number}-{email.partition('@')[0]}"
            self.mails.append({"id": number, "envelope_to": [email], "text": f"Please choose:\n\n{link}\n\nThe link"})

    def _choose(self, body: Any) -> Answer:
        _, number, name = body["token"].split("-", 2)
        account = next(each for each in self.accounts if each["email"].startswith(f"{name}@"))
        if number != str(len(self.mails)):
            return 422, {"code": "link.over"}
        account["password"] = body["new_password"]
        return 204, None


@contextmanager
def accounts_service() -> Iterator[AccountsService]:
    """A service that knows the first administrator."""
    running = AccountsService()
    try:
        yield running
    finally:
        running.server.shutdown()
        running.server.server_close()


def _handler(service: AccountsService) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            _, answer = status, found = service.answer(self.command, self.path, body, roles=self._roles())
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"" if found is None else json.dumps(answer).encode())

        do_GET = do_POST = _answer

        def _roles(self) -> list[str]:
            given = self.headers.get("Authorization", "")
            if given == credentials(PASSWORD):
                return ["mails"]
            token = given.partition(" ")[2]
            if not token:
                return []
            claims = token.split(".")[1]
            roles: list[str] = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["roles"]
            return roles

        def log_message(self, *_: Any) -> None:
            """Tests say what they saw."""

    return Handler
