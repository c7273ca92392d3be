"""What the platform has acknowledged during a campaign: it must be there at the end, once."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from math import inf
from uuid import UUID


@dataclass
class HeldCall:
    """A claim of a call that was acknowledged to somebody, from then until they began to give it back."""

    call: str
    by: str
    since: float = field(default_factory=time.monotonic)
    until: float = inf

    def overlaps(self, other: HeldCall) -> bool:
        """Whether somebody else held the same call at the same time."""
        is_same_call = self.call == other.call and self.by != other.by
        return is_same_call and self.since < other.until and other.since < self.until


class Journal:
    """The writes that the platform has acknowledged: they must be there at the end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.therapists: list[str] = []
        self.patients: list[str] = []
        self.searching: list[str] = []
        """Patients whose search was started."""
        self.requests: list[str] = []
        self.answers: dict[str, str] = {}
        self.confirmations: list[str] = []
        """E-mails that staff wrote and approved."""
        self.replies: list[str] = []
        """`Message-ID`s of letters that were answered by their link for the first patient in them."""
        self.held_calls: list[HeldCall] = []
        self.counted: Counter[UUID] = Counter()
        self.in_doubt: Counter[UUID] = Counter()
        """Increases whose commit was not answered: each may have been committed."""
        self.gave_up = 0

    def acknowledged(self) -> int:
        """Returns the number of acknowledged writes."""
        noted = (self.therapists, self.patients, self.searching, self.requests, self.answers, self.confirmations)
        return sum(map(len, (*noted, self.replies, self.held_calls))) + self.counted.total()

    def note(self, kind: str, value: str) -> None:
        """Record an acknowledged creation."""
        with self._lock:
            getattr(self, kind).append(value)

    def hold(self, call: str, by: str) -> HeldCall:
        """Record an acknowledged claim of a call."""
        held = HeldCall(call, by)
        with self._lock:
            self.held_calls.append(held)
        return held

    def count(self, counter: UUID, *, committed: bool) -> None:
        """Record an increase: committed, or of unknown outcome."""
        with self._lock:
            (self.counted if committed else self.in_doubt)[counter] += 1

    def answer(self, request: str, outcome: str) -> None:
        """Record an acknowledged answer."""
        with self._lock:
            self.answers[request] = outcome
