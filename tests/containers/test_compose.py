"""docker-compose.yml gives the same system as `make up`, from the same settings, and opens no port to the world."""

import importlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_settings import BaseSettings

from migrations.settings import MigrationSettings
from operations import env_file, gateway, pgbouncer
from operations.compose import CONTAINER_DEFAULTS, NOT_IN_CONTAINERS
from operations.orchestrator import Orchestrator
from operations.postgres import NO_VALUES_IN_THE_LOG
from operations.settings import AdministratorSettings, MailCatcherSettings
from shared.runtime.kafka_accounts import KafkaAccountSettings
from shared.runtime.settings import KafkaAdministratorSettings, names
from testkit.private_platform import private_settings
from tests.architecture.sources import ROOT, SERVICES
from tests.selection import mostly_slow
from user_service.settings import Settings as UserSettings

TEXT = (ROOT / "docker-compose.yml").read_text()
FILE: dict[str, Any] = yaml.safe_load(TEXT)
CONTAINERS: dict[str, dict[str, Any]] = FILE["services"]
DECLARED = env_file.declared(ROOT)
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?P<operator>:-|:?\?)(?P<word>[^}]*)\}")

OURS = {name for name, container in CONTAINERS.items() if "PLATFORM_IMAGE" in container["image"]}
STEPS = {"migrations", "topics", "kafka-accounts", "administrator"}
SECRET = re.compile(r"PASSWORD|KEY$|SECRET|TOKEN$")
OPTIONAL = {"IMPORT_S3_ACCESS_KEY", "IMPORT_S3_SECRET_KEY", "IMAP_PASSWORD"}
"""Secrets of a bucket and of a mailbox: who has none has no need of them; with one it refuses to start without."""
ADMINISTRATORS = {"POSTGRES_PASSWORD", "POSTGRES_ADMIN_PASSWORD", "DATABASE_OWNER_PASSWORD"}


def environment(name: str) -> dict[str, str]:
    found: dict[str, str] = CONTAINERS[name].get("environment", {})
    return found


def port_of(service: str) -> int:
    return int(DECLARED[f"{service.upper()}_PORT"].default)


def with_defaults(text: str) -> str:
    """The text as it is with an untouched `.env`."""
    return VARIABLE.sub(lambda match: DECLARED[match["name"]].default, text)


def test_every_service_has_a_web_and_a_worker_process() -> None:
    for service in SERVICES:
        short = service.removesuffix("_service")
        for role, distance in {"web": 0, "worker": 100}.items():
            container = CONTAINERS[f"{short}-{role}"]
            assert container["command"] == f"python -m {service} {role}"
            assert container["environment"]["HEALTH_PORT"] == str(port_of(service) + distance)
            assert container["environment"][f"{service.upper()}_PORT"] == str(port_of(service))


def test_workers_let_responses_go_first_with_containers_and_without(tmp_path: Path) -> None:
    platform = Orchestrator(ROOT, private_settings(tmp_path, ROOT), tmp_path, say=lambda *_: None)
    assert {part.name for part in platform.process_specs if part.niceness} == {f"{name}.worker" for name in SERVICES}
    yielding = {name for name, container in CONTAINERS.items() if container.get("cpu_shares", 1024) < 1024}
    assert yielding == {f"{name.removesuffix('_service')}-worker" for name in SERVICES}


def test_the_addresses_of_the_services_are_where_the_settings_say() -> None:
    for service in SERVICES:
        name, port = f"{service.upper()}_PORT", port_of(service)
        assert f"127.0.0.1:${{{name}:-{port}}}:{port}" in CONTAINERS["gateway"]["ports"]


def test_web_processes_can_be_many_behind_the_gateway() -> None:
    """A port of this machine has one owner, so none of them has one (`--scale patient-web=3`)."""
    assert len(CONTAINERS["gateway"]["ports"]) == len(SERVICES) + 1
    webs = {f"{service.removesuffix('_service')}-web" for service in SERVICES}
    assert set(CONTAINERS["gateway"]["depends_on"]) == {*webs, "administrator"}
    assert {environment("gateway")[f"{service.upper()}_HOST"] for service in SERVICES} == webs
    assert [name for name in webs if {"ports", "container_name"} & CONTAINERS[name].keys()] == []


def test_every_port_is_published_on_this_machine_only() -> None:
    """Without accounts every caller is an administrator."""
    ports = [with_defaults(port) for container in CONTAINERS.values() for port in container.get("ports", [])]
    assert len(ports) >= 10
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in ports), ports
    assert "network_mode" not in TEXT


def test_what_runs_has_a_health_and_what_it_waits_for() -> None:
    for name, container in CONTAINERS.items():
        own = container.get("healthcheck", {})
        if name in STEPS:
            assert own == {"disable": True}
        else:
            in_its_image = name in ("pgbouncer", "gateway")
            assert own.get("test") or in_its_image or container["environment"]["HEALTH_PORT"], name
            assert container["restart"] == "unless-stopped", name
        for other, how in container.get("depends_on", {}).items():
            ends = other in STEPS
            assert how["condition"] == ("service_completed_successfully" if ends else "service_healthy"), name
    for name in OURS - {"migrations"}:
        assert "migrations" in CONTAINERS[name]["depends_on"], "it builds the image that all others use"


def test_a_secret_comes_from_the_settings_or_nothing_starts() -> None:
    """What is ours refuses an empty one itself, so that an override may name a file in its place."""
    found = [(c, n, value) for c in CONTAINERS for n, value in environment(c).items() if SECRET.search(n)]
    assert len(found) > 20
    for container, name, value in found:
        match = VARIABLE.fullmatch(value)
        assert match, name
        if name in OPTIONAL:
            assert (match["operator"], match["word"]) == (":-", ""), name
            continue
        assert match["operator"] == ("?" if container in {*OURS, "pgbouncer"} else ":?"), name
        assert match["word"].startswith(f"{match['name']} is not set"), "docker-compose 1.29 does not say the name"


PROCESSES = [(service, process) for service in SERVICES for process in ("web", "worker")]


@pytest.mark.parametrize(("service", "process"), PROCESSES, ids=map(".".join, PROCESSES))
def test_a_process_is_given_what_its_settings_name(service: str, process: str) -> None:
    """The same as with `make up`: what a process cannot tell, nobody learns from it."""
    declared: type[BaseSettings] = importlib.import_module(f"{service}.settings").Settings
    given = environment(f"{service.removesuffix('_service')}-{process}").keys() - {"HEALTH_PORT"}
    assert given == set(names(declared, process=process)) - NOT_IN_CONTAINERS.keys()
    needed = {str(f.validation_alias or n.upper()) for n, f in declared.model_fields.items() if f.is_required()}
    assert needed <= given, "nothing stands in for what has no default"


def test_the_database_server_logs_no_values() -> None:
    """As with `make up` (tests/operations/test_postgres.py): a statement holds what practices say of patients."""
    command = CONTAINERS["postgres"]["command"]
    assert [name for name, value in NO_VALUES_IN_THE_LOG.items() if f"-c {name}={value}" not in command] == []


def test_what_is_no_service_is_given_what_it_needs() -> None:
    assert environment("mail").keys() == {"HEALTH_PORT", *names(MailCatcherSettings)}
    assert environment("topics").keys() == set(names(KafkaAdministratorSettings)) - NOT_IN_CONTAINERS.keys()
    assert environment("kafka-accounts").keys() == set(names(KafkaAccountSettings)) - NOT_IN_CONTAINERS.keys()
    of_accounts = {*names(UserSettings, process="administrator"), *names(AdministratorSettings)}
    assert environment("administrator").keys() == of_accounts - NOT_IN_CONTAINERS.keys()
    assert environment("migrations").keys() == set(names(MigrationSettings))
    assert environment("pgbouncer").keys() == set(filter(pgbouncer.reads, DECLARED))
    names_inside = {"SERVICES_HAVE_OWN_PORTS", *(f"{service.upper()}_HOST" for service in SERVICES)}
    read_by_gateway = set(filter(gateway.reads, DECLARED)) - NOT_IN_CONTAINERS.keys()
    assert environment("gateway").keys() == read_by_gateway | names_inside
    admins = {name for name in CONTAINERS for variable in environment(name) if variable in ADMINISTRATORS}
    assert admins == {"postgres", "migrations"}
    assert not [name for name in environment("kafka") if SECRET.search(name)]


def test_defaults_are_those_of_the_example() -> None:
    for match in VARIABLE.finditer(TEXT):
        assert match["name"] in DECLARED, f"{match['name']} is not in .env.example"
        if match["operator"] == ":-":
            assert match["word"] == CONTAINER_DEFAULTS.get(match["name"], DECLARED[match["name"]].default), match[
                "name"
            ]


def test_what_is_kept_from_containers_is_a_setting_with_a_reason() -> None:
    assert NOT_IN_CONTAINERS.keys() <= DECLARED.keys()
    assert all(NOT_IN_CONTAINERS.values())


def test_kafka_is_set_as_it_is_without_containers() -> None:
    files = [ROOT / "kafka" / f"{name}.properties.template" for name in ("server", "accounts")]
    lines = [line for file in files for line in file.read_text().splitlines()]
    template = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    places = ("listener", "log.dirs", "controller.", "advertised.", "node.id")
    for name, value in template.items():
        if not name.startswith(places):
            variable = "KAFKA_" + name.upper().replace(".", "_")
            value = value.replace("@admin@", DECLARED["KAFKA_ADMIN_USERNAME"].default)
            value = re.sub(r"@(\w+)@", lambda setting: DECLARED[f"KAFKA_{setting[1].upper()}"].default, value)
            assert with_defaults(environment("kafka")[variable]) == value, name


def test_kafka_lets_nobody_in_without_an_account() -> None:
    """As with KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT without containers, which is what the processes are given."""
    kafka = environment("kafka")
    listeners = dict(each.split(":") for each in kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    assert set(listeners.values()) == {"SASL_PLAINTEXT"}
    assert {each.partition(":")[0] for each in kafka["KAFKA_LISTENERS"].split(",")} == listeners.keys()
    for name in listeners:
        login = kafka[f"KAFKA_LISTENER_NAME_{name}_PLAIN_SASL_JAAS_CONFIG"]
        assert re.findall(r"\$\{(\w+):\?", login) == ["KAFKA_ADMIN_PASSWORD"] * 2, "its own, and the one it accepts"
    reached = {name for name in CONTAINERS if "KAFKA_BOOTSTRAP_SERVERS" in environment(name)}
    assert {environment(name)["KAFKA_SECURITY_PROTOCOL"] for name in reached} == {"SASL_PLAINTEXT"}
    assert {name for name in CONTAINERS if "KAFKA_ADMIN_PASSWORD" in environment(name)} == {"topics", "kafka-accounts"}


@pytest.mark.parametrize("file", ["Dockerfile", "pgbouncer/Dockerfile", "gateway/Dockerfile"])
def test_images_start_from_an_argument_and_run_as_nobody_special(file: str) -> None:
    text = (ROOT / file).read_text()
    bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)", text, re.MULTILINE))
    assert bases
    assert all(base.startswith("${") for base in bases)
    assert {name: DECLARED[name].default for name in arguments} == arguments
    users = re.findall(r"^USER (\d+):", text, re.MULTILINE)
    assert users
    assert int(users[-1]) > 0


def test_nothing_reaches_an_image_unless_it_is_named() -> None:
    """A `.env` that slipped into a layer would be every secret of the platform."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    named = {line[1:] for line in lines if line.startswith("!")}
    assert named == {"requirements/image.txt", "shared", "migrations", "operations", "*_service"}


@pytest.mark.parametrize("tool", mostly_slow([("docker", "compose"), ("docker-compose",)], every=2), ids=" ".join)
def test_both_dialects_read_the_file(tool: tuple[str, ...], tmp_path: Path) -> None:
    if not shutil.which(tool[0]) or subprocess.run([*tool, "version"], check=False, capture_output=True).returncode:
        pytest.skip(f"there is no {' '.join(tool)} on this machine")
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    for folder in ("pgbouncer", "gateway"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    command = [*tool, "config", "--quiet"]
    surroundings = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    without = subprocess.run(command, cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=False)
    assert without.returncode != 0
    assert "is not set; `make env` writes a .env with fresh secrets" in without.stderr
    shutil.copy(ROOT / ".env.example", tmp_path)
    env_file.complete(tmp_path)
    read = subprocess.run(command, cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")
