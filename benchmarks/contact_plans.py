"""A weekly contact plan for 5,000 patients among 40,000 therapists, against oldest first, practice by practice.

Both have the same candidates, chances and limits. What they expect is counted in the same way: of several patients of
one practice the likeliest counts whole, the next half, then a quarter. Oldest first gives each patient, by how long
they search, the best of the practices that have room; it makes as many requests as the plan does, or stops there.
"""

from __future__ import annotations

import resource
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

from psycopg2.extras import execute_values

from benchmarks.figures import Figure, at_least, at_most, quantile
from matching_service.domain import acceptance, plan_making
from matching_service.domain.plan_making import Claimed
from matching_service.domain.plan_question import PackedPairs, PlanLimits, Planned, Practice, Question, Solution
from matching_service.domain.week_capacity import Week
from matching_service.jobs import solve_apart
from matching_service.settings import DEFAULT_INTERVAL, AskAgainRules, Settings
from migrations.connections import administrator
from migrations.settings import MigrationSettings
from shared import database
from shared.database import new_id, transaction
from shared.runtime import clock
from shared.values.contact_plan_enums import PlannedChannel
from shared.values.contacts import normalised_email
from shared.values.datetimes import berlin_day
from shared.values.places import to_ewkt
from shared.values.postal_codes import areas
from simulation.policies import oldest_first
from testkit.private_platform import PrivatePlatform
from testkit.synthetic_region import therapists

PATIENTS, THERAPISTS = 5000, 40_000
REQUESTS, EACH = 5, 3
CITIES = ("10115", "20095", "80331", "50667", "60311", "70173", "04109", "44135")
WIDE_KM, LONGEST_WIDE = 100, 150
"""A radius that nobody would wish for who has so many practices nearer; nobody waits for such a plan."""
SCARCE = 400
"""So many practices can be called in the second comparison, and none is written to: callers are what is scarce."""
RULES = AskAgainRules()


def measure(_: PrivatePlatform) -> list[Figure]:
    """Measure how long a plan takes, its memory, and what it expects beside oldest first."""
    database.connect(Settings().database_url)
    with closing(administrator(MigrationSettings())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            try:
                codes = areas()
                _load(cursor, [place for _, place in sorted(codes.items())])
                figures = list(_measure())
                _remove(cursor)
                _load(cursor, [codes[each] for each in CITIES], radius_km=WIDE_KM)
                return [*figures, *_measured(f", {WIDE_KM} km around cities", seconds=LONGEST_WIDE)[0]]
            finally:
                _remove(cursor)


def _remove(cursor: Any) -> None:
    cursor.execute("DELETE FROM matching_service.therapists WHERE sequence = -7")
    cursor.execute("DELETE FROM matching_service.patients WHERE sequence = -7")


def _load(cursor: Any, places: Sequence[Any], *, radius_km: int | None = None) -> None:
    """Copies as events would make them, of a seeded region; some practices are hinted at, and patients differ.

    `places`: where patients live; `radius_km`: how far all of them would go.
    """
    chance = Random(14)
    rows = [copied_therapist(chance, each) for each in therapists(THERAPISTS, seed=14, region="germany")]
    columns = ", ".join(rows[0])
    sql = f"INSERT INTO matching_service.therapists ({columns}) VALUES %s"
    execute_values(cursor, sql, [tuple(each.values()) for each in rows], page_size=1000)
    patients = [_patient(chance, chance.choice(places)) for _ in range(PATIENTS)]
    if radius_km is not None:
        patients = [each | {"max_distance_km": radius_km} for each in patients]
    sql = f"INSERT INTO matching_service.patients ({', '.join(patients[0])}) VALUES %s"
    execute_values(cursor, sql, [tuple(each.values()) for each in patients], page_size=1000)
    cursor.execute("VACUUM (ANALYZE) matching_service.therapists")
    cursor.execute("VACUUM (ANALYZE) matching_service.patients")


def copied_therapist(chance: Random, record: dict[str, Any]) -> dict[str, Any]:
    """The columns of the copy of a therapist of the seeded region."""
    return {
        "id": str(new_id()),
        "sequence": -7,
        "status": "active",
        "name": record["last_name"],
        "gender": record["gender"],
        "accreditation": record["accreditation"],
        "procedures": record["procedures"],
        "age_groups": record["age_groups"],
        "settings": record["settings"],
        "languages": record["languages"],
        "potentially_available": chance.random() < 0.03,
        "mailbox": normalised_email(record["email"]) if record["email"] else None,
        "can_be_phoned": bool(record["phone"] and record["phone_hours"]),
        "given_place": f"SRID=4326;POINT({record['longitude']} {record['latitude']})",
    }


def _patient(chance: Random, place: Any) -> dict[str, Any]:
    today = berlin_day(clock.now())
    return {
        "id": str(new_id()),
        "sequence": -7,
        "status": "searching",
        "address": "x",
        "geocoded_address": "x",
        "geocoded_place": to_ewkt(place),
        "insurance_type": "statutory" if chance.random() < 0.9 else "private",
        "age_groups": ["adult"] if chance.random() < 0.8 else ["child_adolescent"],
        "max_distance_km": chance.choice([10, 15, 25, 25, 25, 40]),
        "open_to_group_therapy": chance.random() < 0.3,
        "preferred_therapist_gender": chance.choice(["any", "any", "any", "female", "male"]),
        "preferred_procedures": chance.choice([[], [], ["VT"], ["TP", "AP"]]),
        "languages": ["de"] if chance.random() < 0.95 else ["tr"],
        "search_started_on": today - timedelta(days=min(720, int(chance.expovariate(1 / 142)))),
    }


def _measure() -> Iterator[Figure]:
    figures, question, solution, waited = _measured("")
    yield from figures
    yield from _compared("", question, solution.requests, waited)
    called = [_called(each) for each in question.practices]
    scarce = Question(question.patients, called, question.pairs, PlanLimits(1, calls=SCARCE))
    yield from _compared(f", {SCARCE} calls", scarce, solve_apart(scarce).requests, waited)


def _measured(kind: str, *, seconds: float = 30) -> tuple[list[Figure], Question, Solution, dict[UUID, int]]:
    """How long a plan takes and how much memory; with it, and for how many days each patient has searched."""
    now = clock.now()
    today = berlin_day(now)
    week = Week(today - timedelta(days=today.weekday()))
    claimed = Claimed(new_id(), new_id(), week, REQUESTS, EACH, PlanLimits(1))
    started = time.perf_counter()
    with transaction() as session:
        people = plan_making.waiting(session, claimed, rules=RULES, today=today)
        practices = plan_making.practices(session, claimed, days_between_emails=DEFAULT_INTERVAL.days_between_emails)
    packed = plan_making.packed_practices(practices)
    pairs: list[PackedPairs] = []
    for portion in plan_making.portions(people):
        with transaction() as session:
            pairs += plan_making.pairs(session, portion, packed)
    found = time.perf_counter()
    question = plan_making.question(claimed, people, practices, pairs)
    used = _used_by_children()
    solution = solve_apart(question)
    ended, used = time.perf_counter(), _used_by_children() - used
    number = sum(len(each.preferred) for each in pairs)
    # on a busy machine the time says little
    print(f"{number} pairs in {found - started:.1f} s, solved in {ended - found:.1f} s ({used:.1f} s of a processor)")
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    figures = [
        at_most(f"plan of 5,000 patients among 40,000 therapists{kind}", ended - started, "s", seconds),
        at_most(f"its memory, the larger of both processes, peak{kind}", peak, "MB", 2048),
    ]
    return figures, question, solution, {each.id: each.days_waited or 0 for each in people}


def _used_by_children() -> float:
    """Seconds of a processor that processes have used which were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _called(practice: Practice) -> Practice:
    return replace(practice, channel=PlannedChannel.PHONE, mailbox=None, lack=None)


Chosen = list[tuple[UUID, UUID, int]]
"""Patient, therapist and chance."""


def _compared(kind: str, question: Question, planned: Sequence[Planned], waited: dict[UUID, int]) -> Iterator[Figure]:
    plan = [(each.patient_id, each.therapist_id, each.chance) for each in planned]
    # as many as the plan makes, or fewer
    oldest = [(each.patient_id, each.therapist_id, each.chance) for each in oldest_first(question, waited)[: len(plan)]]
    for name, chosen in (("plan", plan), ("oldest first", oldest)):
        print(f"{name}{kind}: {_described(question, chosen, waited)}")
    ours, theirs = _expected(plan), _expected(oldest)
    yield at_least(f"expected acceptances of {len(plan)} requests{kind}", ours, "", theirs, baseline=theirs)
    without = [len(question.patients) - len({patient for patient, *_ in chosen}) for chosen in (plan, oldest)]
    yield at_most(f"patients for whom nobody is asked{kind}", without[0], "", without[1], baseline=without[1])
    weights = {each.id: each.weight for each in question.patients}
    ours, theirs = (_expected(chosen, weights) for chosen in (plan, oldest))
    yield at_least(f"expected acceptances by waiting{kind}", ours, "", theirs, baseline=theirs)


def _described(question: Question, chosen: Chosen, waited: dict[UUID, int]) -> str:
    """The days that patients have waited for whom one, and all, requests are made."""
    counts = Counter(patient for patient, *_ in chosen)
    groups = {
        "nobody": [waited[each.id] for each in question.patients if not counts[each.id]],
        "some": [waited[each] for each, number in counts.items() if number < REQUESTS],
        "all": [waited[each] for each, number in counts.items() if number == REQUESTS],
    }
    days = {
        name: f"{len(some)} ({'/'.join(str(quantile(some, share)) for share in (0.1, 0.5, 0.9)) if some else '-'})"
        for name, some in groups.items()
    }
    practices = len({therapist for _, therapist, _ in chosen})
    return f"{len(chosen)} requests to {practices} practices; patients by requests (days waited, 10/50/90 %): {days}"


def _expected(chosen: Chosen, weights: Mapping[UUID, int] | None = None) -> float:
    """Acceptances: of each practice the likeliest whole, the next half, and so on; weighted, if there are weights."""
    values = ((therapist, chance * (weights[patient] if weights else 100)) for patient, therapist, chance in chosen)
    return acceptance.expected(values) / acceptance.WHOLE / 100
