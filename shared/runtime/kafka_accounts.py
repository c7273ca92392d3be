"""Prepares the accounts of all services at Kafka: `python -m shared.runtime.kafka_accounts prepare`.

Who may do what follows from the services' own declarations: a new service, or a new listener, is on no list here.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import click
from tenacity import stop_after_delay

from shared.errors import Unreachable
from shared.events.accounts import set_passwords, set_rights
from shared.events.cluster import Administrator
from shared.events.rights import in_words, rights_of
from shared.runtime import memory, registry
from shared.runtime.retries import retrying
from shared.runtime.settings import KafkaAdministratorSettings, Password, read
from shared.runtime.terminal import print_line


class KafkaAccountSettings(KafkaAdministratorSettings):
    """What makes the accounts: that of Kafka's administrator, and the passwords that the services' accounts get."""

    __annotations__ = {f"{name}_kafka_password": Password for name in registry.names()}

    def service_passwords(self) -> dict[str, str]:
        """The account of every service, with its password."""
        return {name: getattr(self, f"{name}_kafka_password").get_secret_value() for name in registry.names()}


def handled_topics() -> dict[str, list[str]]:
    """The topics of the events that each service handles."""
    return {name: registry.handled_topics(name) for name in registry.names()}


def prepare(settings: KafkaAccountSettings, handled: Mapping[str, Sequence[str]] | None = None) -> tuple[int, int]:
    """Make the accounts, with exactly the rights that the services need.

    Returns the numbers of rights given and taken. Raises `Unreachable` when Kafka does not answer or refuses.
    """
    admin = Administrator(settings.kafka_client())
    set_passwords(admin, settings.service_passwords())
    return set_rights(admin, handled if handled is not None else handled_topics())


@click.group()
def commands() -> None:
    """The accounts of the services at Kafka."""


@commands.command("prepare")
def _prepare() -> None:
    """Make the accounts of all services, with their rights.

    Accounts that exist get the passwords and the rights that the settings and the services say.
    """
    patiently = retrying(lambda problem: isinstance(problem, Unreachable), stop=stop_after_delay(60))
    try:
        given, taken = patiently(prepare, read(KafkaAccountSettings))
    except Unreachable as problem:
        sys.exit(f"Kafka does not answer: {problem.message}")
    print_line(f"{len(registry.names())} accounts; {given} rights given, {taken} taken")


@commands.command("show")
def _show() -> None:
    """List the rights of every service.

    For operators who make the accounts of an existing cluster by hand.
    """
    for service, topics in handled_topics().items():
        for right in sorted(map(in_words, rights_of(service, topics))):
            print_line(f"{service} may {right}")


if __name__ == "__main__":
    memory.load_quickly()
    commands(prog_name="python -m shared.runtime.kafka_accounts")
