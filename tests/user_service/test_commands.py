"""Commands of this service's own, as processes: a secret is in their environment or their output, never in a list."""

from __future__ import annotations

from typing import Any

import pytest

from shared.database import transaction
from tests.commands import ended
from tests.conftest import MONDAY
from tests.infrastructure import Infrastructure
from user_service.domain import sign_in
from user_service.domain.schemas import MachineSignIn
from user_service.store import queries
from user_service.store.tables import SigningKey

pytestmark = pytest.mark.usefixtures("real_commits")


@pytest.fixture
def command(infrastructure: Infrastructure, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command of the service and returns its exit code and its output."""
    for name in ("ADMIN_EMAIL", "ADMIN_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ENV_FILE", "")

    def run(*arguments: str, **variables: str) -> tuple[int, str]:
        done = ended("user_service", *arguments, **variables)
        return done.returncode, done.stdout + done.stderr

    return run


STRONG = "vier andere Wörter Nebel"


@pytest.mark.slow
def test_an_administrator_is_made_with_the_given_password_or_a_new_one(command: Any) -> None:
    code, said = command("create-admin", "--email", "a@example.org", ADMIN_PASSWORD=STRONG)
    assert (code, STRONG in said) == (0, False)
    assert "made the administrator a@example.org" in said
    code, said = command("create-admin", "--email", "b@example.org")
    assert "password (shown once): " in said
    code, said = command("create-admin", "--email", "c@example.org", "--if-none", ADMIN_PASSWORD=STRONG)
    assert (code, said.strip()) == (0, "there is an administrator already")
    code, said = command("create-admin", "--email", "a@example.org", ADMIN_PASSWORD=STRONG)
    assert (code, said.strip()) == (1, "Another account has this e-mail address.")
    code, said = command("create-admin", "--email", "nonsense", ADMIN_PASSWORD=STRONG)
    assert (code, said.strip()) == (1, "email: must be an e-mail address like praxis@example.org")
    code, said = command("create-admin", "--email", "d@example.org", ADMIN_PASSWORD="hunter2")
    assert code == 1
    assert "hunter2" not in said
    with transaction() as session:
        assert len(queries.lock_administrators(session)) == 2


@pytest.mark.slow
def test_a_machine_account_is_made_and_updated(command: Any, needed: Any) -> None:
    secret = "s" * 40
    code, said = command("create-machine", "scraper", "--scope", "imports.start", CLIENT_SECRET=secret)
    assert (code, secret in said) == (0, False)
    code, said = command("create-machine", "scraper", CLIENT_SECRET=secret)
    assert (code, said.strip()) == (1, "Another machine account has this name.")
    other = "t" * 40
    assert command("create-machine", "scraper", "--update", CLIENT_SECRET=other)[0] == 0
    with transaction() as session:
        given = MachineSignIn(client_id="scraper", client_secret=other)
        assert sign_in.of_machine(session, given, needed.tokens, needed.values, now=MONDAY)
        machine = queries.machine(session, "scraper")
        assert machine is not None
        assert machine.scopes == []
    code, said = command("create-machine", "short", CLIENT_SECRET="abc")
    assert (code, said.strip()) == (1, "CLIENT_SECRET must have at least 32 characters.")
    code, said = command("create-machine", "x", "--scope", "everything")
    assert (code, said.startswith("scopes.0: ")) == (1, True)


@pytest.mark.slow
def test_the_accounts_of_services_follow_from_their_settings(command: Any, needed: Any) -> None:
    """At each start: a new secret, or another scope, is valid after it."""
    given = {"ADMIN_EMAIL": "a@example.org", "ADMIN_PASSWORD": STRONG}
    secrets = {"PATIENT_SERVICE_CLIENT_SECRET": "p" * 40, "COMMUNICATION_SERVICE_CLIENT_SECRET": "c" * 40}
    code, said = command("prepare-accounts", **given, **secrets)
    assert (code, "made the administrator" in said, "p" * 40 in said) == (0, True, False)
    renewed = secrets | {"COMMUNICATION_SERVICE_CLIENT_SECRET": "d" * 40}
    code, said = command("prepare-accounts", **given, **renewed)
    assert (code, said.splitlines()[0]) == (0, "there is an administrator already")
    expected = {
        "patient_service": ["patient_data.export"],
        "communication_service": ["patient_addresses.read", "patient_identities.read", "practice_summaries.read"],
    }
    with transaction() as session:
        for name, scopes in expected.items():
            machine = queries.machine(session, name)
            assert machine is not None
            assert (machine.scopes, machine.roles) == (scopes, ["service"])
            own = MachineSignIn(client_id=name, client_secret=renewed[f"{name.upper()}_CLIENT_SECRET"])
            assert sign_in.of_machine(session, own, needed.tokens, needed.values, now=MONDAY)
    code, said = command("prepare-accounts", **given, **secrets | {"PATIENT_SERVICE_CLIENT_SECRET": ""})
    assert (code, "PATIENT_SERVICE_CLIENT_SECRET" in said) == (1, True)


@pytest.mark.slow
def test_keys_are_rotated_and_replaced(command: Any) -> None:
    assert command("rotate-keys")[0] == 0
    code, said = command("rotate-keys")
    assert (code, said.startswith("A new key signs from ")) == (1, True)
    assert command("rotate-keys", "--at-once")[0] == 0
    with transaction() as session:
        assert session.query(SigningKey).count() == 1


@pytest.mark.slow
def test_other_services_do_not_have_these_commands() -> None:
    assert ended("patient_service", "rotate-keys").returncode == 2
