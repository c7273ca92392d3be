"""Recognises that a text speaks of suicidal thoughts, in German and English (docs/domain.md#data-protection-crisis).

A text does so unless every expression in it is negated beyond doubt: what is not known to negate does not, so a word
too many raises an alarm that somebody takes back, rather than the other way round. The expressions and the words that
may stand between them and their negation are in `suicidality_words`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from typing import NamedTuple

from patient_service.domain import suicidality_words as words
from patient_service.domain.suicidality_spelling import joined, usual
from shared.values.text import fold

REACH = 8
"""How many words a negation may be away from the expression."""
DOUBLED_WITHIN = 3
"""A second negation so many words before the first takes it back: "kein Tag ohne"."""

_TOKEN = re.compile(r"[^\W_]+|[.,;:!?()/–—+&-]")
_HYPHENATED = re.compile(r"(?<=\w)-(?=\w)|(?<!\w)-(?=\w)|(?<=\w)-(?= (?:und|oder|bzw|sowie)\b)")
_ABBREVIATED = re.compile(rf"\b({'|'.join(words.ABBREVIATIONS)})\.")
_ENDS_A_SENTENCE = frozenset(".;!?")
_SEPARATES = frozenset(",:()-–—")
_INTRODUCES = frozenset(":(-–—")


@dataclass(frozen=True)
class _Expression:
    """Where in the tokens something is said that means suicidal thoughts."""

    start: int
    end: int
    """Behind its last token."""
    contains_negation: bool
    """As in "nicht mehr leben": only a word such as "verneint" negates it."""

    @property
    def negations(self) -> frozenset[str]:
        return words.REFUTING if self.contains_negation else words.NEGATING


def speaks_of_suicide(text: str | None) -> bool:
    """Whether somebody must look at this text because of suicidal thoughts."""
    if text is None:
        return False
    sentences = [each for each in _sentences(text) if each.tokens or each.end == "?"]
    return any(_alarms(each, after) for each, after in pairwise([*sentences, _Sentence([], "")]))


class _Sentence(NamedTuple):
    """A sentence, or what is before or behind a "but"."""

    tokens: list[str]
    """Folded, in the usual spelling."""
    end: str
    """The sign or the word that ends it; at the end of a line nothing."""


def _sentences(text: str) -> Iterator[_Sentence]:
    for line in text.splitlines():
        sentence: list[str] = []
        for token in (word for each in _TOKEN.findall(_spelled(line)) for word in usual(each)):
            if token in _ENDS_A_SENTENCE or token in words.CONTRASTING:
                yield _Sentence(sentence, token)
                sentence = []
            else:
                sentence.append(token)
        yield _Sentence(sentence, "")


def _spelled(line: str) -> str:
    """The line without what does not matter; most lines have nothing of that, and looking for it takes longest."""
    spelled = words.TAKING_BACK.sub("zweifelhaft", joined(fold(line).replace("'", "").replace("’", "")))
    if "." in spelled:
        spelled = _ABBREVIATED.sub(r"\1", spelled)
    if "-" in spelled:
        spelled = _HYPHENATED.sub(" ", spelled)
    return words.ASKED.sub("", spelled) if "auf " in spelled else spelled


def _alarms(sentence: _Sentence, following: _Sentence) -> bool:
    tokens, negated = sentence.tokens, set[int]()
    expressions = _expressions(tokens)
    if expressions and (
        _is_in_doubt(sentence, expressions[0].start, following) or words.ALWAYS.search(" ".join(tokens))
    ):
        return True
    for expression in expressions:
        if not _is_negated(tokens, expression, negated):
            return True
        negated.add(expression.end)
    return bool(negated) and _means_another_kind(tokens[max(negated) :])


def _is_in_doubt(sentence: _Sentence, begin: int, following: _Sentence) -> bool:
    """A question negates nothing, and what is denied and then taken back, or called unclear, is not denied.

    What is unclear before a comma is something else: "Diagnose unklar, keine Suizidgedanken".
    """
    before = [*_back_to_separator(sentence.tokens[:begin]), ".", *_governing(sentence.tokens, begin)]
    is_remark = len(following.tokens) == 1 or following.tokens[1:2] == [","]
    remark = following.tokens[:1] if is_remark else []  # "Keine Suizidgedanken. Unklar." and "… Doch, manchmal."
    is_question = sentence.end == "?" or (following.end == "?" and not following.tokens)  # also after "!"
    return (
        is_question
        or words.DOUBTING.search(" ".join([*reversed(before), *sentence.tokens[begin:], *remark])) is not None
    )


def _means_another_kind(tokens: Sequence[str]) -> bool:
    """ "Akute Suizidalität wird verneint, latente besteht": the noun is left out."""
    parts = " ".join(tokens).split(",")[1:]
    return any(
        any(token.startswith(words.KINDS) for token in part.split()) and words.NEGATING.isdisjoint(part.split())
        for part in parts
    )


def _expressions(tokens: Sequence[str]) -> list[_Expression]:
    sentence = " ".join(tokens)
    found = [
        _Expression(_token_at(sentence, match.start()), _token_at(sentence, match.end()) + 1, contains_negation)
        for pattern, contains_negation in ((words.WITHOUT_NEGATION, False), (words.WITH_NEGATION, True))
        for match in pattern.finditer(sentence)
    ]
    return sorted(found, key=lambda each: each.start)


def _token_at(sentence: str, position: int) -> int:
    return sentence.count(" ", 0, position)


def _is_negated(tokens: Sequence[str], expression: _Expression, negated: set[int]) -> bool:
    following = tokens[expression.end : expression.end + 2]
    same_part = takewhile(lambda token: token not in _SEPARATES, following)
    if any(_limits(token) or token in words.SINCE for token in same_part):
        return False  # "keine Suizidgedanken mehr": there were some
    if _is_negated_before(tokens, expression, negated):
        return not _is_negated_again(tokens, expression)
    return _is_negated_after(tokens, expression)


def _is_negated_again(tokens: Sequence[str], expression: _Expression) -> bool:
    """ "Ohne Suizidgedanken bin ich nie": what is negated before and behind is affirmed."""
    if expression.start and tokens[expression.start - 1] in words.ADDING:
        return False  # one negation for all: "Suizidgedanken und Suizidpläne werden verneint"
    rest = takewhile(lambda token: token not in _SEPARATES and token not in words.JOINING, tokens[expression.end :])
    return any(token in words.NEGATING for token in rest)


# Before the expression: keine, ohne, verneint, without …


def _is_negated_before(tokens: Sequence[str], expression: _Expression, negated: set[int]) -> bool:
    inside = tokens[expression.start : expression.end]
    own = [n for n, token in enumerate(inside, expression.start) if token in words.NEGATING]
    if own and not expression.contains_negation:  # "will sich nicht umbringen"
        is_limited = any(_limits(token) or token in words.ADDING for token in inside)
        return not (is_limited or _is_negated_twice(tokens, own[0]))
    in_list = False
    for position in range(expression.start - 1, max(-1, expression.start - 1 - REACH), -1):
        token = tokens[position]
        if token in expression.negations:
            return _negates(tokens, position, expression, in_list=in_list)
        if token in words.ADDING and not _joins_adverbs(tokens, position):
            return position in negated and not any("versuch" in each or "attempt" in each for each in inside)
        if token in words.LISTING:
            in_list = True
        elif token in _SEPARATES:
            if not (token == "," and (in_list or _joins_a_clause(tokens, position, expression))):  # noqa: S105
                return False
        elif not (_passes(token) or token in words.ADDING or (in_list and words.NOUN.match(token))):
            return False
    return False


def _joins_adverbs(tokens: Sequence[str], position: int) -> bool:
    """ "Klar und glaubhaft von Suizidgedanken distanziert"."""
    neighbours = [*tokens[max(0, position - 1) : position], *tokens[position + 1 : position + 2]]
    return len(neighbours) > 1 and all(each.startswith(words.QUALIFYING_STEMS) for each in neighbours)


def _negates(tokens: Sequence[str], position: int, expression: _Expression, *, in_list: bool) -> bool:
    """Whether the negating word at this position negates the expression, with nothing but harmless words between."""
    token, between = tokens[position], tokens[position + 1 : expression.start]
    if _is_negated_twice(tokens, position):
        return False
    if token in words.REFUTING and any(each in words.NOT for each in _said_after(tokens, expression.end)):
        return False
    if token in words.DISTANCING or token in words.FREE:
        return any(each in words.OF for each in between)
    if token in words.NOT:
        if any(each in words.DISTANCING for each in tokens):
            return False  # "kann sich nicht von Suizidgedanken distanzieren"
        # "nicht" negates adjectives and verbs; before a noun it belongs to something else: "schläft nicht,"
        return not in_list and (bool(between and between[-1] in words.PREPOSITIONS) or _is_verbal(tokens, expression))
    return True


def _is_negated_twice(tokens: Sequence[str], position: int) -> bool:
    """Whether the negation at this position is negated: "kein Tag ohne", "kann nicht versprechen, dass … nicht"."""
    near = [*_back_to_separator(tokens[max(0, position - DOUBLED_WITHIN) : position])]
    if tokens[position] in words.WITHOUT and any(map(_limits, near)):
        return True  # "selten ohne"
    return any(each in words.TAKING_AWAY for each in (*near, *_governing(tokens, position)))


def _governing(tokens: Sequence[str], position: int) -> Iterator[str]:
    """The words of the clause on which the one at this position depends."""
    commas = [n for n in range(max(0, position - REACH), position) if tokens[n] in _SEPARATES]
    if not commas or tokens[commas[-1] + 1] not in words.DEPENDING:
        return iter(())
    return takewhile(lambda token: token not in _SEPARATES, reversed(tokens[: commas[-1]]))


def _back_to_separator(tokens: Sequence[str]) -> Iterator[str]:
    return takewhile(lambda token: token not in _SEPARATES and token not in words.ADDING, reversed(tokens))


def _is_verbal(tokens: Sequence[str], expression: _Expression) -> bool:
    return words.NOUN.match(tokens[expression.start]) is None


def _joins_a_clause(tokens: Sequence[str], comma: int, expression: _Expression) -> bool:
    """Whether what follows the comma depends on what is before it: "verneint, dass …", "keine Absicht, sich …"."""
    if comma == 0 or comma + 1 >= len(tokens):
        return False
    before, after = tokens[comma - 1], tokens[comma + 1]
    if after in words.THAT:
        return True
    has_infinitive = "zu" in tokens[expression.start : expression.end + 2]
    return (before in words.INTENTIONS and after in words.REFLEXIVE) or (
        before in words.REFUTING and (after in words.REFLEXIVE or has_infinitive)
    )


# After the expression: verneint, nicht vorhanden, keine …


def _is_negated_after(tokens: Sequence[str], expression: _Expression) -> bool:
    said = _said_after(tokens, expression.end)
    negations = [token for token in said if token in words.NEGATING_AFTER]
    others = [token for token in said if token not in words.NEGATING_AFTER]
    if len(negations) != 1 or not all(map(_passes_after, others)):
        return False
    negation = negations[0]
    if negation in words.NOT and any(
        token in words.REFUTING for token in _back_to_separator(tokens[: expression.start])
    ):
        return False  # "verneint Suizidgedanken nicht"
    if negation in words.NO and any(map(_is_another_noun, said[said.index(negation) :])):
        return False  # "Suizidgedanken, keine Pläne" without its comma
    if expression.contains_negation:
        return negation in words.REFUTING and negation not in words.DISTANCING
    if negation in words.DISTANCING:
        return _is_turned_away_from(tokens, expression)
    return True


def _said_after(tokens: Sequence[str], end: int) -> list[str]:
    """The words after an expression that may still be about it."""
    begin = end + (end < len(tokens) and tokens[end] in _INTRODUCES)
    said: list[str] = []
    for position in range(begin, min(len(tokens), begin + REACH)):
        token = tokens[position]
        if token == "," and _continues_a_list(tokens, position):  # noqa: S105 - a comma is no secret
            continue
        if token == ":" and all(each.startswith(words.TIMES) for each in said):  # noqa: S105
            continue
        if token in _SEPARATES:
            break
        said.append(token)
    return said


def _continues_a_list(tokens: Sequence[str], comma: int) -> bool:
    """ "Suizidgedanken, Suizidpläne und Suizidabsichten werden verneint"."""
    rest = tokens[comma + 1 :]
    return bool(rest) and words.NOUN.match(rest[0]) is not None and any(token in words.JOINING for token in rest)


def _is_another_noun(token: str) -> bool:
    return token in words.INTENTIONS or words.NOUN.match(token) is not None or token.startswith(words.INTENDED_STEMS)


def _is_turned_away_from(tokens: Sequence[str], expression: _Expression) -> bool:
    """ "Von Suizidalität distanziert", "Suizidalität: distanziert sich"; not "Suizidgedanken, distanziert sich"."""
    before = tokens[max(0, expression.start - REACH) : expression.start]
    if any(token in words.NEGATING or _limits(token) for token in before):
        return False
    is_heading = words.STATE.fullmatch(tokens[expression.start]) is not None
    return any(token in words.OF for token in before) or is_heading


def _limits(token: str) -> bool:
    return token in words.LIMITING or token.startswith(words.LIMITING_STEMS)


def _passes(token: str) -> bool:
    return not _limits(token) and (token in words.HARMLESS or token.startswith(words.HARMLESS_STEMS))


def _passes_after(token: str) -> bool:
    is_about_it = token in words.JOINING or words.NOUN.match(token) is not None
    return is_about_it or token in words.HARMLESS_AFTER or _passes(token)
