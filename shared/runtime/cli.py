"""The command line of every service: `python -m <service> web | worker | job NAME | rebuild | dead-letters …`.

A process loads what it does and no more: gunicorn's own process neither the service nor SQLAlchemy, a worker neither
Flask nor gunicorn. So each command imports what it needs when it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from shared.runtime import registry
from shared.runtime.command_settings import with_settings
from shared.runtime.settings import ServiceSettings

if TYPE_CHECKING:
    from flask import Flask


def main(service: str, arguments: list[str] | None = None) -> None:
    """Do what the command line of this service says; ends the process with a message when it cannot."""
    commands.main(arguments, prog_name=f"python -m {service}", obj=service)


class _Commands(click.Group):
    """The two processes of a service, and what an operator does, which is loaded where somebody asks for it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_of_operators().list_commands(ctx)])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or _of_operators().get_command(ctx, cmd_name)


def _of_operators() -> click.Group:
    from shared.runtime.operator_commands import commands

    return commands


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
    from shared import database
    from shared.http.web import web_app

    database.connect(settings.database_url, pool_size=settings.database_pool_size)
    return web_app(registry.load(settings.service), settings)


@commands.command("worker")
@with_settings
def _worker(settings: ServiceSettings) -> None:
    """Consume and relay events, run the jobs."""
    from shared import database
    from shared.runtime.worker import worker

    database.connect(settings.database_url, pool_size=settings.database_pool_size)
    worker(registry.load(settings.service), settings).run()
