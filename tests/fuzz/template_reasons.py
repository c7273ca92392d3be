"""Why texts of templates may be refused that their schemas permit: what a template may hold is no regular language."""

from __future__ import annotations

from typing import Any

from tests.fuzz.reason import Reason
from tests.fuzz.sent import NOTHING, Sent

NEW_TEMPLATE, PREVIEW = "POST /api/templates", "POST /api/templates/{id}/preview"
_ALSO = ("PATCH /api/templates/{id}", PREVIEW)
_TEXTS = ("subject", "body_text", "body_html")
_SHOWN = "{{ sender.name }}{{ sender.address }}{{ opt_out }}"
_EACH = "{% for patient in patients %}{{ patient.reference }}{% endfor %}"


def has_a_brace(value: Any, sent: Sent) -> bool:
    """It has what a value, a condition, a list or a remark begins with."""
    return any(brace in str(value) for brace in ("{{", "{%", "{#"))


def has_an_angle(value: Any, sent: Sent) -> bool:
    """It has what an element of HTML begins with."""
    return "<" in str(value)


def shows_no_sender(value: Any, sent: Sent) -> bool:
    """Neither a sender, as every body does, nor a reference, as every subject does that must show anything."""
    return not any(f"{{{{ {name}" in str(value) for name in ("sender.name", "reference"))


def goes_through_no_list(value: Any, sent: Sent) -> bool:
    """Not once, or more than once."""
    return str(value).count("{% for") != 1


def is_left_out(value: Any, sent: Sent) -> bool:
    """Nothing, where an e-mail needs something."""
    return value is NOTHING or value is None


def is_something(value: Any, sent: Sent) -> bool:
    """Something, and the kind of the template may be one of a script, or what is stored says whether it is right."""
    return not is_left_out(value, sent)


_NO_LANGUAGE = "a template is a tree, which no schema describes"
_OF_THE_KIND = "depends on the kind, which may be stored"

TEMPLATES = (
    Reason(
        "is no template in line {}", _NO_LANGUAGE, has_a_brace, NEW_TEMPLATE, {"body_text": "{{ greeting"},
        {"body_text": "none"}, fields=_TEXTS, also=_ALSO,
    ),
    Reason(
        "has something in line {} that templates may not hold", _NO_LANGUAGE, has_a_brace, NEW_TEMPLATE,
        {"body_text": "{{ 1 / 0 }}"}, {"body_text": "none"}, fields=_TEXTS, also=_ALSO,
    ),
    Reason(
        "names a value in line {} that does not exist", _OF_THE_KIND, has_a_brace, NEW_TEMPLATE,
        {"body_text": "{{ config }}"}, {"body_text": "none"}, fields=_TEXTS, also=_ALSO,
    ),
    Reason(
        "must show outside of if and for", _OF_THE_KIND, shows_no_sender, NEW_TEMPLATE, {"subject": "Anfrage"},
        {"subject": "{{ references }}"}, fields=_TEXTS, also=_ALSO,
    ),
    Reason(
        "must go through {} with for exactly once", _OF_THE_KIND, goes_through_no_list, NEW_TEMPLATE,
        {"body_text": _SHOWN}, {"body_text": _EACH + _SHOWN}, fields=_TEXTS, also=_ALSO,
    ),
    Reason(
        "is missing: an e-mail needs", _OF_THE_KIND, is_left_out, NEW_TEMPLATE, {"body_html": None},
        {"subject": "{{ references }}", "body_html": _EACH + _SHOWN}, fields=_TEXTS, also=_ALSO,
    ),
    Reason(
        "must be null: a script is text only", _OF_THE_KIND, is_something, NEW_TEMPLATE,
        {"kind": "call_script", "subject": "x"}, None, fields=_TEXTS, also=_ALSO,
    ),
    Reason(
        "has a < in line {}", _NO_LANGUAGE, has_an_angle, NEW_TEMPLATE, {"body_html": f"<script>{_EACH}{_SHOWN}"},
        {"body_html": _EACH + _SHOWN}, fields=_TEXTS, also=_ALSO,
    ),
    Reason(
        "has an element up to line {}", _NO_LANGUAGE, has_an_angle, NEW_TEMPLATE, {"body_html": f"<p>{_EACH}{_SHOWN}"},
        {"body_html": _EACH + _SHOWN}, fields=_TEXTS, also=_ALSO,
    ),
    Reason(
        "is no inquiry that this template can show", "depends on what is stored", is_something, PREVIEW,
        {"inquiry_id": "01933f0e-7c3a-7000-8000-abcdefabcdef"}, None, fields=("inquiry_id",),
    ),
)  # fmt: skip
"""Texts of templates, and whose data a preview shows."""
