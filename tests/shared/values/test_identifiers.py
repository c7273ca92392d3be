import random
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from shared.values import identifiers
from shared.values.errors import NotAcceptable
from shared.values.identifiers import Diagnosis
from shared.values.schemas import Schema, problems_of


@pytest.mark.parametrize("number", ["A123456780", "T012345678", "Z987654321", "M123456785"])
def test_valid_insurance_numbers(number: str) -> None:
    assert identifiers.insurance_number(number) == number


@pytest.mark.parametrize("number", ["260120196", "109519005"])
def test_valid_insurer_numbers(number: str) -> None:
    assert identifiers.insurer_number(number) == number


@pytest.mark.parametrize("number", ["123456601", "838382202"])
def test_valid_physician_numbers(number: str) -> None:
    assert identifiers.physician_number(number) == number


@pytest.mark.parametrize(
    ("check", "text", "message"),
    [
        (identifiers.insurance_number, "A123456789", "typing mistake"),
        (identifiers.insurance_number, "B123456780", "typing mistake"),
        (identifiers.insurance_number, "A12345678", "a letter and nine digits"),
        (identifiers.insurance_number, "1234567890", "a letter and nine digits"),
        (identifiers.insurance_number, "Ä123456780", "a letter and nine digits"),
        (identifiers.insurance_number, "A12345678٠", "a letter and nine digits"),
        (identifiers.insurance_number, "", "a letter and nine digits"),
        (identifiers.insurer_number, "260120197", "typing mistake"),
        (identifiers.insurer_number, "26012019", "nine digits"),
        (identifiers.physician_number, "123456701", "typing mistake"),
        (identifiers.physician_number, "1234567", "nine digits"),
        (identifiers.diagnosis_code, "F3", "ICD-10"),
        (identifiers.diagnosis_code, "F321", "ICD-10"),
        (identifiers.diagnosis_code, "F32.123", "ICD-10"),
        (identifiers.diagnosis_code, "F32.1X", "ICD-10"),
        (identifiers.diagnosis_code, "Depression", "ICD-10"),
        (identifiers.postal_code, "4109", "five digits"),
        (identifiers.postal_code, "041090", "five digits"),
        (identifiers.postal_code, "01000", "is unknown"),
        (identifiers.postal_code, "00000", "is unknown"),
        (identifiers.postal_code, "99999", "is unknown"),
        (identifiers.postal_code, "A-1010", "five digits"),
        (identifiers.language, "deutsch", "two-letter"),
        (identifiers.language, "xx", "two-letter"),
        (identifiers.patient_reference, "P-7K3M-2O", "P-7K3M-2Q"),
        (identifiers.patient_reference, "7K3M-2R", "P-7K3M-2Q"),
        (identifiers.placement_code, "ABCD-EFGH", "twelve"),
        (identifiers.placement_code, "****-****-AB12", "twelve"),
    ],
)
def test_what_is_wrong_is_refused_with_a_message_for_a_clerk(check: Any, text: str, message: str) -> None:
    with pytest.raises(NotAcceptable, match=message) as refused:
        check(text)
    assert len(text) < 8 or text not in str(refused.value)


@pytest.mark.parametrize(
    ("check", "text", "kept"),
    [
        (identifiers.insurance_number, " a 123 456 780 ", "A123456780"),
        (identifiers.insurer_number, "10 951 9005", "109519005"),
        (identifiers.physician_number, "123456 6 01", "123456601"),
        (identifiers.diagnosis_code, "f32.1 g", "F32.1G"),
        (identifiers.diagnosis_code, "F32", "F32"),
        (identifiers.diagnosis_code, "F32.-", "F32.-"),
        (identifiers.diagnosis_code, "F40.01", "F40.01"),
        (identifiers.diagnosis_code, "F32G", "F32G"),
        (identifiers.postal_code, " 04109 ", "04109"),
        (identifiers.postal_code, "D-04109", "04109"),
        (identifiers.postal_code, "01001", "01001"),
        (identifiers.postal_code, "99998", "99998"),
        (identifiers.language, " DE", "de"),
        (identifiers.patient_reference, "p-7k3m-2q", "P-7K3M-2Q"),
        (identifiers.placement_code, "abcd efgh 2345", "ABCD-EFGH-2345"),
        (identifiers.placement_code, "ABCDEFGH2345", "ABCD-EFGH-2345"),
    ],
)
def test_harmless_variance_is_put_right(check: Any, text: str, kept: str) -> None:
    assert check(text) == kept


@given(st.integers(0, 25), st.integers(0, 99_999_999), st.integers(0, 9), st.integers(1, 9))
def test_one_wrong_digit_in_an_insurance_number_is_noticed(letter: Any, digits: Any, place: Any, shift: Any) -> None:
    stem = f"{chr(65 + letter)}{digits:08}"
    (number,) = (stem + str(check) for check in range(10) if identifiers.has_valid_kvnr_check(stem + str(check)))
    if place > 0:
        wrong = number[:place] + str((int(number[place]) + shift) % 10) + number[place + 1 :]
        assert not identifiers.has_valid_kvnr_check(wrong)


@pytest.mark.parametrize(
    ("text", "code", "certainty"),
    [("F32.1G", "F32.1", "G"), ("F32.1", "F32.1", None), ("F32.-V", "F32.-", "V"), ("Z73A", "Z73", "A")],
)
def test_a_diagnosis_has_a_code_and_a_certainty(text: str, code: str, certainty: str | None) -> None:
    assert identifiers.parse_diagnosis(text) == Diagnosis(code, certainty)


@pytest.mark.parametrize(
    ("code", "does"), [("F32.1", True), ("F32.1G", True), ("F32.1V", True), ("F32.1A", False), ("F32.1Z", False)]
)
def test_excluded_and_past_diagnoses_do_not_count(code: str, does: bool) -> None:
    assert identifiers.counts(code) is does


@pytest.mark.parametrize(
    ("parent", "child", "does"),
    [
        ("F40", "F40.1", True),
        ("F40", "F40", True),
        ("F40.-", "F40.1", True),
        ("F40", "F40.-", True),
        ("F40.0", "F40.01G", True),
        ("F40G", "F40.1V", True),
        ("F40.1", "F40", False),
        ("F40.1", "F40.2", False),
        ("F40", "F41.1", False),
        ("F40.-", "F41", False),
    ],
)
def test_a_parent_covers_its_children(parent: str, child: str, does: bool) -> None:
    assert identifiers.covers(parent, child) is does


@pytest.mark.parametrize(
    ("code", "block"),
    [
        ("F00", "F00-F09"), ("F09", "F00-F09"), ("F10.2", "F10-F19"), ("F25.1G", "F20-F29"), ("F32.1", "F30-F39"),
        ("F40", "F40-F48"), ("F48.0", "F40-F48"), ("F49", None), ("F50.0", "F50-F59"), ("F60.31", "F60-F69"),
        ("F70", "F70-F79"), ("F84.5", "F80-F89"), ("F90.0", "F90-F98"), ("F98.9", "F90-F98"), ("F99", "F99"),
        ("G47.0", None), ("Z73", None),
    ],
)  # fmt: skip
def test_blocks_are_the_groups_of_chapter_v(code: str, block: str | None) -> None:
    assert identifiers.block_of(code) == block


@given(st.randoms())
def test_a_new_reference_is_a_valid_one(chance: Any) -> None:
    reference = identifiers.new_reference(chance)
    for written in (reference, reference.lower(), reference.replace("-", "")):
        assert identifiers.patient_reference(written) == reference
    with pytest.raises(NotAcceptable):
        identifiers.patient_reference(reference.replace("-", "", 1))
    assert not set("01IO") & set(reference)


def test_references_differ() -> None:
    chance = random.Random(1)
    assert len({identifiers.new_reference(chance) for _ in range(1000)}) > 990


def test_a_placement_code_is_shown_masked_and_recognised_when_it_comes_back() -> None:
    assert identifiers.masked("abcd-efgh-2345") == "****-****-2345"
    assert identifiers.is_masked("****-****-2345")
    assert not identifiers.is_masked("ABCD-EFGH-2345")


class Card(Schema):
    number: identifiers.InsuranceNumber | None = None
    insurer: identifiers.InsurerNumber | None = None
    diagnoses: list[identifiers.DiagnosisCode] = []
    postal_code: identifiers.PostalCode | None = None
    languages: list[identifiers.Language] = []
    reference: identifiers.PatientReference | None = None
    code: identifiers.PlacementCode | None = None
    code_or_mask: identifiers.PlacementCodeOrMask | None = None


def test_the_field_types_put_right_what_is_harmless() -> None:
    card = Card.from_json(
        {"number": "a123456780", "insurer": "109 519 005", "diagnoses": ["f32.1g"],
         "postal_code": "D-04109", "languages": ["DE"], "reference": "p-7k3m-2q", "code": "abcdefgh2345",
         "code_or_mask": "****-****-ab12"}
    )  # fmt: skip
    assert card.to_json() == {
        "number": "A123456780", "insurer": "109519005", "diagnoses": ["F32.1G"],
        "postal_code": "04109", "languages": ["de"], "reference": "P-7K3M-2Q", "code": "ABCD-EFGH-2345",
        "code_or_mask": "****-****-AB12",
    }  # fmt: skip


def test_the_field_types_name_the_place_of_the_problem() -> None:
    with pytest.raises(ValueError) as refused:
        Card.from_json({"diagnoses": ["F32", "nonsense"], "postal_code": 4109})
    problems = {problem.field: problem.message for problem in problems_of(refused.value)}
    assert problems["diagnoses.1"].startswith("must be an ICD-10 code")
    assert problems["postal_code"] == "must be text"


PATTERNS = [
    (identifiers.InsuranceNumber, ("A123456780", "a 123 456 780")),
    (identifiers.InsurerNumber, ("109519005", " 109 519 005 ")),
    (identifiers.DiagnosisCode, ("F32", "f32.1", "F32.10 g", "F40.-", "F 32 . 1 V")),
    (identifiers.PostalCode, ("04109", "D-04109", "de - 0 41 09")),
    (identifiers.Language, ("de", " TR ", "Zu")),
    (identifiers.PatientReference, ("P-7K3M-2Q", "p-7k3m-2q")),
]


@pytest.mark.parametrize(("kind", "spellings"), PATTERNS)
def test_the_document_describes_the_spellings_that_are_read(kind: Any, spellings: tuple[str, ...]) -> None:
    adapter = TypeAdapter(kind)
    pattern = adapter.json_schema()["pattern"]
    for text in spellings:
        assert re.search(pattern, text), text
        assert re.search(pattern, adapter.validate_python(text)), "what is shown has the form, too"
    for text in ("", "-", "12", "A1234", "F32.100", "0410", "041090", "xx", "P-0000-00", "1095190055"):
        assert not re.search(pattern, text), text
