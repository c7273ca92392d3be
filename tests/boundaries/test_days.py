"""Days and moments: one range per kind, the same at every boundary, and no sum that leaves the calendar."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from communication_service.domain import answers
from communication_service.domain.schemas import CallOutcome, EmailResponse
from matching_service.domain.contacts import _answer_of
from matching_service.domain.schemas import NewAnswer
from matching_service.domain.states import next_contact_after
from matching_service.settings import AskAgainRules
from shared.events.catalogue import EmailAnswered, PracticeAnswer
from shared.runtime.operator_commands import _datetime
from shared.values.datetimes import (
    FIRST_DAY,
    FIRST_INSTANT,
    LAST_DAY,
    LAST_INSTANT,
    age_groups,
    age_on,
    berlin_day,
    days_later,
    format_datetime,
    in_utc,
    start_of_berlin_day,
)
from shared.values.errors import NotAcceptable
from shared.values.weekly import Weekly
from tests.boundaries.samples import Input, Path, bodies, imported, queries
from tests.hostile import DATES, INSTANTS, MOMENTS, NUMBERS, UNREAL_NUMBERS, params
from therapist_service.clients import inbox

REQUEST = UUID("01933f0e-7c3a-7000-8000-abcdefabcdef")
ALWAYS_REFUSED = {
    "date": [DATES[name] for name in ("first", "four-weeks-in", "1899", "2100", "four-weeks-before", "last", "zero")],
    "date-time": [INSTANTS[name] for name in ("first", "first-west", "1899", "1999", "2100", "last", "last-east")],
}
ALWAYS_TAKEN = {
    "date": [DATES["2000"], DATES["2099"]],
    "date-time": [INSTANTS["2000"], "2099-12-31T22:59:59Z", INSTANTS["skipped-hour"]],
}
INPUTS = bodies() | imported() | {name: Input(kind) for name, kind in queries().items()}


def places() -> Iterator[Any]:
    """Every place of a day or a moment in anything that comes in."""
    for name, known in INPUTS.items():
        for path, schema in known.paths():
            if schema.get("format") in ALWAYS_REFUSED:
                yield pytest.param(known, path, schema["format"], id=f"{name} {'.'.join(map(str, path))}")


@pytest.mark.parametrize(("known", "path", "kind"), list(places()))
def test_every_day_and_moment_that_comes_in_has_the_range_of_its_kind(known: Input, path: Path, kind: str) -> None:
    """`0001-01-01` was acknowledged here and refused by the next service."""
    for text in ALWAYS_REFUSED[kind]:
        with pytest.raises(ValidationError) as refused:
            known.adapter.validate_json(json.dumps(known.example(path=path, value=text)))
        assert path[-1] in {part for error in refused.value.errors() for part in error["loc"]}
    for text in ALWAYS_TAKEN[kind]:
        problems = []
        try:
            known.adapter.validate_json(json.dumps(known.example(path=path, value=text)))
        except ValidationError as invalid:
            problems = [error["loc"] for error in invalid.errors() if path[-1] in error["loc"]]
        assert problems == [], text


DAYS = st.dates(date(1990, 1, 1), date(2110, 1, 1)) | st.dates()
PLAUSIBLE = st.dates(FIRST_DAY, LAST_DAY)


@given(day=DAYS, outcome=st.sampled_from(["later", "accepted", "declined_other"]))
def test_an_answer_that_one_service_takes_is_taken_by_the_next(day: date, outcome: str) -> None:
    """From communication's two endpoints through the event into matching, and at matching's own endpoint."""
    said = {"placement_request_id": str(REQUEST), "outcome": outcome, "available_from": day.isoformat()}
    own = {name: said[name] for name in ("outcome", "available_from")}
    takes = {
        "e-mail": _takes(EmailResponse, {"responses": [said]}),
        "call": _takes(CallOutcome, {"result": "reached", "responses": [said]}),
        "event": _takes(PracticeAnswer, said),
        "matching": _takes(NewAnswer, own),
    }
    assert set(takes.values()) == {FIRST_DAY <= day <= LAST_DAY}, takes


def _takes(kind: Any, document: dict[str, Any]) -> bool:
    try:
        kind.model_validate_json(json.dumps(document))
    except ValidationError:
        return False
    return True


@given(day=PLAUSIBLE, answered=st.datetimes(FIRST_INSTANT.replace(tzinfo=None), LAST_INSTANT.replace(tzinfo=None)))
def test_what_was_taken_is_computed_with(day: date, answered: datetime) -> None:
    """The whole way of a "later": response, event, bytes, event, matching's response, the day of the next contact."""
    at = answered.replace(tzinfo=FIRST_INSTANT.tzinfo)
    document = {"responses": [{"placement_request_id": str(REQUEST), "outcome": "later", "available_from": str(day)}]}
    body = EmailResponse.from_json(document)
    event = EmailAnswered(
        email_id=REQUEST,
        therapist_id=REQUEST,
        occurred_at=at,
        answers=answers.for_event(body.responses),
    )
    arrived = EmailAnswered.model_validate_json(event.model_dump_json())
    handled = _answer_of(arrived.answers[0])
    again = next_contact_after(berlin_day(arrived.occurred_at), handled.available_from, AskAgainRules())
    assert again >= berlin_day(at)


@given(st.datetimes(timezones=st.timezones()), st.integers(-(10**12), 10**12))
def test_sums_of_moments_and_days_end_in_the_calendar_or_in_a_refusal(moment: datetime, days: int) -> None:
    """Never an OverflowError, which no boundary takes for a mistake of the sender's."""
    for compute in (
        lambda: in_utc(moment),
        lambda: berlin_day(moment),
        lambda: format_datetime(moment),
        lambda: days_later(moment, days),
        lambda: days_later(moment, days % 400),
        lambda: start_of_berlin_day(moment.date()),
    ):
        with suppress(NotAcceptable):
            compute()


@given(st.dates(), st.dates(), st.lists(st.tuples(st.integers(0, 10079), st.integers(1, 10080)), max_size=5))
def test_weeks_and_ages_at_the_edge_of_the_calendar(day: date, other: date, windows: list[tuple[int, int]]) -> None:
    """The first and the last day of all have windows and birthdays too."""
    born, today = sorted((day, other))
    assert 0 <= age_on(born, today) <= 9998
    assert age_groups(born, today)
    week = Weekly.of((start, end) for start, end in windows if start < end)
    with suppress(NotAcceptable):
        assert all(opens < closes for opens, closes in week.datetimes_on(day))


@given(PLAUSIBLE, PLAUSIBLE)
def test_a_practice_that_said_later_is_asked_again_after_its_answer(answered_on: date, available_from: date) -> None:
    """Four weeks before the day it named, where that is to come."""
    again = next_contact_after(answered_on, available_from, AskAgainRules())
    assert answered_on < again <= max(available_from, answered_on + timedelta(days=7))


@pytest.mark.parametrize("text", params(DATES | INSTANTS))
def test_the_moment_of_a_command_is_plausible_or_refused_with_a_sentence(text: str) -> None:
    """`--now 9999-12-31` would stop in the middle of a job."""
    try:
        moment = _datetime(text)
    except click.BadParameter:
        return
    assert FIRST_INSTANT <= moment <= LAST_INSTANT


@pytest.mark.parametrize("said", params({**NUMBERS, **UNREAL_NUMBERS, **DATES, **INSTANTS, **MOMENTS}))
def test_a_file_whose_time_of_change_cannot_be_is_one_without(said: Any) -> None:
    """One file in the folder, touched with a strange date, must not stop the watch."""
    moment = inbox._moment(said)
    assert moment is None or moment.tzinfo is not None


def test_an_implausible_moment_of_a_command_is_refused_with_a_sentence() -> None:
    """click shows it beside the option's name."""
    with pytest.raises(click.BadParameter, match="must lie between 2000-01-01 and 2099-12-31"):
        _datetime("9999-12-31T23:59")
