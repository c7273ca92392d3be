"""robots.txt of the site: what it allows us, and how fast (docs/domain.md#import-rule-10)."""

from __future__ import annotations

import codecs
import math
from dataclasses import dataclass

from protego import Protego

PRODUCT = "therapist-scraper"
"""By this name a robots.txt may speak about us."""
LARGEST = 500 << 10
"""Bytes of a robots.txt that count (RFC 9309)."""


def read_robots(content: bytes) -> Robots:
    """Returns what the bytes of a robots.txt say, in UTF-8, or in UTF-16 with its mark.

    Raises ValueError for other text: read as UTF-8 it would seem to forbid nothing.
    """
    content = content[:LARGEST]
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = content.decode("utf-16", "replace")
    else:
        text = content.decode("utf-8-sig", "replace")
    if "\0" in text:
        raise ValueError("no text in UTF-8 or UTF-16")
    return Robots(text)


@dataclass(frozen=True)
class Robots:
    """What a robots.txt says; `Robots("")` allows everything."""

    text: str

    def allows(self, url: str) -> bool:
        """Whether we may ask for this address."""
        return bool(self._rules().can_fetch(url, PRODUCT))

    def interval(self) -> float:
        """Returns the seconds that must lie between two requests; 0 where it says nothing about it."""
        rules = self._rules()
        rate = rules.request_rate(PRODUCT)
        try:
            return max(rules.crawl_delay(PRODUCT) or 0.0, rate.seconds / rate.requests if rate else 0.0)
        except OverflowError:
            return math.inf

    def _rules(self) -> Protego:
        return Protego.parse(self.text)
