"""The faults of a campaign, in an order that the seed decides."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, cycle
from random import Random

from operations.errors import OperationsError
from operations.managed_process import ManagedProcess
from testkit.private_platform import PrivatePlatform


@dataclass(frozen=True)
class Fault:
    """One fault: its start in seconds after the campaign's, its kind, the process it affects, its duration."""

    at: float
    kind: str
    victim: str
    seconds: float


KINDS = {
    "kill worker": 8,
    "kill web": 4,
    "freeze worker": 3,
    "restart kafka": 2,
    "kill kafka": 2,
    "restart pgbouncer": 2,
    "kill pgbouncer": 1,
    "restart postgresql": 2,
    "kill postgresql": 1,
    "refuse mails": 2,
    "lose mail answers": 2,
    "refuse our mails": 2,
}
"""The weight of each kind in the random choice; per broker where there are several."""

QUIET_START, QUIET_END = 3.0, 3.0
SPACING = 3.0
"""Mean seconds between two faults; less when a short campaign would not reach every kind."""


def schedule(
    seed: int, seconds: float, victims: Mapping[str, Sequence[str]], kinds: Mapping[str, int] = KINDS
) -> list[Fault]:
    """Returns the faults of a campaign: every kind once, then random ones. The same arguments give the same faults.

    `victims` has the process names for the last word of a kind; a word that is missing there is a process name itself.
    """
    chance = Random(seed)
    spacing = min(SPACING, (seconds - QUIET_START - QUIET_END) / len(kinds))
    turns = {word: cycle(_shuffled(parts, chance)) for word, parts in victims.items()}
    at = QUIET_START
    faults: list[Fault] = []
    for kind in _drawn(kinds, victims, chance):
        if at >= seconds - QUIET_END:
            return faults
        word = kind.split()[-1]
        victim = next(turns[word]) if word in turns else word
        faults.append(Fault(round(at, 1), kind, victim, round(chance.uniform(0.5, 4.0), 1)))
        at += spacing * chance.uniform(0.4, 1.6)
    return faults


def _drawn(kinds: Mapping[str, int], victims: Mapping[str, Sequence[str]], chance: Random) -> Iterator[str]:
    brokers = len(victims.get("kafka", ["kafka"]))
    weights = [weight * (brokers if kind.endswith("kafka") else 1) for kind, weight in kinds.items()]
    return chain(_shuffled(kinds, chance), iter(lambda: chance.choices([*kinds], weights)[0], None))


def _shuffled(what: Mapping[str, int] | Sequence[str], chance: Random) -> list[str]:
    return chance.sample([*what], len(what))


class Faults:
    """Causes the scheduled faults during the load, one after the other."""

    def __init__(
        self,
        platform: PrivatePlatform,
        planned: Sequence[Fault],
        say: Callable[[str], None],
        one_at_a_time: Sequence[str],
    ) -> None:
        """`one_at_a_time`: of the processes with these prefixes one is stopped only while the others are ready."""
        self._platform, self._planned, self._say = platform, planned, say
        self._one_at_a_time = one_at_a_time
        self.happened = 0
        self._over = threading.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="faults")

    def start(self) -> None:
        """Begin; returns at once."""
        self._began = time.monotonic()
        self._work = self._thread.submit(self._run)

    def stop(self) -> None:
        """Cause no more faults; an error of the thread is raised here."""
        self._over.set()
        self._work.result()

    def finish(self) -> None:
        """Wait for the last fault, then start everything that is stopped."""
        self._work.result()
        self._platform.mailbox.accept()
        for part in self._platform.process_specs:
            running = self._platform.process(part.name)
            running.thaw()
            running.start()

    def _run(self) -> None:
        for fault in self._planned:
            if self._over.wait(max(0.0, self._began + fault.at - time.monotonic())):
                return
            try:
                self._wait_for_others(fault.victim)
                at = time.monotonic() - self._began
                self._say(f"{at:6.1f} s  {fault.kind:<20} {fault.victim} ({fault.seconds:g} s)")
                self._happen(fault)
                self.happened += 1
            except OperationsError as failure:
                # a process that does not start at once (one it needs is stopped too) is started at the end
                self._say(f"          not started yet: {str(failure).splitlines()[0]}")

    def _wait_for_others(self, victim: str) -> None:
        group = victim.partition(".")[0]
        for part in self._platform.process_specs if group in self._one_at_a_time else []:
            if part.name.partition(".")[0] == group and part.name != victim:
                self._platform.process(part.name).wait_until_ready()

    def _happen(self, fault: Fault) -> None:
        mailbox = self._platform.mailbox
        if fault.kind == "refuse mails":
            mailbox.refuse(451, seconds=fault.seconds)
        elif fault.kind == "lose mail answers":
            mailbox.refuse(451, seconds=fault.seconds, at="answer")
        elif fault.kind == "refuse our mails":
            # about us, not about the recipient, although it is the answer to RCPT
            mailbox.refuse(550, seconds=fault.seconds, text="5.1.8 Sender address rejected: Domain not found")
        elif fault.kind == "freeze worker":
            # longer than the relay's lease: when it continues it takes the lease for its own
            self._freeze(self._platform.process(fault.victim), 12 + fault.seconds)
        else:
            self._interrupt(self._platform.process(fault.victim), fault)

    @staticmethod
    def _freeze(part: ManagedProcess, seconds: float) -> None:
        if part.is_alive():
            part.freeze()
            threading.Timer(seconds, part.thaw).start()

    @staticmethod
    def _interrupt(part: ManagedProcess, fault: Fault) -> None:
        if fault.kind.startswith("kill"):
            part.kill()
        else:
            part.stop()
        time.sleep(fault.seconds)
        part.launch()
