"""Several policies played at once, each by a process of its own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from shared.errors import PlatformError
from shared.runtime import memory
from simulation.records import Played
from simulation.region import Size
from simulation.services import Services, connections
from simulation.year import play
from testkit.private_platform import private_platform


def play_all(policies: Sequence[str], size: Size, processes: int) -> list[Played]:
    """What happens under each policy, in their order; so many processes play at once."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        return list(pool.map(partial(_play_apart, size=size), policies))


def _play_apart(policy: str, size: Size) -> Played:
    """Play one policy, on a PostgreSQL of its own: policies that are played at once do not meet."""
    try:
        return _play(policy, size)
    except PlatformError as problem:
        # it cannot be sent to another process; its traceback goes with this one
        raise RuntimeError(f"{policy}: {problem}") from problem


def _play(policy: str, size: Size) -> Played:
    _say(f"{policy}: starts PostgreSQL")
    with private_platform() as platform:
        platform.up(only=["postgresql", "migrations"])
        os.environ.update(platform.settings)
        with connections() as opened:
            services = Services(opened)
            memory.freeze()  # what is loaded is no garbage; collections would take a tenth of the time
            return play(services, size, policy, say=_say)


def _say(line: str) -> None:
    print(line, flush=True)
