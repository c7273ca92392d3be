"""Templates: what staff change of them, and what is written with the one that is used.

Of each kind and language exactly one is used, never none. The first ones come from `first_templates` with the first
question for any; every change makes a version, and an e-mail names the version that it was written with.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from communication_service.domain import template_kinds
from communication_service.domain.email_parts import Letter
from communication_service.domain.first_templates import first_templates
from communication_service.domain.template_kinds import Texts
from communication_service.domain.template_samples import longest
from communication_service.domain.template_schemas import (
    NewTemplate,
    TemplateChanges,
    TemplateFilter,
    TemplateVersionFilter,
    TemplateView,
)
from communication_service.domain.template_values import Values
from communication_service.store import templates as store
from communication_service.store.tables import Email
from communication_service.store.template_tables import Template, TemplateVersion
from shared.database import Session, first_version, new_id
from shared.database.rows import check_version, require
from shared.errors import Conflict
from shared.texts import TextLanguage
from shared.values.emails import EmailText
from shared.values.enums import TemplateKind
from shared.values.lists import Listed, ListRequest
from shared.values.schemas import MergePatch, merged

NOTHING = EmailText("", "", "")
_OF_VERSION = ("name", "active", "subject", "body_text", "body_html")


# What is written with them


@dataclass(frozen=True)
class RenderedLetter:
    """A letter, and the template that it was written with."""

    letter: Letter
    template_id: UUID
    version: int

    def mark(self, email: Email) -> None:
        """Write into the e-mail which template its text is of."""
        email.template_id, email.template_version = self.template_id, self.version


def render(session: Session, kind: TemplateKind, values: Values, *, language: TextLanguage) -> RenderedLetter:
    """Returns the letter with these values, by the template that is used.

    An inquiry and a withdrawal have a part for each of their patients, every other letter is one part.
    """
    return render_with(active(session, kind, language), values)


def render_with(template: Template, values: Values) -> RenderedLetter:
    """The same by this template."""
    kind = TemplateKind(template.kind)
    before, parts, after = template_kinds.rendered(kind, template_kinds.read(kind, texts_of(template)), values)
    is_split = template_kinds.KINDS[kind].split_by is not None
    letter = Letter(before, parts, after) if is_split else Letter(NOTHING, [before], NOTHING)
    return RenderedLetter(letter, template.id, template.version)


def joined(before: EmailText, parts: Sequence[EmailText], after: EmailText) -> EmailText:
    """The whole, as it is read."""
    return Letter(before, parts, after).whole()


def active(session: Session, kind: TemplateKind, language: TextLanguage) -> Template:
    """The template of this kind and language that is used."""
    found = store.active(session, kind, language)
    if found is None:
        _add_first(session)
        found = store.active(session, kind, language)
    return require(found, "template")


def texts_of(template: Template) -> Texts:
    """What it says."""
    return Texts(template.subject, template.body_text, template.body_html)


def ensure_first(session: Session) -> None:
    """Add those of the first templates that are not there yet."""
    ids = [each.id for each in first_templates()]
    if store.count_known(session, ids) < len(ids):
        _add_first(session)


def _add_first(session: Session) -> None:
    first = [asdict(each) | {"active": True} for each in first_templates()]
    versions = [
        {"template_id": each["id"], "version": 1, **{name: each[name] for name in _OF_VERSION}} for each in first
    ]
    store.add_missing(session, first, versions)


# What staff do with them


def list_part(session: Session, wanted: ListRequest[TemplateFilter]) -> Listed:
    """A part of the templates."""
    ensure_first(session)
    filters = wanted.filters
    found = store.list_part(
        session, wanted.part, kind=filters.kind, language=filters.language, is_active=filters.active
    )
    return found.shown(found.rows)


def get(session: Session, template_id: UUID) -> TemplateView:
    """One template as it is now; raises `NotFound`."""
    return TemplateView.of(get_or_raise(session, template_id))


def get_or_raise(session: Session, template_id: UUID) -> Template:
    """The row of a template; raises `NotFound`."""
    ensure_first(session)
    return require(store.template(session, template_id), "template")


def create(session: Session, new: NewTemplate, *, by: UUID | None, now: datetime) -> TemplateView:
    """Add a template. Raises `RuleBroken` for texts that cannot be used."""
    template_kinds.check(new.kind, Texts(new.subject, new.body_text, new.body_html), longest(new.kind))
    ensure_first(session)
    template = Template(id=new_id(), **first_version(by=by, now=now), **new.model_dump())
    if new.active:
        _use_no_other(session, template, by=by, now=now)
    session.add(template)
    session.flush()
    _keep_version(session, template)
    return TemplateView.of(template)


def change(
    session: Session,
    template_id: UUID,
    patch: MergePatch,
    *,
    expected_versions: Collection[int] | None,
    by: UUID | None,
    now: datetime,
) -> TemplateView:
    """Change a template, which makes a version.

    Raises `NotFound`, `LostUpdate`, `Conflict` where none would be used any more, and `RuleBroken` for texts that
    cannot be used.
    """
    known = get_or_raise(session, template_id)
    store.lock_all(session, known.kind, known.language)
    template = require(store.lock(session, template_id), "template")
    check_version(template, expected_versions, "template")
    current = TemplateView.of(template)
    wanted = merged(TemplateChanges, current, patch.changes_to(current))
    if all(getattr(wanted, name) == getattr(current, name) for name in _OF_VERSION):
        return current
    if template.active and not wanted.active:
        raise Conflict("template.in_use")
    kind = TemplateKind(template.kind)
    template_kinds.check(kind, Texts(wanted.subject, wanted.body_text, wanted.body_html), longest(kind))
    if wanted.active and not template.active:
        _use_no_other(session, template, by=by, now=now)
    template.name, template.active, template.subject = wanted.name, wanted.active, wanted.subject
    template.body_text, template.body_html = wanted.body_text, wanted.body_html
    _count(session, template, by=by, now=now)
    return TemplateView.of(template)


def _use_no_other(session: Session, instead: Template, *, by: UUID | None, now: datetime) -> None:
    """Use the template no more that is used until now: `instead` will be."""
    store.lock_all(session, instead.kind, instead.language)
    used = store.active(session, TemplateKind(instead.kind), TextLanguage(instead.language))
    if used is not None:
        used.active = False
        _count(session, used, by=by, now=now)


def _count(session: Session, template: Template, *, by: UUID | None, now: datetime) -> None:
    template.count_change(by=by, now=now)
    session.flush()
    _keep_version(session, template)


def _keep_version(session: Session, template: Template) -> None:
    session.add(
        TemplateVersion(
            template_id=template.id,
            version=template.version,
            created_at=template.updated_at,
            created_by=template.updated_by,
            **{name: getattr(template, name) for name in _OF_VERSION},
        )
    )
    session.flush()


def list_versions(session: Session, template_id: UUID, wanted: ListRequest[TemplateVersionFilter]) -> Listed:
    """A part of the versions of a template; raises `NotFound`."""
    get_or_raise(session, template_id)
    found = store.list_versions(session, template_id, wanted.part, version=wanted.filters.version)
    return found.shown(found.rows)
