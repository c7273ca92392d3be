"""The lists of this service."""

from __future__ import annotations

from typing import Final

from communication_service.domain.contact_log_schemas import ContactLogEntry, ContactLogRow
from communication_service.domain.schemas import (
    EmailFilter,
    EmailRow,
    EmailView,
    InquiryFilter,
    InquiryView,
    PhoneCallFields,
    PhoneCallFilter,
    PhoneCallRow,
    WaitingRequest,
    WaitingRequestFilter,
)
from communication_service.domain.suppression_schemas import SuppressionRow, SuppressionView
from communication_service.store import lists, suppressions
from shared.values.lists import ListOf
from shared.values.schemas import QuerySchema

EMAILS: Final = ListOf(lists.EMAILS, EmailFilter, full=EmailView, row=EmailRow)
INQUIRIES: Final = ListOf(lists.INQUIRIES, InquiryFilter, full=InquiryView, row=InquiryView)
WAITING_REQUESTS: Final = ListOf(lists.WAITING_REQUESTS, WaitingRequestFilter, full=WaitingRequest, row=WaitingRequest)
PHONE_CALLS: Final = ListOf(lists.PHONE_CALLS, PhoneCallFilter, full=PhoneCallFields, row=PhoneCallRow)
CONTACTS: Final = ListOf(lists.CONTACTS, QuerySchema, full=ContactLogEntry, row=ContactLogRow)
SUPPRESSIONS: Final = ListOf(suppressions.SUPPRESSIONS, QuerySchema, full=SuppressionView, row=SuppressionRow)
