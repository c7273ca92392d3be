"""Which language `Accept-Language` prefers: q-values, regions, `*`, and whatever else a client may send."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.texts import TextLanguage, preferred_language
from tests.builders.languages import DE, EN, NO_PREFERENCE, PREFERENCES


@pytest.mark.parametrize(
    ("header", "language"),
    PREFERENCES,
)
@pytest.mark.parametrize("otherwise", [DE, EN])
def test_what_is_liked_best_is_taken(header: str, language: TextLanguage, otherwise: TextLanguage) -> None:
    assert preferred_language(header, otherwise=otherwise) == language


def test_of_several_regions_of_a_language_the_best_counts() -> None:
    """nginx takes the first, so that the gateway's tests do not have this (decision 0029)."""
    assert preferred_language("de;q=0.1, en-GB;q=0.05, en;q=0.2", otherwise=DE) == EN


@pytest.mark.parametrize("header", NO_PREFERENCE)
@pytest.mark.parametrize("otherwise", [DE, EN])
def test_where_nothing_is_preferred_the_default_holds(header: str | None, otherwise: TextLanguage) -> None:
    assert preferred_language(header, otherwise=otherwise) == otherwise


@given(st.text(max_size=2000) | st.text("deEN-*;=q,. \t0123456789", max_size=200))
def test_no_header_is_refused(header: str) -> None:
    assert preferred_language(header, otherwise=DE) in TextLanguage


@given(st.integers(0, 1000), st.integers(0, 1000), st.permutations(["de", "en", "fr"]))
def test_the_larger_quality_decides(german: int, english: int, order: list[str]) -> None:
    qualities = {"de": german, "en": english, "fr": 1000}
    header = ", ".join(f"{each};q={qualities[each] / 1000:.3f}" for each in order)
    found = preferred_language(header, otherwise=EN)
    if german != english:
        assert found == (DE if german > english else EN)
