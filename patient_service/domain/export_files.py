"""An export as files: the document, and each letter as the e-mail that it is."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any
from uuid import UUID

from patient_service.domain.exports import PatientExport
from shared.values import email_headers
from shared.values.datetimes import berlin_day

DOCUMENT = "export.json"


def as_zip(export: PatientExport, document: bytes) -> bytes:
    """Returns the archive. Names of files are made of ids and days alone: no text that people wrote is in them."""
    day = berlin_day(export.exported_at)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in [(DOCUMENT, document), *_emails(export)]:
            file = zipfile.ZipInfo(name, (day.year, day.month, day.day, 0, 0, 0))
            file.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(file, content)
    return written.getvalue()


def _emails(export: PatientExport) -> Iterator[tuple[str, bytes]]:
    for email in export.communication_service["emails"]:
        at = datetime.fromisoformat(email["sent_at"] or email["created_at"])
        yield f"emails/{berlin_day(at):%Y-%m-%d}_{UUID(email['id'])}.eml", _message(email, at)


def _message(email: dict[str, Any], at: datetime) -> bytes:
    """The letter as a file that mail programs open; no text of a header can add a header of its own."""
    headers = {
        "To": email["recipient"],
        "Subject": email["subject"],
        "Message-ID": email["message_id"],
        "Date": format_datetime(at),
    }
    content = EmailMessage(policy=SMTP)
    content.set_content(email["body_text"], cte="quoted-printable")
    return email_headers.block({name: email_headers.text(each) for name, each in headers.items()}) + content.as_bytes()
