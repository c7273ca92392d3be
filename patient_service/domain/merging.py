"""Two files of one person become one (docs/decisions/0034-merging-two-files.md).

The id and the reference of one stay; the other is merged into it, but its reference, which stands in letters that
practices hold, goes on finding the person. What was recorded of it stays where it is, sealed with its own
key, and is shown with the kept one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from patient_service.domain import accesses, consents, duplicates, history, merged_fields, searches, states
from patient_service.domain.accesses import Reader, RevealingConflict
from patient_service.domain.files import (
    decrypt,
    get_patient,
    kept_one,
    merged_state,
    naming_kept,
    publish,
    references_of,
    view,
    write,
    write_indexes,
)
from patient_service.domain.indexes import indexes_of, no_indexes
from patient_service.domain.schemas import MOST_EXCLUDED, Merge, PatientFile, PatientView
from patient_service.store import merging as store
from patient_service.store import offers, queries
from patient_service.store.tables import NUMBERED, Patient
from shared.database import ChangedMeanwhile, Session
from shared.errors import FieldProblem, NotFound
from shared.events.catalogue import PatientStatusChanged, PatientTherapistsExcluded
from shared.events.outbox import record
from shared.security.encryption import Keys
from shared.values.datetimes import berlin_day


def merge(
    session: Session, keys: Keys, kept_id: UUID, wanted: Merge, *, force: bool, reader: Reader, now: datetime
) -> PatientView:
    """Keep this patient, and let the other one be the same.

    Raises `NotFound` for either; `Conflict` for one file, where one of the two was merged before, where they contradict
    each other in who they are or in a search or therapy that goes on, and without `force` where the kept one becomes
    like somebody else, as for `patients.change`.
    """
    kept, merged, earlier = _locked(session, kept_id, wanted.duplicate_id)
    files = decrypt(keys, kept), decrypt(keys, merged)
    _refuse_unclear(kept, merged, *files)
    consents.follow_withdrawals(kept, merged, by=reader.id)
    _reassign(session, kept, merged)
    identities = [_give_up_indexes(session, keys, each) for each in (merged, *earlier)]
    _keep(session, keys, kept, merged, files, force=force, reader=reader, now=now)
    for each, identity in zip((merged, *earlier), identities, strict=True):
        _point_at(session, kept, each, by=reader.id, now=now)
        store.stay_suspected(session, each, **identity)
    # all who read one of the files wait from here on
    accesses.record(session, keys, [kept, merged], reader, "changed", now=now)
    return view(kept, decrypt(keys, kept), today=berlin_day(now))


def _locked(session: Session, kept_id: UUID, merged_id: UUID) -> tuple[Patient, Patient, Sequence[Patient]]:
    """Both patients, and those who were merged into the second one before, locked in the order of their ids.

    Raises `ChangedMeanwhile` where somebody was merged into it while we waited.
    """
    if kept_id == merged_id:
        raise RevealingConflict([], "patient.same_file")
    expected = {kept_id, merged_id, *store.merged_into(session, merged_id)}
    queries.lock_patients(session, expected)
    merged = queries.patient(session, merged_id, lock=True)
    kept = _not_merged(session, queries.patient(session, kept_id, lock=True) or get_patient(session, kept_id))
    if merged is None:
        raise NotFound("patient", wording="duplicate")
    _not_merged(session, merged)
    theirs = store.files_of(session, merged)
    if not theirs.keys() <= expected:
        raise ChangedMeanwhile
    return kept, merged, [each for each in theirs.values() if each is not merged]


def _not_merged(session: Session, patient: Patient) -> Patient:
    if patient.merged_into is None:
        return patient
    kept = kept_one(session, patient)
    refusal = RevealingConflict([kept.id], "patient.merged_before", reference=patient.reference, kept=kept.reference)
    raise naming_kept(kept, refusal)


def _refuse_unclear(kept: Patient, merged: Patient, file: PatientFile, other: PatientFile) -> None:
    problems = [FieldProblem.of(name, "field.of_two_people") for name in merged_fields.contradictions(file, other)]
    if not states.can_become_one(kept, merged):
        problems.append(FieldProblem.of("status", "field.of_two_searches"))
    if len({*file.excluded_therapist_ids, *other.excluded_therapist_ids}) > MOST_EXCLUDED:
        problems.append(FieldProblem.of("excluded_therapist_ids", "field.too_many_of_both", most=MOST_EXCLUDED))
    if problems:
        raise RevealingConflict([kept.id, merged.id], "patient.not_one_person", errors=problems)


def _reassign(session: Session, kept: Patient, merged: Patient) -> None:
    """Let consents be the kept one's, and offers of a search that goes on; those of an ended one are history."""
    if merged.status not in states.GOES_ON:
        offers.remove_all(session, merged.id)
    elif kept.status not in states.GOES_ON:
        offers.remove_all(session, kept.id)
    store.reassign(session, merged.id, kept.id)
    queries.patient(session, kept.id, lock=True)  # with the consents of both


def _give_up_indexes(session: Session, keys: Keys, merged: Patient) -> dict[str, bytes | None]:
    """Let nobody find the merged one any more, before the kept one is found by what was theirs.

    Returns the indexes by which somebody alike is suspected, with the key of theirs.
    """
    identity = {name: getattr(merged, name) for name in ("index_key", *NUMBERED)}
    write_indexes(merged, no_indexes(keys))
    session.flush()
    return identity


def _keep(
    session: Session,
    keys: Keys,
    kept: Patient,
    merged: Patient,
    files: tuple[PatientFile, PatientFile],
    *,
    force: bool,
    reader: Reader,
    now: datetime,
) -> None:
    """Give the kept one what the other had, record it in the history and publish it."""
    before, began = kept.status, kept.search_started_on
    states.become_one(kept, merged)
    wanted = merged_fields.filled(*files)
    wanted.search_started_on = kept.search_started_on
    kept.other_references = [*kept.other_references, *references_of(merged)]
    found_by = indexes_of(keys, wanted, *references_of(kept))
    duplicates.identify(session, keys, kept, wanted, found_by, force=force)
    write(keys, kept, wanted, found_by[0])
    kept.first_place_on = offers.first_day(session, kept.id) or kept.first_place_on
    kept.count_change(by=reader.id, now=now)
    if not set(wanted.excluded_therapist_ids) <= set(files[0].excluded_therapist_ids):
        publish(session, kept, wanted, PatientTherapistsExcluded, now=now)
    history.record_merge(session, keys, kept, merged, before=before, began=began, by=reader.id, now=now)
    publish(session, kept, wanted, PatientStatusChanged, now=now, previous_status=before)
    searches.pause_if_unready(session, keys, kept, wanted, by=reader.id, now=now)


def _point_at(session: Session, kept: Patient, merged: Patient, *, by: UUID | None, now: datetime) -> None:
    """Nothing is left of the merged one but who was kept."""
    merged.merged_into, merged.kept_sequence = kept.id, kept.sequence
    merged.merged_at = merged.merged_at or now
    merged.count_change(by=by, now=now)
    record(session, merged, merged_state(merged), now=now)
