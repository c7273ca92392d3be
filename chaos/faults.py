"""What goes wrong, when, in an order that the seed decides."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from operations.failures import Failure
from operations.platform import Platform, Running


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong: when (seconds after the start), what, to whom, for how long."""

    at: float
    kind: str
    victim: str
    seconds: float


KINDS: tuple[tuple[str, int], ...] = (
    ("kill worker", 8),
    ("kill web", 4),
    ("freeze worker", 3),
    ("restart kafka", 2),
    ("kill kafka", 2),
    ("restart pgbouncer", 2),
    ("kill pgbouncer", 1),
    ("restart postgresql", 2),
    ("kill postgresql", 1),
    ("refuse mails", 2),
    ("lose mail answers", 2),
)
"""Each kind with how often it is drawn against the others."""

QUIET_START, QUIET_END = 3.0, 3.0


def schedule(
    seed: int, seconds: float, workers: Sequence[str], webs: Sequence[str], brokers: Sequence[str]
) -> list[Fault]:
    """The faults of a campaign: the same seed and length give the same ones."""
    chance = Random(seed)
    kinds, weights = zip(*KINDS, strict=True)
    at, faults = QUIET_START, []
    while at < seconds - QUIET_END:
        kind = chance.choices(kinds, weights)[0]
        victims = {"worker": workers, "web": webs, "kafka": brokers}.get(kind.split()[-1], (kind.split()[-1],))
        faults.append(Fault(round(at, 1), kind, chance.choice(list(victims)), round(chance.uniform(0.5, 4.0), 1)))
        at += chance.uniform(1.0, 5.0)
    return faults


class Faults:
    """Lets the scheduled faults happen beside the load, one after the other."""

    def __init__(self, platform: Platform, planned: Sequence[Fault], say: Callable[[str], None]) -> None:
        self._platform, self._planned, self._say = platform, planned, say
        self.happened = 0
        self._thread = threading.Thread(target=self._run, name="faults")

    def start(self) -> None:
        """Begin; returns at once."""
        self._began = time.monotonic()
        self._thread.start()

    def finish(self) -> None:
        """Wait for the last one, then heal everything."""
        self._thread.join()
        self._platform.mailbox.accept()
        for part in self._platform.parts:
            running = self._platform.part(part.name)
            running.thaw()
            running.start()

    def _run(self) -> None:
        for fault in self._planned:
            time.sleep(max(0.0, self._began + fault.at - time.monotonic()))
            self._say(f"{time.monotonic() - self._began:6.1f} s  {fault.kind:<20} {fault.victim} ({fault.seconds:g} s)")
            try:
                self._happen(fault)
                self.happened += 1
            except Failure as failure:
                # a part that does not come back at once (its neighbour is down too) is healed at the end
                self._say(f"          not healed yet: {str(failure).splitlines()[0]}")

    def _happen(self, fault: Fault) -> None:
        mailbox = self._platform.mailbox
        if fault.kind == "refuse mails":
            mailbox.refuse(451, seconds=fault.seconds)
        elif fault.kind == "lose mail answers":
            mailbox.refuse(451, seconds=fault.seconds, at="answer")
        elif fault.kind == "freeze worker":
            # longer than the relay's lease: it wakes up believing that it still holds it
            self._freeze(self._platform.part(fault.victim), 12 + fault.seconds)
        else:
            self._interrupt(self._platform.part(fault.victim), fault)

    @staticmethod
    def _freeze(part: Running, seconds: float) -> None:
        if part.is_alive():
            part.freeze()
            threading.Timer(seconds, part.thaw).start()

    @staticmethod
    def _interrupt(part: Running, fault: Fault) -> None:
        if fault.kind.startswith("kill"):
            part.kill()
        else:
            part.stop()
        time.sleep(fault.seconds)
        part.launch()
