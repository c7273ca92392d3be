"""Apache Kafka: one KRaft node, from jars that Maven fetched."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from operations import probes
from operations.failures import Failure
from operations.parts import Elsewhere, Part
from operations.places import Places
from operations.postgres import surroundings
from operations.settings import kafka_port


def part(settings: Mapping[str, str], places: Places, *, rank: int) -> Part:
    """The process that `kafka/start.sh` becomes, here as in a container."""
    return Part(
        name="kafka",
        command=("sh", str(places.root / "kafka/start.sh")),
        address=settings["KAFKA_BOOTSTRAP_SERVERS"],
        ready=lambda: probes.kafka_answers(settings),
        rank=rank,
        environment=surroundings() | _what_it_needs(settings) | {"STATE_DIR": str(places.state / "kafka")},
        ports={
            "KAFKA_BOOTSTRAP_SERVERS": kafka_port(settings),
            "KAFKA_CONTROLLER_PORT": int(settings["KAFKA_CONTROLLER_PORT"]),
        },
        prepare=lambda: fetch_jars(places.root),
        start_seconds=90,
        stop_seconds=30,
    )


def _what_it_needs(settings: Mapping[str, str]) -> dict[str, str]:
    names = ("BIND", "KAFKA_BOOTSTRAP_SERVERS", "KAFKA_CONTROLLER_PORT")
    return {name: settings[name] for name in names}


def fetch_jars(root: Path) -> None:
    """Download Kafka where this user has no copy yet; quick otherwise."""
    fetched = subprocess.run(["sh", str(root / "kafka/fetch.sh")], check=False, capture_output=True, text=True)
    if fetched.returncode:
        raise Failure(f"kafka cannot be downloaded with Maven (`make setup` installs it):\n{fetched.stderr.strip()}")


def elsewhere(settings: Mapping[str, str]) -> Elsewhere:
    """A Kafka cluster that exists already, perhaps with TLS and SASL."""
    return Elsewhere(
        name="kafka",
        address=settings["KAFKA_BOOTSTRAP_SERVERS"],
        ready=lambda: probes.kafka_answers(settings, seconds=5),
        settings="KAFKA_BOOTSTRAP_SERVERS, KAFKA_SECURITY_PROTOCOL, KAFKA_SASL_*, KAFKA_SSL_CA_LOCATION",
    )
