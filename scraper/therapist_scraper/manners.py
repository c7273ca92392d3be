"""How we behave towards the site: values the operator may set, all in one place."""

from __future__ import annotations

import re
from dataclasses import dataclass

from therapist_scraper.errors import ScraperError
from therapist_scraper.robots import PRODUCT

VERSION = "0.1.0"
LEAST_INTERVAL = 0.5
"""Seconds: at most two requests a second are sent."""
_THIS_MACHINE = {"127.0.0.1", "::1", "localhost"}
_CONTACT = re.compile(r"[^\s@()<>]+@[^\s@()<>]+\.[^\s@()<>]+|https?://[^\s()<>]+", re.ASCII)


@dataclass(frozen=True)
class Manners:
    """Who we are, how fast we ask, and when we give up."""

    contact: str
    """An e-mail address or a page where the site's operators reach whom they want to complain to."""
    interval: float = 2.0
    """Seconds between the end of a request and the next; robots.txt may ask for more."""
    longest_interval: float = 60.0
    """Up to here the interval doubles with each answer 429."""
    attempts: int = 5
    """How often one request is sent at most."""
    first_pause: float = 10.0
    """Seconds before the second attempt; doubled before each further one, unless the site names a time."""
    longest_pause: float = 900.0
    """Seconds: a site that asks for a longer pause is left alone until the next run."""
    timeout: float = 60.0
    """Seconds without a byte until an answer is given up."""
    longest_answer: float = 120.0
    """Seconds until an answer is given up that still comes."""
    authorization: str | None = None
    """Value of the `Authorization` header, where the site's operators gave us one."""

    def __post_init__(self) -> None:
        if not _CONTACT.fullmatch(self.contact):
            raise ScraperError(f"the contact {self.contact!r} is neither an e-mail address nor a web page")
        if self.authorization is not None and not re.fullmatch(r"[!-~][ -~]*", self.authorization):
            raise ScraperError("the value of the Authorization header must be one line of printable ASCII")

    def check(self, host: str) -> None:
        """Raise ScraperError where that is too fast for a site; one on this machine, as in tests, is nobody else's."""
        least = 0.0 if host in _THIS_MACHINE else LEAST_INTERVAL
        if not least <= self.interval <= self.longest_pause:
            raise ScraperError(f"the interval must be {LEAST_INTERVAL} seconds or more, and at most 15 minutes")

    @property
    def user_agent(self) -> str:
        """Says who asks, and where to complain."""
        return f"{PRODUCT}/{VERSION} (+{self.contact})"
