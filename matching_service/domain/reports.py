"""Reports on contacts, answers and searches: of groups of five patients or more, and never about members of staff.

Also what two numbers of one report leave over is of five or more, and two reports have no day in common, so that none
can be subtracted from another (docs/decisions/0046).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from matching_service.domain.possible_contacts import ANSWERS
from matching_service.domain.report_schemas import (
    AnswerReport,
    AnswersOfHour,
    ContactReport,
    ContactReportQuery,
    ReportPeriod,
    SearchReport,
    Spread,
)
from matching_service.store import reports
from shared.database import Session
from shared.errors import FieldProblem
from shared.values.contact_log_enums import ContactResult
from shared.values.datetimes import month_of, start_of_berlin_day
from shared.values.schemas import InvalidFields

FEWEST_PATIENTS: Final = 5
"""A group of fewer is not shown: it might be known who they are."""
ONE_DAY: Final = timedelta(days=1)
DAYS_TO_ANSWER: Final = 28
"""Within so many days an answer belongs to what was written."""
_SPOKEN: Final = sorted(ANSWERS | {ContactResult.REACHED, ContactResult.NOT_DISCUSSED, ContactResult.CALL_BACK})
_FUNNEL: Final = ("searches", "asked", "contacted", "answered", "offered", "placed", "working")


def contacts(session: Session, query: ContactReportQuery, *, today: date) -> ContactReport:
    """Contacts with practices by insurer, in one month. Raises `InvalidFields` for one that is not over."""
    month = _month(query, today)
    found = reports.contacts(
        session,
        since=start_of_berlin_day(month.first),
        before=start_of_berlin_day(month.last + ONE_DAY),
        insurer=query.health_insurer_ik,
        fewest=FEWEST_PATIENTS,
    )
    names = ("patients", "contacts", "practices", "statutory_practices")
    insurers = [
        {"health_insurer_ik": row.named, "results": shown_results(row.results, patients_of_few=row.patients_of_few)}
        | {name: getattr(row, name) for name in names}
        for row in found
    ]
    return ContactReport.of(_days(month) | {"insurers": insurers})


def shown_results(results: Mapping[str, tuple[int, int]], *, patients_of_few: int) -> dict[str, int]:
    """The numbers of contacts with each result that may be shown, of `results`: contacts and patients of each.

    Those of few patients are left out, `patients_of_few` together; where these are few as well, so is the smallest of
    the others: all contacts less those that are shown would be theirs.
    """
    shown = {result: each for result, each in results.items() if each[1] >= FEWEST_PATIENTS}
    if 0 < patients_of_few < FEWEST_PATIENTS and shown:
        del shown[min(shown, key=lambda result: (shown[result][1], result))]
    return {result: number for result, (number, _) in shown.items()}


def table_of_contacts(report: ContactReport) -> list[Sequence[Any]]:
    """The report as rows of a table, under a row of headings."""
    names = ["health_insurer_ik", "patients", "contacts", "practices", "statutory_practices"]
    rows = [
        [*(getattr(each, name) for name in names), *(each.results.get(result) for result in ContactResult)]
        for each in report.insurers
    ]
    return [[*names, *(result.value for result in ContactResult)], *rows]


def table_of_answers(report: AnswerReport) -> list[Sequence[Any]]:
    """The report as rows of a table, under a row of headings."""
    names = list(AnswersOfHour.model_fields)
    return [names, *([getattr(each, name) for name in names] for each in report.groups)]


def table_of_searches(report: SearchReport) -> list[Sequence[Any]]:
    """The report as one row of a table, under a row of headings."""
    waited = report.days_until_placed
    days = {
        f"days_{which}_{name}": None if waited is None else getattr(getattr(waited, which), name)
        for which in ("with_pauses", "without_pauses")
        for name in Spread.model_fields
    }
    row = (
        {"from": report.from_.isoformat(), "to": report.to.isoformat()}
        | {name: getattr(report, name) for name in _FUNNEL}
        | {"patients_placed": None if waited is None else waited.patients}
        | days
    )
    return [list(row), list(row.values())]


def answers(session: Session, query: ReportPeriod, *, today: date) -> AnswerReport:
    """How often practices answer, by channel and hour. Raises `InvalidFields` for a month that is not over."""
    month = _month(query, today)
    found = reports.answers(
        session,
        since=start_of_berlin_day(month.first),
        before=start_of_berlin_day(month.last + ONE_DAY),
        spoken=_SPOKEN,
        answers=sorted(ANSWERS),
        days=DAYS_TO_ANSWER,
        fewest=FEWEST_PATIENTS,
    )
    return AnswerReport.of(_days(month) | {"groups": [_of_hour(row) for row in found]})


def _of_hour(row: Any) -> dict[str, Any]:
    reached = _if_many(row.reached, row.patients_reached, row.patients_not_reached)
    answered = _if_many(row.answered, row.patients_answered, row.patients_not_answered)
    return {name: getattr(row, name) for name in ("channel", "hour", "patients", "contacts")} | {
        "reached": reached,
        "answered": answered,
        "answer_rate": None if answered is None else round(answered / row.contacts, 3),
    }


def _if_many(number: int, *patients: int) -> int | None:
    """The number, unless one of the groups that follow from it has few patients."""
    return None if any(0 < each < FEWEST_PATIENTS for each in patients) else number


def searches(session: Session, query: ReportPeriod, *, today: date) -> SearchReport:
    """How far searches have come, and how long it took. Raises `InvalidFields` for a month that is not over."""
    month = _month(query, today)
    found = reports.searches(session, first=month.first, last=month.last)
    waited = reports.until_placed(session, first=month.first, last=month.last)
    funnel = shown_funnel({name: getattr(found, name) for name in _FUNNEL})
    return SearchReport.of(_days(month) | funnel | {"days_until_placed": _until_placed(waited)})


def shown_funnel(numbers: Mapping[str, int]) -> dict[str, int | None]:
    """These numbers, each of patients among those of the ones before it, as far as they may be shown.

    One of few patients is null, and so is one that few are missing from.
    """
    shown: dict[str, int | None] = {}
    last = 0
    for name, number in numbers.items():
        shown[name] = _if_many(number, number, abs(last - number))
        last = last if shown[name] is None else number
    return shown


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


@dataclass(frozen=True)
class _Month:
    first: date
    last: date


def _month(query: ReportPeriod, today: date) -> _Month:
    last_day_of_last_month = today.replace(day=1) - ONE_DAY
    month = _Month(*month_of(query.to or last_day_of_last_month))
    if month.last >= today:
        raise InvalidFields([FieldProblem.of("to", "field.month_not_over")])
    return month


def _days(month: _Month) -> dict[str, Any]:
    return {"from": month.first, "to": month.last}
