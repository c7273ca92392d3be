"""The command line of every service: `python -m <service> web | worker | job NAME | rebuild | dead-letters …`.

A process loads what it does and no more: gunicorn's own process neither the service nor SQLAlchemy, a worker neither
Flask nor gunicorn. So each command imports what it needs when it is called.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from shared.runtime import memory, registry
from shared.runtime.command_settings import with_settings
from shared.runtime.settings import ServiceSettings

if TYPE_CHECKING:
    from flask import Flask

    from shared.runtime.service import Service


def main(service: str, arguments: list[str] | None = None) -> None:
    """Do what the command line of this service says; ends the process with a message when it cannot."""
    memory.load_quickly()
    commands.main(arguments, prog_name=f"python -m {service}", obj=service)


class _Commands(click.Group):
    """The two processes of a service, and what an operator does, which is loaded where somebody asks for it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        others = (name for group in _of_operators(ctx) for name in group.list_commands(ctx))
        return sorted([*super().list_commands(ctx), *others])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        found = super().get_command(ctx, cmd_name)
        others = (command for group in _of_operators(ctx) if (command := group.get_command(ctx, cmd_name)))
        return found or next(others, None)


def _of_operators(ctx: click.Context) -> Iterator[click.Group]:
    """The commands that every service has for operators, and those of this service's own."""
    from shared.runtime.operator_commands import commands

    yield commands
    service = ctx.find_root().obj
    own = service and registry.commands_of(service)
    if own:
        yield own


@click.group(cls=_Commands)
def commands() -> None:
    """The processes of a service, and what an operator does with it."""


@commands.command("web")
@with_settings
def _web(settings: ServiceSettings) -> None:
    """Answer HTTP requests."""
    from shared.runtime import web

    web.serve(lambda: _application(settings), settings)


def _application(settings: ServiceSettings) -> Flask:
    from shared.http.web import web_app

    return web_app(_service_that_may_start(settings), settings)


@commands.command("worker")
@with_settings
def _worker(settings: ServiceSettings) -> None:
    """Consume and relay events, run the jobs."""
    from shared.runtime.worker import worker

    worker(_service_that_may_start(settings), settings).run()


def _service_that_may_start(settings: ServiceSettings) -> Service[Any, Any]:
    """Connect to the database and load the service. Raises `Unreachable` where it lacks what it needs."""
    from shared import database
    from shared.runtime.health import check_before_start

    database.connect(settings.database_url, pool_size=settings.database_pool_size)
    service = registry.load(settings.service)
    check_before_start(service.needs(settings))
    return service
