"""Names stay as people are called; only titles and salutations are taken out of them."""

from __future__ import annotations

import pytest

from therapist_scraper.names import PersonNames, gender, names, salutation, title
from therapist_scraper.text import Unreadable


@pytest.mark.parametrize(
    ("last", "first", "expected"),
    [
        ("Null", "Anna", PersonNames("Null", "Anna")),
        ("null", None, PersonNames("null")),
        ("von der Heide", "Anna", PersonNames("von der Heide", "Anna")),
        ("Tietz -Roder", "Anna", PersonNames("Tietz -Roder", "Anna")),
        ("Ng", "An", PersonNames("Ng", "An")),
        ("Ö", "", PersonNames("Ö")),
        ("O’Hara", "Siobh\u200ban", PersonNames("O’Hara", "Siobhan")),
        ("Keine", "Anna", PersonNames("Keine", "Anna")),
        ("Frau", "Anna", PersonNames("Frau", "Anna")),
        ("M&uuml;ller", " Anna  Maria ", PersonNames("Müller", "Anna Maria")),
        ("Heide, Anna", None, PersonNames("Heide", "Anna")),
        ("Heide,", None, PersonNames("Heide")),
        ("von der Heide Anna", None, PersonNames("von der Heide Anna")),
        ("Heide", "Dr. med. Anna", PersonNames("Heide", "Anna", "Dr. med.")),
        ("Dr. phil. Heide", "Anna", PersonNames("Heide", "Anna", "Dr. phil.")),
        ("Dr. Heide, Anna", None, PersonNames("Heide", "Anna", "Dr.")),
        ("Dr", "Anna", PersonNames("Dr", "Anna")),
        ("Medler", "Phila", PersonNames("Medler", "Phila")),
        ("Profittlich", "Drago", PersonNames("Profittlich", "Drago")),
    ],
)
def test_names_of_real_directories(last: object, first: object, expected: PersonNames) -> None:
    assert names(last, first) == expected


@pytest.mark.parametrize("last", [None, "", " \u200b ", "-", "123", True, ["Heide"], "x" * 201])
def test_nobody_has_no_last_name(last: object) -> None:
    with pytest.raises(Unreadable):
        names(last, "Anna")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Dr.", "Dr."),
        ("Dr", "Dr."),
        ("Dr.med.", "Dr. med."),
        ("Dr. rer.nat.", "Dr. rer. nat."),
        ("Prof.Dr.med. Dipl. Psych.", "Prof. Dr. med. Dipl.-Psych."),
        ("Professorin Dr. phil.", "Prof. Dr. phil."),
        ("PD Dr. phil. habil.", "PD Dr. phil. habil."),
        ("Dipl.-Psychologin", "Dipl.-Psych."),
        ("Diplom Psychologe", "Dipl.-Psych."),
        ("M. Sc.", "M.Sc."),
        ("Magister Artium", "Magister Artium"),
        ("Dr. of Philosophy", "Dr. of Philosophy"),
        ("-", None),
        (None, None),
    ],
)
def test_a_title_has_one_spelling_and_an_unknown_one_its_own(written: object, kept: str | None) -> None:
    assert title(written) == kept
    assert title(kept) == kept


@pytest.mark.parametrize(
    ("written", "expected"),
    [("Frau", ("Frau", None)), ("Hr.", ("Herr", None)), ("Frau Dr.", ("Frau", "Dr.")), ("", (None, None))],
)
def test_a_salutation_is_frau_or_herr(written: str, expected: tuple[str | None, str | None]) -> None:
    assert salutation(written) == expected


@pytest.mark.parametrize(
    ("written", "salutation", "expected"),
    [
        ("w", None, "female"), ("M", None, "male"), ("divers", None, "diverse"), ("weiblich", "Frau", "female"),
        (None, "Frau", "female"), ("", "Herr", "male"), ("u", "Frau", "female"), (None, None, "unknown"),
    ],
)  # fmt: skip
def test_a_gender_that_nobody_says_stays_unknown(written: object, salutation: str | None, expected: str) -> None:
    assert gender(written, salutation) == expected


@pytest.mark.parametrize(("written", "salutation"), [("m", "Frau"), ("d", "Herr"), ("praxis", None)])
def test_a_gender_is_not_guessed(written: object, salutation: str | None) -> None:
    with pytest.raises(Unreadable):
        gender(written, salutation)


@pytest.mark.parametrize("written", ["Praxis", "Firma Muster", 7.5])
def test_a_practice_is_no_salutation(written: object) -> None:
    with pytest.raises(Unreadable):
        salutation(written)
