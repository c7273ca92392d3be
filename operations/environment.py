"""`make env`: `.env` with fresh secrets, where there is none. Needs nothing but Python: containers bring the rest."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from operations import env_file, processes
from operations.errors import OperationsError
from operations.paths import Paths

EXPLAINED = """\
Make .env with fresh secrets (mode 600) where there is none, or write into it what it lacks; what it has is kept.

  PORT_OFFSET=1000 before the command moves every port by so many, unless something runs here."""
ROOT = Path(__file__).resolve().parent.parent


def prepare(root: Path, *, say: Callable[[str], None]) -> None:
    """Make `.env`, or write into it what it lacks; and the folder where files to import arrive."""
    state = root / ".state"
    state.mkdir(exist_ok=True)
    with processes.only_one(state / "settings.lock"):
        is_new, offset = not (root / ".env").exists(), _offset()
        _refuse_to_move_what_runs(root, offset)
        added = env_file.complete(root, offset=offset)
    if is_new:
        say("made .env with fresh secrets (mode 600); keep a copy of its keys (docs/keys.md) in a safe place")
    elif added:
        say(f"written to .env: {', '.join(added)}")
    make_import_folder(env_file.load(root)["IMPORT_URL"])


def _offset() -> int | None:
    """By how much the ports are to be moved; None where nothing is said."""
    text = os.environ.get("PORT_OFFSET")
    if text is None:
        return None
    if not text.isdecimal():
        raise OperationsError(f"PORT_OFFSET={text} is not a number")
    return int(text)


def _refuse_to_move_what_runs(root: Path, offset: int | None) -> None:
    before = env_file.offset_of(root)
    if None in (offset, before) or offset == before:
        return
    records = processes.ProcessRecords(Paths(root, root / ".state").run)
    if any(processes.is_alive(record) for record in records.all()):
        raise OperationsError(
            f"PORT_OFFSET={offset}, but what runs here was started with PORT_OFFSET={before}:"
            " `make down` first, then it moves"
        )


def make_import_folder(url: str) -> None:
    """Make the folder where files to import arrive, if it is on this machine: without it the worker is not ready."""
    if url.startswith("file://"):
        Path(url.removeprefix("file://")).mkdir(parents=True, exist_ok=True)


USAGE = "Usage: python -m operations.environment [--help]"


def main() -> None:
    """The command line; not one of click's, since it needs nothing but Python."""
    if sys.argv[1:] == ["--help"]:
        return print(f"{USAGE}\n\n  {EXPLAINED}")
    if sys.argv[1:]:
        print(f"{USAGE}\n\nError: there are no arguments but --help", file=sys.stderr)
        sys.exit(2)
    return _prepare()


def _prepare() -> None:
    try:
        prepare(ROOT, say=print)
    except OperationsError as failure:
        sys.exit(str(failure))
    print("settings are in .env")


if __name__ == "__main__":
    main()
