"""A sentence is worded in a language, with its values."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from shared.errors import Conflict, FieldProblem, NotFound, Outage
from shared.texts import Number, OneOf, Sentence, TextLanguage, UnknownText
from shared.texts.catalogue import catalogue
from shared.values.enums import PatientStatus
from shared.values.errors import NotAcceptable

DE, EN = TextLanguage.DE, TextLanguage.EN


@pytest.mark.parametrize(
    ("sentence", "german", "english"),
    [
        (
            Sentence.of("field.implausible_day", first=date(1900, 1, 1), last=date(2100, 12, 31)),
            "muss zwischen dem 01.01.1900 und dem 31.12.2100 liegen",
            "must lie between 1900-01-01 and 2100-12-31",
        ),
        (
            Sentence.of("patient.transition.none", status=PatientStatus.IN_THERAPY),
            "Der Status ist schon „in Therapie“.",
            "This patient's status is in_therapy already.",
        ),
        (
            Sentence.of("field.not_in_vocabulary", expected=OneOf(["'a'", "'b'", "'c'"])),
            "muss eines von diesen sein: 'a', 'b' oder 'c'",
            "must be one of: 'a', 'b' or 'c'",
        ),
        (
            Sentence.of("password.weak", problem=Sentence.of("field.password_too_short", shortest=12)),
            "Das Passwort muss außer Leerzeichen mindestens 12 Zeichen haben.",
            "The password must have at least 12 characters beside blanks.",
        ),
        (
            Sentence.of("field.unknown.of_known", known=["city", "street"]),
            "ist kein bekanntes Feld (bekannt: city, street)",
            "is not a known field (known: city, street)",
        ),
    ],
)
def test_values_are_worded_too(sentence: Sentence, german: str, english: str) -> None:
    assert (sentence.in_language(DE), sentence.in_language(EN), str(sentence)) == (german, english, english)


@pytest.mark.parametrize(
    "sentence",
    [
        Sentence.of("field.implausible_day", first=date(1900, 1, 1), last=date(2100, 12, 31)),
        Sentence.of(
            "patient.transition",
            status=PatientStatus.OPEN,
            wanted=PatientStatus.PAUSED,
            steps=[PatientStatus.SEARCHING],
        ),
        Sentence.of("route.km", km=Number("2.4")),
        Sentence.of("field.not_in_vocabulary", expected=OneOf(["'a'", "'b'"])),
        Sentence.of("password.weak", problem=Sentence.of("field.password_too_short", shortest=12)),
    ],
)
def test_what_is_stored_fixes_no_language(sentence: Sentence) -> None:
    restored = Sentence.from_json(json.loads(json.dumps(sentence.to_json())))
    assert [restored.in_language(each) for each in TextLanguage] == [
        sentence.in_language(each) for each in TextLanguage
    ]


def test_a_number_has_a_comma_in_german() -> None:
    way = Sentence.of("route.km", km=Number("2.4"))
    assert (way.in_language(DE), way.in_language(EN)) == ("2,4 km", "2.4 km")


def test_what_is_filled_in_is_not_filled_in_again() -> None:
    odd = Sentence.of("patient.already_known", reference="{reference} {0} %s")
    assert odd.in_language(DE).endswith("als {reference} {0} %s.")


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("otp.wrong", "otp.wrong"),
        ("otp.wrong.nor_recovery_code", "otp.wrong"),
        ("http.not_found", "not_found"),
        ("internal", "internal"),
    ],
)
def test_the_code_does_not_depend_on_the_wording(key: str, code: str) -> None:
    assert Sentence.of(key).code == code


def test_a_text_that_is_not_there_cannot_be_said() -> None:
    for said in (
        lambda: Conflict("This is a sentence."),
        lambda: NotAcceptable("must be nice"),
        lambda: NotFound("unicorn"),
    ):
        with pytest.raises(UnknownText):
            said()


@pytest.mark.parametrize("values", [{}, {"langest": 1}, {"longest": 1, "more": 2}])
def test_values_must_be_those_of_the_text(values: dict[str, int]) -> None:
    with pytest.raises(UnknownText):
        Sentence.of("purpose.invalid", **values)


def test_an_outage_says_its_detail_to_operators_alone() -> None:
    outage = Outage("kafka.unreachable", "broker 7 of 10.0.0.3 is down")
    assert str(outage) == outage.message == "broker 7 of 10.0.0.3 is down"
    assert "10.0.0.3" not in outage.sentence.in_language(DE) + outage.sentence.in_language(EN)


def test_errors_read_in_english_in_logs() -> None:
    assert (
        str(NotAcceptable("field.nul"))
        == FieldProblem.of("x", "field.nul").message
        == "must not contain the NUL character"
    )


@pytest.mark.parametrize(
    "text",
    ['[a.b]\nde = "x"\n', '[a.b]\nen = "x"\n', '[a.b]\nde = "x"\nen = "x"\nfr = "x"\n'],
)
def test_half_a_text_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "texts.toml").write_text(text)
    with pytest.raises(ValueError, match=r"a\.b needs de and en"):
        catalogue(tmp_path)


def test_a_code_with_two_texts_is_refused(tmp_path: Path) -> None:
    for package in ("one", "two"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "texts.toml").write_text('[a.b]\nde = "x"\nen = "x"\n')
    with pytest.raises(ValueError, match=r"a\.b has two texts"):
        catalogue(tmp_path)
