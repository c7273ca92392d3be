"""Endpoints to reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

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


def _answers(context: Context[Dependencies], query: ReportPeriod) -> AnswerReport:
    return reports.answers(context.session, query, today=context.today)


def _searches(context: Context[Dependencies], query: ReportPeriod) -> SearchReport:
    return reports.searches(context.session, query, today=context.today)


def _as_csv(read: Callable[..., Any], table: Callable[[Any], Sequence[Sequence[Any]]]) -> tuple[FileForm]:
    """A report also as CSV: the table that is made of what is read."""
    return (FileForm(csv_files.CSV, "csv", read, lambda report: csv_files.lines(table(report)).encode()),)


class ContactReportResource(Resource):
    """Contacts by insurer."""

    @endpoint(query=ContactReportQuery, response=ContactReport, forms=_as_csv(_contacts, reports.table_of_contacts))
    def get(self, context: Context[Dependencies], query: ContactReportQuery) -> ContactReport:
        """Count contacts with practices by insurer: patients, practices, seats and results."""
        return _contacts(context, query)


class AnswerReportResource(Resource):
    """How practices answer."""

    @endpoint(query=ReportPeriod, response=AnswerReport, forms=_as_csv(_answers, reports.table_of_answers))
    def get(self, context: Context[Dependencies], query: ReportPeriod) -> AnswerReport:
        """Count contacts and answers by channel and hour of the day."""
        return _answers(context, query)


class SearchReportResource(Resource):
    """How searches go."""

    @endpoint(query=ReportPeriod, response=SearchReport, forms=_as_csv(_searches, reports.table_of_searches))
    def get(self, context: Context[Dependencies], query: ReportPeriod) -> SearchReport:
        """Count how far searches have come, and the days until a place, with pauses and without them."""
        return _searches(context, query)
