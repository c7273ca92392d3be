"""Endpoints to the contact log of a patient."""

from __future__ import annotations

from uuid import UUID

from matching_service.api.texts import texts
from matching_service.dependencies import Dependencies
from matching_service.domain import contact_log, evidence, evidence_document
from matching_service.domain.contact_log_schemas import ContactLogEntryView, ContactLogFilter, NewContactLogEntry
from matching_service.domain.evidence import Evidence
from matching_service.domain.lists import CONTACT_LOG
from shared.http import Context, FileForm, Resource, endpoint, pdf_files
from shared.values.lists import Listed, ListRequest


class ContactLogItem(Resource):
    """One contact."""

    @endpoint(response=ContactLogEntryView)
    def get(self, context: Context[Dependencies], id: UUID, entry_id: UUID) -> ContactLogEntryView:
        """Show one contact of a patient's contact log."""
        return contact_log.get(context.session, texts(context), id, entry_id, by=context.caller.id, now=context.now)


def _evidence(context: Context[Dependencies], id: UUID, wanted: ListRequest[ContactLogFilter]) -> Evidence:
    return evidence.read(
        context.session,
        id,
        wanted,
        organisation=context.dependencies.organisation,
        by=context.caller.id,
        today=context.today,
        now=context.now,
    )


def _pdf(found: Evidence) -> bytes:
    return pdf_files.write(evidence_document.document(found))


def _name(found: Evidence) -> str:
    return f"contact-log-{found.reference}" if found.reference else "contact-log"


class ContactLogCollection(Resource):
    """All contacts with practices for one patient."""

    @endpoint(lists=CONTACT_LOG, forms=(FileForm(pdf_files.PDF, "pdf", _evidence, _pdf, _name),))
    def get(self, context: Context[Dependencies], id: UUID, wanted: ListRequest[ContactLogFilter]) -> Listed:
        """List the contacts with practices for a patient, as they were recorded.

        Entries of files that were merged into the patient's are among them. As a PDF (`Accept: application/pdf`) it is
        the evidence of the search for the insurer, in German: all contacts from
        `from` to `to`, whatever else is wanted.
        """
        return contact_log.list_part(context.session, texts(context), id, wanted, by=context.caller.id, now=context.now)

    @endpoint(body=NewContactLogEntry, response=ContactLogEntryView, status=201, replay=ContactLogItem.get)
    def post(self, context: Context[Dependencies], id: UUID, body: NewContactLogEntry) -> ContactLogEntryView:
        """Record a contact by hand: a letter, a fax, a visit, a call that came in; or correct such an entry.

        It changes no placement request: what a practice answers to one is recorded there.
        """
        return contact_log.enter(context.session, texts(context), id, body, by=context.caller.id, now=context.now)
