"""What a process reads at its start, and what it refuses with a word on what to do."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field, ValidationError

from migrations.settings import MigrationSettings
from shared.runtime.settings import (
    EnvironmentSettings,
    KafkaAdministratorSettings,
    KafkaSettings,
    OnlyIn,
    SettingsGroup,
    Unit,
    names,
    read,
)
from shared.values.enums import Role
from testkit.private_platform import ROOT
from therapist_service.settings import Settings


@pytest.mark.parametrize(
    ("of", "named"),
    [
        (Settings, ["DIGEST_KEY", "THERAPIST_SERVICE_DATABASE_PASSWORD", "THERAPIST_SERVICE_KAFKA_PASSWORD"]),
        (MigrationSettings, ["DATABASE_OWNER_PASSWORD", "POSTGRES_ADMIN_PASSWORD"]),
    ],
)
def test_secrets_that_nobody_has_generated_stop_the_process(
    of: type[EnvironmentSettings], named: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text((ROOT / ".env.example").read_text())
    monkeypatch.chdir(tmp_path)
    for name in named:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SystemExit) as ended:
        read(of)
    for name in named:
        assert f"{name}: Value error, still has the value of .env.example; `make env`" in str(ended.value)


class Tea(SettingsGroup):
    """How tea is made."""

    steeping_minutes: Annotated[int, Unit("minutes")] = Field(default=3, ge=1)
    """How long."""
    kind: str = "green"
    """Which."""


class Kitchen(EnvironmentSettings):
    """What a kitchen reads."""

    tea: Tea = Tea()
    spoons: Annotated[int, OnlyIn("worker")] = 2
    """How many."""


@pytest.fixture
def nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Neither `.env` nor the settings of the running tests."""
    monkeypatch.setenv("ENV_FILE", "")
    return monkeypatch


def test_a_group_is_read_from_names_that_begin_with_its_own(nothing_else: pytest.MonkeyPatch) -> None:
    nothing_else.setenv("TEA_STEEPING_MINUTES", "7")
    nothing_else.setenv("TEA_SUGAR", "much")
    assert read(Kitchen).tea == Tea(steeping_minutes=7)
    assert names(Kitchen) == ["TEA_STEEPING_MINUTES", "TEA_KIND", "SPOONS"]
    assert names(Kitchen, process="web") == ["TEA_STEEPING_MINUTES", "TEA_KIND"]


def test_settings_that_are_given_are_all_there_are(nothing_else: pytest.MonkeyPatch) -> None:
    nothing_else.setenv("TEA_STEEPING_MINUTES", "7")
    nothing_else.setenv("SPOONS", "5")
    made = Kitchen.of({"TEA_KIND": "black"})
    assert (made.tea, made.spoons) == (Tea(steeping_minutes=3, kind="black"), 2)


def test_a_group_is_read_from_the_file_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("ENV_FILE", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("TEA_KIND=black\nTEA_STEEPING_MINUTES=5\n")
    monkeypatch.setenv("TEA_STEEPING_MINUTES", "6")
    assert read(Kitchen).tea == Tea(steeping_minutes=6, kind="black")


@pytest.mark.parametrize(
    ("name", "value"),
    [("TEA_STEEPING_MINUTES", "0"), ("TEA_STEEPING_MINUTES", "long"), ("TEA_KIND", "a\nb"), ("TEA_KIND", "x" * 1001)],
)
def test_what_is_wrong_in_a_group_is_named_as_the_environment_has_it(
    nothing_else: pytest.MonkeyPatch, name: str, value: str
) -> None:
    nothing_else.setenv(name, value)
    with pytest.raises(SystemExit, match=rf"(?m)^  {name}: ") as ended:
        read(Kitchen)
    assert value not in str(ended.value) or len(value) == 1


def test_the_name_of_a_group_alone_ends_the_process_with_a_sentence(nothing_else: pytest.MonkeyPatch) -> None:
    """It is read as JSON; somebody else's variable may be called so."""
    nothing_else.setenv("TEA", "Earl Grey")
    with pytest.raises(SystemExit, match="tea"):
        read(Kitchen)


def test_no_variable_renames_a_service(nothing_else: pytest.MonkeyPatch) -> None:
    """The name of the service is its role in the database, and SERVICE a name that many use."""
    nothing_else.setenv("SERVICE", "something_else")
    key = base64.b64encode(bytes(32)).decode()
    made = Settings(THERAPIST_SERVICE_DATABASE_PASSWORD="x", THERAPIST_SERVICE_KAFKA_PASSWORD="x", digest_key=key)
    assert (made.service, made.database_url.username) == ("therapist_service", "therapist_service")
    assert "SERVICE" not in names(Settings)


DIGEST_KEY = base64.b64encode(bytes(32)).decode()
NEEDED = {
    "THERAPIST_SERVICE_DATABASE_PASSWORD": "x",
    "THERAPIST_SERVICE_KAFKA_PASSWORD": "x",
    "DIGEST_KEY": DIGEST_KEY,
    "AUTH": "token",
}


@pytest.mark.parametrize("bind", ["0.0.0.0", "::", "192.168.1.5", "10.0.0.1", "example.org", ""])
def test_nobody_but_this_machine_gets_in_without_signing_in(bind: str) -> None:
    """Every caller would be an administrator."""
    with pytest.raises(ValidationError, match=r"(?s)bind.*only 127\.0\.0\.1 is possible"):
        Settings.of(NEEDED | {"AUTH": "none", "BIND": bind})
    assert Settings.of(NEEDED | {"BIND": bind}).bind == bind
    assert Settings.model_fields["auth"].default == "token"


@pytest.mark.parametrize("bind", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_this_machine_may_do_without(bind: str) -> None:
    assert Settings.of(NEEDED | {"AUTH": "none", "BIND": bind}).auth == "none"


@pytest.mark.parametrize(
    "url",
    [
        "jwks",
        "ftp://id.example/jwks",
        "http://",
        "http:///jwks",
        "https://me:secret@id.example/",  # pragma: allowlist secret
        "http://id.example:x/",
    ],
)
def test_the_address_of_keys_is_one(url: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.of(NEEDED | {"JWKS_URL": url})
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("bind", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("::", "[::1]"),
        ("::1", "[::1]"),
        ("10.0.0.1", "10.0.0.1"),
    ],
)
def test_keys_are_those_of_the_user_service_unless_another_issuer_is_named(bind: str, address: str) -> None:
    ours = Settings.of(NEEDED | {"BIND": bind, "USER_SERVICE_PORT": "9006"})
    assert ours.keys_url == f"http://{address}:9006/.well-known/jwks.json"
    other = "https://id.example/realms/praxis/certs?x=1"
    assert Settings.of(NEEDED | {"JWKS_URL": other}).keys_url == other


OF_ANOTHER_ISSUER = {
    "TOKEN_TYPE": "JWT",
    "TOKEN_ROLES_CLAIM": "realm_access.roles",
    "TOKEN_ROLE_NAMES": "phone=caller",
}


@pytest.mark.parametrize("name", OF_ANOTHER_ISSUER)
@pytest.mark.parametrize("ours", ["", "http://user-web:8006/.well-known/jwks.json"])
def test_tokens_that_the_user_service_does_not_make_are_not_waited_for(name: str, ours: str) -> None:
    """Nobody could sign in, and nothing would say why."""
    chosen = NEEDED | {name: OF_ANOTHER_ISSUER[name]}
    with pytest.raises(ValidationError, match=f"(?s)jwks_url.*nobody could sign in: leave {name} as it is"):
        Settings.of(chosen | {"JWKS_URL": ours})
    assert not Settings.of(NEEDED | {"JWKS_URL": ours}).has_external_issuer
    for other in ("https://id.example/certs", "https://id.example/.well-known/jwks.json", "http://127.0.0.1:8006/jwks"):
        assert Settings.of(chosen | {"JWKS_URL": other}).has_external_issuer


def test_an_issuer_may_name_roles_in_its_own_way() -> None:
    other = NEEDED | {"JWKS_URL": "https://id.example/certs"}
    named = Settings.of(other | {"TOKEN_ROLE_NAMES": "Büro Mitte=coordinator, phone=caller,"}).role_names
    assert named == {"Büro Mitte": Role.COORDINATOR, "phone": Role.CALLER}
    assert Settings.of(NEEDED).role_names == {role.value: role for role in Role}
    for wrong in ("office", "office=emperor", "=admin", "office=admin=caller"):
        with pytest.raises(ValidationError, match="must be like office=coordinator"):
            Settings.of(NEEDED | {"TOKEN_ROLE_NAMES": wrong})


ACCOUNTS = NEEDED | {"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "KAFKA_ADMIN_PASSWORD": "y"}


def credentials(settings: KafkaSettings) -> tuple[object, ...]:
    kafka = settings.kafka_client()
    return tuple(kafka.get(f"sasl.{name}") for name in ("mechanism", "username", "password"))


def test_a_service_signs_in_at_kafka_by_its_name_and_the_administrator_by_another() -> None:
    assert credentials(Settings.of(ACCOUNTS)) == ("SCRAM-SHA-512", "therapist_service", "x")
    assert credentials(KafkaAdministratorSettings.of(ACCOUNTS)) == ("PLAIN", "administrator", "y")


def test_everybody_may_have_one_account_at_an_existing_cluster() -> None:
    shared = ACCOUNTS | {
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-256",
        "KAFKA_SASL_USERNAME": "platform",
        "KAFKA_SASL_PASSWORD": "z",
    }
    for kind in (Settings, KafkaAdministratorSettings):
        assert credentials(kind.of(shared)) == ("SCRAM-SHA-256", "platform", "z")


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL"])
def test_no_password_is_sent_to_a_kafka_that_has_no_accounts(protocol: str) -> None:
    for kind in (Settings, KafkaAdministratorSettings):
        chosen = kind.of(ACCOUNTS | {"KAFKA_SECURITY_PROTOCOL": protocol})
        assert credentials(chosen) == (None, None, None)


@pytest.mark.parametrize("value", ['a"b', "a\\b", "a;b", "a b", "ä", "a'b", "a$b", "a|b", "a&b"])
@pytest.mark.parametrize("name", ["KAFKA_ADMIN_USERNAME", "KAFKA_ADMIN_PASSWORD"])
def test_the_administrators_account_can_stand_in_kafkas_configuration(name: str, value: str) -> None:
    """It is written there by a shell, between quotes."""
    with pytest.raises(ValidationError, match="may have letters, digits"):
        KafkaAdministratorSettings.of(ACCOUNTS | {name: value})
