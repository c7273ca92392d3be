from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.fakes.directory_site import RunningSite, Site
from tests.scraper.people import people
from therapist_scraper.manners import Manners
from therapist_scraper.polite_client import PoliteClient


@pytest.fixture
def site() -> Iterator[Site]:
    """A directory of sixty people around Aachen."""
    with RunningSite(Site(people(60))) as running:
        yield running


@pytest.fixture
def client(site: Site) -> Callable[..., PoliteClient]:
    """Makes a client of that site; takes values of `Manners`."""

    def make(**manners: Any) -> PoliteClient:
        given = Manners(**{"contact": "scraper@example.org", "timeout": 5.0} | manners)
        return PoliteClient(site.address, given, site.clock)

    return make
