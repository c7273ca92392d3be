"""In which order calls move to where a plan has them: each to a time that is free by then. Without a database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from communication_service.domain.call_times import FreeSlot


@dataclass(frozen=True)
class Move:
    """A call that is to be made at another time or by somebody else, or that has had no time yet."""

    inquiry_id: UUID
    therapist_id: UUID
    call_id: UUID | None
    """None: it has no time yet."""
    before: FreeSlot | None
    after: FreeSlot | None
    """None: others are called in its place, and it is made after the days of the plan."""


def in_turns(moves: Sequence[Move], length: timedelta) -> list[list[Move]]:
    """The moves in groups: each moves into times that are free once the groups before it have moved.

    A group of several is a ring, in which each takes the time of the next one: all of them move at once, or none.
    """
    holders = {each.before: number for number, each in enumerate(moves) if each.before is not None}
    waits_for = [list(_in_the_way(each, moves, holders, length)) for each in moves]
    return [[moves[number] for number in sorted(ring)] for ring in rings(waits_for)]


def _in_the_way(move: Move, moves: Sequence[Move], holders: Mapping[FreeSlot, int], length: timedelta) -> Iterator[int]:
    """The numbers of those who stand where this one is to go; calls begin at whole minutes."""
    if move.after is None:
        return
    minutes = int(length / timedelta(minutes=1))
    for minute in range(1 - minutes, minutes):
        holder = holders.get(move.after._replace(starts_at=move.after.starts_at + timedelta(minutes=minute)))
        if holder is not None and moves[holder] is not move:
            yield holder


def rings(waits_for: Sequence[Sequence[int]]) -> list[list[int]]:
    """The strongly connected parts of a graph, those first for which others wait (Tarjan, without recursion)."""
    order: dict[int, int] = {}
    lowest: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    found: list[list[int]] = []
    for root in range(len(waits_for)):
        work = [] if root in order else [(root, iter(waits_for[root]))]
        if work:
            order[root] = lowest[root] = len(order)
            stack.append(root)
            on_stack.add(root)
        while work:
            node, following = work[-1]
            for other in following:
                if other not in order:
                    order[other] = lowest[other] = len(order)
                    stack.append(other)
                    on_stack.add(other)
                    work.append((other, iter(waits_for[other])))
                    break
                if other in on_stack:
                    lowest[node] = min(lowest[node], order[other])
            else:
                work.pop()
                if work:
                    lowest[work[-1][0]] = min(lowest[work[-1][0]], lowest[node])
                if lowest[node] == order[node]:
                    place = stack.index(node)
                    found.append(stack[place:])
                    on_stack.difference_update(stack[place:])
                    del stack[place:]
    return found
