"""Output of commands at the terminal."""

from __future__ import annotations

import os
import sys


def print_line(text: str) -> None:
    """Print a line at once; a reader that closes its end (`make status | head -1`) does not stop the command."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # discards the buffer and all later output
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def show_progress(text: str) -> None:
    """Show how far a command is, in place of what it showed before."""
    print(f"\r{text}", end="\x1b[K", file=sys.stderr, flush=True)
