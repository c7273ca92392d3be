"""How a command ends, for cron and scripts."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit code of a command; README.md says what an operator does about each."""

    DONE = 0
    """All went as asked, also where nothing had changed."""
    FAILED = 1
    """It could not be done: a configuration, a file, a folder, or what `validate` found."""
    USAGE = 2
    """The command line is wrong; click ends with this by itself."""
    INCOMPLETE = 3
    """Some of the directory could not be read; no file was written that deletes anybody. `--resume` reads the rest."""
    REFUSED = 4
    """The site refuses us: a person must look, and nothing is tried again before."""
    UNKNOWN_FORM = 5
    """What was read is not in the form that is known: another site, or a page in the middle of a redesign."""
    UNUSUAL = 6
    """More people are gone or changed than a day brings; nothing was written. `--allow` writes it after a look."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C or SIGINT; `--resume` goes on."""
