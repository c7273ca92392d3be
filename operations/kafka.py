"""Apache Kafka: as many KRaft nodes as the settings give addresses, from jars that Maven fetched."""

import signal
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from operations import probes
from operations.env_file import kafka_ports
from operations.errors import OperationsError
from operations.paths import Paths
from operations.process_environment import of_machine
from operations.process_specs import ExternalService, ProcessSpec

READS = (
    "KAFKA_BOOTSTRAP_SERVERS",
    "KAFKA_CONTROLLER_PORT",
    "KAFKA_REPLICATION_FACTOR",
    "KAFKA_MIN_INSYNC_REPLICAS",
    "KAFKA_SECURITY_PROTOCOL",
    "KAFKA_ADMIN_USERNAME",
    "KAFKA_ADMIN_PASSWORD",
)
"""The settings that `kafka/start.sh` reads; without BIND it listens on 127.0.0.1."""


def process_specs(settings: Mapping[str, str], paths: Paths, *, rank: int) -> list[ProcessSpec]:
    """A process for each address, which `kafka/start.sh` becomes: `kafka`, or `kafka.1`, `kafka.2`, …"""
    nodes = kafka_ports(settings)
    if len(nodes) == 1:
        # An only node that is asked to stop gives up its partitions first, and can forget to end a transaction in them
        # for good (docs/decisions/0015). Nothing is gained by asking: what it has acknowledged is in its files.
        return [replace(_node("kafka", 1, nodes[0], settings, paths, rank), stop_signal=signal.SIGKILL)]
    return [_node(f"kafka.{number}", number, ports, settings, paths, rank) for number, ports in enumerate(nodes, 1)]


def _node(
    name: str, number: int, ports: Mapping[str, int], settings: Mapping[str, str], paths: Paths, rank: int
) -> ProcessSpec:
    address = settings["KAFKA_BOOTSTRAP_SERVERS"].split(",")[number - 1]
    itself = {**settings, "KAFKA_BOOTSTRAP_SERVERS": address}
    own = {"STATE_DIR": str(paths.state / name), "KAFKA_NODE": str(number)}
    return ProcessSpec(
        name=name,
        command=("sh", str(paths.root / "kafka/start.sh")),
        address=address,
        ready=lambda: probes.kafka_answers(itself, node=number),
        rank=rank,
        environment=of_machine() | _environment(settings) | own,
        ports=ports,
        prepare=lambda: fetch_jars(paths.root),
        start_seconds=90,
        stop_seconds=30,
    )


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    return {name: settings[name] for name in READS}


def fetch_jars(root: Path) -> None:
    """Download Kafka where this user has no copy yet; quick otherwise."""
    fetched = subprocess.run(["sh", str(root / "kafka/fetch.sh")], check=False, capture_output=True, text=True)
    if fetched.returncode:
        raise OperationsError(
            f"kafka cannot be downloaded with Maven (`make setup` installs it):\n{fetched.stderr.strip()}"
        )


def external_service(settings: Mapping[str, str]) -> ExternalService:
    """A Kafka cluster that exists already, perhaps with TLS and SASL."""
    return ExternalService(
        name="kafka",
        address=settings["KAFKA_BOOTSTRAP_SERVERS"],
        ready=lambda: probes.kafka_answers(settings, seconds=5),
        settings="KAFKA_BOOTSTRAP_SERVERS, KAFKA_SECURITY_PROTOCOL, KAFKA_ADMIN_*, KAFKA_SASL_*, KAFKA_SSL_CA_LOCATION",
    )
