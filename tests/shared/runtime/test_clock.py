"""A clock that tests move: ahead only, never by chance, and only where nobody else can be harmed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Message
from pydantic import ValidationError

from shared.database import new_id
from shared.events.catalogue import RequestHeld
from shared.events.message_reader import read_message
from shared.runtime import clock
from shared.runtime.clock_settings import ClockSettings
from shared.runtime.operator_commands import _check_time
from shared.values.datetimes import BERLIN
from testkit.moved_clock import MovedClock
from tests.builders.events import happened
from tests.events import document

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


class OnAMachine(ClockSettings):
    """A process of a service, as far as its clock is concerned."""

    bind: str = "127.0.0.1"


@pytest.fixture
def moved(tmp_path: Path) -> Iterator[Path]:
    """The file that this process follows, which is not there yet."""
    file = tmp_path / "clock"
    clock.follow(file)
    yield file
    clock.follow(None)


def test_the_clock_is_ahead_by_what_the_file_says_and_never_goes_back(moved: Path) -> None:
    """A time at which something was recorded would come again."""
    assert clock.ahead() == timedelta()
    said = {
        "604800": 7 * DAY, "86400": 7 * DAY, "-5": 7 * DAY, "soon": 7 * DAY, "": 7 * DAY, "nan": 7 * DAY,
        "inf": 7 * DAY, "9e99": 7 * DAY, "9e9": 7 * DAY, "691200.5": 8 * DAY + timedelta(seconds=0.5),
    }  # fmt: skip
    for written, ahead in said.items():
        moved.write_text(written)
        assert clock.ahead() == ahead, written
    today = datetime.now(UTC)
    assert today + 8 * DAY < clock.now() < today + 9 * DAY
    assert today + 7 * DAY < datetime.combine(clock.today(), datetime.min.time(), BERLIN) < today + 9 * DAY


def test_what_a_test_moves_is_what_processes_follow(moved: Path) -> None:
    ours = MovedClock({"TESTING_CLOCK": str(moved)})
    wanted = ours.now() + 30 * DAY
    ours.go_to(wanted)
    assert wanted <= clock.now() < wanted + MINUTE
    assert wanted <= MovedClock({"TESTING_CLOCK": str(moved)}).now() < wanted + MINUTE
    with pytest.raises(ValueError, match="does not go back"):
        ours.go_to(wanted - MINUTE)


def test_a_clock_is_moved_only_where_nobody_else_gets_in() -> None:
    assert OnAMachine.of({"TESTING_CLOCK": "/x/clock"}).testing_clock == "/x/clock"
    assert OnAMachine.of({"BIND": "0.0.0.0"}).testing_clock == ""
    with pytest.raises(ValidationError, match=r"with TESTING_CLOCK only 127\.0\.0\.1 is possible"):
        OnAMachine.of({"BIND": "0.0.0.0", "TESTING_CLOCK": "/x/clock"})


def test_a_job_runs_as_at_a_past_time_in_tests_only(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What is done then looks older than what was done already."""
    with pytest.raises(click.BadParameter, match="before the present time"):
        _check_time(clock.now() - MINUTE)
    _check_time(clock.now() + MINUTE)
    assert capsys.readouterr().err == ""
    _check_time(clock.now() + DAY)
    assert "set aside" in capsys.readouterr().err
    clock.follow(tmp_path / "clock")
    try:
        _check_time(clock.now() - DAY)
        _check_time(clock.now() + DAY)
    finally:
        clock.follow(None)
    assert capsys.readouterr().err == ""


def test_an_event_of_next_week_is_one_where_it_is_next_week(moved: Path) -> None:
    """The broker's clock, by which a later time is cut, is the machine's."""
    event_time = clock.now() + 7 * DAY
    held = happened(
        RequestHeld(placement_request_id=new_id(), patient_id=new_id(), therapist_id=new_id(), hold="search_paused"),
        time=event_time,
    )
    value = document(held).encode()
    stored = int(datetime.now(UTC).timestamp() * 1000)
    message = Message(
        topic="matching.requests", partition=0, offset=0, value=value, timestamp=(TIMESTAMP_LOG_APPEND_TIME, stored)
    )
    early = read_message(message, {RequestHeld}, clock.now())
    assert early is not None
    assert early.event is None
    moved.write_text(str(8 * DAY.total_seconds()))
    read = read_message(message, {RequestHeld}, clock.now())
    assert read is not None
    assert read.envelope is not None
    assert read.envelope.time == event_time
