"""A phone number is read as it was meant, or refused: what is stored is never somebody else's."""

from __future__ import annotations

from random import Random

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat

from shared.values.errors import NotAcceptable
from shared.values.phone import LONGEST_USUAL, format_phone, phone_number
from shared.values.text import one_line
from tests.hostile import TEXTS, params

HALLE = "+493451234567"


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("0345 1234567", HALLE),
        ("0345/1234567", HALLE),
        ("0345 / 123 45 67", HALLE),
        ("(0345) 1234567", HALLE),
        ("(0345)/1234567", HALLE),
        ("( 03 45 ) 12 34 567", HALLE),
        ("[0345] 1234567", HALLE),
        ("(0)345 1234567", HALLE),
        ("0345-1234567", HALLE),
        ("0345 – 1234567", HALLE),
        ("0345 \u2010 12\u201134\u2212567", HALLE),
        ("0345.123.4567", HALLE),
        ("0345 · 1234567", HALLE),
        ("0345\u00a0123\u202f45\u200967", HALLE),
        ("\u202a+49\u00a0345\u00a01234567\u202c", HALLE),
        ("+49 345 1234567", HALLE),
        ("+ 49 345 1234567", HALLE),
        ("+49 (0)345 1234567", HALLE),
        ("+49 (0) 345 / 1234567", HALLE),
        ("+49 ( 0 ) 345 1234567", HALLE),
        ("+49(0345)1234567", HALLE),
        ("+49 0345 1234567", HALLE),
        ("+49-345-1234567", HALLE),
        ("(+49) 345 1234567", HALLE),
        ("＋４９ ３４５ １２３４５６７", HALLE),
        ("0049 345 1234567", HALLE),
        ("0049 (0)345 1234567", HALLE),
        ("0049(0)345/1234567", HALLE),
        ("(0049) 345 1234567", HALLE),
        ("00 49 345 1234567", HALLE),
        ("49(0)345 1234567", HALLE),
        ("49 (0) 345/1234567", HALLE),
        ("Tel.: 0345 1234567", HALLE),
        ("Tel. 0345 1234567", HALLE),
        ("Telefon: 0345/1234567", HALLE),
        ("Tel.-Nr.: 0345 1234567", HALLE),
        ("tel:+49-345-1234567", HALLE),
        ("☎ 0345 1234567", HALLE),
        ("Mobil: 0171 2345678", "+491712345678"),
        ("٠٣٤٥ ١٢٣٤٥٦٧", HALLE),
        ("0345 1234567-0", "+4934512345670"),
        ("0345 1234567-12", "+49345123456712"),
        ("030 123 0456", "+49301230456"),
        ("0491 123456", "+49491123456"),
        ("04934 123456", "+494934123456"),
        ("0049 4934 123456", "+494934123456"),
        ("+43 1 5877777", "+4315877777"),
        ("+43 (0)1 5877777", "+4315877777"),
        ("0043 1 5877777", "+4315877777"),
        ("43 (0)1 5877777", "+4315877777"),
        ("+41 (0)44 668 18 00", "+41446681800"),
        ("+39 06 69812345", "+390669812345"),
        ("+39 (0)6 69812345", "+390669812345"),
    ],
)
def test_real_world_spellings_are_read_as_they_are_meant(written: str, stored: str) -> None:
    """What stands on door plates, in letters and on the practices' pages."""
    assert phone_number(written) == stored


@pytest.mark.parametrize(
    "written",
    [
        "030 1234567/8",
        "030 1234567/68",
        "030 1234567 / 0171 2345678",
        "0241/1234/567",
        "030 1234567, 0171 2345678",
        "030 1234567; 0171 2345678",
        "030 1234567 oder 0171 2345678",
        "030 1234 030 5678",
        "030 1234 - 030 5678",
        "+49 30 1234 030 5678",
        "030 1234567 0171 2345678",
        "030 1234567 +49 171 2345678",
        "030 1234567 ext. 12",
        "030 1234567 App. 12",
        "030 1234567 Durchwahl 12",
        "030 1234567 DW 12",
        "030 1234567x12",
        "030 1234567#12",
        "030 1234567 abends",
        "030 123456²",
        "030 1234567 (0)",
        "030 (0) 1234567",
        "+49 30 (0) 1234567",
        "049 (0)345 1234567",
        "Fax: 030 1234567",
        "1234567",
        "345 1234567",
        "49 345 1234567",
        "+0049 345 1234567",
        "++49 345 1234567",
        "+49 +49 345 1234567",
        "0 0 0 49 345 1234567",
        "+999 1234567",
        "116117",
        "110",
        "12",
        "",
        "abc",
    ],
)
def test_what_may_be_another_number_is_refused(written: str) -> None:
    """A call to a stranger about a patient does more harm than a number that is missing."""
    with pytest.raises(NotAcceptable, match="must be"):
        phone_number(written)


@pytest.mark.parametrize("text", params({name: text for name, text in TEXTS.items() if len(text) < 10_000}))
def test_whatever_is_written_becomes_its_own_digits_or_nothing(text: str) -> None:
    """The digits that are stored stand in the text, in this order."""
    try:
        stored = phone_number(text)
    except NotAcceptable:
        return
    assert one_line(text)[-4:].translate({ord(c): None for c in " -/.()"}) in stored or not text.isascii()


AREA_CODES = ("30", "40", "89", "221", "241", "345", "491", "3733", "4934", "4941", "49", "33056", "171", "1575")
BLANKS = (" ", "", "\u00a0", "\u202f", "\u2009", "\t", "  ")
FORMATS = (
    PhoneNumberFormat.INTERNATIONAL,
    PhoneNumberFormat.E164,
    PhoneNumberFormat.RFC3966,
)
GROUPED = st.lists(st.integers(1, 4), min_size=1, max_size=6)


@st.composite
def numbers(draw: st.DrawFn) -> tuple[str, str]:
    """Area code and subscriber number of a German number that exists."""
    area = draw(st.sampled_from(AREA_CODES))
    rest = draw(st.from_regex(r"[1-9][0-9]{4,8}", fullmatch=True))
    number = phonenumbers.PhoneNumber(country_code=49, national_number=int(area + rest))
    return (area, rest) if phonenumbers.is_valid_number(number) else ("345", "1234567")


@given(numbers(), st.sampled_from(BLANKS), st.data())
def test_every_usual_way_to_write_a_number_gives_that_number(
    number: tuple[str, str], blank: str, data: st.DataObject
) -> None:
    """Whatever dialled number a person means, in any usual spelling."""
    area, rest = number
    dash = data.draw(st.sampled_from((blank, "-", " - ", "–", "/", " / ", ".")))
    prefix = data.draw(
        st.sampled_from(
            ("0{a}", "(0{a})", "+49{b}{a}", "+49{b}(0){a}", "+49{b}(0){b}{a}", "0049{b}{a}", "0049{b}(0){a}",
             "49{b}(0){a}", "(+49){b}{a}", "Tel.: 0{a}", "Telefon 0{a}", "+49 0{a}", "00{b}49{b}{a}")
        )
    )  # fmt: skip
    parts, left = [], rest
    for size in data.draw(GROUPED):
        parts.append(left[:size])
        left = left[size:]
    inner = data.draw(st.sampled_from((blank, "-", " ", ".")))
    written = prefix.format(a=area, b=blank) + dash + inner.join(filter(None, [*parts, left]))
    try:
        assert phone_number(written) == f"+49{area}{rest}"
    except NotAcceptable:
        # what could be two numbers is refused, never misread: a slash, or a long one with zeros inside
        assert "/" in written or len(area + rest) > LONGEST_USUAL


@given(st.integers(10_000, 10**13))
@example(180_900_000_000)  # 0180 9 00000000
def test_what_is_stored_and_shown_in_any_format_is_read_back_the_same(national: int) -> None:
    """Staff copy numbers from the screen into another file."""
    number = phonenumbers.PhoneNumber(country_code=49, national_number=national)
    if not phonenumbers.is_valid_number(number):
        return
    stored = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    shown = [stored, format_phone(stored)]
    shown += [phonenumbers.format_number(number, kind) for kind in FORMATS]
    shown += [stored.replace("+", "00"), stored.replace("+49", "0"), stored.replace("+49", "49 (0)")]
    assert {phone_number(each) for each in shown} == {stored}


def test_numbers_of_all_countries_are_read_back_as_they_are_shown() -> None:
    """Practices in Austria and Switzerland, patients from everywhere."""
    chance = Random(15)
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in (phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE):
            number = phonenumbers.example_number_for_type(region, kind)
            if number is None or number.country_code == 49 or not phonenumbers.is_valid_number(number):
                continue
            stored = phonenumbers.format_number(number, PhoneNumberFormat.E164)
            shown = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
            spelled = shown.replace(" ", chance.choice(BLANKS[:5]))
            assert {phone_number(each) for each in (stored, shown, spelled)} == {stored}, region
