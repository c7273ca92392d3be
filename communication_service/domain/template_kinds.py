"""The kinds of templates: which values each has, what it must show, and what it must not lack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any, Final

from communication_service.domain import template_html, template_language
from communication_service.domain.template_language import HTML, TEXT, NotPermitted, ReadTemplate, Scope, TooLong
from communication_service.domain.template_values import (
    CallScriptValues,
    ConfirmationValues,
    InquiryValues,
    PatientNoticeValues,
    PatientProgressValues,
    Values,
    VoicemailScriptValues,
    WithdrawalValues,
)
from shared.errors import FieldProblem, RuleBroken
from shared.texts import Sentence
from shared.values.emails import EmailText
from shared.values.enums import TemplateKind

SENDER = frozenset({"sender.name", "sender.address"})
"""The imprint: who writes, and how to reach them."""
HERE: Final = "\x1f"
"""Stands in a subject where the references of the patients come; no value and no template holds it."""


@dataclass(frozen=True)
class Kind:
    """What a template of one kind may and must hold."""

    values: type[Values]
    shows: frozenset[str] = SENDER
    """Values that text and HTML show whatever the conditions."""
    subject_shows: frozenset[str] = frozenset()
    split_by: str | None = None
    """The list of which each entry is written, and encrypted, by itself."""
    each_shows: frozenset[str] = frozenset()
    is_script: bool = False
    """It is said, not sent: no subject and no HTML."""


KINDS: Final[Mapping[TemplateKind, Kind]] = MappingProxyType(
    {
        TemplateKind.INQUIRY: Kind(
            InquiryValues,
            shows=SENDER | {"opt_out"},
            subject_shows=frozenset({"references"}),
            split_by="patients",
            each_shows=frozenset({"reference"}),
        ),
        TemplateKind.CONFIRMATION: Kind(
            ConfirmationValues,
            shows=SENDER | {"reference", "patient.name"},
            subject_shows=frozenset({"reference"}),
        ),
        TemplateKind.WITHDRAWAL: Kind(
            WithdrawalValues,
            subject_shows=frozenset({"references"}),
            split_by="patients",
            each_shows=frozenset({"reference"}),
        ),
        TemplateKind.PATIENT_NOTICE: Kind(PatientNoticeValues, shows=SENDER | {"practice.name", "opt_out"}),
        TemplateKind.PATIENT_PROGRESS: Kind(PatientProgressValues, shows=SENDER | {"opt_out"}),
        TemplateKind.CALL_SCRIPT: Kind(CallScriptValues, shows=frozenset({"sender.name"}), is_script=True),
        TemplateKind.VOICEMAIL_SCRIPT: Kind(VoicemailScriptValues, shows=frozenset({"sender.name"}), is_script=True),
    }
)
IN_THE_SUBJECT_ONLY: Final = frozenset({"references"})


@dataclass(frozen=True)
class Texts:
    """The texts of a template, as staff write them; scripts have `body_text` alone."""

    subject: str | None
    body_text: str
    body_html: str | None


@dataclass(frozen=True)
class ReadTexts:
    """The same, ready to be rendered."""

    subject: ReadTemplate | None
    body_text: ReadTemplate
    body_html: ReadTemplate | None


@cache
def scope_of(kind: TemplateKind) -> Scope:
    """The values of a kind with their shapes."""
    shape = template_language.shape_of(KINDS[kind].values)
    assert isinstance(shape, Mapping)  # of a data class
    return shape


@lru_cache(maxsize=100)
def read(kind: TemplateKind, texts: Texts) -> ReadTexts:
    """Returns the texts of a template, checked. Raises `RuleBroken`, which names every field that cannot be used."""
    problems: list[FieldProblem] = []
    found: dict[str, Any] = {}
    for name in ("subject", "body_text", "body_html"):
        try:
            found[name] = _read(kind, name, getattr(texts, name))
        except NotPermitted as problem:
            problems.append(FieldProblem(name, problem.sentence))
    if problems:
        raise RuleBroken("template.not_usable", errors=problems)
    return ReadTexts(**found)


def _read(kind: TemplateKind, name: str, source: str | None) -> ReadTemplate | None:
    wanted = KINDS[kind]
    if wanted.is_script and name != "body_text":
        if source is not None:
            raise NotPermitted(Sentence.of("field.template_script_is_text"))
        return None
    if source is None:
        raise NotPermitted(Sentence.of("field.template_part_missing"))
    if name == "subject":
        return _showing(template_language.read(source, scope_of(kind), environment=TEXT), wanted.subject_shows)
    scope = {value: shape for value, shape in scope_of(kind).items() if value not in IN_THE_SUBJECT_ONLY}
    environment = HTML if name == "body_html" else TEXT
    # a text ends with the end of a line, however it is stored
    found = template_language.read(f"{source}\n", scope, environment=environment, split_by=wanted.split_by)
    if name == "body_html":
        template_html.check(source)
    if not wanted.each_shows <= found.shown_of_each:
        lacking = sorted(wanted.each_shows - found.shown_of_each)
        raise NotPermitted(Sentence.of("field.template_lacks_of_each", values=lacking))
    return _showing(found, wanted.shows)


def _showing(template: ReadTemplate, values: frozenset[str]) -> ReadTemplate:
    if not values <= template.shown:
        raise NotPermitted(Sentence.of("field.template_lacks", values=sorted(values - template.shown)))
    return template


def rendered(kind: TemplateKind, texts: ReadTexts, values: Values) -> tuple[EmailText, list[EmailText], EmailText]:
    """What is written before, for each, and after the entries of the list that this kind is split by.

    Of other kinds everything comes first. Raises `TooLong`.
    """
    split_by = KINDS[kind].split_by
    named = {each.name: getattr(values, each.name) for each in fields(values)}
    if split_by is None:
        whole = [each.whole(named) if each else "" for each in (texts.subject, texts.body_text, texts.body_html)]
        return EmailText(*whole), [], EmailText("", "", "")
    assert texts.subject is not None  # scripts are not split
    assert texts.body_html is not None
    entries: Sequence[Any] = named[split_by]
    first, *others = texts.subject.whole(named | {"references": HERE}).split(HERE)
    text, html = texts.body_text.apart(named, entries), texts.body_html.apart(named, entries)
    parts = [
        EmailText(entry.reference, *forms)
        for entry, forms in zip(entries, zip(text[1], html[1], strict=True), strict=True)
    ]
    return EmailText(first, text[0], html[0]), parts, EmailText("".join(others), text[2], html[2])


def check(kind: TemplateKind, texts: Texts, longest: Values) -> ReadTexts:
    """Returns the texts of a template that is to be stored; `longest` are the longest values that can come.

    Raises `RuleBroken`, which names every field that cannot be used.
    """
    found = read(kind, texts)
    try:
        rendered(kind, found, longest)
    except TooLong:
        problem = FieldProblem.of("body_text", "field.template_too_long", most=template_language.LONGEST_RESULT)
        raise RuleBroken("template.not_usable", errors=[problem]) from None
    return found
