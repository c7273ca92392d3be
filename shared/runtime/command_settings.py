"""What every command of a service does first: it reads the settings, configures the log and follows a clock."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeAlias

import click

from shared.errors import PlatformError
from shared.runtime import clock, logs, registry
from shared.runtime.settings import ServiceSettings, read

P = ParamSpec("P")

Command: TypeAlias = Callable[Concatenate[ServiceSettings, P], None]


def with_settings(command: Command[P]) -> Callable[P, None]:
    """Returns the command as click calls it: with the settings of its service, and errors as messages.

    The settings are read after the whole command line: `--help` needs none of them.
    """

    @wraps(command)
    def run(*given: P.args, **options: P.kwargs) -> None:
        context = click.get_current_context()
        settings = read(registry.settings_of(context.find_root().obj))
        logs.configure(settings.service, str(context.info_name), settings.log_level)
        clock.follow(Path(settings.testing_clock) if settings.testing_clock else None)
        try:
            command(settings, *given, **options)
        except PlatformError as problem:
            sys.exit(problem.message)

    return run
