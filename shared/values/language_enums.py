"""Languages that have a name in the texts; of any other the code is shown (ISO 639-1)."""

from __future__ import annotations

from enum import StrEnum


class SpokenLanguage(StrEnum):
    """A language in which many practices treat."""

    AR = "ar"
    BG = "bg"
    BS = "bs"
    CS = "cs"
    DA = "da"
    DE = "de"
    EL = "el"
    EN = "en"
    ES = "es"
    FA = "fa"
    FI = "fi"
    FR = "fr"
    HE = "he"
    HI = "hi"
    HR = "hr"
    HU = "hu"
    IT = "it"
    JA = "ja"
    KU = "ku"
    NL = "nl"
    NO = "no"
    PL = "pl"
    PS = "ps"
    PT = "pt"
    RO = "ro"
    RU = "ru"
    SQ = "sq"
    SR = "sr"
    SV = "sv"
    TI = "ti"
    TR = "tr"
    UK = "uk"
    UR = "ur"
    VI = "vi"
    ZH = "zh"


def language_word(code: str) -> SpokenLanguage | str:
    """Returns the language, whose name is a text; the code of one that has no name here."""
    return SpokenLanguage(code) if code in _KNOWN else code


_KNOWN = frozenset(SpokenLanguage)
