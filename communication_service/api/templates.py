"""Endpoints to templates of e-mails and of scripts for calls."""

from __future__ import annotations

from uuid import UUID

from communication_service.dependencies import Dependencies
from communication_service.domain import template_previews, templates
from communication_service.domain.lists import TEMPLATE_VERSIONS, TEMPLATES
from communication_service.domain.template_schemas import (
    NewTemplate,
    PreviewRequest,
    PreviewView,
    TemplateChanges,
    TemplateFilter,
    TemplateVersionFilter,
    TemplateView,
)
from shared.http import READ_ONLY, Context, Resource, endpoint
from shared.values.lists import Listed, ListRequest
from shared.values.schemas import MergePatch


class TemplateItem(Resource):
    """One template."""

    @endpoint(response=TemplateView)
    def get(self, context: Context[Dependencies], id: UUID) -> TemplateView:
        """Show a template as it is now."""
        return templates.get(context.session, id)

    @endpoint(patch=TemplateChanges, response=TemplateView, statuses=(409,))
    def patch(self, context: Context[Dependencies], id: UUID, patch: MergePatch) -> TemplateView:
        """Change a template, which makes a version; e-mails that have not gone out are written anew.

        With `active` it is the one that is used, and the one that was is not. 409 where none would be used.
        """
        return templates.change(
            context.session, id, patch, expected_versions=context.if_match, by=context.caller.id, now=context.now
        )


class TemplateCollection(Resource):
    """All templates."""

    @endpoint(lists=TEMPLATES)
    def get(self, context: Context[Dependencies], wanted: ListRequest[TemplateFilter]) -> Listed:
        """List templates by kind, language and name."""
        return templates.list_part(context.session, wanted)

    @endpoint(body=NewTemplate, response=TemplateView, status=201, replay=TemplateItem.get)
    def post(self, context: Context[Dependencies], body: NewTemplate) -> TemplateView:
        """Add a template. Its texts may hold values, `if`, and `for` over lists; what its kind must say is required."""
        return templates.create(context.session, body, by=context.caller.id, now=context.now)


class TemplatePreviewResource(Resource):
    """What somebody would read."""

    @endpoint(body=PreviewRequest, response=PreviewView, replay=READ_ONLY)
    def post(self, context: Context[Dependencies], id: UUID, body: PreviewRequest) -> PreviewView:
        """Show what a template says, or texts that are tried out: of invented patients, or of those of an inquiry."""
        return template_previews.preview(context.session, id, body, rules=context.dependencies.rules)


class TemplateVersionCollection(Resource):
    """All versions of a template."""

    @endpoint(lists=TEMPLATE_VERSIONS)
    def get(self, context: Context[Dependencies], id: UUID, wanted: ListRequest[TemplateVersionFilter]) -> Listed:
        """List the versions of a template, newest first."""
        return templates.list_versions(context.session, id, wanted)
