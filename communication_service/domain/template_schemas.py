"""What comes in and what goes out: templates, their versions and previews, scripts for calls."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from shared.texts import TextLanguage
from shared.values.datetimes import Instant
from shared.values.enums import TemplateKind
from shared.values.lists import Several
from shared.values.readable import FOR_COORDINATORS
from shared.values.schemas import EntityView, QuerySchema, Schema
from shared.values.text import Line, Text, layout, one_line

LONGEST_BODY = 8_000
"""Characters: nearly twice the longest of the first templates."""
Subject = Annotated[str, Text(300, one_line), Field(examples=["Anfrage: Therapieplatz ({{ references }})"])]
"""The subject of an e-mail, with values in double braces."""
Body = Annotated[str, Text(LONGEST_BODY, layout), Field(examples=["{{ greeting }},\n\nim Auftrag von …"])]
"""A text with values in double braces, `if`, and `for` over lists."""


class TemplateChanges(Schema):
    """What staff may change of a template."""

    name: Line
    """What staff call it."""
    active: bool = False
    """Whether this is the one that is used; another one of its kind and language then is not. Only becomes false when
    another one is made active."""
    subject: Subject | None = None
    """The subject; null for scripts."""
    body_text: Body
    """The text; for scripts what the caller says."""
    body_html: Body | None = None
    """The same as HTML; null for scripts."""


class NewTemplate(TemplateChanges):
    """A template of a kind in a language."""

    kind: TemplateKind
    """What is written with it; says which values there are."""
    language: TextLanguage
    """The language that it is written in."""


class TemplateView(NewTemplate, EntityView):
    """A template as it is now; every change makes a version."""


class TemplateFilter(QuerySchema):
    """Which templates to list."""

    kind: Several[TemplateKind] = []
    """Only those of one of these kinds."""
    language: Several[TextLanguage] = []
    """Only those in one of these languages."""
    active: bool | None = None
    """Only those that are used, or only the others."""


class TemplateVersionFilter(QuerySchema):
    """Which versions to list."""

    version: Several[Annotated[int, Field(ge=1, le=2**31 - 1)]] = []
    """Only these."""


class TemplateVersionView(Schema):
    """How a template was from one change to the next."""

    template_id: UUID
    """The template."""
    version: int
    """Its version, as in `template_version` of an e-mail."""
    name: str
    """What staff called it."""
    active: bool
    """Whether it was the one that is used."""
    subject: str | None
    """The subject; null for scripts."""
    body_text: str
    """The text."""
    body_html: str | None
    """The same as HTML; null for scripts."""
    created_at: Instant
    """When this version was made."""
    created_by: UUID | None
    """The account of who made it; null: the platform, which brings the first one."""


class PreviewRequest(Schema):
    """With what a template is shown: invented patients or those of an inquiry, and texts to try out."""

    number: Annotated[int, Field(ge=1, le=20)] = 2
    """How many invented patients."""
    inquiry_id: UUID | None = None
    """Shows the practice and the patients of this inquiry instead, by their pseudonyms; for inquiries and scripts."""
    subject: Subject | None = None
    """A subject to try out."""
    body_text: Body | None = None
    """A text to try out."""
    body_html: Body | None = None
    """HTML to try out."""


class PreviewView(Schema):
    """What somebody would read, or a caller say."""

    template_id: UUID
    """The template."""
    template_version: int
    """The version that is shown, but for the texts that are tried out."""
    subject: Annotated[str | None, FOR_COORDINATORS]
    """The subject; null for scripts."""
    body_text: Annotated[str, FOR_COORDINATORS]
    """The text."""
    body_html: Annotated[str | None, FOR_COORDINATORS]
    """The same as HTML; null for scripts."""


class CallScript(Schema):
    """What a caller says, by the templates that are used now."""

    opening: str
    """What to say first to whom answers the phone."""
    voicemail: str
    """What to say to a machine: nothing about any patient."""
    template_id: UUID
    """The template of `opening`."""
    version: int
    """Its version."""
    voicemail_template_id: UUID
    """The template of `voicemail`."""
    voicemail_version: int
    """Its version."""
