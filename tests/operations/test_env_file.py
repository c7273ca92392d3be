import base64
import re
import shutil
import stat
from pathlib import Path

import pytest

from operations import env_file, settings_check
from operations.errors import OperationsError
from operations.orchestrator import Orchestrator
from shared.runtime.secret_files import is_secret
from testkit.private_platform import ROOT

SECRETS = [name for name, setting in env_file.declared(ROOT).items() if setting.is_secret]


def test_the_first_start_writes_a_file_that_only_its_owner_reads(checkout: Path) -> None:
    env_file.complete(checkout)
    assert stat.S_IMODE((checkout / ".env").stat().st_mode) == 0o600
    assert [file.name for file in checkout.glob(".env*")].count(".env") == 1


def test_secrets_are_generated_and_all_different(checkout: Path) -> None:
    env_file.complete(checkout)
    values = [env_file.load(checkout, {})[name] for name in SECRETS]
    assert len(set(values)) == len(values) >= 8
    assert min(map(len, values)) >= 32
    assert len(base64.b64decode(env_file.load(checkout, {})["MASTER_KEY"])) == 32


def test_a_second_start_changes_nothing(checkout: Path) -> None:
    env_file.complete(checkout)
    before = (checkout / ".env").read_text()
    assert env_file.complete(checkout) == env_file.complete(checkout, offset=0) == []
    assert (checkout / ".env").read_text() == before


def test_another_offset_moves_the_ports_that_nobody_has_put_elsewhere_by_hand(checkout: Path) -> None:
    env_file.complete(checkout, offset=1000)
    file = checkout / ".env"
    file.write_text(file.read_text().replace("POSTGRES_PORT=6433", "POSTGRES_PORT=5555"))
    before = env_file.load(checkout, {})
    moved = env_file.complete(checkout, offset=2000)
    now = env_file.load(checkout, {})
    assert set(moved) == {name for name in now if now[name] != before[name]}
    assert env_file.offset_of(checkout) == 2000
    assert (now["DATABASE_PORT"], now["POSTGRES_PORT"]) == ("8432", "5555")
    assert now["KAFKA_BOOTSTRAP_SERVERS"] == "127.0.0.1:11092"
    assert now["MASTER_KEY"] == before["MASTER_KEY"]
    assert env_file.complete(checkout) == env_file.complete(checkout, offset=2000) == []
    assert env_file.warnings(checkout) == []


def test_a_copied_example_becomes_a_file_of_our_own(checkout: Path) -> None:
    shutil.copy(checkout / ".env.example", checkout / ".env")
    env_file.complete(checkout, offset=1000)
    loaded = env_file.load(checkout, {})
    assert stat.S_IMODE((checkout / ".env").stat().st_mode) == 0o600
    assert not [name for name, value in loaded.items() if "generate:" in value or "@checkout@" in value]
    assert (loaded["PORT_OFFSET"], loaded["DATABASE_PORT"]) == ("1000", "7432")


def test_what_was_copied_and_then_edited_keeps_the_edits_and_gets_secrets(checkout: Path) -> None:
    text = (checkout / ".env.example").read_text().replace("LOG_LEVEL=INFO", "LOG_LEVEL=DEBUG")
    (checkout / ".env").write_text(text)
    assert set(env_file.complete(checkout)) == {*SECRETS, "IMPORT_URL"}
    loaded = env_file.load(checkout, {})
    assert loaded["LOG_LEVEL"] == "DEBUG"
    assert loaded["IMPORT_URL"] == f"file://{checkout}/.state/imports"
    assert len({loaded[name] for name in SECRETS}) == len(SECRETS)
    assert stat.S_IMODE((checkout / ".env").stat().st_mode) == 0o600
    assert env_file.complete(checkout) == []


def test_an_offset_moves_every_port_and_nothing_else(checkout: Path) -> None:
    env_file.complete(checkout, offset=1000)
    moved = env_file.load(checkout, {})
    assert (moved["DATABASE_PORT"], moved["POSTGRES_PORT"], moved["PATIENT_SERVICE_PORT"]) == ("7432", "6433", "9001")
    assert moved["KAFKA_BOOTSTRAP_SERVERS"] == "127.0.0.1:10092"
    assert moved["CONTACT_PATIENTS_TOGETHER"] == "6"


def test_a_setting_declared_later_is_added_with_the_offset_of_the_first_start(checkout: Path) -> None:
    env_file.complete(checkout, offset=1000)
    master_key = env_file.load(checkout, {})["MASTER_KEY"]
    with (checkout / ".env.example").open("a") as example:
        example.write("NEW_SERVICE_PORT=8007\nNEW_SERVICE_DATABASE_PASSWORD=generate:password\n")
    assert env_file.complete(checkout) == ["NEW_SERVICE_PORT", "NEW_SERVICE_DATABASE_PASSWORD"]
    now = env_file.load(checkout, {})
    assert now["NEW_SERVICE_PORT"] == "9007"
    assert len(now["NEW_SERVICE_DATABASE_PASSWORD"]) >= 32
    assert now["MASTER_KEY"] == master_key


def test_the_environment_wins_over_the_file(checkout: Path) -> None:
    env_file.complete(checkout)
    loaded = env_file.load(checkout, {"POSTGRES_PORT": "6000", "HOME": "/somewhere"})
    assert loaded["POSTGRES_PORT"] == "6000"
    assert "HOME" not in loaded


def test_quotes_and_comments_are_not_part_of_a_value() -> None:
    text = "# a comment\nA=1  # one\nB='two # words'\nC=a#b\nD=\n"
    assert env_file.parse(text) == [("A", "1"), ("B", "two # words"), ("C", "a#b"), ("D", "")]


def test_an_unknown_setting_is_reported_with_what_may_have_been_meant(checkout: Path) -> None:
    env_file.complete(checkout)
    with (checkout / ".env").open("a") as file:
        file.write("KAFKA_BOTSTRAP_SERVERS=127.0.0.1:9092\n")
    (warning,) = env_file.warnings(checkout)
    assert "KAFKA_BOTSTRAP_SERVERS" in warning
    assert "did you mean KAFKA_BOOTSTRAP_SERVERS?" in warning


def test_a_secret_may_stand_in_a_file(checkout: Path) -> None:
    """No other is made for it, and who is started gets what the file says."""
    env_file.write_private(checkout / "master_key", "of a file\n")
    (checkout / ".env").write_text(f"MASTER_KEY_FILE={checkout / 'master_key'}\n")
    assert not {"MASTER_KEY", "MASTER_KEY_FILE"} & set(env_file.complete(checkout))
    assert env_file.load(checkout, {})["MASTER_KEY"] == "of a file"
    assert env_file.warnings(checkout) == []


def test_the_environment_may_name_the_file(checkout: Path) -> None:
    env_file.complete(checkout)
    env_file.write_private(checkout / "password", "of a file")
    text = (checkout / ".env").read_text()
    (checkout / ".env").write_text(re.sub("^ADMIN_PASSWORD=.*$", "ADMIN_PASSWORD=", text, flags=re.MULTILINE))
    loaded = env_file.load(checkout, {"ADMIN_PASSWORD_FILE": str(checkout / "password")})
    assert loaded["ADMIN_PASSWORD"] == "of a file"


EVERY_SECRET = [name for name in env_file.declared(ROOT) if is_secret(name)]


def _environments(settings: dict[str, str]) -> dict[str, dict[str, str]]:
    """What every process of `make up` is given."""
    parts = Orchestrator(ROOT, settings, say=print).process_specs
    return {part.name: {**part.environment} for part in parts}


@pytest.mark.parametrize("source", ["the file .env", "the environment"])
def test_processes_are_given_what_secret_files_say_as_if_it_stood_in_env(checkout: Path, source: str) -> None:
    """From the settings as they are read, over their check, to the environment of every process; for all secrets."""
    env_file.complete(checkout)
    # for 127.0.0.1 alone a name and password of the mail server may go without TLS
    written = env_file.load(checkout, {"SMTP_USERNAME": "agency", "SMTP_PASSWORD": "of the mail server"})
    named: dict[str, str] = {}
    for name in EVERY_SECRET:
        env_file.write_private(checkout / name, f"{written[name]}\n")
        named |= {name: "", f"{name}_FILE": str(checkout / name)} if written[name] else {}
    variables = {"SMTP_USERNAME": "agency", **named}
    if source == "the file .env":
        with (checkout / ".env").open("a") as file:
            file.writelines(f"{name}={value}\n" for name, value in variables.items())
        variables = {}
    loaded = env_file.load(checkout, variables)
    settings_check.check(loaded, checkout)
    assert loaded == written
    assert _environments(loaded) == _environments(written)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("DIGEST_KEY=x\nDIGEST_KEY_FILE=/dev/null", "set DIGEST_KEY or DIGEST_KEY_FILE, not both"),
        ("DIGEST_KEY_FILE=/no/file", "the file that DIGEST_KEY_FILE names cannot be read"),
        ("DIGEST_KEY_FILE=/dev/null", "DIGEST_KEY_FILE names no file with a line of text"),
    ],
)
def test_a_secret_in_two_places_or_in_none_is_refused(checkout: Path, line: str, said: str) -> None:
    (checkout / ".env").write_text(f"{line}\n")
    env_file.complete(checkout)
    with pytest.raises(OperationsError, match=said):
        env_file.load(checkout, {})


def test_what_is_no_secret_has_no_file(checkout: Path) -> None:
    (checkout / ".env").write_text("LOG_LEVEL_FILE=/etc/hostname\n")
    assert "unknown setting LOG_LEVEL_FILE" in env_file.warnings(checkout)[0]
