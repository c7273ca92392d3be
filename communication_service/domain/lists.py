"""The lists of this service."""

from __future__ import annotations

from typing import Final

from communication_service.domain.call_plan_schemas import CallPlanFilter, CallPlanView
from communication_service.domain.caller_schemas import CallerView
from communication_service.domain.contact_log_schemas import ContactLogEntry
from communication_service.domain.mail_reply_schemas import ReplyFields, ReplyFilter
from communication_service.domain.schemas import (
    EmailFilter,
    EmailView,
    InquiryFilter,
    InquiryView,
    PhoneCallFields,
    PhoneCallFilter,
    WaitingRequest,
    WaitingRequestFilter,
)
from communication_service.domain.suppression_schemas import SuppressionView
from communication_service.domain.template_schemas import (
    TemplateFilter,
    TemplateVersionFilter,
    TemplateVersionView,
    TemplateView,
)
from communication_service.store import call_plans, callers, lists, mail_replies, suppressions, templates
from shared.values.lists import ListOf, part_of
from shared.values.schemas import QuerySchema

EmailRow = part_of(
    "EmailRow",
    EmailView,
    *("id", "created_at", "updated_at", "updated_by", "version"),
    *(
        "kind",
        "therapist_id",
        "patient_id",
        "inquiry_id",
        "placement_request_ids",
        "status",
        "recipient",
        "template_id",
        "template_version",
    ),
    *("message_id", "sent_at", "waits_for", "waits_until", "attempts", "resolved_by"),
    about="What a table of e-mails shows: nothing of what is written in them.",
)

PhoneCallRow = part_of(
    "PhoneCallRow",
    PhoneCallFields,
    *("id", "created_at", "updated_at", "updated_by", "version"),
    *(
        "therapist_id",
        "inquiry_id",
        "placement_request_ids",
        "caller_id",
        "direction",
        "status",
        "starts_at",
        "ends_at",
    ),
    *("attempt", "result", "occurred_at", "next_attempt_after", "recorded_by", "insisted", "insisted_because"),
    *("claimed_by", "claimed_until", "corrected_at", "corrected_by"),
    about="What a table of calls shows.",
)

SuppressionRow = part_of(
    "SuppressionRow",
    SuppressionView,
    *("id", "created_at", "updated_at", "updated_by", "version", "email", "source", "recorded_by"),
    about="A suppressed address without the words in which somebody said why.",
)

ContactLogRow = part_of(
    "ContactLogRow",
    ContactLogEntry,
    *("channel", "direction", "at", "status", "result", "email_id", "phone_call_id", "inquiry_id"),
    *("placement_request_ids", "corrected_at", "recorded_by"),
    about="One e-mail or call, without what the practice said.",
)

TemplateRow = part_of(
    "TemplateRow",
    TemplateView,
    *("id", "created_at", "updated_at", "updated_by", "version", "kind", "language", "name", "active"),
    about="A template without what it says.",
)

TemplateVersionRow = part_of(
    "TemplateVersionRow",
    TemplateVersionView,
    *("template_id", "version", "name", "active", "created_at", "created_by"),
    about="A version of a template without what it says.",
)

CallPlanRow = part_of(
    "CallPlanRow",
    CallPlanView,
    *("id", "created_at", "updated_at", "updated_by", "version", "state", "first_day", "last_day", "wanted"),
    *("planned", "moved", "skipped", "gaps", "finished_at"),
    about="A plan of calls without callers and practices.",
)

EMAILS: Final = ListOf(lists.EMAILS, EmailFilter, full=EmailView, row=EmailRow)
INQUIRIES: Final = ListOf(lists.INQUIRIES, InquiryFilter, full=InquiryView, row=InquiryView)
WAITING_REQUESTS: Final = ListOf(lists.WAITING_REQUESTS, WaitingRequestFilter, full=WaitingRequest, row=WaitingRequest)
PHONE_CALLS: Final = ListOf(lists.PHONE_CALLS, PhoneCallFilter, full=PhoneCallFields, row=PhoneCallRow)
CONTACTS: Final = ListOf(lists.CONTACTS, QuerySchema, full=ContactLogEntry, row=ContactLogRow)
SUPPRESSIONS: Final = ListOf(suppressions.SUPPRESSIONS, QuerySchema, full=SuppressionView, row=SuppressionRow)
REPLIES: Final = ListOf(mail_replies.REPLIES, ReplyFilter, full=ReplyFields, row=ReplyFields)
CALL_PLANS: Final = ListOf(call_plans.PLANS, CallPlanFilter, full=CallPlanView, row=CallPlanRow)
CALLERS: Final = ListOf(callers.CALLERS, QuerySchema, full=CallerView, row=CallerView)
TEMPLATES: Final = ListOf(templates.TEMPLATES, TemplateFilter, full=TemplateView, row=TemplateRow)
TEMPLATE_VERSIONS: Final = ListOf(
    templates.VERSIONS, TemplateVersionFilter, full=TemplateVersionView, row=TemplateVersionRow
)
