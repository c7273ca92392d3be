"""What a practice seems to answer in an e-mail, by phrases in German and English (docs/domain.md#contact-replies).

A proposal is for staff to confirm and is never recorded by itself, so it may err; it does not guess. Where phrases
contradict each other, several patients are asked for and a yes names none of them, or a yes stands beside a negation, a
condition or a later day, nothing is proposed: after a yes the practice learns who the patient is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from communication_service.domain import mail_texts
from shared.values.enums import RequestOutcome
from shared.values.text import fold

PHRASES: Final[Mapping[RequestOutcome, Sequence[str]]] = {
    RequestOutcome.DECLINED_UNSUITABLE: (
        *("passt nicht", "passen nicht", "passt leider nicht", "nicht geeignet", "nicht das richtige", "nicht passend"),
        *(
            "nicht mein schwerpunkt",
            "nicht unser schwerpunkt",
            "ausserhalb meines",
            "behandle keine",
            "behandeln keine",
        ),
        *("nicht in mein", "keine erfahrung mit", "nur kinder", "nur erwachsene", "nur privat", "not suitable"),
        *("not a good fit", "do not treat", "don't treat", "outside my"),
    ),
    RequestOutcome.LATER: (
        *("erst ab", "fruehestens", "warteliste", "erst wieder", "spaeter", "fragen sie noch"),
        *("melden sie sich wieder", "wieder anfragen", "waiting list", "not before", "ask again", "later"),
    ),
    RequestOutcome.DECLINED_CAPACITY: (
        *("kein platz", "keinen platz", "keine plaetze", "keinen freien", "keine freien", "kein freier"),
        *("keine kapazitaet", "keinen therapieplatz", "keine therapieplaetze", "vollstaendig belegt"),
        *("ausgebucht", "voll belegt", "aufnahmestopp", "keine neuen patient", "niemanden aufnehmen", "leider absagen"),
        *("nicht aufnehmen", "nicht anbieten", "keinen termin", "leider nicht", "no capacity", "no free", "no place"),
        *("no availability", "fully booked", "not taking", "cannot offer", "can't offer"),
    ),
    RequestOutcome.ACCEPTED: (
        *("ja, gern", "ja gern", "sehr gern", "habe einen platz", "haben einen platz", "platz frei", "freien platz"),
        *("freier platz", "platz anbieten", "therapieplatz anbieten", "uebernehme", "kann aufnehmen"),
        *("gerne aufnehmen", "gern aufnehmen", "erstgespraech", "kann einen termin", "termin anbieten"),
        *("yes, gladly", "have a place", "have a free", "can offer", "happy to take"),
    ),
}
"""Folded; in the order in which they are looked for: what was found is taken out, since "kein Platz frei" is no
"Platz frei"."""
FOR_ALL: Final = frozenset({RequestOutcome.DECLINED_CAPACITY})
"""What may be meant for every patient of a letter when it names none."""
_DOUBTS: Final = (
    *("nicht", "nichts", "nie", "niemand", "niemanden", r"kein\w*", "leider", "weder", "ohne", "aber"),
    *("not", "no", "never", "cannot", r"\w+n't", "unfortunately", "without", "but"),
    *("sobald", "falls", "wenn", "sofern", "erst", "nur", "vielleicht", "eventuell", "evtl", "ggf", "voraussichtlich"),
    *(r"moeglicher\w*", r"wahrscheinlich\w*", r"wuerde\w*", r"koennte\w*", r"nachfrag\w*", "nochmal", "nochmals"),
    *("noch einmal", "wieder", "spaeter", "demnaechst", r"kuenftig\w*", "bis", "if", "once", "unless", "until", "when"),
    *("as soon as", "maybe", "perhaps", "might", "would", "could", "later", "again", "only"),
    *("ab (?!sofort)", r"naechste\w*", "next", "anfang", "ende", r"fruehjahr\w*", r"fruehling\w*", r"sommer\w*"),
    *(r"herbst\w*", r"winter\w*", "spring", "summer", "autumn", "quartal", r"in \w+ (?:wochen|monaten|weeks|months)"),
    *("januar", "january", "februar", "february", "maerz", "march", "april", "mai", "may", "juni", "june", "juli"),
    *("july", "august", "september", "oktober", "october", "november", "dezember", "december"),
    *(r"[0-9]{1,2}[.] ?[0-9]{1,2}[.](?! ?[0-9])", "(?:am|den|zum) [0-9]{1,2}"),
)
"""What makes a yes uncertain: a negation, a condition, or that it is for later."""
_IN_DOUBT: Final = re.compile(rf"(?<!\w)(?:{'|'.join(_DOUBTS)})(?!\w)")
_DAY: Final = re.compile(r"(?<![\d.])(\d{1,2})\. ?(\d{1,2})\. ?(20\d\d)(?!\d)|(?<![\d-])(20\d\d)-(\d\d)-(\d\d)(?!\d)")
MOST_SENTENCES: Final = 200


@dataclass(frozen=True)
class Proposed:
    """What a practice seems to answer for one patient."""

    outcome: RequestOutcome | None = None
    """None: it is not clear."""
    available_from: date | None = None
    because: str | None = None
    """The phrase by which it is proposed, as this service knows it."""


def propose(text: str, references: Sequence[Sequence[str]], *, today: date) -> list[Proposed]:
    """Returns what a text seems to answer for each patient, of whom the names that the letter may have used are given.

    `text` is what the practice wrote, without the letter that it quotes.
    """
    known = [[fold(each) for each in names if each] for names in references]
    said = list(mail_texts.sentences(text))[:MOST_SENTENCES]
    about = _by_patient(said, known)
    if not any(about):
        everything = _judge(said, today)
        is_for_each = len(known) == 1 or everything.outcome in FOR_ALL
        return [everything if is_for_each else Proposed() for _ in known]
    return [_judge(each, today) for each in about]


def _by_patient(said: Sequence[str], known: Sequence[Sequence[str]]) -> list[list[str]]:
    """The sentences about each patient: those that name one, and what follows until another one is named."""
    found: list[list[str]] = [[] for _ in known]
    named: list[int] = []
    for sentence in said:
        here = [place for place, names in enumerate(known) if any(name in sentence for name in names)]
        named = here or named
        for place in named:
            found[place].append(sentence)
    return found


def _judge(said: Sequence[str], today: date) -> Proposed:
    found: dict[RequestOutcome, str] = {}
    rest = " . ".join(said)
    for outcome, phrases in PHRASES.items():
        for phrase in phrases:
            if phrase in rest:
                rest = rest.replace(phrase, " . ")
                found.setdefault(outcome, phrase)
    # "leider kein Platz, erst ab Mai" is "later"
    if found.keys() == {RequestOutcome.LATER, RequestOutcome.DECLINED_CAPACITY}:
        del found[RequestOutcome.DECLINED_CAPACITY]
    if len(found) != 1:
        return Proposed()
    ((outcome, because),) = found.items()
    days = _days(said, today)
    if outcome == RequestOutcome.ACCEPTED:
        is_certain = not days and not any(map(_IN_DOUBT.search, said))
        return Proposed(outcome, None, because) if is_certain else Proposed()
    # of several days nobody knows which one is meant
    from_day = days.pop() if outcome == RequestOutcome.LATER and len(days) == 1 else None
    return Proposed(outcome, from_day, because)


def _days(said: Sequence[str], today: date) -> set[date]:
    """The days from today on that are named."""
    return {day for sentence in said for match in _DAY.finditer(sentence) if (day := _date(match)) and day >= today}


def _date(match: re.Match[str]) -> date | None:
    day, month, year, iso_year, iso_month, iso_day = match.groups()
    try:
        return date(int(year or iso_year), int(month or iso_month), int(day or iso_day))
    except ValueError:
        return None
