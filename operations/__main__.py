"""The command line behind `make up`, `restart`, `down`, `status`, `logs`, `mails` and `token`."""

import click

from operations import commands
from operations.explained_commands import ExplainedGroup
from operations.role_accounts import ROLES


@click.group(cls=ExplainedGroup)
def main() -> None:
    """Start, watch and stop the platform on this machine."""


@main.command("up")
@click.argument("only", nargs=-1, metavar="[NAME]...")
def _up(only: tuple[str, ...]) -> None:
    """Start what is missing and wait until it is ready.

    NAMEs choose processes, services, or tasks (migrations, topics, kafka.accounts,
    administrator).
    """
    commands.up(list(only))


@main.command("restart")
@click.argument("only", nargs=-1, metavar="[NAME]...")
def _restart(only: tuple[str, ...]) -> None:
    """Stop and start again, with the settings and the code of now.

    NAMEs choose processes or services.
    """
    commands.restart(list(only))


@main.command("down")
@click.argument("only", nargs=-1, metavar="[NAME]...")
def _down(only: tuple[str, ...]) -> None:
    """Stop exactly what up started.

    NAMEs choose processes or services.
    """
    commands.down(list(only))


@main.command("status")
def _status() -> None:
    """Show every process with its address, state and memory."""
    commands.status()


@main.command("token")
@click.option("--role", type=click.Choice(ROLES), help="Of an account with this role alone, made where there is none.")
@click.option("--header", is_flag=True, help="Print the whole header, for `curl -H @-`.")
def _token(role: str | None, header: bool) -> None:
    """Print an access token of the first administrator.

    It signs in with ADMIN_EMAIL and ADMIN_PASSWORD; the token is valid for some minutes. With a role it signs in as
    ROLE@example.org, for development: that account is made at the first time and invited, and the tool accepts the
    invitation itself; its password is computed from ADMIN_PASSWORD and nobody needs it. An account with
    one-time passwords needs one: in the environment variable OTP, or it is asked for at the terminal.
    """
    commands.token(role, as_header=header)


@main.command("logs")
@click.argument("name", required=False)
def _logs(name: str | None) -> None:
    """Show the end of the logs.

    NAME is a process (kafka, matching_service.web) or a service. On a terminal it follows the logs as they grow.
    """
    commands.logs(name)


@main.command("mails")
@click.argument("id", required=False)
def _mails(id: str | None) -> None:
    """List the mails that the catcher kept.

    With an ID, the whole of that mail is shown.
    """
    commands.mails(id)


if __name__ == "__main__":
    main(prog_name="python -m operations")
