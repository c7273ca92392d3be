from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from therapist_scraper.cli import commands
from therapist_scraper.errors import Incomplete, Refused, ScraperError, UnknownForm


@pytest.mark.parametrize(("error", "code"), [(ScraperError, 1), (Incomplete, 3), (Refused, 4), (UnknownForm, 5)])
def test_an_error_ends_the_command_with_its_code_and_one_line(error: type[ScraperError], code: int) -> None:
    @click.command()
    def fail() -> None:
        raise error("the disk is full")

    done = CliRunner().invoke(fail)
    assert (done.exit_code, done.stderr, done.stdout) == (code, "Error: the disk is full\n", "")


def test_help_names_the_purpose() -> None:
    done = CliRunner().invoke(commands, ["--help"])
    assert done.exit_code == 0
    assert "public directory of psychotherapists" in done.stdout
