"""Every address of this service, and who may call it."""

from __future__ import annotations

from communication_service.api.call_claims import (
    CallableCallResource,
    NextPhoneCallResource,
    PhoneCallClaimResource,
    PhoneCallReleaseResource,
    PhoneCallRenewResource,
)
from communication_service.api.call_plans import CallPlanCollection, CallPlanItem
from communication_service.api.callers import CallerCollection, CallerItem
from communication_service.api.drafts import EmailApproveResource, EmailCancelResource, EmailSendResource
from communication_service.api.emails import EmailCollection, EmailItem, EmailResolveResource, EmailResponseResource
from communication_service.api.inquiries import ContactHistoryCollection, InquiryCollection, InquiryItem
from communication_service.api.mail_replies import (
    ReplacementCollection,
    ReplyAssignResource,
    ReplyCollection,
    ReplyConfirmResource,
    ReplyDismissResource,
    ReplyItem,
)
from communication_service.api.mail_server import MailServerResource
from communication_service.api.patient_data import PATIENT_DATA
from communication_service.api.phone_calls import (
    OpenRequestCollection,
    PhoneCallCollection,
    PhoneCallCorrectResource,
    PhoneCallItem,
    PhoneCallOutcomeResource,
)
from communication_service.api.reply import ReplyPage
from communication_service.api.suppressions import EmailSuppressionCollection, EmailSuppressionItem
from communication_service.api.templates import (
    TemplateCollection,
    TemplateItem,
    TemplatePreviewResource,
    TemplateVersionCollection,
)
from communication_service.api.unsubscribe import UnsubscribePage
from communication_service.api.waiting_requests import WaitingRequestCollection
from shared.http import Route
from shared.security.authentication import ANYONE, AUDITORS, CALLERS, COORDINATORS

ROUTES = [
    Route("/api/emails", EmailCollection, get=COORDINATORS, post=COORDINATORS),
    Route("/api/emails/<uuid:id>", EmailItem, get=COORDINATORS, patch=COORDINATORS),
    Route("/api/emails/<uuid:id>/approve", EmailApproveResource, post=COORDINATORS),
    Route("/api/emails/<uuid:id>/send", EmailSendResource, post=COORDINATORS),
    Route("/api/emails/<uuid:id>/cancel", EmailCancelResource, post=COORDINATORS),
    Route("/api/emails/<uuid:id>/response", EmailResponseResource, post=COORDINATORS),
    Route("/api/emails/<uuid:id>/resolve", EmailResolveResource, post=COORDINATORS),
    Route("/api/emails/<uuid:id>/replacements", ReplacementCollection, get=COORDINATORS),
    Route("/api/replies", ReplyCollection, get=COORDINATORS),
    Route("/api/replies/<uuid:id>", ReplyItem, get=COORDINATORS),
    Route("/api/replies/<uuid:id>/confirm", ReplyConfirmResource, post=COORDINATORS),
    Route("/api/replies/<uuid:id>/dismiss", ReplyDismissResource, post=COORDINATORS),
    Route("/api/replies/<uuid:id>/assign", ReplyAssignResource, post=COORDINATORS),
    Route("/api/inquiries", InquiryCollection, get=CALLERS),
    Route("/api/inquiries/<uuid:id>", InquiryItem, get=CALLERS),
    Route("/api/mail-server", MailServerResource, get=COORDINATORS),
    Route("/api/waiting-requests", WaitingRequestCollection, get=CALLERS),
    Route("/api/callers", CallerCollection, get=CALLERS, post=COORDINATORS),
    Route("/api/callers/<uuid:id>", CallerItem, get=CALLERS, patch=COORDINATORS, delete=COORDINATORS),
    Route("/api/call-plans", CallPlanCollection, get=CALLERS, post=COORDINATORS),
    Route("/api/call-plans/<uuid:id>", CallPlanItem, get=CALLERS),
    Route("/api/phone-calls", PhoneCallCollection, get=CALLERS, post=CALLERS),
    Route("/api/phone-calls/callable-now", CallableCallResource, get=CALLERS),
    Route("/api/phone-calls/next", NextPhoneCallResource, post=CALLERS),
    Route("/api/phone-calls/<uuid:id>", PhoneCallItem, get=CALLERS, patch=CALLERS, delete=CALLERS),
    Route("/api/phone-calls/<uuid:id>/claim", PhoneCallClaimResource, post=CALLERS),
    Route("/api/phone-calls/<uuid:id>/renew", PhoneCallRenewResource, post=CALLERS),
    Route("/api/phone-calls/<uuid:id>/release", PhoneCallReleaseResource, post=CALLERS),
    Route("/api/phone-calls/<uuid:id>/outcome", PhoneCallOutcomeResource, post=CALLERS),
    Route("/api/phone-calls/<uuid:id>/correct", PhoneCallCorrectResource, post=CALLERS),
    Route("/api/therapists/<uuid:id>/open-requests", OpenRequestCollection, get=CALLERS),
    Route("/api/therapists/<uuid:id>/contact-history", ContactHistoryCollection, get=CALLERS | AUDITORS),
    Route("/api/email-suppressions", EmailSuppressionCollection, get=COORDINATORS, post=COORDINATORS),
    Route("/api/email-suppressions/<uuid:id>", EmailSuppressionItem, get=COORDINATORS, delete=COORDINATORS),
    Route("/api/templates", TemplateCollection, get=CALLERS, post=COORDINATORS),
    Route("/api/templates/<uuid:id>", TemplateItem, get=CALLERS, patch=COORDINATORS),
    Route("/api/templates/<uuid:id>/preview", TemplatePreviewResource, post=COORDINATORS),
    Route("/api/templates/<uuid:id>/versions", TemplateVersionCollection, get=CALLERS),
    Route("/reply/<token>", ReplyPage, get=ANYONE, post=ANYONE),
    Route("/unsubscribe/<token>", UnsubscribePage, get=ANYONE, post=ANYONE),
    PATIENT_DATA,
]
