"""The weeks of one policy, day by day: patients arrive, staff approve, e-mails go, callers call, places begin."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from shared.values.datetimes import BERLIN
from simulation import behaviour
from simulation.contacts import Contacts, Offer, SentEmail
from simulation.people import People
from simulation.records import EndOfWeek, Played, PlayedSearch
from simulation.region import FIRST_MONDAY, Newcomer, Size, newcomers, practices
from simulation.services import Services
from simulation.staff import Staff

WORKDAYS: Final = 5
PRACTICES_ENTERED: Final = FIRST_MONDAY - timedelta(days=800)
"""Practices are entered so long before the first week: nobody searches before."""
WEEKS_BETWEEN_REPORTS: Final = 4
CALLS_FOR_A_CONTACT: Final = 1.6
"""Staff know that so many calls are made on average until a practice answers the phone. Chosen, not measured."""


def play(services: Services, size: Size, policy: str, *, say: Callable[[str], None] = lambda _: None) -> Played:
    """Play the weeks under one policy, and return what happened. The tables are empty before."""
    year = Year(services, size, policy)
    for week in range(size.weeks):
        year.week(week)
        if (week + 1) % WEEKS_BETWEEN_REPORTS == 0 or week + 1 == size.weeks:
            say(f"{policy}: week {week + 1} of {size.weeks}, {year.summary}")
    return year.played


class Year:
    """One agency under one policy."""

    def __init__(self, services: Services, size: Size, policy: str) -> None:
        self._services, self._size = services, size
        self._staff = Staff(services, policy)
        self._newcomers = newcomers(size)
        self._searches: dict[int, PlayedSearch] = {}
        self._ids: dict[int, UUID] = {}
        self._agenda: dict[date, list[Callable[[datetime], None]]] = defaultdict(list)
        """What happens on a day, in the order in which it was arranged."""
        last_day = FIRST_MONDAY + timedelta(days=7 * size.weeks)
        self.played = Played(policy, size, last_day=last_day)
        behaviours = [
            behaviour.InventedPractice(size.seed, number, weeks=size.weeks) for number in range(size.therapists)
        ]
        ids = self._staff.enter_practices(practices(size), now=_at(PRACTICES_ENTERED, 8))
        self._people = People(behaviours, ids)
        self._contacts = Contacts(services, self._people)

    @property
    def summary(self) -> str:
        """How things are, in a few words."""
        week = self.played.weeks[-1]
        return f"{week.searching} search, {week.placed} have a place"

    def week(self, number: int) -> None:
        """Play one week."""
        monday = FIRST_MONDAY + timedelta(days=7 * number)
        for weekday in range(7):
            day = monday + timedelta(days=weekday)
            # those who arrive on a weekend are entered before the week's requests are approved, as on any day
            self._enter_newcomers(day)
            if weekday < WORKDAYS:
                self._morning(day)
                self._calls(day, self._share_of_calls(weekday))
        placed = sum(each.placed_on is not None for each in self._searches.values())
        self.played.weeks.append(EndOfWeek(searching=len(self._searches) - placed, placed=placed))

    def _share_of_calls(self, weekday: int) -> int:
        calls = self._size.calls_a_week
        return calls * (weekday + 1) // WORKDAYS - calls * weekday // WORKDAYS

    def _enter_newcomers(self, day: date) -> None:
        while self._newcomers and self._newcomers[0].begins_on <= day:
            self._enter(self._newcomers.pop(0))

    def _enter(self, newcomer: Newcomer) -> None:
        id = self._staff.enter_patient(newcomer, now=_at(newcomer.begins_on, 7))
        search = PlayedSearch(newcomer.number, newcomer.begins_on)
        self._ids[newcomer.number], self._searches[newcomer.number] = id, search
        self._people.add_patient(newcomer.number, id)
        self.played.searches.append(search)

    # A day

    def _morning(self, day: date) -> None:
        now = _at(day, 8)
        self._keep_appointments(day, now)
        self._staff.reopen_deferred(now)
        self._contacts.follow_up(now)
        self._services.deliver(now)
        self._contacts.compose(now)
        if day.weekday() == 0:
            now += timedelta(minutes=30)
            self._approve(day, now)
            self._contacts.compose(now)
        for email in self._contacts.send(now + timedelta(minutes=1)):
            self._await_answer(email, day)

    def _approve(self, monday: date, now: datetime) -> None:
        unknown = {self._ids[number] for number, each in self._searches.items() if not each.practices_that_fit}
        for id, number in self._staff.practices_that_fit(unknown, monday).items():
            self._search_of(id).practices_that_fit = number
        reachable = int(self._size.calls_a_week / CALLS_FOR_A_CONTACT)
        calls = max(0, reachable - self._contacts.practices_to_call())
        for id, made in self._staff.approve_week(monday, calls=calls, now=now).items():
            self.played.requests += made
            search = self._search_of(id)
            search.asked_on = search.asked_on or monday

    def _search_of(self, id: UUID) -> PlayedSearch:
        return self._searches[self._people.number_of_patient(id)]

    def _calls(self, day: date, most: int) -> None:
        planned = self._contacts.planned_calls(_at(day, 8, 40), _at(day, 23))
        made, offers = self._contacts.make(planned[:most])
        self.played.calls += made
        self.played.calls_not_made += len(planned[most:])
        for offer in offers:
            self._follow_offer(offer, day)
        self._services.deliver(_at(day, 23))

    # What follows

    def _arrange(self, day: date, what: Callable[[datetime], None]) -> None:
        self._agenda[day].append(what)

    def _keep_appointments(self, day: date, now: datetime) -> None:
        """Everything that was arranged for this day, or for the weekend before."""
        for due in sorted(each for each in self._agenda if each <= day):
            for what in self._agenda.pop(due):
                what(now)

    def _await_answer(self, email: SentEmail, day: date) -> None:
        self.played.emails += 1
        days = self._people.practices[email.practice].answer_to_email_after(email.number)
        if days is not None:
            self._arrange(day + timedelta(days=days), partial(self._answer, email))

    def _answer(self, email: SentEmail, now: datetime) -> None:
        for offer in self._contacts.record_answer(email, now):
            self._follow_offer(offer, now.date())
        self._services.deliver(now)

    def _follow_offer(self, offer: Offer, day: date) -> None:
        days = behaviour.days_to_first_session(self._size.seed, offer.patient, offer.practice)
        self._arrange(day + timedelta(days=days), partial(self._decide, offer))

    def _decide(self, offer: Offer, now: datetime) -> None:
        takes_it = behaviour.takes_the_place(self._size.seed, offer.patient, offer.practice)
        stands = self._staff.record_decision(offer.request, takes_it=takes_it, now=now)
        if not (takes_it and stands):
            self._people.practices[offer.practice].withdraw(offer.patient)
            return
        search = self._searches[offer.patient]
        search.placed_on = search.placed_on or now.date()
        days = behaviour.days_to_verdict(self._size.seed, offer.patient, offer.practice)
        self._arrange(now.date() + timedelta(days=days), partial(self._judge, offer))

    def _judge(self, offer: Offer, now: datetime) -> None:
        works = behaviour.place_works(self._size.seed, offer.patient, offer.practice)
        self._staff.record_verdict(offer.request, works=works, now=now)
        self.played.confirmed += works


def _at(day: date, hour: int, minute: int = 0) -> datetime:
    """An instant by Berlin's clock."""
    return datetime.combine(day, time(hour, minute), BERLIN).astimezone(UTC)
