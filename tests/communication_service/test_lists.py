"""Lists of e-mails, inquiries, calls, waiting requests, contacts and suppressions."""

from __future__ import annotations
