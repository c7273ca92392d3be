"""Endpoints to reports."""

from __future__ import annotations

from matching_service.dependencies import Dependencies
from matching_service.domain import reports
from matching_service.domain.report_schemas import (
    AnswerReport,
    ContactReport,
    ContactReportQuery,
    ReportPeriod,
    SearchReport,
)
from shared.http import Context, FileForm, Resource, csv_files, endpoint


def _contacts(context: Context[Dependencies], query: ContactReportQuery) -> ContactReport:
    return reports.contacts(context.session, query, today=context.today)


def _csv(report: ContactReport) -> bytes:
    return csv_files.lines(reports.table_of_contacts(report)).encode()


class ContactReportResource(Resource):
    """Contacts by insurer."""

    @endpoint(
        query=ContactReportQuery, response=ContactReport, forms=(FileForm(csv_files.CSV, "csv", _contacts, _csv),)
    )
    def get(self, context: Context[Dependencies], query: ContactReportQuery) -> ContactReport:
        """Count contacts with practices by insurer: patients, practices, seats and results."""
        return reports.contacts(context.session, query, today=context.today)


class AnswerReportResource(Resource):
    """How practices answer."""

    @endpoint(query=ReportPeriod, response=AnswerReport)
    def get(self, context: Context[Dependencies], query: ReportPeriod) -> AnswerReport:
        """Count contacts and answers by channel and hour of the day."""
        return reports.answers(context.session, query, today=context.today)


class SearchReportResource(Resource):
    """How searches go."""

    @endpoint(query=ReportPeriod, response=SearchReport)
    def get(self, context: Context[Dependencies], query: ReportPeriod) -> SearchReport:
        """Count how far searches have come, and the days until a place, with pauses and without them."""
        return reports.searches(context.session, query, today=context.today)
