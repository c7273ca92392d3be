"""Every program at the terminal is one of click's: it explains each command, and a slip of the keys costs one line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import click
import pytest
from click.testing import CliRunner

import benchmarks.__main__
import chaos.__main__
import communication_service.cli
import gateway.__main__
import geocoding_service.cli
import matching_service.cli
import migrations.__main__
import operations.__main__
import operations.postman.__main__
import patient_service.cli
import simulation.__main__
import tests.fuzz.__main__
import therapist_scraper.cli
import therapist_service.cli
import user_service.cli
from operations import event_document, export_document, mail_catcher, setting_files
from operations.errors import OperationsError
from operations.explained_commands import ExplainedGroup
from shared.events import topics
from shared.runtime import cli, kafka_accounts
from testkit import demo
from tests.architecture.sources import ROOT
from tests.commands import ended
from tests.samples import published
from tests.selection import mostly_slow

PROGRAMS: dict[str, click.Command] = {
    "patient_service": cli.commands,
    "shared.events.topics": topics.commands,
    "shared.runtime.kafka_accounts": kafka_accounts.commands,
    "migrations": migrations.__main__.commands,
    "operations": operations.__main__.main,
    "operations.mail_catcher": mail_catcher.main,
    "operations.event_document": event_document.main,
    "operations.export_document": export_document.main,
    "operations.postman": operations.postman.__main__.main,
    "operations.setting_files": setting_files.main,
    "gateway": gateway.__main__.main,
    "user_service": user_service.cli.commands,
    "patient_service.cli": patient_service.cli.commands,
    "geocoding_service.cli": geocoding_service.cli.commands,
    "matching_service.cli": matching_service.cli.commands,
    "communication_service.cli": communication_service.cli.commands,
    "therapist_service.cli": therapist_service.cli.commands,
    "testkit.demo": demo.main,
    "benchmarks": benchmarks.__main__.main,
    "chaos": chaos.__main__.main,
    "simulation": simulation.__main__.main,
    "tests.fuzz": tests.fuzz.__main__.main,
    "tests.samples.published": published.main,
    "therapist_scraper": therapist_scraper.cli.commands,
}


def _commands() -> Iterator[tuple[str, click.Command, list[str]]]:
    for program, command in PROGRAMS.items():
        yield program, command, []
        for name in command.list_commands(click.Context(command)) if isinstance(command, click.Group) else ():
            yield program, command, [name]


COMMANDS = list(_commands())
each_command = pytest.mark.parametrize(("program", "command", "path"), COMMANDS, ids=lambda value: str(value)[:40])


def run(command: click.Command, *arguments: str) -> tuple[int, list[str]]:
    """The exit code and the lines on stderr, in a service without a process."""
    done = CliRunner().invoke(command, arguments, obj="patient_service")
    return done.exit_code, done.stderr.strip().splitlines()


@each_command
def test_every_command_and_every_option_is_explained(program: str, command: click.Command, path: list[str]) -> None:
    assert run(command, *path, "--help") == (0, [])
    group = isinstance(command, click.Group) and command
    found = group.get_command(click.Context(group), path[0]) if path and group else command
    assert found
    assert found.help
    assert not path or len(found.help.splitlines()[0]) <= 60, "the list of commands would cut it off"
    for parameter in found.params:
        assert not isinstance(parameter, click.Option) or parameter.help, parameter.name


@each_command
def test_what_nobody_offers_is_refused_in_one_line(program: str, command: click.Command, path: list[str]) -> None:
    wrong = ["one", "two", "three", "--nonsense"] if path == ["down"] and program == "migrations" else ["--nonsense"]
    code, said = run(command, *path, *wrong)
    assert (code, [line for line in said if line.startswith("Error: ")]) == (2, said[-1:])


@pytest.mark.parametrize(
    ("program", "arguments", "named"),
    [
        ("patient_service", ["job", "geocode", "--now", "9999-12-31T09:00"], "--now"),
        ("patient_service", ["dead-letters", "forget"], "forget"),
        ("patient_service", ["dead-letters", "show", "12"], "12"),
        ("operations.mail_catcher", [], "--smtp-port"),
        ("operations.mail_catcher", ["--smtp-port", "1", "--page-port", "2"], "--folder"),
        ("operations.mail_catcher", ["--folder", "x", "--smtp-port", "many"], "many"),
        ("benchmarks", ["everything"], "everything"),
        ("chaos", ["--brokers", "2"], "--brokers"),
        ("chaos", ["--break", "all"], "--break"),
        ("simulation", ["youngest-first"], "youngest-first"),
        ("simulation", ["--weeks", "0"], "--weeks"),
        ("tests.fuzz", ["--service", "nobody"], "nobody"),
        ("tests.samples.published", [], "--write-missing"),
        ("shared.events.topics", ["remove"], "remove"),
        ("shared.runtime.kafka_accounts", ["remove"], "remove"),
        ("migrations", ["down", "patient_service"], "REVISION"),
    ],
)
def test_a_wrong_value_is_named(program: str, arguments: list[str], named: str) -> None:
    code, said = run(PROGRAMS[program], *arguments)
    assert code == 2
    assert named in said[-1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["dead-letters", "show"], "Which one? Give its id."),
        (["dead-letters", "discard", str(uuid4())], "Say why, with --reason."),
    ],
)
@pytest.mark.usefixtures("infrastructure")
def test_what_a_command_cannot_do_without_is_asked_for(arguments: list[str], said: str) -> None:
    done = ended("patient_service", *arguments)
    assert (done.returncode, done.stderr.strip()) == (1, said)


@pytest.mark.parametrize(("revision", "service"), [("-1", "patient_service"), ("base", "patient_service")])
def test_a_step_back_is_a_revision_and_no_option(revision: str, service: str) -> None:
    down = migrations.__main__.commands.commands["down"]
    assert down.make_context("down", [service, revision]).params == {"service": service, "revision": revision}


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [(OperationsError("no port is free"), 1, "no port is free"), (KeyboardInterrupt(), 130, "`make down` stops it")],
)
def test_the_operators_tool_says_why_it_ended(raised: BaseException, code: int, said: str) -> None:
    program = ExplainedGroup("operations")

    @program.command("fail")
    def fail() -> None:
        raise raised

    assert run(program, "fail")[0] == code
    assert said in run(program, "fail")[1][-1]


@pytest.mark.parametrize(
    "program",
    mostly_slow(["patient_service", "migrations", "shared.events.topics", "shared.runtime.kafka_accounts"], every=4),
)
def test_help_needs_no_setting(program: str) -> None:
    bare = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    command = [sys.executable, "-m", program, "--help"]
    done = subprocess.run(command, cwd=ROOT, env=bare, capture_output=True, text=True, check=True)
    assert f"Usage: python -m {program}" in done.stdout


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), (["--nonsense"], 2), (["up"], 2)])
def test_the_command_that_needs_nothing_but_python_explains_itself_and_writes_nothing(
    tmp_path: Path, arguments: list[str], code: int
) -> None:
    """`make env` may run where click is not installed: `-S` leaves the packages of the machine out."""
    shutil.copytree(ROOT / "operations", tmp_path / "operations", ignore=shutil.ignore_patterns("newman"))
    (tmp_path / "shared").symlink_to(ROOT / "shared")
    command = [sys.executable, "-S", "-m", "operations.environment", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == code
    assert "Usage: python -m operations.environment" in done.stdout + done.stderr
    assert not (tmp_path / ".state").exists()
    assert not (tmp_path / ".env").exists()


def test_nothing_reads_its_arguments_in_another_way() -> None:
    found = subprocess.run(["git", "grep", "-lE", "^(import|from) (argparse|optparse)"], cwd=ROOT, capture_output=True)
    assert found.stdout.decode().split() == []
