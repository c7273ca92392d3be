"""Named questions about templates and their versions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from communication_service.store.template_tables import Template, TemplateVersion
from shared.database.listing import Found, Listing
from shared.database.rows import count_of, find_row
from shared.texts import TextLanguage
from shared.values.enums import TemplateKind
from shared.values.lists import Part

TEMPLATES: Final = Listing(
    sorts={"kind": (Template.kind, Template.language, Template.name, Template.id)},
    default="kind",
    identity=Template.id,
    counts={"kind": Template.kind, "language": Template.language},
)
VERSIONS: Final = Listing(sorts={"version": (TemplateVersion.version,)}, default="-version")


def template(session: Session, template_id: UUID) -> Template | None:
    """One template as it is now."""
    return find_row(session, Template, template_id)


def lock(session: Session, template_id: UUID) -> Template | None:
    """The same, locked and read anew."""
    return find_row(session, Template, template_id, lock=True)


def active(session: Session, kind: TemplateKind, language: TextLanguage) -> Template | None:
    """The template of this kind and language that is used."""
    used = _of(kind, language).where(Template.active)
    return session.scalars(used.execution_options(populate_existing=True)).one_or_none()


def lock_all(session: Session, kind: str, language: str) -> None:
    """Lock all templates of a kind and language: which of them is used changes under this lock alone."""
    session.execute(_of(kind, language).order_by(Template.id).with_for_update()).all()


def _of(kind: str, language: str) -> Select[Any]:
    return select(Template).where(Template.kind == kind, Template.language == language)


def count_known(session: Session, ids: Collection[UUID]) -> int:
    """How many of these templates there are."""
    return count_of(session, select(Template).where(Template.id.in_(ids)))


def add_missing(session: Session, rows: Sequence[dict[str, Any]], versions: Sequence[dict[str, Any]]) -> None:
    """Add templates and their versions, unless they are there already."""
    session.execute(insert(Template).on_conflict_do_nothing(), rows)
    known = set(session.scalars(select(Template.id).where(Template.id.in_([each["id"] for each in rows]))))
    kept = [each for each in versions if each["template_id"] in known]
    session.execute(insert(TemplateVersion).on_conflict_do_nothing(), kept)


def list_part(
    session: Session,
    part: Part,
    *,
    kind: Collection[TemplateKind],
    language: Collection[TextLanguage],
    is_active: bool | None,
) -> Found[Template]:
    """A part of the templates."""
    wanted = select(Template)
    if kind:
        wanted = wanted.where(Template.kind.in_(kind))
    if language:
        wanted = wanted.where(Template.language.in_(language))
    if is_active is not None:
        wanted = wanted.where(Template.active.is_(is_active))
    return TEMPLATES.read(session, wanted, part)


def list_versions(
    session: Session, template_id: UUID, part: Part, *, version: Collection[int]
) -> Found[TemplateVersion]:
    """A part of the versions of a template."""
    wanted = select(TemplateVersion).where(TemplateVersion.template_id == template_id)
    if version:
        wanted = wanted.where(TemplateVersion.version.in_(version))
    return VERSIONS.read(session, wanted, part)
