"""The commands; each ends with an exit code of `therapist_scraper.exit_codes`."""

from __future__ import annotations

from typing import Any

import click

from therapist_scraper import __doc__ as purpose
from therapist_scraper.errors import Interrupted
from therapist_scraper.fetch_commands import convert, scrape
from therapist_scraper.manners import VERSION
from therapist_scraper.record_commands import diff, validate


class _Commands(click.Group):
    def invoke(self, context: click.Context) -> Any:
        """Run a command; Ctrl-C ends it with the exit code that shells expect."""
        try:
            return super().invoke(context)
        except KeyboardInterrupt:
            raise Interrupted("interrupted; with --resume it goes on") from None


@click.group(cls=_Commands, help=purpose, context_settings={"show_default": True})
@click.version_option(VERSION, message="%(version)s")
def commands() -> None:
    """Groups the commands; a module that has some adds them here."""


for each in (scrape, convert, diff, validate):
    commands.add_command(each)
