"""Names that sound alike have the same code."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.values.phonetics import cologne_code


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Müller-Lüdenscheidt", "65752682"),
        ("Wikipedia", "3412"),
        ("Breschnew", "17863"),
        ("Heinz", "068"),
        ("Classen", "4586"),
        ("Philipp", "351"),
        ("Xaver", "4837"),
        ("Acker", "047"),
        ("Schmidt", "862"),
        ("Ng", "64"),
        ("", ""),
        ("李", ""),
    ],
)
def test_the_code_is_that_of_the_publication(name: str, code: str) -> None:
    assert cologne_code(name) == code


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Meyer", "Maier"),
        ("Meier", "Mayr"),
        ("Schmidt", "Schmitt"),
        ("Müller", "Mueller"),
        ("Müller", "Muller"),
        ("Hoffmann", "Hofmann"),
        ("Stefan", "Stephan"),
        ("Katharina", "Catarina"),
        ("Weiß", "Weiss"),
        ("Yılmaz", "Yilmaz"),
        ("Ziegler", "Sigler"),
    ],
)
def test_names_that_sound_alike_have_one_code(one: str, other: str) -> None:
    assert cologne_code(one) == cologne_code(other)


@pytest.mark.parametrize(("one", "other"), [("Meyer", "Müller"), ("Anna", "Peter"), ("Schmidt", "Schulz")])
def test_others_have_not(one: str, other: str) -> None:
    assert cologne_code(one) != cologne_code(other)


def test_numbers_stay_apart() -> None:
    """Names of test data are numbered."""
    assert len({cologne_code(f"Nachname{number}") for number in range(100)}) == 100


@given(st.text(max_size=100))
def test_every_text_has_a_code_of_digits(text: str) -> None:
    assert set(cologne_code(text)) <= set("0123456789#")
