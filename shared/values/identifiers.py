"""Identifiers of German health care: checks and normal forms.

Blanks and lower case are corrected; everything else is refused with NotAcceptable, whose message says what would be
right. The rules and their test vectors are in docs/domain.md#identifiers.
"""

import re
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import Annotated, NamedTuple, Protocol

from pydantic import Field

from shared.values.errors import NotAcceptable
from shared.values.text import Text, one_line

LEGIBLE = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # pragma: allowlist secret
"""Letters and digits that are not mistaken for each other when read aloud or by hand: no 0 and O, no 1 and I."""
BITS_OF_SYMBOL = 5
"""The bits that choose one of these symbols."""

_KVNR = re.compile(r"[A-Z][0-9]{9}")
_NINE_DIGITS = re.compile(r"[0-9]{9}")
_ICD10 = re.compile(r"([A-Z][0-9]{2}(?:\.(?:[0-9]{1,2}|-))?)([VGAZ]?)")
_POSTAL_CODE = re.compile(r"(?:DE?-)?([0-9]{5})")
_POSTAL_CODE_BEGINNING = re.compile(r"[0-9]{1,4}\*")
_REFERENCE = re.compile(rf"P(-?)([{LEGIBLE}]{{4}})\1([{LEGIBLE}]{{2}})")
_PLACEMENT_CODE = re.compile(r"[A-Z0-9]{12}")
_PLACEMENT_MASK = re.compile(r"\*{4}-\*{4}-[A-Z0-9]{4}")

_ISO_639_1 = """
aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee
el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is
it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms
mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk
sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi
yo za zh zu
"""
_LANGUAGES = frozenset(_ISO_639_1.split())

# ICD-10-GM, chapter V: the groups of the systematic index (BfArM), first and last category
_BLOCKS = (
    (0, 9), (10, 19), (20, 29), (30, 39), (40, 48), (50, 59), (60, 69), (70, 79), (80, 89), (90, 98), (99, 99),
)  # fmt: skip


def _digit_sum(number: int) -> int:
    return sum(map(int, str(number)))


LONGEST_INPUT = 50
"""The most characters of an identifier with the blanks that people add."""


def _without_blanks(text: str) -> str:
    return one_line(text).replace(" ", "").upper()


def has_valid_kvnr_check(number: str) -> bool:
    """Whether a number in the form of a KVNR (letter, 8 digits, check digit) has the right check digit.

    The letter counts as two digits (A=01 … Z=26), the digits are weighted 1, 2, 1, 2, …; the check digit is the
    sum of the products' digit sums modulo 10.
    """
    digits = f"{ord(number[0]) - ord('A') + 1:02}{number[1:9]}"
    return sum(_digit_sum(int(d) * (1 + i % 2)) for i, d in enumerate(digits)) % 10 == int(number[9])


def has_valid_ik_check(number: str) -> bool:
    """Whether nine digits have the check digit of an IK: digits 3 to 8 weighted 2, 1, …, digit sums, modulo 10."""
    return sum(_digit_sum(int(d) * (2 - i % 2)) for i, d in enumerate(number[2:8])) % 10 == int(number[8])


def has_valid_lanr_check(number: str) -> bool:
    """Whether nine digits have the check digit of a LANR: the seventh, from the first six weighted 4, 9, …."""
    weighted = sum(int(d) * (9 if i % 2 else 4) for i, d in enumerate(number[:6]))
    return (10 - weighted % 10) % 10 == int(number[6])


def insurance_number(text: str) -> str:
    """Returns the KVNR, as `A123456780`. Raises NotAcceptable for another form or a wrong check digit."""
    number = _without_blanks(text)
    if not _KVNR.fullmatch(number):
        raise NotAcceptable("field.not_insurance_number")
    if not has_valid_kvnr_check(number):
        raise NotAcceptable("field.last_digit_wrong")
    return number


def insurer_number(text: str) -> str:
    """Returns the IK of an insurer, as `109519005`. Raises NotAcceptable for another form or a wrong check digit."""
    number = _without_blanks(text)
    if not _NINE_DIGITS.fullmatch(number):
        raise NotAcceptable("field.not_nine_digits")
    if not has_valid_ik_check(number):
        raise NotAcceptable("field.last_digit_wrong")
    return number


def physician_number(text: str) -> str:
    """Returns the LANR, as `123456601`. Raises NotAcceptable for another form or a wrong check digit."""
    number = _without_blanks(text)
    if not _NINE_DIGITS.fullmatch(number):
        raise NotAcceptable("field.not_nine_digits")
    if not has_valid_lanr_check(number):
        raise NotAcceptable("field.seventh_digit_wrong")
    return number


class Diagnosis(NamedTuple):
    """An ICD-10-GM code and its certainty: V suspected, G confirmed, A excluded, Z past; None where not stated."""

    code: str
    certainty: str | None


def parse_diagnosis(text: str) -> Diagnosis:
    """Returns the parts of a diagnosis such as `F32.1G`.

    Raises NotAcceptable for a text that does not have the form of an ICD-10-GM code. Whether the code
    exists in the catalogue of a year is not checked.
    """
    match = _ICD10.fullmatch(_without_blanks(text))
    if match is None:
        raise NotAcceptable("field.not_diagnosis")
    return Diagnosis(match[1], match[2] or None)


def diagnosis_code(text: str) -> str:
    """Returns the code in its normal form, with the certainty if there is one, as `F32.1G`. Raises NotAcceptable."""
    code, certainty = parse_diagnosis(text)
    return code + (certainty or "")


def counts(code: str) -> bool:
    """Whether the patient has this diagnosis: certainty A (excluded) and Z (past) do not count."""
    return parse_diagnosis(code).certainty not in ("A", "Z")


def covers(parent: str, child: str) -> bool:
    """Whether the child is the parent's code or lies below it (F40 covers F40.1), whatever the certainties."""
    wanted = parse_diagnosis(parent).code.removesuffix(".-")
    return parse_diagnosis(child).code.startswith(wanted)


def block_of(code: str) -> str | None:
    """Returns the group of the code in chapter V of ICD-10-GM, as `F30-F39` or `F99`; None for other chapters."""
    category = parse_diagnosis(code).code[:3]
    for first, last in _BLOCKS:
        if category[0] == "F" and first <= int(category[1:]) <= last:
            return f"F{first:02}-F{last:02}" if first != last else f"F{first:02}"
    return None


BLOCKS = tuple(f"F{first:02}-F{last:02}" if first != last else f"F{first:02}" for first, last in _BLOCKS)
"""The groups of chapter V of ICD-10-GM."""


def diagnosis_block(text: str) -> str:
    """Returns the group of chapter V of ICD-10-GM in its normal form, as `F30-F39`. Raises NotAcceptable."""
    block = _without_blanks(text).replace("–", "-")
    if block not in BLOCKS:
        raise NotAcceptable("field.not_diagnosis_block")
    return block


def postal_code(text: str) -> str:
    """Returns the German postal code, five digits from 01001 to 99998. A leading `D-` is dropped. Raises NotAcceptable.

    Whether it is in use is not checked: see `shared.values.postal_codes`.
    """
    match = _POSTAL_CODE.fullmatch(_without_blanks(text))
    if match is None:
        raise NotAcceptable("field.not_postal_code")
    if not "01001" <= match[1] <= "99998":
        raise NotAcceptable("field.no_such_postal_code")
    return match[1]


def postal_code_or_beginning(text: str) -> str:
    """Returns the postal code, or the beginning of some: one to four digits and `*`. Raises NotAcceptable."""
    bare = _without_blanks(text)
    if _POSTAL_CODE_BEGINNING.fullmatch(bare):
        return bare
    return postal_code(text)


def language(text: str) -> str:
    """Returns the ISO 639-1 code of a language, as `de`. Raises NotAcceptable."""
    code = one_line(text).lower()
    if code not in _LANGUAGES:
        raise NotAcceptable("field.not_language")
    return code


# Patterns for JSON Schema, which cannot compute check digits.


def _pattern_of(form: str) -> str:
    """Returns a pattern for an identifier as people write it: with or without a blank wherever the form has one.

    More blanks are accepted too; the document need not say so.
    """
    return r"^\s*" + form.replace(" ", r"\s?") + r"\s*$"


def _any_case(codes: Iterable[str]) -> str:
    """Returns a pattern for these two-letter codes in upper or lower case, by their first letters."""
    return "|".join(
        f"[{first.upper()}{first}][{''.join(code[1].upper() + code[1] for code in group)}]"
        for first, group in groupby(sorted(codes), key=itemgetter(0))
    )


INSURANCE_NUMBER = _pattern_of("[A-Za-z]( [0-9]){9}")
NINE_DIGITS = _pattern_of("[0-9]( [0-9]){8}")
DIAGNOSIS_CODE = _pattern_of(r"[A-Za-z]( [0-9]){2}( \.( [0-9]){1,2}| \. -)?( [VGAZvgaz])?")
DIAGNOSIS_BLOCK = _pattern_of("(" + "|".join(each.replace("F", "[Ff]").replace("-", " [-–] ") for each in BLOCKS) + ")")
POSTAL_CODE = _pattern_of(r"([Dd] ([Ee] )?- )?(0 [1-9]|[1-9] [0-9])( [0-9]){3}")
POSTAL_CODE_OR_BEGINNING = _pattern_of(r"(([Dd] ([Ee] )?- )?(0 [1-9]|[1-9] [0-9])( [0-9]){3}|[0-9]( [0-9]){0,3} \*)")
LANGUAGE = rf"^\s*({_any_case(_LANGUAGES)})\s*$"
PLACEMENT_CODE = _pattern_of("([A-Za-z0-9]{4} -? ){2}[A-Za-z0-9]{4}")
PLACEMENT_CODE_OR_MASK = _pattern_of(r"(([A-Za-z0-9]{4} -? ){2}|\*{4} -\*{4} -)[A-Za-z0-9]{4}")
REFERENCE = _pattern_of(f"[Pp] -( [{LEGIBLE}{LEGIBLE.lower()}]){{4}} -( [{LEGIBLE}{LEGIBLE.lower()}]){{2}}")


class RandomSource(Protocol):
    """A source of randomness, such as `random.Random` or `secrets.SystemRandom`."""

    def getrandbits(self, k: int, /) -> int: ...


def new_reference(random: RandomSource) -> str:
    """Returns a random reference for a patient, as `P-7K3M-2Q`: one of 10⁹, easy to read aloud, without personal data.

    It may exist already: the table's unique constraint decides.
    """
    # drawn at once: each draw of the system's is a call that lets another thread of the process go first
    number = random.getrandbits(6 * BITS_OF_SYMBOL)
    symbols = "".join(LEGIBLE[(number >> BITS_OF_SYMBOL * place) % len(LEGIBLE)] for place in range(6))
    return f"P-{symbols[:4]}-{symbols[4:]}"


def patient_reference(text: str) -> str:
    """Returns the reference, which may have no hyphens, in its normal form. Raises NotAcceptable."""
    reference = _REFERENCE.fullmatch(_without_blanks(text))
    if reference is None:
        raise NotAcceptable("field.not_reference")
    return f"P-{reference[2]}-{reference[3]}"


def placement_code(text: str) -> str:
    """Returns the placement code (Vermittlungscode) as `XXXX-XXXX-XXXX`; a secret. Raises NotAcceptable."""
    symbols = _without_blanks(text).replace("-", "")
    if not _PLACEMENT_CODE.fullmatch(symbols):
        raise NotAcceptable("field.not_placement_code")
    return "-".join(symbols[i : i + 4] for i in (0, 4, 8))


def masked(code: str) -> str:
    """Returns the placement code in the form that may be shown: `****-****-AB12`."""
    return "****-****-" + placement_code(code)[-4:]


def is_masked(text: str) -> bool:
    """Whether this is a placement code in its masked form, sent back by a client that does not change it."""
    return _PLACEMENT_MASK.fullmatch(_without_blanks(text)) is not None


def _placement_code_or_mask(text: str) -> str:
    return _without_blanks(text) if is_masked(text) else placement_code(text)


InsuranceNumber = Annotated[
    str,
    Text(LONGEST_INPUT, insurance_number, INSURANCE_NUMBER),
    Field(description="KVNR", examples=["A123456780"]),
]
InsurerNumber = Annotated[
    str, Text(LONGEST_INPUT, insurer_number, NINE_DIGITS), Field(description="IK", examples=["109519005"])
]
DiagnosisCode = Annotated[
    str,
    Text(LONGEST_INPUT, diagnosis_code, DIAGNOSIS_CODE),
    Field(description="ICD-10-GM, with the certainty V, G, A or Z if known", examples=["F32.1", "F32.1G"]),
]
DiagnosisBlock = Annotated[
    str,
    Text(LONGEST_INPUT, diagnosis_block, DIAGNOSIS_BLOCK),
    Field(description="a group of chapter V of ICD-10-GM", examples=["F30-F39"]),
]
PostalCode = Annotated[
    str, Text(LONGEST_INPUT, postal_code, POSTAL_CODE), Field(description="German postal code", examples=["04109"])
]
PostalCodeOrBeginning = Annotated[
    str,
    Text(LONGEST_INPUT, postal_code_or_beginning, POSTAL_CODE_OR_BEGINNING),
    Field(description="A postal code, or its first digits and `*`: `52*`", examples=["04109"]),
]
VERSION = "^[A-Za-z]{0,5}[.-]?[0-9][0-9.-]{0,12}[A-Za-z]?$"
"""The form of a version of a text: `2026-01`, `v2.1`, `2026-01b`; no room for a word about anybody."""
Version = Annotated[str, Field(max_length=20, pattern=VERSION, examples=["2026-01"])]
Language = Annotated[str, Text(LONGEST_INPUT, language, LANGUAGE), Field(description="ISO 639-1", examples=["de"])]
PatientReference = Annotated[str, Text(LONGEST_INPUT, patient_reference, REFERENCE), Field(examples=["P-7K3M-2Q"])]
PlacementCode = Annotated[
    str,
    Text(LONGEST_INPUT, placement_code, PLACEMENT_CODE),
    Field(description="Vermittlungscode", examples=["A1B2-C3D4-E5F6"]),
]
PlacementCodeOrMask = Annotated[
    str,
    Text(LONGEST_INPUT, _placement_code_or_mask, PLACEMENT_CODE_OR_MASK),
    Field(description="Vermittlungscode; as it was shown (masked) it is ignored", examples=["A1B2-C3D4-E5F6"]),
]
