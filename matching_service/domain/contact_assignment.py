"""Who is asked for whom in a week: one assignment over everybody, as a flow of requests from patients to practices.

A pure function of numbers, which always gives the same plan for the same question. Nothing here knows of the database;
the module loads OR-tools and NumPy, so only the process that solves imports it (`plan_solving`).

In this order the assignment

1. makes as many requests as the limits allow,
2. leaves as few patients as possible without the requests that everybody is to have,
3. expects the most acceptances, each counted by how long its patient has waited. Of several patients in one contact the
   second counts half, the third a quarter: a practice seldom has several places. Of a patient's own requests each
   further one counts less, by the chance that one before is accepted.

All of that is a minimum-cost flow. Two limits are not: practices that share a mailbox, of which one can be written to
in a week, and the number of calls, whatever number of patients each is about. So the flow is found once as if neither
were there, then those practices stay whose contacts count most in it, and it is found again among them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from ortools.graph.python import min_cost_flow

from matching_service.domain.acceptance import WHOLE, of_several
from matching_service.domain.plan_pairs import Numbers, Pairs
from matching_service.domain.plan_question import PlanLimits
from shared.values.contact_plan_enums import ContactLack

NO_MAILBOX: Final = -1
"""In place of the number of a mailbox: nobody shares it, or the practice is called."""


@dataclass(frozen=True)
class Practices:
    """What each practice can take; all arrays have one number for each."""

    room: Numbers
    """For how many more patients each may be asked."""
    mailbox: Numbers
    """The number of the mailbox that it shares with others, or `NO_MAILBOX`."""
    is_called: NDArray[np.bool_]


@dataclass(frozen=True)
class Assignment:
    """The pairs that are chosen, by their places, and why each practice cannot take more."""

    chosen: Numbers
    closed: dict[int, ContactLack]
    """Practices that are not asked for a reason of their own, by number."""
    is_full: NDArray[np.bool_]
    """Of each practice whether it is asked for as many patients as it may be."""


def assign(room: Numbers, weight: Numbers, practices: Practices, pairs: Pairs, limits: PlanLimits) -> Assignment:
    """The best assignment: `room` says how many requests each patient may have, `weight` what an acceptance counts."""
    network = _Network(room, weight, practices, pairs, limits)
    is_open = practices.room > 0
    chosen = network.solve(is_open)
    closed = _closed(network.values(chosen), practices, limits)
    if closed:
        is_open = is_open.copy()
        is_open[list(closed)] = False
        chosen = network.solve(is_open)
    asked = np.bincount(pairs.practice[chosen], minlength=len(practices.room))
    return Assignment(chosen, closed, asked >= practices.room)


def _closed(values: Numbers, practices: Practices, limits: PlanLimits) -> dict[int, ContactLack]:
    """The practices that cannot be asked beside those of more value: of a mailbox, and beyond the calls."""
    closed: dict[int, ContactLack] = {}
    mailboxes: set[int] = set()
    calls = 0
    for practice in np.argsort(-values, kind="stable").tolist():  # most valuable first, then by number
        if practices.is_called[practice]:
            calls += practices.room[practice] > 0
            if limits.calls is not None and calls > limits.calls:
                closed[practice] = limits.calls_lack
        elif (mailbox := int(practices.mailbox[practice])) != NO_MAILBOX:
            if mailbox in mailboxes:
                closed[practice] = ContactLack.MAILBOX_SHARED
            mailboxes.add(mailbox)
    return closed


class _Network:
    """The arcs: from a source to patients, on to practices, and from these to a sink."""

    def __init__(self, room: Numbers, weight: Numbers, practices: Practices, pairs: Pairs, limits: PlanLimits) -> None:
        self._room, self._weight, self._practices, self._pairs = room, weight, practices, pairs
        self._limits = limits
        self._value = pairs.chance * weight[pairs.patient] // 100
        self._value_at = _means(pairs.practice, self._value, len(practices.room))
        self._chance_of = _means(pairs.patient, pairs.chance, len(room))

    def solve(self, is_open: NDArray[np.bool_]) -> Numbers:
        """The places of the chosen pairs, in order."""
        usable = np.flatnonzero(is_open[self._pairs.practice] & (self._room[self._pairs.patient] > 0))
        if not len(usable):
            return usable
        flow = min_cost_flow.SimpleMinCostFlow()
        patients, practices = len(self._room), len(self._practices.room)
        source, sink = patients + practices, patients + practices + 1
        arcs = flow.add_arcs_with_capacity_and_unit_cost(
            self._pairs.patient[usable],
            patients + self._pairs.practice[usable],
            np.ones(len(usable), dtype=np.int64),
            -self._value[usable],
        )
        self._add_patients(flow, source, usable)
        self._add_practices(flow, sink, np.where(is_open, self._practices.room, 0))
        wanted = int(self._room.sum())
        flow.set_nodes_supplies(np.array([source, sink]), np.array([wanted, -wanted]))
        status = flow.solve_max_flow_with_min_cost()
        if status != flow.OPTIMAL:
            raise RuntimeError(f"the flow ended with {status}")
        chosen: Numbers = usable[flow.flows(arcs) > 0]
        return chosen

    def values(self, chosen: Numbers) -> Numbers:
        """What the contact with each practice counts; who is a patient's only one counts more than all others."""
        value = self._value[chosen].copy()
        patients = self._pairs.patient[chosen]
        is_only = np.bincount(patients, minlength=len(self._room))[patients] <= self._limits.requests_for_everyone
        value[is_only] += self._more_than_all()
        summed = np.zeros(len(self._practices.room), dtype=np.int64)
        np.add.at(summed, self._pairs.practice[chosen], value)
        return summed

    def _more_than_all(self) -> int:
        """More than all that can be won by other choices: so the requests for everybody come first."""
        # a request's value, and what is lost of it at the patient and at the practice, are each no more than this
        return 4 * int(self._value.max(initial=1)) * int(self._room.sum() + 1)

    def _add_patients(self, flow: Any, source: int, usable: Numbers) -> None:
        """An arc for each request that a patient may have: the first ones pay more than all values together."""
        able = np.minimum(self._room, np.bincount(self._pairs.patient[usable], minlength=len(self._room)))
        unlikely = np.full(len(self._room), WHOLE)
        for number in range(1, int(able.max(initial=0)) + 1):
            who = np.flatnonzero(able >= number)
            lost = self._chance_of[who] * self._weight[who] // 100
            cost = lost * (WHOLE - unlikely[who]) // WHOLE
            if number <= self._limits.requests_for_everyone:
                cost -= self._more_than_all()
            _add(flow, np.full(len(who), source), who, cost)
            unlikely = unlikely * (WHOLE - self._chance_of) // WHOLE

    def _add_practices(self, flow: Any, sink: int, room: Numbers) -> None:
        """An arc for each patient in a contact: of the second half the value is lost, of the third three quarters."""
        for number in range(1, int(room.max(initial=0)) + 1):
            which = np.flatnonzero(room >= number)
            cost = self._value_at[which] - of_several(self._value_at[which], number)
            _add(flow, len(self._room) + which, np.full(len(which), sink), cost)


def _add(flow: Any, tails: Numbers, heads: Numbers, cost: Numbers) -> None:
    flow.add_arcs_with_capacity_and_unit_cost(tails, heads, np.ones(len(cost), dtype=np.int64), cost)


def _means(group: Numbers, values: Numbers, groups: int) -> Numbers:
    """The mean of the values of each group, rounded down; 0 for an empty one."""
    sums = np.zeros(groups, dtype=np.int64)
    np.add.at(sums, group, values)
    return sums // np.maximum(1, np.bincount(group, minlength=groups))
