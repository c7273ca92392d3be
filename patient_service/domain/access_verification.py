"""Whether the access log is what was written: its chains, and the anchors that hold them
(docs/decisions/0035-chained-access-log.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from patient_service.domain.access_chains import BEFORE_ALL, BEGINNING, AnchorHash, ChainCheck, as_text, name_of
from patient_service.store import access_log as store
from patient_service.store.access_log import KINDS, Kind
from patient_service.store.tables import AccessAnchor
from shared.database import Session
from shared.values.datetimes import berlin_day


def anchor(session: Session, *, now: datetime) -> bool:
    """Anchor all chains as they are, once on each day in Berlin; returns whether this did it."""
    if _is_anchored(session, now) or not store.is_alone(session) or _is_anchored(session, now):
        return False
    last = store.last_anchor(session)
    made = AccessAnchor(number=last.number + 1 if last else 1, day=berlin_day(now), made_at=now)
    made.chains = store.anchor_chains(session, made.number)
    hash = AnchorHash(
        last.hash if last else BEGINNING,
        number=made.number,
        day=made.day.isoformat(),
        made_at=as_text(now),
        chains=made.chains,
    )
    for each in store.chains_of_anchor(session, made.number):
        hash.add(each.kind, each.chain, each.number, each.hash)
    made.hash = hash.digest()
    session.add(made)
    return True


def _is_anchored(session: Session, now: datetime) -> bool:
    last = store.last_anchor(session)
    return last is not None and last.day >= berlin_day(now)


def newest_anchor(session: Session) -> AccessAnchor | None:
    """The newest anchor; None before there is one."""
    return store.last_anchor(session)


@dataclass(frozen=True)
class Verified:
    """What one portion of the verification found."""

    entries: int = 0
    anchors: int = 0
    problems: Sequence[str] = ()
    """What is wrong, a sentence for each."""


class VerificationPart(Protocol):
    """A part of the verification, done in portions; it keeps no more of what it read than where it ended."""

    def next(self, session: Session, *, at_most: int) -> Verified | None:
        """Verify the next portion; None where all is done."""


def parts(expected: Mapping[int, bytes]) -> Sequence[VerificationPart]:
    """All parts, in the order in which they are done; `expected` are hashes of anchors by their numbers."""
    return [*(Chains(kind) for kind in KINDS), Creations(), Anchors(expected)]


class Chains:
    """The chains of one kind, entry by entry."""

    def __init__(self, kind: Kind) -> None:
        self._check = ChainCheck(kind)

    def next(self, session: Session, *, at_most: int) -> Verified | None:
        """Follow the next entries."""
        check = self._check
        rows = store.entries_after(session, check.kind, (check.chain, check.number), limit=at_most)
        if not rows:
            return None
        found = [check.follow(row) for row in rows]
        return Verified(entries=len(rows), problems=[each for each in found if each is not None])


class Creations:
    """The patients one after the other: each was created, so each has a chain that begins with that."""

    def __init__(self) -> None:
        self._after = BEFORE_ALL

    def next(self, session: Session, *, at_most: int) -> Verified | None:
        """Look at the next patients."""
        found = store.creations_after(session, self._after, limit=at_most)
        if not found:
            return None
        self._after = found[-1].id
        missing = [each.id for each in found if not each.is_noted]
        return Verified(problems=[f"patient {id} has no entry that says who created the file" for id in missing])


class Anchors:
    """The anchors one after the other, each with the entries that it holds."""

    def __init__(self, expected: Mapping[int, bytes]) -> None:
        self._expected = dict(expected)
        self._number, self._hash = 0, BEGINNING
        self._is_done = False

    def next(self, session: Session, *, at_most: int) -> Verified | None:  # noqa: ARG002 - an anchor is one portion
        """Verify the next anchor."""
        if self._is_done:
            return None
        found = store.anchor_after(session, self._number)
        if found is None:
            self._is_done = True
            return Verified(problems=list(self._missing(session)))
        problems = list(self._follow(session, found))
        self._number, self._hash = found.number, found.hash
        return Verified(anchors=1, problems=problems)

    def _follow(self, session: Session, anchor: Any) -> Iterator[str]:
        """What is wrong with an anchor, and with the entries that it holds."""
        if anchor.number != self._number + 1:
            yield f"anchor {anchor.number} follows anchor {self._number}: what was between them is missing"
        hash = AnchorHash(
            self._hash, number=anchor.number, day=anchor.day, made_at=anchor.made_at, chains=anchor.chains
        )
        for held in store.chains_of_anchor(session, anchor.number):
            hash.add(held.kind, held.chain, held.number, held.hash)
            if held.stands != held.hash:
                yield _problem_with(anchor, held)
        if hash.digest() != anchor.hash:
            yield f"anchor {anchor.number} of {anchor.day} is not what was written there"
        if self._expected.pop(anchor.number, anchor.hash) != anchor.hash:
            yield f"anchor {anchor.number} of {anchor.day} is another one than the log has"

    def _missing(self, session: Session) -> Iterator[str]:
        """What is wrong behind the last anchor."""
        last = store.last_anchored(session)
        if last > self._number:
            yield f"anchor {last} is missing, but the chains that it holds are there"
        for number in sorted(self._expected):
            yield f"anchor {number} is missing, but the log has it"


def _problem_with(anchor: Any, held: Any) -> str:
    state = "missing" if held.stands is None else "another one now"
    return f"{name_of(held.kind, held.chain, held.number)} is {state}: anchor {anchor.number} of {anchor.day} holds it"
