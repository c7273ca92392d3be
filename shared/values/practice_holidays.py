"""When a practice is closed, as it was written down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

Days = tuple[date, date]
"""The first and the last of some days."""
ONE_DAY: Final = timedelta(days=1)


def periods(written: Iterable[Mapping[str, str]]) -> Iterator[Days]:
    """The holidays of a practice as days, the first and the last of each."""
    for period in written:
        try:
            yield date.fromisoformat(period["from"]), date.fromisoformat(period["to"])
        except (KeyError, ValueError, TypeError):
            continue  # what cannot be read closes no day


def last_closed_day(holidays: Sequence[Days], today: date) -> date | None:
    """The last day of the holidays that include today, with others that follow at once; None where there are none."""
    last: date | None = None
    day = today
    while ends := [end for begin, end in holidays if begin <= day <= end]:
        last = max(ends)
        day = last + ONE_DAY
    return last
