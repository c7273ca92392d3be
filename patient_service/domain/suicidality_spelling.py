"""Spellings of the words by which suicidal thoughts are recognised: dialects, slips, letters that look alike.

A word that is spelled so is read as the usual one. Only what can raise an alarm is read generously: an unknown
spelling of a negation negates nothing.
"""

from __future__ import annotations

import re
from string import ascii_lowercase
from typing import Final

_LOOK_ALIKE: Final = str.maketrans(
    dict(zip("авеікмнорстухѕјԁһԛԝ", "abeikmhopctyxsjdhqw", strict=True))
    | dict(zip("αεηικνορτυχμ", "aenikvoptuxm", strict=True))
)
"""Letters of the Cyrillic and the Greek script, in small, that look like Latin ones."""
_SPACED_WORD: Final = re.compile(r"(?<![^\W_])(?:[^\W\d_][ -]){3,}[^\W\d_](?![^\W_])")

_DIALECT: Final = {
    "nicht": "nich nit net ned nid nedd niat noed nued nischt nciht nihct nict nichtt",
    "nicht mehr": "nimmer nimma nimme nimmi nemme nemma nimmermehr nichtmehr"
    " nichmehr netmehr nedmehr nitmehr nichtmer nichmer",
    "nicht mehr leben": "nichtmehrleben nichmehrleben",
    "nicht etwas": "nichts nix nichs",
    "keine": "koane koan koa keene koine koi",
    "mehr": "merh mher mehrr meher mhr mer meh mea",
    "mehr leben": "mehrleben",
    "will": "wui wuell wue wil willl wuii",
    "mag": "mog moag",
    "moechte": "mecht mechte moechd moecht moehcte mochte",
    "zu leben": "zuleben",
    "zu sterben": "zusterben",
    "zu toeten": "zutoeten",
    "das": "dsa",
    "das leben": "dasleben",
    "zu nehmen": "zunehmen",
    "tot sein": "totsein todsein",
    "sich umbringen": "sichumbringen",
    "leben": "lebm lebma lem leem lewe laebe",
    "sterben": "sterm steam steabm schterbe schderbe sterbm",
    "want to": "wanna wana",
}
"""What is read instead of which spellings."""
_OTHER_WORDS: Final = {
    "leben": "legen heben geben loben weben beben lesen reben kleben lieben leiben lebten neben eben lebens lebend lebe"
    " leber lebern lehen laben ebene leven ueben schweben",
    "sterben": "streben serben starben sterbend sterbens sterbe",
    "lebensmuede": "",
    "umbringen": "",
    "umzubringen": "",
    "nehmen": "nahmen",
    "toeten": "loeten noeten roeten toenen floeten",
}
"""Of which words slips are read, a letter missing, too many, wrong or exchanged, and what is no slip of theirs."""


def spellings_with_a_slip(word: str) -> set[str]:
    """The word with at most one letter missing, too many, wrong, or exchanged with the next one."""
    alphabet = ascii_lowercase
    found = {word}
    for i in range(len(word) + 1):
        found |= {word[:i] + each + word[i:] for each in alphabet}
        found |= {word[:i] + each + word[i + 1 :] for each in alphabet}
        found |= {word[:i] + word[i + 1 :], word[:i] + word[i + 1 : i + 2] + word[i : i + 1] + word[i + 2 :]}
    return found


def _usual() -> dict[str, str]:
    slips = {
        slip: word for word, others in _OTHER_WORDS.items() for slip in spellings_with_a_slip(word) - {*others.split()}
    }
    return slips | {spelling: usual for usual, those in _DIALECT.items() for spelling in those.split()}


_USUAL: Final = _usual()


def joined(line: str) -> str:
    """The line with words that were written letter by letter as words."""
    return _SPACED_WORD.sub(lambda found: re.sub("[ -]", "", found[0]), line)


def usual(token: str) -> list[str]:
    """The words that are meant by a folded one."""
    latin = token if token.isascii() else token.translate(_LOOK_ALIKE)
    # a word of another script that is not wholly made of such letters is one of its own language
    read = latin if latin.isascii() else token
    return _USUAL.get(read, read).split()
