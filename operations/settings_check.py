"""What is wrong with a set of settings, before anything is started with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from operations.declared_settings import DeclaredSettings
from operations.env_file import declared, local_parts, local_ports, number_or_zero
from operations.errors import OperationsError
from operations.process_specs import LOOPBACK
from shared.runtime.settings import error_lines

CODE = Path(__file__).resolve().parent.parent
INFRASTRUCTURE = ("postgresql", "pgbouncer", "kafka", "mail")
_ADDRESSES = re.compile(r"^[\w.-]+:\d+(,[\w.-]+:\d+)*$")


def check(settings: Mapping[str, str], root: Path) -> None:
    """Refuses settings that cannot work, all of them at once."""
    problems = list(dict.fromkeys(_refused_by_their_readers(settings)))
    problems += [*_empty_secrets(settings, root), *_wrong_parts(settings)]
    problems = problems or _shared_ports(settings)
    if problems:
        raise OperationsError("the settings cannot work:\n" + "\n".join(f"  {problem}" for problem in problems))


def _refused_by_their_readers(settings: Mapping[str, str]) -> Iterator[str]:
    """What the processes would refuse at their start; by name, and without the value."""
    for model in DeclaredSettings(CODE).models().values():
        try:
            model.of(settings)
        except ValidationError as problem:
            yield from error_lines(problem)


def _empty_secrets(settings: Mapping[str, str], root: Path) -> list[str]:
    needed = [name for name, setting in declared(root).items() if setting.is_secret]
    if "postgresql" not in local_parts(settings):
        needed.remove("POSTGRES_ADMIN_PASSWORD")  # Empty: its administrator prepares roles and schemas himself.
    empty = [name for name in needed if not settings.get(name)]
    return [f"{name} is empty; delete its line in .env and `make up` generates one" for name in empty]


def _wrong_parts(settings: Mapping[str, str]) -> list[str]:
    local = local_parts(settings)
    problems = [
        f"LOCAL_PARTS names {name}; it can name {', '.join(INFRASTRUCTURE)}"
        for name in local
        if name not in INFRASTRUCTURE
    ]
    problems += [*_hosts_elsewhere(settings, local), *_open_gateway(settings)]
    if "kafka" in local:
        problems += _not_a_local_kafka(settings)
    if "mail" in local and settings["SMTP_TLS"] != "none":
        problems.append(
            f"SMTP_TLS={settings['SMTP_TLS']}, but the mail catcher has no TLS:"
            " set none, or take mail out of LOCAL_PARTS"
        )
    return problems


def _hosts_elsewhere(settings: Mapping[str, str], local: Iterable[str]) -> list[str]:
    """A part that would be started here while everybody connects elsewhere."""
    names = {"postgresql": "POSTGRES_HOST", "pgbouncer": "DATABASE_HOST", "mail": "SMTP_HOST"}
    hosts = [(part, name, settings[name]) for part, name in names.items()]
    brokers = settings["KAFKA_BOOTSTRAP_SERVERS"].split(",")
    hosts += [("kafka", "KAFKA_BOOTSTRAP_SERVERS", address.rpartition(":")[0]) for address in brokers]
    return [
        f"{name} names {host}, but what `make up` starts is on {LOOPBACK}: set that, or take {part} out of LOCAL_PARTS"
        for part, name, host in hosts
        if part in local and host not in (LOOPBACK, "localhost")
    ]


def _open_gateway(settings: Mapping[str, str]) -> Iterator[str]:
    """Without accounts every caller is an administrator, also one who comes through the gateway."""
    bind = settings["GATEWAY_BIND"]
    if settings["AUTH"] == "none" and not (bind == "::1" or bind.startswith("127.")):
        yield f"GATEWAY_BIND={bind} with AUTH=none: others could read patients; set 127.0.0.1"


def _not_a_local_kafka(settings: Mapping[str, str]) -> list[str]:
    problems = []
    addresses, copies = settings["KAFKA_BOOTSTRAP_SERVERS"], settings["KAFKA_REPLICATION_FACTOR"]
    in_sync = number_or_zero(settings["KAFKA_MIN_INSYNC_REPLICAS"])
    if not _ADDRESSES.match(addresses):
        problems.append(f"KAFKA_BOOTSTRAP_SERVERS={addresses} is not host:port, or several separated by commas")
    elif not in_sync <= number_or_zero(copies) <= addresses.count(",") + 1:
        problems.append(
            f"KAFKA_REPLICATION_FACTOR={copies}: at least KAFKA_MIN_INSYNC_REPLICAS,"
            " and at most the addresses in KAFKA_BOOTSTRAP_SERVERS"
        )
    return [*problems, *_not_a_way_into_it(settings)]


def _not_a_way_into_it(settings: Mapping[str, str]) -> Iterator[str]:
    """The Kafka of `make up` has no TLS; an account for each service, or none at all."""
    elsewhere = "or take kafka out of LOCAL_PARTS"
    if settings["KAFKA_SECURITY_PROTOCOL"] not in ("PLAINTEXT", "SASL_PLAINTEXT"):
        yield (
            f"KAFKA_SECURITY_PROTOCOL={settings['KAFKA_SECURITY_PROTOCOL']}, but the Kafka of `make up` has no TLS:"
            f" set PLAINTEXT or SASL_PLAINTEXT, {elsewhere}"
        )
    ours = {"KAFKA_SASL_MECHANISM": "SCRAM-SHA-512", "KAFKA_SASL_USERNAME": "", "KAFKA_ADMIN_MECHANISM": "PLAIN"}
    for name, value in ours.items() if settings["KAFKA_SECURITY_PROTOCOL"] == "SASL_PLAINTEXT" else ():
        if settings[name] != value:
            yield f"{name} must be {value or 'empty'} with the Kafka of `make up`: set that, {elsewhere}"


def _shared_ports(settings: Mapping[str, str]) -> list[str]:
    users: dict[int, list[str]] = {}
    for name, port in local_ports(settings).items():
        users.setdefault(port, []).append(name)
    return [f"port {port} is given to {' and '.join(names)}" for port, names in users.items() if len(names) > 1]
