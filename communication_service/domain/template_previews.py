"""Previews: what somebody would read by a template, with invented patients or those of an inquiry."""

from __future__ import annotations

from uuid import UUID

from communication_service.domain import email_texts, template_kinds, templates
from communication_service.domain.template_kinds import KINDS, Texts
from communication_service.domain.template_samples import longest, sample
from communication_service.domain.template_schemas import PreviewRequest, PreviewView
from communication_service.domain.template_values import Values, VoicemailScriptValues
from communication_service.settings import ContactRules
from communication_service.store import copy_queries, inquiry_queries, request_queries
from communication_service.store.template_tables import Template
from shared.database import Session
from shared.errors import FieldProblem, RuleBroken
from shared.texts import TextLanguage
from shared.values.enums import TemplateKind


def preview(session: Session, template_id: UUID, wanted: PreviewRequest, *, rules: ContactRules) -> PreviewView:
    """Show what the template says with invented values, or with those of an inquiry; nothing is stored.

    Raises `NotFound`, and `RuleBroken` for texts that cannot be used and for an inquiry that cannot be shown.
    """
    template = templates.get_or_raise(session, template_id)
    kind = TemplateKind(template.kind)
    tried = Texts(
        wanted.subject or template.subject,
        wanted.body_text or template.body_text,
        wanted.body_html or template.body_html,
    )
    texts = template_kinds.check(kind, tried, longest(kind))
    before, parts, after = template_kinds.rendered(kind, texts, _values(session, template, wanted, rules))
    whole = templates.joined(before, parts, after)
    is_script = KINDS[kind].is_script
    return PreviewView(
        template_id=template.id,
        template_version=template.version,
        subject=None if is_script else whole.subject,
        body_text=whole.text,
        body_html=None if is_script else whole.html,
    )


def _values(session: Session, template: Template, wanted: PreviewRequest, rules: ContactRules) -> Values:
    kind, language = TemplateKind(template.kind), TextLanguage(template.language)
    if wanted.inquiry_id is not None:
        return _of_inquiry(session, wanted.inquiry_id, kind, language, rules)
    return sample(kind, language, number=wanted.number, sender=email_texts.clean(rules.sender))


def _of_inquiry(
    session: Session, inquiry_id: UUID, kind: TemplateKind, language: TextLanguage, rules: ContactRules
) -> Values:
    """The practice and the patients of an inquiry as they are known now, without their summaries."""
    if kind not in (TemplateKind.INQUIRY, TemplateKind.CALL_SCRIPT, TemplateKind.VOICEMAIL_SCRIPT):
        raise RuleBroken("template.not_shown", errors=[FieldProblem.of("inquiry_id", "field.template_invented_only")])
    inquiry = inquiry_queries.inquiry(session, inquiry_id)
    therapist = None if inquiry is None else copy_queries.therapist(session, inquiry.therapist_id)
    ids = [] if inquiry is None else inquiry.placement_request_ids
    of_requests = request_queries.patients_of_requests(session, ids)
    known = copy_queries.patients(session, of_requests.values())
    patients = [known[of_requests[each]] for each in ids if of_requests.get(each) in known]
    if therapist is None or not patients:
        raise RuleBroken("template.not_shown", errors=[FieldProblem.of("inquiry_id", "field.inquiry_not_known")])
    if kind == TemplateKind.INQUIRY:
        return email_texts.inquiry_values(therapist, patients, sender=rules.sender, language=language)
    values = email_texts.call_values(therapist, patients, sender=rules.sender, language=language)
    is_opening = kind == TemplateKind.CALL_SCRIPT
    return values if is_opening else VoicemailScriptValues(values.practice, values.sender, values.number)
