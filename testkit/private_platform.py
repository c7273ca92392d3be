"""A whole platform that nobody else uses: on free ports, with fresh secrets, in a folder of its own.

with private_platform() as platform:
    platform.up(only=["postgresql", "pgbouncer", "migrations", "kafka", "topics", "mail"])
    platform.process("kafka").kill()                     # kill -9
    platform.process("kafka").start()
    platform.mailbox.wait_for(1)
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from operations.env_file import declared
from operations.orchestrator import Orchestrator
from operations.ports import reserve_block
from operations.probes import kafka_options
from operations.process_specs import ProcessSpec
from shared.runtime.worker_port import WORKER_PORT_DISTANCE
from testkit.mail_control import ControlledMailbox
from testkit.starter_watch import ended_with_its_starter

ROOT = Path(__file__).resolve().parent.parent


class PrivatePlatform(Orchestrator):
    """An orchestrator whose mail catcher refuses mails on request."""

    yields_to_others = False
    """Whether workers have the lower priority of `make up`. Beside other tests they would get almost no processor."""

    @cached_property
    def process_specs(self) -> list[ProcessSpec]:
        """Every process that is started here, in the order of starting."""
        specs = super().process_specs
        return specs if self.yields_to_others else [replace(spec, niceness=0) for spec in specs]

    @property
    def mailbox(self) -> ControlledMailbox:
        """The mails that its catcher kept, and what the catcher refuses."""
        return ControlledMailbox.of(self.settings)

    def kafka_client(self) -> dict[str, Any]:
        """Returns the configuration of a client that signs in at its Kafka as the administrator, who may do everything.

        Services have accounts of their own (`shared/events/rights.py`).
        """
        return kafka_options(self.settings)


@contextmanager
def private_platform(
    settings: Mapping[str, str] | None = None,
    *,
    brokers: int = 1,
    durable: bool = False,
    yields_to_others: bool = False,
    say: Callable[[str], None] = lambda _: None,
    **overrides: str,
) -> Iterator[PrivatePlatform]:
    """Yields a platform of which nothing is started yet; at the end, also if this process is killed, it is stopped and
    everything it wrote is deleted.

    `settings` and `overrides` go before what a private platform chooses by itself. Without `durable`, PostgreSQL is
    faster and would lose data in a power cut. With `yields_to_others`, workers have the lower priority of `make up`,
    for measurements of what an operator gets.
    """
    # not one of pytest's folders, which are closed to PostgreSQL's user
    state = Path(tempfile.mkdtemp(prefix="private-platform-"))
    chosen = private_settings(state, brokers=brokers) | dict(settings or {}) | overrides
    with ended_with_its_starter(state):
        platform = PrivatePlatform(ROOT, chosen, state, durable=durable, say=say)
        platform.yields_to_others = yields_to_others
        try:
            yield platform
        finally:
            platform.down()
            platform.remove()


def private_settings(state: Path, root: Path = ROOT, *, brokers: int = 1, **overrides: str) -> dict[str, str]:
    """Returns all settings of a platform of its own: free ports, fresh secrets, files under `state`.

    With several `brokers` each of them keeps a copy of every event, and an event counts as soon as most of them have
    it. The ports stay reserved until this process ends, so that test runs side by side never collide.
    """
    known = declared(root)
    numbers = [name for name, setting in known.items() if setting.moved_by(1) != setting.default]
    first = reserve_block(len(numbers) + 2 * brokers, also_at=WORKER_PORT_DISTANCE)
    settings = {name: setting.value(checkout=root, offset=0) for name, setting in known.items()}
    for position, name in enumerate(numbers):
        host = "127.0.0.1:" if ":" in settings[name] else ""
        settings[name] = f"{host}{first + position}"
    kafka = _cluster(first + len(numbers), brokers)
    # tests, benchmarks and faults are about what follows from an import; people would have to approve each first
    imports = {"IMPORT_URL": (state / "imports").as_uri(), "IMPORT_PASSES": "new,identity,contact,reactivation"}
    return settings | kafka | imports | overrides


def _cluster(first_port: int, brokers: int) -> dict[str, str]:
    """Returns the settings of that many Kafka nodes: of three, any one may die and everything goes on."""
    return {
        "KAFKA_BOOTSTRAP_SERVERS": ",".join(f"127.0.0.1:{first_port + index}" for index in range(brokers)),
        "KAFKA_CONTROLLER_PORT": str(first_port + brokers),
        "KAFKA_REPLICATION_FACTOR": str(brokers),
        "KAFKA_MIN_INSYNC_REPLICAS": str(brokers // 2 + 1),
    }
