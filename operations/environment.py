"""`make env`: `.env` with fresh secrets, where there is none. Needs nothing but Python: containers bring the rest."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from operations import processes, settings
from operations.failures import Failure

ROOT = Path(__file__).resolve().parent.parent


def prepare(root: Path, *, say: Callable[[str], None]) -> None:
    """Make `.env`, or write into it what it lacks; and the folder where files to import arrive."""
    state = root / ".state"
    state.mkdir(exist_ok=True)
    with processes.only_one(state / "settings.lock"):
        is_new = not (root / ".env").exists()
        added = settings.complete(root, offset=_offset())
    if is_new:
        say("made .env with fresh secrets (mode 600); keep a copy of its MASTER_KEY in a safe place")
    elif added:
        say(f"written to .env: {', '.join(added)}")
    make_import_folder(settings.load(root)["IMPORT_URL"])


def _offset() -> int:
    text = os.environ.get("PORT_OFFSET", "0")
    if not text.isdecimal():
        raise Failure(f"PORT_OFFSET={text} is not a number")
    return int(text)


def make_import_folder(url: str) -> None:
    """Make the folder where files to import arrive, if it is on this machine: without it the worker is not ready."""
    if url.startswith("file://"):
        Path(url.removeprefix("file://")).mkdir(parents=True, exist_ok=True)


def main() -> None:
    """The command line."""
    try:
        prepare(ROOT, say=print)
    except Failure as failure:
        sys.exit(str(failure))
    print("settings are in .env")


if __name__ == "__main__":
    main()
