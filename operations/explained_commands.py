"""Commands whose errors become one message and an exit code."""

from typing import Any

import click

from operations.errors import OperationsError


class ExplainedCommand(click.Command):
    """A command that says in words why it failed, and what continues when it is interrupted."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what it raises becomes a message and an exit code."""
        try:
            return super().invoke(ctx)
        except OperationsError as error:
            click.echo(f"\n{error}", err=True)
            ctx.exit(1)
        except KeyboardInterrupt:
            click.echo("\ninterrupted; what was started keeps running, `make down` stops it", err=True)
            ctx.exit(130)


class ExplainedGroup(ExplainedCommand, click.Group):
    """Several such commands."""
