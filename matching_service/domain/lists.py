"""The lists of this service."""

from __future__ import annotations

from typing import Final

from matching_service.domain.schemas import (
    AuditLogEntryRow,
    AuditLogEntryView,
    RequestFilter,
    RequestRow,
    RequestView,
)
from matching_service.store import lists
from shared.values.lists import ListOf
from shared.values.schemas import QuerySchema

REQUESTS: Final = ListOf(lists.REQUESTS, RequestFilter, full=RequestView, row=RequestRow)
AUDIT_LOG: Final = ListOf(lists.AUDIT_LOG, QuerySchema, full=AuditLogEntryView, row=AuditLogEntryRow)
