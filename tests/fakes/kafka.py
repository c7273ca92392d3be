"""A Kafka cluster as operations may have one: TLS with a certificate of its own authority, and SASL."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from operations.kafka import fetch_jars
from operations.ports import is_free
from tests.fakes.certificates import certificates
from tests.shared.http.addresses import a_free_port

ROOT = Path(__file__).parent.parent.parent
USER, PASSWORD = "platform", "secret-of-the-cluster"

# the listener CLIENTS is the one under test; broker and controller meet each other on this machine without ceremony
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=CLIENTS://127.0.0.1:{clients},BROKER://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
listener.security.protocol.map=CLIENTS:SASL_SSL,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=BROKER
log.dirs={folder}/logs

sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512,PLAIN
listener.name.clients.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.clients.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.clients.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
    user_{user}="{password}";
ssl.keystore.type=PEM
ssl.keystore.location={server}

authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
allow.everyone.if.no.acl.found=true
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=16777216
"""


@dataclass(frozen=True)
class SecuredCluster:
    """Where it is and whom to trust."""

    address: str
    authority: Path

    def settings(self, mechanism: str = "SCRAM-SHA-512") -> dict[str, str]:
        """The settings of `.env.example` that point at it."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.address,
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SASL_MECHANISM": mechanism,
            "KAFKA_SASL_USERNAME": USER,
            "KAFKA_SASL_PASSWORD": PASSWORD,
            "KAFKA_SSL_CA_LOCATION": str(self.authority),
        }


@contextmanager
def secured_cluster(folder: Path) -> Iterator[SecuredCluster]:
    """One node, started and stopped again."""
    fetch_jars(ROOT)
    libs = subprocess.run(["sh", ROOT / "kafka/fetch.sh"], check=True, capture_output=True, text=True).stdout.strip()
    made, (clients, broker, controller) = certificates(folder), [a_free_port() for _ in range(3)]
    properties = folder / "server.properties"
    properties.write_text(
        PROPERTIES.format(
            clients=clients,
            broker=broker,
            controller=controller,
            folder=folder,
            server=made.server,
            user=USER,
            password=PASSWORD,
        )
    )
    java = ["java", "-cp", f"{libs}/*", f"-Dlog4j2.configurationFile={ROOT}/kafka/conf/log4j2.properties"]
    java += ["-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-XX:SharedArchiveFile={libs}/classes.jsa"]
    users = [f"--add-scram={kind}=[name={USER},password={PASSWORD}]" for kind in ("SCRAM-SHA-256", "SCRAM-SHA-512")]
    cluster = ["-t", "c2VjdXJlZC1jbHVzdGVyMQ", "-c", str(properties)]
    subprocess.run([*java, "kafka.tools.StorageTool", "format", *cluster, *users], check=True, capture_output=True)
    with (folder / "kafka.log").open("wb") as log:
        process = subprocess.Popen([*java, "kafka.Kafka", str(properties)], stdout=log, stderr=log)
    try:
        _wait_for(clients, process)
        yield SecuredCluster(f"127.0.0.1:{clients}", made.authority)
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 90
    while is_free(port):
        assert process.poll() is None, "Kafka ended"
        assert time.monotonic() < deadline, "Kafka does not start"
        time.sleep(0.1)
