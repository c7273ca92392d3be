"""Reports on contacts, answers and searches: of groups of five patients or more, and never about members of staff."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from matching_service.domain.possible_contacts import ANSWERS
from matching_service.domain.report_schemas import (
    AnswerReport,
    ContactReport,
    ContactReportQuery,
    ReportPeriod,
    SearchReport,
)
from matching_service.store import reports
from shared.database import Session
from shared.values.contact_log_enums import ContactResult
from shared.values.periods import SpanOfDays

FEWEST_PATIENTS: Final = 5
"""A group of fewer is not shown: it might be known who they are."""
DAYS_TO_ANSWER: Final = 28
"""Within so many days an answer belongs to what was written."""
_SPOKEN: Final = sorted(ANSWERS | {ContactResult.REACHED, ContactResult.NOT_DISCUSSED, ContactResult.CALL_BACK})
_FUNNEL: Final = ("searches", "asked", "contacted", "answered", "offered", "placed", "working")


def contacts(session: Session, query: ContactReportQuery) -> ContactReport:
    """Contacts with practices by insurer."""
    found = reports.contacts(
        session, since=query.since, before=query.before, insurer=query.health_insurer_ik, fewest=FEWEST_PATIENTS
    )
    names = ("patients", "contacts", "practices", "statutory_practices", "results")
    insurers = [{"health_insurer_ik": row.named} | {name: getattr(row, name) for name in names} for row in found]
    return ContactReport.of(_days(query) | {"insurers": insurers})


def table_of_contacts(report: ContactReport) -> list[Sequence[Any]]:
    """The report as rows of a table, under a row of headings."""
    names = ["health_insurer_ik", "patients", "contacts", "practices", "statutory_practices"]
    rows = [
        [*(getattr(each, name) for name in names), *(each.results.get(result, 0) for result in ContactResult)]
        for each in report.insurers
    ]
    return [[*names, *(result.value for result in ContactResult)], *rows]


def answers(session: Session, query: ReportPeriod) -> AnswerReport:
    """How often practices answer, by channel and hour."""
    found = reports.answers(
        session,
        since=query.since,
        before=query.before,
        spoken=_SPOKEN,
        answers=sorted(ANSWERS),
        days=DAYS_TO_ANSWER,
        fewest=FEWEST_PATIENTS,
    )
    groups = [{**row._mapping, "answer_rate": round(row.answered / row.contacts, 3)} for row in found]
    return AnswerReport.of(_days(query) | {"groups": groups})


def searches(session: Session, query: ReportPeriod) -> SearchReport:
    """How far searches have come, and how long it took."""
    found = reports.searches(session, first=query.from_, last=query.to)
    funnel = {name: _or_nothing(getattr(found, name)) for name in _FUNNEL}
    waited = reports.until_placed(session, first=query.from_, last=query.to)
    return SearchReport.of(_days(query) | funnel | {"days_until_placed": _until_placed(waited)})


def _or_nothing(number: int) -> int | None:
    return None if 0 < number < FEWEST_PATIENTS else number


def _until_placed(waited: Any) -> dict[str, Any] | None:
    if waited.patients < FEWEST_PATIENTS:
        return None
    return {
        "patients": waited.patients,
        "with_pauses": _spread(waited.with_pauses),
        "without_pauses": _spread(waited.without_pauses),
    }


def _spread(quartiles: Sequence[float]) -> dict[str, float]:
    return dict(zip(("lower_quartile", "median", "upper_quartile"), quartiles, strict=True))


def _days(query: SpanOfDays) -> dict[str, Any]:
    return {"from": query.from_, "to": query.to}
