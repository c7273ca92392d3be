"""`scrape` and `convert`: from the directory, or from what a person saved of it, to a file for the import."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import click

from therapist_scraper import run_state
from therapist_scraper.areas import GERMANY, NAMED, Area, read_area
from therapist_scraper.clock import Clock, SystemClock
from therapist_scraper.delivery import deliver
from therapist_scraper.errors import Incomplete, ScraperError
from therapist_scraper.manners import Manners
from therapist_scraper.polite_client import PoliteClient
from therapist_scraper.raw import Harvest
from therapist_scraper.record_commands import show
from therapist_scraper.recordings import read_folder, read_har
from therapist_scraper.run_state import Plan, Run
from therapist_scraper.sources.directory_116117 import SITE
from therapist_scraper.state import FILE
from therapist_scraper.walk import count_failed, harvest, read_all

OLDEST_RUN = timedelta(hours=20)
"""A run that began earlier is not continued: what it has read is not of one day any more."""
TICKS = 10_000

Command = TypeVar("Command", bound=Callable[..., object])


def _delivering(command: Command) -> Command:
    """Add the options of every command that writes a file for the import."""
    state = click.option(
        "--state",
        envvar="SCRAPER_STATE",
        show_envvar=True,
        type=click.Path(file_okay=False, path_type=Path),
        default=Path.home() / ".local" / "state" / "therapist-scraper",
        show_default="~/.local/state/therapist-scraper",
        help=f"Folder with the state, {FILE}, of everybody who is known, and the run that was stopped.",
    )
    out = click.option(
        "--out", envvar="SCRAPER_OUT", show_envvar=True, required=True, help="Folder or URL of the file."
    )
    allow = click.option("--allow", is_flag=True, help="Write it although an unusual share is gone or changed.")
    dry_run = click.option("--dry-run", is_flag=True, help="Print the file instead of writing it; leave the state.")
    return out(state(allow(dry_run(command))))


@click.command()
@_delivering
@click.option(
    "--area",
    "names",
    envvar="SCRAPER_AREA",
    show_envvar=True,
    multiple=True,
    default=[GERMANY],
    help=f"LATITUDE,LONGITUDE,KILOMETRES or one of {', '.join(NAMED)}; may be repeated.",
)
@click.option("--resume", is_flag=True, help="Go on with the run that was stopped, where there is one.")
@click.option("--contact", envvar="SCRAPER_CONTACT", show_envvar=True, required=True, help="E-mail or page of yours.")
@click.option("--site", envvar="SCRAPER_SITE", show_envvar=True, default=SITE, help="Address of the directory.")
@click.option("--interval", envvar="SCRAPER_INTERVAL", show_envvar=True, default=2.0, help="Seconds between requests.")
@click.option(
    "--largest-radius", envvar="SCRAPER_LARGEST_RADIUS", show_envvar=True, default=75.0, help="Kilometres of a search."
)
@click.option(
    "--authorization-file",
    envvar="SCRAPER_AUTHORIZATION_FILE",
    show_envvar=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the value of the header that the site's operators gave you.",
)
@click.pass_context
def scrape(
    context: click.Context,
    names: Sequence[str],
    *,
    out: str,
    state: Path,
    allow: bool,
    dry_run: bool,
    resume: bool,
    contact: str,
    site: str,
    interval: float,
    largest_radius: float,
    authorization_file: Path | None,
) -> None:
    """Read the directory and write what has changed.

    One request at a time, as robots.txt allows. A refusal of the site ends it at once. A run that could not read
    everything writes no deletions and ends with exit code 3; --resume then asks only for what is missing.
    """
    authorization = authorization_file.read_text().strip() if authorization_file else None
    manners = Manners(contact, interval=interval, authorization=authorization)
    client = PoliteClient(site, manners, _clock(context), partial(click.echo, err=True))
    areas = [read_area(name) for name in dict.fromkeys(names)]
    with run_state.alone(state):
        plan = Plan(client.site, tuple(sorted(area.name for area in areas)), _radius(largest_radius))
        run = _begin_or_resume(run_state.folder_of(state, dry_run=dry_run), plan, client, resume=resume)
        _read(client, run, areas)
        harvested = harvest(run, areas, client)
        if failed := _say_what_failed(run):
            _deliver_part(harvested, out, state, client.clock, allow=allow, dry_run=dry_run)
            raise Incomplete(f"{failed} searches failed, and nobody is deleted; --resume asks for them again")
        _deliver(harvested, out, state, client.clock, allow=allow, dry_run=dry_run)
        if not dry_run:
            run.remove()


@click.command()
@_delivering
@click.option(
    "--from-har", type=click.Path(dir_okay=False, path_type=Path), help="A HAR file of a browser's developer tools."
)
@click.option(
    "--from-dir", type=click.Path(file_okay=False, path_type=Path), help="A folder of saved pages, answers and HARs."
)
@click.option(
    "--saved-from",
    metavar="HOST",
    help="The site of pages and answers in the folder that do not say theirs, such as arztsuche.116117.de.",
)
@click.pass_context
def convert(
    context: click.Context,
    *,
    from_har: Path | None,
    from_dir: Path | None,
    saved_from: str | None,
    out: str,
    state: Path,
    allow: bool,
    dry_run: bool,
) -> None:
    """Write what has changed, from what a browser has saved.

    Nobody is deleted by it: what was not saved may still be there.
    """
    clock = _clock(context)
    if from_har and not from_dir:
        harvested = read_har(from_har, clock.now())
    elif from_dir and not from_har:
        harvested = read_folder(from_dir, clock.now(), saved_from)
    else:
        raise click.UsageError("Give either --from-har or --from-dir.")
    for note in harvested.notes:
        click.echo(note, err=True)
    with run_state.alone(state):
        _deliver(harvested, out, state, clock, allow=allow, dry_run=dry_run)


def _clock(context: click.Context) -> Clock:
    """Returns the clock that a test gives, else the machine's."""
    return context.obj or SystemClock()


def _radius(kilometres: float) -> float:
    if not 1 <= kilometres <= 1000:
        raise ScraperError("the largest radius of a search must lie between 1 and 1000 kilometres")
    return kilometres


def _begin_or_resume(state: Path, plan: Plan, client: PoliteClient, *, resume: bool) -> Run:
    stopped = run_state.load(state) if resume else None
    now = client.clock.now()
    if stopped and stopped.plan == plan and now - stopped.started_at <= OLDEST_RUN:
        click.echo(f"going on with the run of {stopped.started_at:%Y-%m-%d %H:%M} UTC", err=True)
        return stopped
    if resume and run_state.exists(state):
        why = "is too old or was for something else" if stopped else "cannot be read"
        click.echo(f"the run that was stopped {why}: beginning anew", err=True)
    return run_state.begin(state, plan, now)


def _read(client: PoliteClient, run: Run, areas: Sequence[Area]) -> None:
    with click.progressbar(length=TICKS, label="reading", file=sys.stderr) as bar:
        done = 0.0

        def progress(share: float) -> None:
            nonlocal done
            done += share
            bar.update(round(done * TICKS) - bar.pos)

        read_all(client, run, areas, progress)
    click.echo(f"{client.requests_sent} requests were sent", err=True)


def _say_what_failed(run: Run) -> int:
    """Print it; returns the number of searches that failed."""
    failed = count_failed(run)
    for reason, number in failed.most_common():
        click.echo(f"{number} searches failed: {reason}", err=True)
    return failed.total()


def _deliver_part(harvested: Harvest, out: str, state: Path, clock: Clock, *, allow: bool, dry_run: bool) -> None:
    """Write what is certain although the rest was not read; nothing where nobody is."""
    with suppress(Incomplete):
        _deliver(harvested, out, state, clock, allow=allow, dry_run=dry_run)


def _deliver(harvested: Harvest, out: str, state: Path, clock: Clock, *, allow: bool, dry_run: bool) -> None:
    made = deliver(harvested, out=out, state_at=str(state / FILE), now=clock.now(), allow=allow, dry_run=dry_run)
    if dry_run:
        click.echo(made.text, nl=False)
    show(made, dry_run=dry_run)
