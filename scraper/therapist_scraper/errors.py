"""What ends a command, each with its exit code and one sentence for the operator."""

from __future__ import annotations

from typing import IO, Any, ClassVar

import click

from therapist_scraper.exit_codes import ExitCode


class ScraperError(click.ClickException):
    """Ends the command: the message goes to stderr in one line, `exit_code` to the shell."""

    exit_code: ClassVar[int] = ExitCode.FAILED

    def show(self, file: IO[Any] | None = None) -> None:
        """Print `Error: …` on stderr, or to `file`."""
        click.echo(f"Error: {self.format_message()}", file=file, err=file is None)


class Incomplete(ScraperError):
    """Part of the directory could not be read."""

    exit_code: ClassVar[int] = ExitCode.INCOMPLETE


class Refused(ScraperError):
    """The site does not want to be read by us, or not this part of it."""

    exit_code: ClassVar[int] = ExitCode.REFUSED


class UnknownForm(ScraperError):
    """What was read has not the form of the directory that we know."""

    exit_code: ClassVar[int] = ExitCode.UNKNOWN_FORM


class Unusual(ScraperError):
    """What was read differs so much from before that a person must look first."""

    exit_code: ClassVar[int] = ExitCode.UNUSUAL


class Interrupted(ScraperError):
    """Somebody pressed Ctrl-C."""

    exit_code: ClassVar[int] = ExitCode.INTERRUPTED
