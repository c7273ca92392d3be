"""The commands; each ends with an exit code of `therapist_scraper.exit_codes`."""

from __future__ import annotations

import click

from therapist_scraper import __doc__ as purpose
from therapist_scraper.record_commands import diff, validate


@click.group(help=purpose)
@click.version_option(package_name="therapist-scraper", message="%(version)s")
def commands() -> None:
    """Groups the commands; a module that has some adds them here by `commands.add_command`."""


commands.add_command(diff)
commands.add_command(validate)
