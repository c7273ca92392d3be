"""What templates may hold and must show; nothing else is ever compiled."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from communication_service.domain import template_kinds
from communication_service.domain.first_templates import FirstTemplate, first_templates
from communication_service.domain.template_kinds import KINDS, Texts
from communication_service.domain.template_samples import longest, sample
from communication_service.domain.templates import joined
from shared.errors import RuleBroken
from shared.texts import TextLanguage
from shared.values.emails import EmailText
from shared.values.enums import TemplateKind
from tests.architecture.documents import codes, table_after

API = Path(__file__).parents[2] / "docs" / "api.md"
INQUIRY = TemplateKind.INQUIRY
EACH = "{% for patient in patients %}{{ patient.reference }}{% endfor %}"
FRAME = "{{ sender.name }} {{ sender.address }} {{ opt_out }}"
GOOD = Texts("{{ references }}", EACH + FRAME, f"<p>{EACH}{FRAME}</p>")

NOT_PERMITTED = "has something in line 1 that templates may not hold"
DEEP = "is too nested or too large"
UNKNOWN = "names a value in line 1 that does not exist here"


def problems(texts: Texts, kind: TemplateKind = INQUIRY) -> dict[str, str]:
    """What is wrong with each field; nothing with a template that can be used."""
    try:
        template_kinds.check(kind, texts, longest(kind))
    except RuleBroken as refused:
        return {each.field: each.message for each in refused.errors}
    return {}


def written(first: FirstTemplate, number: int = 2) -> EmailText:
    texts = template_kinds.read(first.kind, Texts(first.subject, first.body_text, first.body_html))
    return joined(*template_kinds.rendered(first.kind, texts, sample(first.kind, first.language, number=number)))


@pytest.mark.parametrize("first", first_templates(), ids=lambda first: f"{first.kind}.{first.language}")
def test_the_first_templates_can_be_used(first: FirstTemplate) -> None:
    assert problems(Texts(first.subject, first.body_text, first.body_html), first.kind) == {}
    for number in (1, 2):
        text = written(first, number)
        for form in (text.subject, text.text, text.html):
            assert "None" not in form
            assert "\n\n\n" not in form
        assert bool(text.html) is not KINDS[first.kind].is_script
        body = BeautifulSoup(text.html, "html.parser").body
        assert body is None or re.findall(r"\w+", body.get_text(" ")) == re.findall(r"\w+", text.text)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("{% for number in range(10**9) %}x{% endfor %}", NOT_PERMITTED),
        ("{% for a in patients %}{% for b in patients %}x{% endfor %}{% endfor %}", "has a for inside a for in line 1"),
        ("{% for patient in patients recursive %}x{% endfor %}", "has a for in line 1 that does not simply"),
        ("{% for sender in patients %}x{% endfor %}", "uses a name in line 1 that exists already"),
        ("{% for each in greeting %}x{% endfor %}", "has a for in line 1 that does not simply"),
        ("{{ 1 / 0 }}", NOT_PERMITTED),
        ("{{ 9 ** 9 ** 9 }}", NOT_PERMITTED),
        ("{{ greeting * 1000000 }}", NOT_PERMITTED),
        ("{{ sender.__class__.__mro__ }}", UNKNOWN),
        ("{{ ''.__class__ }}", NOT_PERMITTED),
        ("{{ patients[0].reference }}", NOT_PERMITTED),
        ("{{ greeting.upper() }}", NOT_PERMITTED),
        ("{{ greeting | upper }}", NOT_PERMITTED),
        ("{{ config }}", UNKNOWN),
        ("{{ environ }}", UNKNOWN),
        ("{{ lipsum.__globals__.os.environ }}", UNKNOWN),
        ("{{ self }}", UNKNOWN),
        ("{{ loop.last }}", UNKNOWN),
        ("{{ references }}", UNKNOWN),
        ("{{ patients }}", "writes a list or a group in line 1"),
        ("{% include '/etc/passwd' %}", NOT_PERMITTED),
        ("{% import 'os' as os %}", NOT_PERMITTED),
        ("{% set number = 2 %}", NOT_PERMITTED),
        ("{% macro a() %}{{ a() }}{% endmacro %}", NOT_PERMITTED),
        ("{% if greeting is defined %}x{% endif %}", NOT_PERMITTED),
        ("{% if number < 'x' %}x{% endif %}", NOT_PERMITTED),
        ("{% if number in patients %}x{% endif %}", NOT_PERMITTED),
        ("\n\n{{ greeting", "is no template in line 3"),
        ("{% endif %}", "is no template in line 1"),
        ("{{ " + "(" * 5000, DEEP),
        ("{{ " + "9" * 9000 + " }}", DEEP),
        ("{% if greeting %}" * 900, DEEP),
        ("{% if " + "not " * 4000 + "greeting %}x{% endif %}", DEEP),
        ("{% if greeting" + " and greeting" * 1200 + " %}x{% endif %}", DEEP),
        ("{% if greeting %}x{% endif %}" * 650, DEEP),
    ],
)
def test_what_does_more_than_write_values_is_refused(source: str, problem: str) -> None:
    """With the line, and without an execution: none of these could end, or would end well."""
    (said,) = problems(replace(GOOD, body_text=f"{source}{GOOD.body_text}")).values()
    assert said.startswith(problem)
    assert "__class__" not in said


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        ("<script>x</script>", "has a < in line 1"),
        ("<img src=\"https://example.org/x.png\">", "has a < in line 1"),
        ("<!-- x -->", "has a < in line 1"),
        ("1 < 2", "has a < in line 1"),
        ("<p", "has a < in line 1"),
        ("<p {{ greeting }}>x</p>", "has a < in line 1"),
        ('<a href="{{ greeting }}">x</a>', "has a < in line 1"),
        ("{% raw %}<script>{% endraw %}", "has a < in line 1"),
        ("<p onclick=\"x()\">x</p>", "has an attribute in line 1"),
        ('<a href="javascript:x">x</a>', "has a link in line 1"),
        ('<p style="background: url(https://example.org)">x</p>', "has a style in line 1"),
        ('<p style="position: fixed">x</p>', "has a style in line 1"),
        ("\n<p>", "has an element up to line 2"),
        ("<b><i></b></i>", "has an element up to line 1"),
        ("<p" + " " * 9000 + "!", "has a < in line 1"),
        ("<a " * 3000, "has a < in line 1"),
    ],
)  # fmt: skip
def test_html_that_loads_runs_or_breaks_something_is_refused(html: str, problem: str) -> None:
    assert GOOD.body_html is not None
    (said,) = problems(replace(GOOD, body_html=GOOD.body_html + html)).values()
    assert said.startswith(problem)


def test_plain_html_is_accepted() -> None:
    plain = (
        '<!DOCTYPE html><p style="margin: 0 0 4px; color: #222222;">&lt;<br><a href="mailto:a@example.org">x</a></p>'
    )
    assert problems(replace(GOOD, body_html=f"{plain}{GOOD.body_html}")) == {}


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        (replace(GOOD, subject="Anfrage"), {"subject": "must show outside of if and for: references"}),
        (replace(GOOD, body_text=FRAME), {"body_text": "must go through patients with for exactly once"}),
        (replace(GOOD, body_text=EACH * 2 + FRAME), {"body_text": "must go through patients with for exactly once"}),
        (
            replace(GOOD, body_text="{% if greeting %}" + EACH + "{% endif %}" + FRAME),
            {"body_text": "must go through patients with for exactly once"},
        ),
        (
            replace(GOOD, body_text="{% for each in patients %}{{ each.person }}{% endfor %}" + FRAME),
            {"body_text": "must show for each entry of the list outside of if: reference"},
        ),
        (
            replace(GOOD, body_html=EACH + "{{ sender.name }}{% if number == 1 %}{{ opt_out }}{% endif %}"),
            {"body_html": "must show outside of if and for: opt_out, sender.address"},
        ),
        (replace(GOOD, body_html=None), {"body_html": "is missing"}),
        (Texts(None, FRAME, None), {"subject": "is missing", "body_text": "must go", "body_html": "is missing"}),
    ],
)
def test_an_inquiry_without_what_it_must_show_is_refused(texts: Texts, problem: dict[str, str]) -> None:
    found = problems(texts)
    assert found.keys() == problem.keys()
    for field, said in problem.items():
        assert found[field].startswith(said), found


def test_a_script_is_text_alone_and_a_machine_learns_nothing_about_patients() -> None:
    script = TemplateKind.VOICEMAIL_SCRIPT
    assert problems(Texts(None, "{{ sender.name }}", None), script) == {}
    assert problems(Texts("x", "{{ sender.name }}", None), script)["subject"].startswith("must be null")
    assert problems(Texts(None, "{{ sender.name }}" + EACH, None), script)["body_text"].startswith(UNKNOWN)


def test_a_template_that_would_become_too_long_is_refused_before_anybody_needs_it() -> None:
    lines = "{% for line in patient.summary %}" + "x" * 1000 + "{% endfor %}"
    (said,) = problems(replace(GOOD, body_text=EACH.replace("{% endfor %}", lines + "{% endfor %}") + FRAME)).values()
    assert said.startswith("would become too long")


def test_values_are_escaped_in_html_and_parts_stand_in_their_order() -> None:
    values = sample(INQUIRY, TextLanguage.DE, number=3)
    hostile = replace(values, greeting="<b>{{ 7 * 7 }}</b>")
    texts = replace(
        GOOD, body_text="{{ greeting }}" + str(GOOD.body_text), body_html="{{ greeting }}" + str(GOOD.body_html)
    )
    before, parts, after = template_kinds.rendered(INQUIRY, template_kinds.read(INQUIRY, texts), hostile)
    assert "<b>{{ 7 * 7 }}</b>" in before.text
    assert "&lt;b&gt;{{ 7 * 7 }}&lt;/b&gt;" in before.html
    assert all(one.subject < other.subject for one, other in pairwise(parts))
    assert [each.text for each in parts] == [each.subject for each in parts]
    assert after.html.endswith("</p>\n")


def test_the_values_of_the_document_are_those_of_the_code() -> None:
    """Names in backticks: of the kind, of groups inside, and what must be shown."""
    rows = {
        codes(kind)[0]: (set(codes(values)), set(codes(shown))) for kind, values, shown in table_after(API, "Templates")
    }
    assert rows.keys() == set(TemplateKind)
    for kind, (values, shown) in rows.items():
        wanted = KINDS[TemplateKind(kind)]
        assert set(template_kinds.scope_of(TemplateKind(kind))) <= values, kind
        assert shown - {"for", "patients"} == wanted.shows | wanted.each_shows | wanted.subject_shows, kind
