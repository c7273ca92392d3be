"""The order of locks: therapists, then patients, each by id; a patient is locked before their requests.

What a poll of events changes is locked before the first listener runs: its events name therapists and patients in any
order, and two workers that each wait for what the other holds would be a deadlock (docs/decisions/0019).
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from uuid import UUID

from matching_service.store import queries
from matching_service.store.tables import LIVE, PatientCopy, TherapistCopy
from shared.database import ChangedMeanwhile, Session
from shared.values.enums import RequestStatus


@dataclass(frozen=True)
class Affected:
    """Whom some events concern: by their own state, by where they are, or by what became of requests."""

    therapists: Set[UUID] = frozenset()
    patients: Set[UUID] = frozenset()
    merged_patients: Set[UUID] = frozenset()
    """Patients who are no more, and those who are kept of them."""
    erased_patients: Set[UUID] = frozenset()
    located_therapists: Set[UUID] = frozenset()
    located_patients: Set[UUID] = frozenset()
    unavailable_therapists: Set[UUID] = frozenset()
    """Among the therapists, those whose requests may be withdrawn."""
    merged_therapists: Set[UUID] = frozenset()
    """Therapists who are no more, and those who are kept of them."""
    called_therapists: Set[UUID] = frozenset()
    requests: Set[UUID] = frozenset()
    corrected_requests: Set[UUID] = frozenset()
    """Among the requests, those of which an answer is taken back: what it had withdrawn may go on."""

    @property
    def needs_no_lock(self) -> bool:
        """Whether one statement, which writes its rows in order, changes everything that is changed."""
        places = self.located_therapists | self.located_patients
        statements = [each for each in (self.therapists, self.patients, self.erased_patients, places) if each]
        return len(statements) < 2 and not (
            self.unavailable_therapists
            or self.merged_therapists
            or self.called_therapists
            or self.requests
            or self.merged_patients
        )


def lock(session: Session, affected: Affected) -> None:
    """Lock the copies of all who are affected, and of the patients whose requests are.

    Raises `ChangedMeanwhile` where such a request became another patient's while we waited, or somebody was merged.
    """
    if affected.needs_no_lock:
        return
    therapists = affected.therapists | affected.located_therapists | affected.called_therapists
    therapists |= queries.therapists_asked_with(session, affected.corrected_requests)
    standing = queries.with_therapists_they_were_merged_into(session, affected.merged_therapists)
    therapists |= standing
    queries.lock_copies(session, TherapistCopy, therapists)
    if not queries.with_therapists_they_were_merged_into(session, affected.merged_therapists) <= standing:
        raise ChangedMeanwhile  # as for patients below
    # after the therapists: from now on nobody can approve another request to one of them
    # all that are not over: one that is deferred now may be open before the patients are locked
    unavailable = queries.requests_to_therapists(session, affected.unavailable_therapists, LIVE)
    requests = affected.requests | set(unavailable)
    requests |= set(queries.requests_to_therapists(session, standing, tuple(RequestStatus)))
    patients = affected.patients | affected.erased_patients | affected.located_patients
    patients |= _whose(session, requests, affected)
    queries.lock_copies(session, PatientCopy, patients)
    if not _whose(session, requests, affected) <= patients:
        raise ChangedMeanwhile  # two files were merged while we waited; to lock the rest now would break the order


def _whose(session: Session, requests: Set[UUID], affected: Affected) -> set[UUID]:
    """The patients of these requests and of those that took their place, and all who stand for merged patients."""
    found: set[UUID] = set()
    if requests:
        found |= queries.patients_of(session, queries.with_those_that_go_on(session, requests))
    if affected.merged_patients:
        found |= queries.with_those_they_were_merged_into(session, affected.merged_patients)
    return found
