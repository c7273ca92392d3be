"""Commands of a service as processes that are forked from this one: another start would load everything for a second.

Not for what speaks to Kafka, whose client no fork survives.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from subprocess import CompletedProcess
from tempfile import TemporaryFile
from typing import IO, TextIO, cast

from shared.runtime.cli import main

FORK = multiprocessing.get_context("fork")
SECONDS = 60.0


def ended(service: str, *arguments: str, **variables: str) -> CompletedProcess[str]:
    """A process of the service that ends by itself; the variables are in its environment, besides ours."""
    with TemporaryFile("w+") as out, TemporaryFile("w+") as err:
        process = FORK.Process(target=_run, args=(service, arguments, variables, out, err))
        process.start()
        process.join(SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()
        out.seek(0)
        err.seek(0)
        return CompletedProcess([service, *arguments], process.exitcode or 0, out.read(), err.read())


def _run(service: str, arguments: Sequence[str], variables: Mapping[str, str], out: IO[str], err: IO[str]) -> None:
    for number, file in ((1, out), (2, err)):
        os.dup2(file.fileno(), number)
    sys.stdout, sys.stderr = cast("TextIO", out), cast("TextIO", err)  # instead of pytest's
    os.environ.update(variables)
    main(service, list(arguments))
