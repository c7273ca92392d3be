"""The processor time that the processes of a platform have used, which other work on the machine hardly changes."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from testkit.private_platform import PrivatePlatform

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_PARENT, _TIMES = 1, slice(11, 15)
"""Where they stand in `/proc/PID/stat` after the name: own time in both modes, and that of children that ended."""


def processor_seconds(platform: PrivatePlatform) -> float:
    """Returns the seconds that all processes of the platform and their children have used until now."""
    stats = {int(folder.name): stat for folder in Path("/proc").glob("[0-9]*") if (stat := _stat(folder))}
    children: dict[int, list[int]] = defaultdict(list)
    for pid, stat in stats.items():
        children[int(stat[_PARENT])].append(pid)
    started = {platform.process(spec.name).pid for spec in platform.process_specs}
    all_of_them = [pid for root in stats.keys() & started for pid in _with_children(root, children)]
    ticks = (int(each) for pid in all_of_them for each in stats[pid][_TIMES])
    return sum(ticks) / _TICKS_A_SECOND


def _stat(folder: Path) -> list[str]:
    """The fields after the name, which may hold blanks; none of a process that is gone."""
    try:
        return (folder / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _with_children(pid: int, children: dict[int, list[int]]) -> Iterator[int]:
    yield pid
    for child in children[pid]:
        yield from _with_children(child, children)
