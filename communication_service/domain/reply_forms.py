"""The form of the reply page: what a practice filled in, read into answers and statements; plain values only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Final, TypeVar

from shared.errors import FieldProblem, RuleBroken
from shared.events.catalogue import PlacesStated
from shared.values.datetimes import LAST_DAY
from shared.values.enums import CapacityState, RequestOutcome
from shared.values.errors import NotAcceptable
from shared.values.weekly import DAYS, Weekly, WeeklyJson

OFFERED: Final = (
    RequestOutcome.ACCEPTED,
    RequestOutcome.LATER,
    RequestOutcome.DECLINED_CAPACITY,
    RequestOutcome.DECLINED_UNSUITABLE,
)
"""What a practice can answer for a patient by the link."""
WITH_A_DAY: Final = frozenset({RequestOutcome.ACCEPTED, RequestOutcome.LATER})
STATES: Final = (CapacityState.FREE, CapacityState.WAITING_LIST, CapacityState.FULL)
"""What it can say of its places in a setting."""
PHONE_DAYS: Final = DAYS[:6]
"""The days for which the form asks when somebody answers the phone."""
LONGEST_HOURS: Final = 200
_WINDOW: Final = re.compile(r"([0-9]{1,2})(?:[:.]([0-9]{2}))?(?:-|–|bis)([0-9]{1,2})(?:[:.]([0-9]{2}))?")
_GERMAN_DAY: Final = re.compile(r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}")

Choice = TypeVar("Choice", bound=StrEnum)


class NoMore(StrEnum):
    """How far a practice wants to be contacted no more."""

    EMAILS = "emails"
    """No e-mails to its address."""
    CONTACT = "contact"
    """Neither e-mails nor calls."""


@dataclass(frozen=True)
class FormAnswer:
    """What was answered for one patient."""

    outcome: RequestOutcome
    available_from: date | None


@dataclass(frozen=True)
class Reply:
    """Everything that a form says."""

    answers: Mapping[int, FormAnswer] = field(default_factory=dict)
    """By the place of the patient in the e-mail, from 0."""
    phone_hours: Weekly | None = None
    individual: PlacesStated | None = None
    group: PlacesStated | None = None
    no_more: NoMore | None = None

    @property
    def says_something_of_practice(self) -> bool:
        """Whether it says something that the therapist's entry is to have."""
        is_no_contact = self.no_more == NoMore.CONTACT
        return any((self.phone_hours, self.individual, self.group, is_no_contact))

    def of_practice(self) -> dict[str, Any] | None:
        """What it says of the practice itself, to be compared with what it says later; None where that is nothing."""
        said = {
            "phone_hours": self.phone_hours.to_json() if self.phone_hours else None,
            "individual": self.individual.model_dump(mode="json") if self.individual else None,
            "group": self.group.model_dump(mode="json") if self.group else None,
            "no_more": self.no_more,
        }
        return said if any(said.values()) else None


def read(form: Mapping[str, str], *, patients: int, today: date) -> Reply:
    """Returns what the form says about so many patients; unknown fields of it say nothing.

    Raises `RuleBroken` where a field cannot be read, naming each, and where nothing was filled in.
    """
    reader = _Reader({name: value.strip() for name, value in form.items()}, today)
    answers = {place: answer for place in range(patients) if (answer := reader.answer(place))}
    reply = Reply(answers, reader.phone_hours(), reader.places("individual"), reader.places("group"), reader.no_more())
    if reader.problems:
        raise RuleBroken("reply.not_readable", errors=reader.problems)
    if reply == Reply():
        raise RuleBroken("reply.empty", errors=[FieldProblem.of("outcome-0", "field.reply_nothing")])
    return reply


class _Reader:
    """Reads the fields of one form, and gathers what is wrong with them."""

    def __init__(self, form: Mapping[str, str], today: date) -> None:
        self._form, self._today = form, today
        self.problems: list[FieldProblem] = []

    def answer(self, place: int) -> FormAnswer | None:
        """What is answered for the patient at this place."""
        said, day = self._chosen(f"outcome-{place}", OFFERED), self._day(f"from-{place}")
        if said in WITH_A_DAY or day is None:
            return None if said is None else FormAnswer(said, day)
        self.problems.append(FieldProblem.of(f"from-{place}", "field.reply_day_alone"))
        return None

    def places(self, setting: str) -> PlacesStated | None:
        """What is said of places in this setting."""
        said, day = self._chosen(setting, STATES), self._day(f"{setting}-from")
        if said is None and day is not None:
            self.problems.append(FieldProblem.of(f"{setting}-from", "field.reply_day_alone"))
        return None if said is None else PlacesStated(state=said, from_=day)

    def no_more(self) -> NoMore | None:
        """Whether the practice is to be contacted no more."""
        return self._chosen("no-more", tuple(NoMore))

    def phone_hours(self) -> Weekly | None:
        """The hours in which somebody answers the phone; None where no day is filled in."""
        week: WeeklyJson = {}
        for day in PHONE_DAYS:
            windows = _windows(self._form.get(f"hours-{day}", "")[: LONGEST_HOURS + 1])
            if windows is None or not _is_day(windows):
                self.problems.append(FieldProblem.of(f"hours-{day}", "field.reply_hours"))
            elif windows:
                week[day] = windows
        return Weekly.from_json(week)

    def _chosen(self, name: str, offered: tuple[Choice, ...]) -> Choice | None:
        sent = self._form.get(name, "")
        found = next((each for each in offered if each == sent), None)
        if sent and found is None:
            self.problems.append(FieldProblem.of(name, "field.reply_choice"))
        return found

    def _day(self, name: str) -> date | None:
        sent = self._form.get(name, "")
        if not sent:
            return None
        day = _parsed_day(sent)
        if day is None or not self._today <= day <= LAST_DAY:
            self.problems.append(FieldProblem.of(name, "field.reply_day"))
            return None
        return day


def _parsed_day(sent: str) -> date | None:
    """The day as browsers send it, or as people write it where a browser knows no dates."""
    try:
        if _GERMAN_DAY.fullmatch(sent):
            day, month, year = map(int, sent.split("."))
            return date(year, month, day)
        return date.fromisoformat(sent)
    except ValueError:
        return None


def _windows(sent: str) -> list[dict[str, str]] | None:
    """The times of a day, such as `9-12, 14:00–16:30 Uhr`; None where they cannot be read."""
    pieces = [each for each in "".join(sent.replace("Uhr", "").split()).replace(";", ",").split(",") if each]
    found = [_WINDOW.fullmatch(piece) for piece in pieces]
    if len(sent) > LONGEST_HOURS or None in found:
        return None
    groups = [each.groups(default="00") for each in found if each is not None]
    return [{"start": f"{int(a):02}:{b}", "end": f"{int(c):02}:{d}"} for a, b, c, d in groups]


def _is_day(windows: list[dict[str, str]]) -> bool:
    try:
        Weekly.from_json({"monday": windows})
    except NotAcceptable:
        return False
    return True
