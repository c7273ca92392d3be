"""One form for all human text, and the form under which it is found."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.values.schemas import Schema
from shared.values.text import Line, fold, has_unstorable, lines, one_line, words
from tests.hostile import BROKEN_TEXTS, TEXTS, params

# the large ones are for boundaries, which look at lengths first
SHORT = {name: text for name, text in (TEXTS | BROKEN_TEXTS).items() if len(text) <= 10_000}


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Lü\u00addenscheid", "Lüdenscheid"),
        ("Mu\u0308ller", "Müller"),
        ("Mu\u00ad\u0308ller", "Müller"),
        (" Anna\u00a0\u202fMuster\u2009", "Anna Muster"),
        ("Anna\r\nMuster", "Anna Muster"),
        ("\ufeffAnna\u200b \u202eMuster\u202c", "Anna Muster"),
        ("Anna\x00\x07Muster", "Anna Muster"),
        ("Anna\u2800Muster", "Anna Muster"),
        ("Praxis \ue000Muster", "Praxis Muster"),
        ("❤\ufe0f", "❤"),
        ("Straße", "Straße"),
        ("\u200b\u00ad", ""),
    ],
)
def test_a_line_has_one_form(written: str, kept: str) -> None:
    """What looks the same is the same."""
    assert one_line(written) == kept


def test_a_note_keeps_its_line_breaks() -> None:
    """Staff write lists and paragraphs."""
    assert lines("\n  erste\u00a0 Zeile \r\n\r\nzweite\tZeile\u2028dritte\n") == "erste Zeile\n\nzweite Zeile\ndritte"


@pytest.mark.parametrize(
    "spellings",
    [
        ("Müller", "MUELLER", "Mu\u0308ller", "mueller"),
        ("Lüdenscheid", "Lü\u00addenscheid", "Luedenscheid"),
        ("Straße", "STRASSE", "STRAẞE", "Strasse"),
        ("Doğan", "Dogan"),
        ("José Núñez", "Jose Nunez"),
        ("Łukasz", "lukasz"),
        ("Ærø", "aero", "Ǽro"),
        ("ﬁscher", "Fischer"),
        ("İstanbul", "istanbul"),
    ],
)
def test_spellings_of_one_name_are_found_as_one(spellings: tuple[str, ...]) -> None:
    """People type what their keyboard has."""
    assert len({fold(each) for each in spellings}) == 1


def test_words_are_parted_at_everything_but_letters_and_digits() -> None:
    """A double name is found by each of its parts."""
    assert words("Tietz -Röder, v.d. Heide_3") == ["tietz", "roeder", "v", "d", "heide", "3"]


@pytest.mark.parametrize("text", params(SHORT))
def test_what_is_kept_can_be_stored_and_is_kept_again(text: str) -> None:
    """A text that is read and sent back unchanged is no change."""
    for form in (one_line, lines, fold):
        kept = form(text)
        kept.encode()
        assert form(kept) == kept
        assert not has_unstorable(kept)


@given(st.text(max_size=60))
def test_the_forms_are_stable(text: str) -> None:
    """Whatever is written."""
    for form in (one_line, lines, fold):
        assert form(form(text)) == form(text)
    assert unicodedata.is_normalized("NFC", one_line(text))
    assert one_line(lines(text)) == one_line(text)
    assert fold(one_line(text)) == fold(text)


def test_a_text_is_measured_as_it_was_sent() -> None:
    """The document's `maxLength` counts the blanks around it, so a text that only fits without them is too long."""

    class Sent(Schema):
        line: Line

    assert Sent.from_json({"line": " " + "x" * 199}).line == "x" * 199
    with pytest.raises(ValidationError, match="string_too_long"):
        Sent.from_json({"line": " " + "x" * 200})
