"""Every address of this service, and who may call it."""

from __future__ import annotations

from communication_service.api.emails import Email, EmailAnswer, EmailDoubt, Emails
from communication_service.api.inquiries import ContactHistory, Inquiries, Inquiry
from communication_service.api.mail_server import MailServer
from communication_service.api.phone_calls import PhoneCall, PhoneCallOutcome, PhoneCalls
from communication_service.api.suppressions import EmailSuppression, EmailSuppressions
from communication_service.api.waiting_requests import WaitingRequests
from shared.http import Route
from shared.security.authentication import CALLERS, COORDINATORS

ROUTES = [
    Route("/api/emails", Emails, get=COORDINATORS),
    Route("/api/emails/<uuid:id>", Email, get=COORDINATORS),
    Route("/api/emails/<uuid:id>/response", EmailAnswer, post=COORDINATORS),
    Route("/api/emails/<uuid:id>/resolve", EmailDoubt, post=COORDINATORS),
    Route("/api/inquiries", Inquiries, get=CALLERS),
    Route("/api/inquiries/<uuid:id>", Inquiry, get=CALLERS),
    Route("/api/mail-server", MailServer, get=COORDINATORS),
    Route("/api/waiting-requests", WaitingRequests, get=CALLERS),
    Route("/api/phone-calls", PhoneCalls, get=CALLERS),
    Route("/api/phone-calls/<uuid:id>", PhoneCall, get=CALLERS),
    Route("/api/phone-calls/<uuid:id>/outcome", PhoneCallOutcome, post=CALLERS),
    Route("/api/therapists/<uuid:id>/contact-history", ContactHistory, get=CALLERS),
    Route("/api/email-suppressions", EmailSuppressions, get=COORDINATORS, post=COORDINATORS),
    Route("/api/email-suppressions/<uuid:id>", EmailSuppression, get=COORDINATORS, delete=COORDINATORS),
]
