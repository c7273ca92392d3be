"""robots.txt of the site: what it allows us, and how fast (docs/domain.md#import-rule-10)."""

from __future__ import annotations

from dataclasses import dataclass

from protego import Protego

PRODUCT = "therapist-scraper"
"""By this name a robots.txt may speak about us."""


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
        return max(rules.crawl_delay(PRODUCT) or 0.0, rate.seconds / rate.requests if rate else 0.0)

    def _rules(self) -> Protego:
        return Protego.parse(self.text)
