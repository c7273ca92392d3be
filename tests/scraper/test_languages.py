"""Languages by the names that the directory uses."""

from __future__ import annotations

import pytest

from therapist_scraper.languages import is_sign_language, language


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Deutsch", "de"), ("ENGLISCH", "en"), ("Englisch (fließend)", "en"), ("Türkisch", "tr"), ("Tuerkisch", "tr"),
        ("französische Sprache", "fr"), ("Persisch", "fa"), ("Farsi", "fa"), ("Bahasa Indonesia", "id"), ("it", "it"),
        ("Aramäisch", None), ("Serbokroatisch", None), ("Klingonisch", None), ("", None),
        ("Deutsche Gebärdensprache", None),
    ],
)  # fmt: skip
def test_a_language_has_its_code_or_none(name: str, code: str | None) -> None:
    assert language(name) == code


def test_sign_language_is_recognised() -> None:
    assert is_sign_language("Gebärdensprache (DGS)")
    assert not is_sign_language("Deutsch")
