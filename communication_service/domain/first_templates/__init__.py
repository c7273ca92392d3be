"""The templates that the platform brings: version 1 of each, one for each kind and language."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

from shared.texts import TextLanguage
from shared.values.enums import TemplateKind
from shared.values.text import layout


@dataclass(frozen=True)
class FirstTemplate:
    """One of them, with an id that is the same in every database."""

    id: UUID
    kind: TemplateKind
    language: TextLanguage
    name: str
    subject: str | None
    body_text: str
    body_html: str | None


@cache
def first_templates() -> tuple[FirstTemplate, ...]:
    """All of them, read once."""
    return tuple(_read(kind, language) for kind in TemplateKind for language in TextLanguage)


def _read(kind: TemplateKind, language: TextLanguage) -> FirstTemplate:
    content = tomllib.loads((Path(__file__).parent / f"{kind}.{language}.toml").read_text())
    html = content.get("body_html")
    return FirstTemplate(
        id=uuid5(NAMESPACE_URL, f"template:{kind}.{language}"),
        kind=kind,
        language=language,
        name=content["name"],
        subject=content.get("subject"),
        body_text=layout(content["body_text"]),
        body_html=None if html is None else layout(html),
    )
