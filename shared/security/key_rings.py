"""Rings of keys that are replaced while the service serves (docs/decisions/0028-key-rings.md)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from cryptography.exceptions import InvalidTag

from shared.database import Session, transaction
from shared.database.wrapped_keys import WrappedKeys
from shared.errors import Outage
from shared.runtime.health import ReadinessCheck
from shared.security.encryption import MasterKeys

_FIRST: Final = UUID(int=0)
"""Before the id of every owner of a key."""


@dataclass(frozen=True)
class KeyUse:
    """A key of a ring, or one that the ring lacks, and how much was written with it."""

    setting: str
    id: str
    role: str
    """`writes`, `reads`, or `missing`."""
    rows: int


@dataclass(frozen=True)
class UsedRing:
    """A ring as a setting has it, and what rows say of the keys that they were written with."""

    setting: str
    ids: Sequence[bytes]
    ids_in_use: Callable[[Session], Sequence[bytes]]
    count_by_key: Callable[[Session], Mapping[bytes, int]]
    does: str = "data of patients are encrypted"
    """What is done with its keys, as a sentence for operators says it."""

    def check(self, session: Session) -> None:
        """Raise `Outage` where something was written with a key that the ring lacks."""
        missing = [each for each in self.ids_in_use(session) if each not in self.ids]
        if missing:
            raise Outage(
                "key.missing",
                f"{self.setting} (or the file that {self.setting}_FILE names) has {_listed(self.ids)}, but {self.does}"
                f" with {_listed(missing)}: put it back into the ring (docs/keys.md)",
            )

    def uses(self, session: Session) -> Sequence[KeyUse]:
        """Every key that is in the ring or in use."""
        counted = self.count_by_key(session)
        roles = dict.fromkeys(counted, "missing") | dict.fromkeys(self.ids, "reads") | {self.ids[0]: "writes"}
        every = [*self.ids, *(counted.keys() - {*self.ids})]
        return [KeyUse(self.setting, id.hex(), roles[id], counted.get(id, 0)) for id in every]


def _listed(ids: Collection[bytes]) -> str:
    return "the " + ("keys " if len(ids) > 1 else "key ") + ", ".join(each.hex() for each in ids)


@dataclass(frozen=True)
class Rewrapped:
    """A portion of data keys that were wrapped anew."""

    last: UUID
    number: int
    damaged: Sequence[UUID]
    """The patients whose wrapped key cannot be opened; it is left as it is."""


@dataclass(frozen=True)
class WrappingRing:
    """A ring whose keys wrap others, and the table of those."""

    setting: str
    keys: MasterKeys
    wrapped: WrappedKeys

    @property
    def use(self) -> UsedRing:
        """Which of its keys are in use."""
        return UsedRing(self.setting, self.keys.ids, self.wrapped.ids_in_use, self.wrapped.count_by_key)

    def count_to_rewrap(self, session: Session) -> int:
        """The number of data keys that an older key of the ring wrapped."""
        return self.wrapped.count_wrapped_by(session, self.keys.ids[1:])

    def rewrap(self, session: Session, *, after: UUID, at_most: int) -> Rewrapped | None:
        """Wrap the next data keys, by the ids of their owners, with the first key; None where there are no more.

        What is encrypted with the data keys stays as it is, and what is read meanwhile is opened with either.
        """
        found = self.wrapped.wrapped_by(session, self.keys.ids[1:], after=after, limit=at_most)
        if not found:
            return None
        wrapped = {owner: self._rewrapped(owner, key) for owner, key in found}
        self.wrapped.write(session, {owner: new for owner, new in wrapped.items() if new is not None})
        damaged = [owner for owner, new in wrapped.items() if new is None]
        return Rewrapped(last=found[-1][0], number=len(found) - len(damaged), damaged=damaged)

    def _rewrapped(self, owner: UUID, wrapped: Any) -> bytes | None:
        try:
            return self.keys.rewrap(bytes(wrapped), owner.bytes)
        except InvalidTag:
            return None

    def rewrap_all(self, *, portion: int = 1000) -> Generator[Rewrapped, None, None]:
        """Wrap every data key with the first key, a transaction for each portion; yields them as they end.

        Whatever ends it, what is done is done, and another run goes on with the rest.
        """
        after = _FIRST
        while True:
            with transaction() as session:
                done = self.rewrap(session, after=after, at_most=portion)
            if done is None:
                return
            after = done.last
            yield done


@dataclass(frozen=True)
class KeyRings:
    """The rings of one service whose keys its rows name."""

    wrapping: WrappingRing
    others: Sequence[UsedRing] = ()

    def check(self, session: Session) -> None:
        """Raise `Outage` where something was written with a key that a ring lacks."""
        for each in self._all():
            each.check(session)

    def uses(self, session: Session) -> Sequence[KeyUse]:
        """Every key that is in a ring or in use."""
        return [use for each in self._all() for use in each.uses(session)]

    def needed(self) -> ReadinessCheck:
        """That every key is there with which something was written."""

        def are_there() -> bool:
            with transaction() as session:
                self.check(session)
            return True

        return ReadinessCheck("keys", are_there)

    def _all(self) -> Sequence[UsedRing]:
        return [self.wrapping.use, *self.others]
