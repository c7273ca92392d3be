"""Words for whoever sits at the terminal, or for the next command of a pipe."""

from __future__ import annotations

import os
import sys


def print_line(text: str) -> None:
    """Print a line at once; who reads no further (`make status | head -1`) does not stop the work."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # what is still in the buffer, and all that follows, goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
