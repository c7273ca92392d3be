"""What HTML a template may hold: plain tags that every mail program shows, which load nothing and run nothing.

Values stand between tags, never inside one: there, escaping would not be enough. Every tag that is opened is closed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from communication_service.domain.template_language import HTML, NotPermitted
from shared.texts import Sentence

VOID: Final = frozenset({"br", "hr", "meta"})
TAGS: Final = VOID | {
    *("html", "head", "title", "body", "p", "div", "span", "strong", "em", "b", "i", "u", "small", "h1", "h2", "h3"),
    *("ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td", "a", "blockquote"),
}
ATTRIBUTES: Final = frozenset(
    {"style", "lang", "dir", "role", "align", "valign", "colspan", "rowspan", "charset", "href", "name", "content"}
)
PROPERTIES: Final = frozenset(
    {"font", "line", "color", "background-color", "text", "vertical", "margin", "padding", "border", "width"}
    | {"max-width", "list-style-type", "overflow-wrap", "word-break", "white-space"}
)
"""Properties of `style`, or their first words."""
_TAG: Final = re.compile(r'(?P<end>/?)(?P<name>[a-z][a-z0-9]*)(?P<attributes>(?:\s+[a-z-]+="[^"<>]*")*)\s*/?>')
_ATTRIBUTE: Final = re.compile(r'(?<![a-z-])([a-z-]+)="([^"]*)"')
_PROPERTY: Final = re.compile(r"\s*([a-z-]+)\s*:[a-zA-Z0-9#%., -]+")


def check(source: str) -> None:
    """Raise `NotPermitted` for what no template may hold. Jinja2 can parse `source`."""
    opened: list[str] = []
    for line, tag in _tags(source):
        found = _TAG.match(tag)
        if found is None or found["name"] not in TAGS:
            raise NotPermitted(Sentence.of("field.template_tag", line=line, tags=sorted(TAGS)))
        for name, value in _ATTRIBUTE.findall(found["attributes"]):
            _check_attribute(name, value, line)
        if found["name"] in VOID:
            continue
        if not found["end"]:
            opened.append(found["name"])
        elif not opened or opened.pop() != found["name"]:
            raise NotPermitted(Sentence.of("field.template_not_closed", line=line))
    if opened:
        raise NotPermitted(Sentence.of("field.template_not_closed", line=source.count("\n") + 1))


def _tags(source: str) -> Iterator[tuple[int, str]]:
    """What follows each `<` of the literal text, up to the next one or a value, with its line."""
    is_first = True
    for line, kind, text in HTML.lex(source):
        if kind != "data":
            continue
        before, *rest = text.split("<")
        at = line + before.count("\n")
        for each in rest:
            if not (is_first and each.startswith("!DOCTYPE html>")):
                yield at, each
            is_first = False
            at += each.count("\n")


def _check_attribute(name: str, value: str, line: int) -> None:
    if name not in ATTRIBUTES:
        raise NotPermitted(Sentence.of("field.template_attribute", line=line, attributes=sorted(ATTRIBUTES)))
    if name == "href" and not value.startswith(("mailto:", "https://")):
        raise NotPermitted(Sentence.of("field.template_link", line=line))
    if name == "style" and not all(_is_plain(each) for each in value.rstrip("; ").split(";")):
        raise NotPermitted(Sentence.of("field.template_style", line=line, properties=sorted(PROPERTIES)))


def _is_plain(declaration: str) -> bool:
    found = _PROPERTY.fullmatch(declaration)
    return found is not None and not {found[1], found[1].partition("-")[0]}.isdisjoint(PROPERTIES)
