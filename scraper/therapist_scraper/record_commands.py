"""`validate` and `diff`: files and states that are there already."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from therapist_scraper import delivery, state, validation
from therapist_scraper.differences import between
from therapist_scraper.errors import ScraperError
from therapist_scraper.files import read_bytes


@click.command()
@click.argument("file", metavar="FILE")
def validate(file: str) -> None:
    """Check FILE against the form that the import reads.

    FILE is a path or URL. The exit code is 1 where something is wrong.
    """
    content = read_bytes(file)
    if content is None:
        raise ScraperError(f"There is no file {file}.")
    found = validation.problems(file.rpartition("/")[2], content)
    for problem in found:
        click.echo(problem)
    if found:
        raise ScraperError(f"{file} is not as the import expects it.")
    click.echo(f"{file}: nothing is wrong with it.")


@click.command()
@click.argument("before", metavar="BEFORE")
@click.argument("after", metavar="AFTER")
@click.option("--out", required=True, help="Folder or URL where the file is written.")
@click.option("--allow", is_flag=True, help="Write the file although an unusual share of people is gone or changed.")
@click.option("--dry-run", is_flag=True, help="Print the file on stdout and write nothing.")
def diff(before: str, after: str, out: str, *, allow: bool, dry_run: bool) -> None:
    """Write the file that leads from BEFORE to AFTER.

    Both are states: copies of the file people.jsonl that `scrape` keeps in its folder of --state, with everybody who is
    known. A BEFORE that does not exist is an empty one: the file then has everybody, such as for a new platform.
    """
    newer = state.load(after)
    older = state.load(before, newer.source)
    made = delivery.of_states(older, newer, difference=between(older, newer), now=datetime.now(UTC))
    if not allow and not dry_run:
        made.difference.refuse_unusual()
    if dry_run:
        click.echo(made.text, nl=False)
    else:
        delivery.write(made, out)
    show(made, dry_run=dry_run)


def show(made: delivery.Delivery, *, dry_run: bool) -> None:
    """Print the summary on stderr, where a dry run leaves stdout to the file."""
    if dry_run:
        click.echo("a dry run: nothing was written, and this is what would be:", err=True)
    for line in delivery.summary(made):
        click.echo(line, err=True)
