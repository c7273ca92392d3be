"""What this service refuses to start with."""

from __future__ import annotations

from typing import Any

import pytest

from shared.runtime.settings import read
from user_service.settings import Settings


@pytest.mark.parametrize("host", ["mail.example.org", "192.0.2.1", "mail", "localhost.example.org", "2001:db8::1"])
def test_links_go_in_clear_to_nobody_but_this_machine(
    settings: Any, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """Who reads one on its way chooses the password of its owner."""
    monkeypatch.setenv("SMTP_TLS", "none")
    monkeypatch.setenv("SMTP_HOST", host)
    with pytest.raises(SystemExit, match=r"(?m)^  ACCOUNT: .*in clear: set starttls or tls"):
        read(Settings)
    monkeypatch.setenv("SMTP_TLS", "starttls")
    assert read(Settings).smtp_host == host
    monkeypatch.setenv("SMTP_TLS", "none")
    monkeypatch.setenv("ACCOUNT_LINKS_IN_CLEAR", "true")
    assert read(Settings).smtp_host == host
    monkeypatch.delenv("ACCOUNT_LINKS_IN_CLEAR")
    monkeypatch.setenv("SMTP_HOST", "127.0.0.1")
    assert read(Settings).smtp_tls == "none"


@pytest.mark.parametrize("seconds", ["0", "60", "119"])
def test_a_key_signs_no_sooner_than_every_service_has_fetched_it(
    settings: Any, monkeypatch: pytest.MonkeyPatch, seconds: str
) -> None:
    monkeypatch.setenv("SIGNING_KEY_PENDING_SECONDS", seconds)
    with pytest.raises(SystemExit, match=r"(?m)^  SIGNING_KEY_PENDING_SECONDS: "):
        read(Settings)
