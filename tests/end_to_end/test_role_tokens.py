"""`make token ROLE=…` on the running platform: an account by invitation, and what its role may do."""

from __future__ import annotations

import pytest
import requests

from operations import gateway
from operations.role_accounts import tokens_of
from testkit.private_platform import PrivatePlatform

PATHS = ["/api/patients", "/api/phone-calls", "/api/imports", "/api/users"]
ALLOWED = {"coordinator": PATHS[:3], "caller": ["/api/phone-calls"], "importer": ["/api/imports"]}


@pytest.mark.parametrize("role", ALLOWED)
def test_a_token_of_a_role_opens_what_that_role_may_call(platform: PrivatePlatform, role: str) -> None:
    front = platform.process("gateway")
    front.start()
    headers = tokens_of(platform.settings, role).headers()
    answers = {path: requests.get(f"{front.spec.address}{path}", headers=headers, timeout=20) for path in PATHS}
    assert [path for path, answer in answers.items() if answer.ok] == ALLOWED[role]
    assert {answer.status_code for answer in answers.values()} == {200, 403}
    assert gateway.url(platform.settings) == front.spec.address
