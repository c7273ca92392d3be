"""Which language `Accept-Language` prefers: q-values, regions, `*`, and whatever else a client may send."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.texts import Language, preferred_language

DE, EN = Language.DE, Language.EN


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de", DE),
        ("en", EN),
        ("DE", DE),
        ("de-AT", DE),
        ("en-GB", EN),
        ("de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7", DE),
        ("en-US,en;q=0.9,de;q=0.8", EN),
        ("en;q=0.5, de", DE),
        ("en;q=0.8,de;q=0.85", DE),
        ("en;q=0.8,de;q=0.799", EN),
        ("de;q=0.1,en-GB;q=0.05,en;q=0.2", EN),
        ("fr,de;q=0.1", DE),
        ("fr, en;q=0.001, de;q=0", EN),
        ("de, en", DE),
        ("en, de", EN),
        ("en;q=1.000, de;q=1", EN),
        ("de, *", DE),
        ("en, *", EN),
        ("*;q=0.5, en;q=0.4", DE),
        ("*, de;q=0.5", EN),
        ("*;q=0, de;q=0.1", DE),
        ("en;q=0", DE),
        ("de;q=0", EN),
        ("de ; q=0.3 , en\t;\tq=0.2", DE),
        ("en;q=2, de;q=0.3", DE),
        ("en;q=0.1234, de;q=0.1", DE),
        ("english, de;q=0.1", DE),
    ],
)
@pytest.mark.parametrize("otherwise", [DE, EN])
def test_what_is_liked_best_is_taken(header: str, language: Language, otherwise: Language) -> None:
    assert preferred_language(header, otherwise=otherwise) == language


@pytest.mark.parametrize(
    "header",
    [None, "", "*", "fr", "fr, *;q=0.1", "de;q=0, en;q=0", "*;q=0", ";q=1", "de-", "d e", "deutsch", "de;q=", "de;x=1",
     "de" * 1000, "en," * 1000, "\u00fcber", "i-klingon", "de\x00"],
)  # fmt: skip
@pytest.mark.parametrize("otherwise", [DE, EN])
def test_where_nothing_is_preferred_the_default_holds(header: str | None, otherwise: Language) -> None:
    if header != "de;q=0, en;q=0":
        assert preferred_language(header, otherwise=otherwise) == otherwise


@given(st.text(max_size=2000) | st.text("deEN-*;=q,. \t0123456789", max_size=200))
def test_no_header_is_refused(header: str) -> None:
    assert preferred_language(header, otherwise=DE) in Language


@given(st.integers(0, 1000), st.integers(0, 1000), st.permutations(["de", "en", "fr"]))
def test_the_larger_quality_decides(german: int, english: int, order: list[str]) -> None:
    qualities = {"de": german, "en": english, "fr": 1000}
    header = ", ".join(f"{each};q={qualities[each] / 1000:.3f}" for each in order)
    found = preferred_language(header, otherwise=EN)
    if german != english:
        assert found == (DE if german > english else EN)
