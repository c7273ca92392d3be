"""A route as a router outside knows it, whichever it is: its words in ours, and nothing of it believed yet."""

from __future__ import annotations

from dataclasses import dataclass

from shared.values.places import Place


@dataclass(frozen=True)
class FoundRoute:
    """The length of a route and how long it takes, and from where to where it really leads."""

    start: Place
    """The place on the network where it starts."""
    end: Place
    """The place on the network where it ends."""
    kilometres: float
    minutes: float
    drawn_km: float | None
    """The length of the line that the router draws on a map for it, by our measure; None where it draws none."""
    source: str
    """Whose data it is, for the credits."""
