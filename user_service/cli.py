"""Commands of this service's own: `python -m user_service create-admin | prepare-accounts | create-machine | …`.

A secret is never an argument, which every user of the machine could read in the list of processes: it comes from the
environment, or is made here and printed once.
"""

from __future__ import annotations

import os
import sys
from typing import TypeVar

import click
from pydantic import ValidationError

from shared.database import transaction
from shared.runtime import clock
from shared.runtime.operator_commands import AnyService, with_service
from shared.runtime.service_accounts import ServiceAccountSettings
from shared.runtime.service_calls import SHORTEST_SECRET
from shared.runtime.settings import ServiceSettings, read
from shared.runtime.terminal import print_line
from shared.values.enums import Role
from shared.values.schemas import Schema, problems_of
from user_service import jobs
from user_service.dependencies import Dependencies
from user_service.domain import machines, signing_keys
from user_service.domain.schemas import NewMachine, NewUser
from user_service.domain.secret_values import new_secret

Read = TypeVar("Read", bound=Schema)
ADMINISTRATOR = "Administrator"
"""The name of who is made without one."""


@click.group()
def commands() -> None:
    """The commands of the user service's own."""


@commands.command("create-admin")
@click.option(
    "--email",
    envvar="ADMIN_EMAIL",
    required=True,
    help="The e-mail address; left out, that in the environment variable ADMIN_EMAIL (`.env` does not count).",
)
@click.option("--name", default=ADMINISTRATOR, show_default=True, help="The person's name.")
@click.option("--if-none", is_flag=True, help="Do nothing where there is an administrator already.")
@with_service
def _create_admin(service: AnyService, settings: ServiceSettings, email: str, name: str, if_none: bool) -> None:
    """Make an administrator who can sign in.

    The e-mail address must be one that no account has. The password is that in the environment variable
    ADMIN_PASSWORD; without it one is made and printed once.
    """
    _make_administrator(service, settings, email=email, name=name, if_none=if_none)


def _make_administrator(
    service: AnyService, settings: ServiceSettings, *, email: str, name: str, if_none: bool
) -> None:
    given = os.environ.get("ADMIN_PASSWORD")
    password = given or new_secret()
    new = _read(NewUser, name=name, email=email, roles=[Role.ADMIN])
    dependencies: Dependencies = service.dependencies(settings)
    if not jobs.create_administrator(new, password, dependencies, only_first=if_none, now=clock.now()):
        return print_line("there is an administrator already")
    print_line(f"made the administrator {new.email}")
    return None if given else print_line(f"password (shown once): {password}")


@commands.command("prepare-accounts")
@click.option("--email", envvar="ADMIN_EMAIL", required=True, help="The first administrator's e-mail address.")
@with_service
def _prepare_accounts(service: AnyService, settings: ServiceSettings, email: str) -> None:
    """Make the first administrator and the services' accounts.

    An administrator is made only where there is none. With their accounts services call each other: they get the
    scopes that the services declare and the secrets of the settings (`…_CLIENT_SECRET`), also where they are there
    already.
    """
    _make_administrator(service, settings, email=email, name=ADMINISTRATOR, if_none=True)
    wanted = list(read(ServiceAccountSettings).accounts())
    for each in wanted:
        new = _read(NewMachine, name=each.name, scopes=sorted(each.scopes))
        with transaction() as session:
            machines.provide(session, new, secret=each.secret.get_secret_value(), update=True, now=clock.now())
    print_line(f"accounts of services: {', '.join(each.name for each in wanted)}")


@commands.command("create-machine")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, help="What it may call; repeat it for several.")
@click.option("--update", is_flag=True, help="Change the account of this name where there is one.")
@with_service
def _create_machine(
    service: AnyService,  # noqa: ARG001 - all have it
    settings: ServiceSettings,  # noqa: ARG001
    name: str,
    scopes: tuple[str, ...],
    update: bool,
) -> None:
    """Make a machine account, or update it.

    Its secret is that in the environment variable CLIENT_SECRET (at least 32 characters); without it one is made and
    printed once.
    """
    given = os.environ.get("CLIENT_SECRET")
    if given is not None and len(given) < SHORTEST_SECRET:
        sys.exit(f"CLIENT_SECRET must have at least {SHORTEST_SECRET} characters.")
    new = _read(NewMachine, name=name, scopes=list(scopes))
    with transaction() as session:
        made = machines.provide(session, new, secret=given, update=update, now=clock.now())
    print_line(f"client_id: {made.id} or {made.name}")
    return None if given else print_line(f"client_secret (shown once): {made.client_secret}")


@commands.command("rotate-keys")
@click.option("--at-once", is_flag=True, help="A key is known to others: remove all and sign with a new one now.")
@with_service
def _rotate_keys(service: AnyService, settings: ServiceSettings, at_once: bool) -> None:
    """Make the next key that signs access tokens.

    It is published at once and signs when every service has fetched it (SIGNING_KEY_PENDING_SECONDS). With --at-once
    every token that was given out is refused as soon as the services fetch the keys anew, within a minute, and people
    continue with their refresh tokens.
    """
    dependencies: Dependencies = service.dependencies(settings)
    with transaction() as session:
        if at_once:
            key = signing_keys.replace(session, dependencies.values, now=clock.now())
        else:
            key = signing_keys.rotate(session, dependencies.values, dependencies.tokens.times, now=clock.now())
    print_line(f"key {key.id} signs from {key.signs_from:%Y-%m-%d %H:%M:%S} UTC on")


def _read(schema: type[Read], **fields: object) -> Read:
    """The fields as the schema; ends the command with a line for each that is not acceptable."""
    try:
        return schema.from_json(fields)
    except ValidationError as invalid:
        sys.exit("\n".join(f"{each.field}: {each.message}" for each in problems_of(invalid)))
