"""Whether a record of an unknown external id is somebody who is known: plain rules, without a database.

Names are compared without titles, particles, case, accents and signs, so that `Dr. Mira von der Heide` is `Mira Heide`
and `Tietz -Roder` is `Tietz-Roder`. Who is found by name and place alone is the same person only where the source does
not show the known one any more, or never did: two entries of one source in one file are two people for it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from shared.values.enums import Gender
from shared.values.text import words

TITLES: Final = frozenset({
    "dr", "prof", "dipl", "psych", "phil", "med", "rer", "nat", "sc", "hum", "habil", "msc", "mag", "univ", "pd",
    "priv", "doz",
})  # fmt: skip
PARTICLES: Final = frozenset({
    "von", "vom", "van", "de", "der", "den", "dem", "des", "du", "di", "da", "do", "dos", "del", "della", "la", "le",
    "zu", "zum", "zur", "und", "ter", "ten", "te", "af", "av", "auf",
})  # fmt: skip
LONGEST_KEY = 200
"""Characters of a key that are kept: an index entry has at most 2,700 bytes."""
MOST_TEXTS: Final = 4096
"""Texts whose words are remembered: an import asks for those of a record twice, and names, streets and towns recur."""
_STREET_ENDINGS = ("strasse", "str")

Person = Mapping[str, Any]
"""Fields of a therapist or of a record."""


@dataclass(frozen=True, slots=True)
class Identification:
    """Who a record is: the therapist, or those among whom a person must decide, or nobody who is known."""

    therapist_id: UUID | None = None
    proposed: tuple[UUID, ...] = ()


NOBODY: Final = Identification()


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """A known therapist who may be meant."""

    id: UUID
    fields: Person
    is_listed: bool
    """Whether the source of the record still shows the therapist under another external id."""


KEY_FIELDS: Final = frozenset({"first_name", "last_name", "street", "phone"})
"""The fields of which the keys are made."""
COMPARED: Final = (*sorted(KEY_FIELDS), "house_number", "postal_code", "city", "mobile", "email", "gender")
"""The fields that are compared."""


def keys(person: Person) -> dict[str, str | None]:
    """The columns by which candidates are looked up; null where too little is known."""
    return {"name_key": name_key(person), "practice_key": practice_key(person)}


def name_key(person: Person) -> str | None:
    """The whole name: surname, then the first of the first names; None where one is missing."""
    last, first = _joined(person["last_name"]), _first(person["first_name"])
    return f"{last} {first}"[:LONGEST_KEY] if last and first else None


def practice_key(person: Person) -> str | None:
    """Street and phone number of the practice; None where one is missing."""
    street = _street(person["street"])
    return f"{person['phone']} {street}"[:LONGEST_KEY] if street and person["phone"] else None


def identify(sent: Person, candidates: Collection[KnownPerson]) -> Identification:
    """Who the record of an unknown external id is."""
    certain = [each.id for each in candidates if _is_certain(sent, each)]
    if len(certain) == 1:
        return Identification(certain[0])
    proposed = [each.id for each in candidates if _may_be(sent, each)]
    return Identification(proposed=tuple(sorted({*certain, *proposed})))


def is_somebody_else(known: Person, sent: Person) -> bool:
    """Whether a record under a known external id may be another person's.

    It is where both names are others; with one other name, where neither the address nor a contact is the same, or
    where the gender is another one too: a couple has one surname and one practice.
    """
    is_same_first, has_same_surname = _is_same_first(known, sent), _shares_a_surname(known, sent)
    if is_same_first is False and not has_same_surname:
        return True
    if is_same_first is not False and has_same_surname:
        return False
    if is_same_first is False and _has_other_gender(known, sent):
        return True
    return not _is_found_there(known, sent)


def _shares_a_surname(known: Person, sent: Person) -> bool:
    """Whether a word of the surname is the same, so that it may be the double name of one who married."""
    return not set(_name_words(known["last_name"])).isdisjoint(_name_words(sent["last_name"]))


def _has_other_gender(known: Person, sent: Person) -> bool:
    one, other = known["gender"], sent["gender"]
    return one != other and not {one, other} & {None, Gender.UNKNOWN}


def _is_found_there(known: Person, sent: Person) -> bool:
    """Whether address or a contact is the same; the town is enough where no more is known to compare."""
    if _shares_a_contact(known, sent):
        return True
    is_same_address = _is_same_address(known, sent)
    return _is_same_town(known, sent) if is_same_address is None else is_same_address


def _is_certain(sent: Person, candidate: KnownPerson) -> bool:
    known = candidate.fields
    if candidate.is_listed or not _is_same_name(known, sent) or not _is_same_place(known, sent):
        return False
    return _shares_a_contact(known, sent) or _is_same_address(known, sent) is not False


def _may_be(sent: Person, candidate: KnownPerson) -> bool:
    known = candidate.fields
    is_same_practice = practice_key(known) is not None and practice_key(known) == practice_key(sent)
    if is_same_practice and _is_same_first(known, sent):
        return True  # also married: the same first name, street and phone under another surname
    if _is_same_name(known, sent):
        is_here = _shares_a_contact(known, sent) or bool(_is_same_address(known, sent))
        return is_here or (not candidate.is_listed and _is_same_town(known, sent))
    has_no_first_name = is_same_practice and _is_same_first(known, sent) is None
    return has_no_first_name and not candidate.is_listed and _joined(known["last_name"]) == _joined(sent["last_name"])


def _is_same_name(known: Person, sent: Person) -> bool:
    return name_key(known) is not None and name_key(known) == name_key(sent)


def _is_same_first(known: Person, sent: Person) -> bool | None:
    """Whether the first of the first names is the same, also as an initial; None where one is missing."""
    one, other = _first(known["first_name"]), _first(sent["first_name"])
    if not one or not other:
        return None
    return one == other or (min(len(one), len(other)) == 1 and one[0] == other[0])


def _is_same_place(known: Person, sent: Person) -> bool:
    if known["postal_code"] and sent["postal_code"]:
        return bool(known["postal_code"] == sent["postal_code"])
    return _is_same_town(known, sent)


def _is_same_town(known: Person, sent: Person) -> bool:
    if known["postal_code"] and known["postal_code"] == sent["postal_code"]:
        return True
    town = _joined(known["city"])
    return bool(town) and town == _joined(sent["city"])


def _is_same_address(known: Person, sent: Person) -> bool | None:
    """Whether street and place are the same; None where a street is missing."""
    one, other = _street(known["street"]), _street(sent["street"])
    if not one or not other:
        return None
    return one == other and _is_same_town(known, sent) and _same_or_unknown(known, sent, "house_number")


def _same_or_unknown(known: Person, sent: Person, name: str) -> bool:
    one, other = _joined(known[name]), _joined(sent[name])
    return not one or not other or one == other


def _shares_a_contact(known: Person, sent: Person) -> bool:
    return any(known[name] and known[name] == sent[name] for name in ("phone", "mobile", "email"))


def _street(text: str | None) -> str:
    joined = _joined(text)
    for ending in _STREET_ENDINGS:
        if joined.endswith(ending) and joined != ending:
            return joined.removesuffix(ending) + "str"
    return joined


def _first(text: str | None) -> str:
    return next(iter(_name_words(text)), "")


def _joined(text: str | None) -> str:
    return "".join(_name_words(text))


@lru_cache(MOST_TEXTS)
def _name_words(text: str | None) -> Sequence[str]:
    """The words of a name without titles and particles, or all of them where nothing else is left."""
    spelled = tuple(words(text or ""))
    return tuple(each for each in spelled if each not in TITLES and each not in PARTICLES) or spelled
