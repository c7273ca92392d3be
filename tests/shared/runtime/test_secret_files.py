"""A secret may stand in a file, which `<NAME>_FILE` names."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from operations import env_file
from operations.declared_settings import DeclaredSettings
from shared.runtime.secret_files import is_secret
from shared.runtime.settings import SettingsGroup, fields, group_of, read
from testkit.private_platform import ROOT
from therapist_service.settings import Settings

KEY = base64.b64encode(bytes(range(32))).decode()
GIVEN = {
    "THERAPIST_SERVICE_DATABASE_PASSWORD": "database",
    "THERAPIST_SERVICE_KAFKA_PASSWORD": "kafka",
    "DIGEST_KEY": KEY,
}
MODELS = DeclaredSettings(ROOT).models().values()

Reader = Callable[[dict[str, str]], Settings]


def from_the_environment(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Reader:
    def reader(variables: dict[str, str]) -> Settings:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return read(Settings)

    return reader


def from_an_env_file(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Reader:
    def reader(variables: dict[str, str]) -> Settings:
        monkeypatch.delenv("ENV_FILE", raising=False)
        (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
        return read(Settings)

    return reader


def from_a_mapping(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Reader:
    return Settings.of


@pytest.fixture(params=[from_the_environment, from_an_env_file, from_a_mapping])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Reader:
    """Every way in which a process is given its settings, with no others than those of a test."""
    for name in fields(Settings):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ENV_FILE", "")
    monkeypatch.chdir(tmp_path)
    made: Reader = request.param(monkeypatch, tmp_path)
    return made


def in_files(folder: Path, contents: dict[str, str]) -> dict[str, str]:
    for name, content in contents.items():
        env_file.write_private(folder / name, content)
    return {f"{name}_FILE": str(folder / name) for name in contents}


def problem_of(reader: Reader, variables: dict[str, str]) -> str:
    with pytest.raises((ValidationError, SystemExit)) as refused:
        reader(variables)
    return str(refused.value)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_every_secret_may_stand_in_a_file(reader: Reader, tmp_path: Path, end: str) -> None:
    """With or without the end of its line, which editors write; an empty variable counts as none."""
    in_file = in_files(tmp_path, {name: value + end for name, value in GIVEN.items()})
    settings = reader(in_file | {"DIGEST_KEY": ""})
    found = settings.database_password, settings.kafka_password, settings.digest_key
    assert [each.get_secret_value() for each in found] == [*GIVEN.values()]


def test_a_secret_is_in_one_place(reader: Reader, tmp_path: Path) -> None:
    said = problem_of(reader, GIVEN | in_files(tmp_path, {"DIGEST_KEY": KEY}))
    assert "set DIGEST_KEY or DIGEST_KEY_FILE, not both" in said


WRONG: dict[str, bytes | None] = {
    "cannot be read: No such file or directory": None,
    "is empty": b"\n",
    "is not base64": KEY.encode() + b"\n\n",
    "must be one line": b"first\nsecond\n",
    "names no file with a line of text": b"\xff\xfe",
    "at most 1000": b"x" * 2000,
}


@pytest.mark.parametrize("said", WRONG)
def test_a_file_that_is_of_no_use_is_named_without_its_content(reader: Reader, tmp_path: Path, said: str) -> None:
    file, content = tmp_path / "secret", WRONG[said]
    if content is not None:
        file.write_bytes(content)
        file.chmod(0o600)
    others = {name: value for name, value in GIVEN.items() if name != "DIGEST_KEY"}
    problem = problem_of(reader, others | {"DIGEST_KEY_FILE": str(file)})
    assert "digest_key" in problem.lower()
    assert ("must be one line" if said == "is not base64" else said) in problem
    assert str(file) in problem or "DIGEST_KEY_FILE" not in problem
    assert not {part for part in ("first", "second", KEY, "xxx") if part in problem}


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o666])
def test_a_file_that_everybody_can_read_or_write_is_refused(reader: Reader, tmp_path: Path, mode: int) -> None:
    in_file = in_files(tmp_path, GIVEN)
    (tmp_path / "DIGEST_KEY").chmod(mode)
    problem = problem_of(reader, in_file)
    assert "the file that DIGEST_KEY_FILE names can be read by every user of the machine" in problem
    assert str(tmp_path / "DIGEST_KEY") in problem
    assert KEY not in problem


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o440, 0o640])
def test_a_file_may_be_for_its_owner_and_a_group(reader: Reader, tmp_path: Path, mode: int) -> None:
    """As containers are given secrets that root owns."""
    in_file = in_files(tmp_path, GIVEN)
    (tmp_path / "DIGEST_KEY").chmod(mode)
    assert reader(in_file).digest_key.get_secret_value() == KEY


@pytest.mark.parametrize("secret", [KEY, "/" + KEY[1:], f"/{KEY[1:20]}/{KEY[21:]}"])
def test_a_key_in_place_of_the_name_of_its_file_is_not_shown(reader: Reader, secret: str) -> None:
    """It happens, and the message ends in a log."""
    others = {name: value for name, value in GIVEN.items() if name != "DIGEST_KEY"}
    problem = problem_of(reader, others | {"DIGEST_KEY_FILE": secret})
    assert "the file that DIGEST_KEY_FILE names cannot be read" in problem
    assert secret not in problem


def test_a_folder_is_no_secret(reader: Reader, tmp_path: Path) -> None:
    others = {name: value for name, value in GIVEN.items() if name != "DIGEST_KEY"}
    assert "Is a directory" in problem_of(reader, others | {"DIGEST_KEY_FILE": str(tmp_path)})


def test_a_pipe_is_no_secret(reader: Reader, tmp_path: Path) -> None:
    """Its other end may never come, and the start would wait for it without a word."""
    pipe = tmp_path / "secret"
    os.mkfifo(pipe)
    others = {name: value for name, value in GIVEN.items() if name != "DIGEST_KEY"}
    with ThreadPoolExecutor(1) as other:
        running = other.submit(problem_of, reader, others | {"DIGEST_KEY_FILE": str(pipe)})
        try:
            assert "DIGEST_KEY_FILE names no file with a line of text" in running.result(timeout=10)
        finally:
            with suppress(OSError):  # nobody waits at the other end, as it should be
                os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/tty"])
def test_a_device_is_no_secret(reader: Reader, device: str) -> None:
    others = {name: value for name, value in GIVEN.items() if name != "DIGEST_KEY"}
    assert "DIGEST_KEY_FILE names" in problem_of(reader, others | {"DIGEST_KEY_FILE": device})


def test_a_secret_that_is_needed_is_not_empty(reader: Reader) -> None:
    problem = problem_of(reader, GIVEN | {"THERAPIST_SERVICE_KAFKA_PASSWORD": ""})
    assert "THERAPIST_SERVICE_KAFKA_PASSWORD" in problem
    assert "is empty" in problem


def test_what_is_no_secret_stands_in_no_file(reader: Reader, tmp_path: Path) -> None:
    assert reader(GIVEN | in_files(tmp_path, {"LOG_LEVEL": "DEBUG"})).log_level == "INFO"


def test_the_names_of_secrets_tell_that_they_are() -> None:
    """By the name alone `make env` and `make up` know which settings may stand in a file."""
    declared = {name: field for model in MODELS for name, field in fields(model).items()}
    assert {name for name, field in declared.items() if field.annotation is SecretStr} == set(
        filter(is_secret, declared)
    )


def test_no_group_of_settings_has_a_secret() -> None:
    """Only those that stand alone are read from files."""
    groups: set[type[SettingsGroup]] = {
        group for model in MODELS for field in model.model_fields.values() if (group := group_of(field))
    }
    assert groups
    assert not [each for each in groups if SecretStr in {field.annotation for field in each.model_fields.values()}]
