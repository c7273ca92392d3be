"""The command line behind `make up`, `make down`, `make status`, `make logs` and `make mails`."""

from typing import Any

import click

from operations import commands
from operations.errors import Failure


class Operations(click.Group):
    """Says in words why a command failed, and what goes on when it is interrupted."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what it raises becomes a message and an exit code."""
        try:
            return super().invoke(ctx)
        except Failure as failure:
            click.echo(f"\n{failure}", err=True)
            ctx.exit(1)
        except KeyboardInterrupt:
            click.echo("\ninterrupted; what was started keeps running, `make down` stops it", err=True)
            ctx.exit(130)


@click.group(cls=Operations)
def main() -> None:
    """Start, watch and stop the platform on this machine."""


@main.command("up")
@click.argument("only", nargs=-1, metavar="[NAME]...")
def _up(only: tuple[str, ...]) -> None:
    """Start what is missing and wait until it is ready.

    NAMEs choose parts, services, or steps (migrations, topics).
    """
    commands.up(list(only))


@main.command("down")
def _down() -> None:
    """Stop exactly what up started."""
    commands.down()


@main.command("status")
def _status() -> None:
    """Show every process with its address, state and memory."""
    commands.status()


@main.command("logs")
@click.argument("name", required=False)
def _logs(name: str | None) -> None:
    """Show the end of the logs.

    NAME is a part (kafka), a process (matching_service.web) or a service. On a terminal it goes on as they grow.
    """
    commands.logs(name)


@main.command("mails")
@click.argument("id", required=False)
def _mails(id: str | None) -> None:
    """List the mails that the catcher kept.

    With an ID that mail is shown, whole.
    """
    commands.mails(id)


@main.command("demo")
def _demo() -> None:
    """Play the platform's main job from a file to a letter."""
    commands.demo()


if __name__ == "__main__":
    main(prog_name="python -m operations")
