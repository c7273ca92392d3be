"""Endpoints to patients' files."""

from __future__ import annotations

from uuid import UUID

from patient_service.api.access_log import reader
from patient_service.dependencies import Dependencies
from patient_service.domain import bulk, erasures, merging, patients
from patient_service.domain.bulk_schemas import PatientBulkChange
from patient_service.domain.erasure_schemas import ErasureQuery, ErasureView
from patient_service.domain.lists import PATIENTS
from patient_service.domain.schemas import (
    ChangedPatient,
    Merge,
    NamesakeQuery,
    NewPatient,
    PatientFilter,
    PatientView,
)
from shared.http import REPLAYED_RESULTS, BulkResults, Context, Resource, endpoint, results_of
from shared.values.lists import Listed, ListRequest
from shared.values.schemas import MergePatch


class PatientItem(Resource):
    """One patient."""

    @endpoint(response=PatientView)
    def get(self, context: Context[Dependencies], id: UUID) -> PatientView:
        """Show a patient; noted in the access log with the header X-Purpose."""
        keys = context.dependencies.keys
        return patients.get(context.session, keys, id, reader=reader(context), now=context.now)

    @endpoint(patch=ChangedPatient, query=NamesakeQuery, response=PatientView)
    def patch(self, context: Context[Dependencies], id: UUID, patch: MergePatch, query: NamesakeQuery) -> PatientView:
        """Change a patient; 409 names others who may be the same, in `candidates: [{id, reference, why}]`.

        Who changes `search_started_on` says why, in `reason` or in the header X-Purpose: the history keeps it.
        """
        return patients.change(
            context.session,
            context.dependencies.keys,
            id,
            patch,
            expected_versions=context.if_match,
            force=query.force,
            reader=reader(context),
            now=context.now,
        )

    @endpoint(query=ErasureQuery, response=ErasureView, status=202, location="/api/erasures/{id}")
    def delete(self, context: Context[Dependencies], id: UUID, query: ErasureQuery) -> ErasureView:
        """Erase a patient for good, in every service; look at the address in `Location` for how far it is.

        Files that were merged into this one are erased with it. `confirm` is the patient's reference. From this answer
        on nobody finds or reads the patient; a letter that is on its way does not stop it. Asked again, the answer is
        the same erasure.
        """
        return erasures.erase(
            context.session,
            context.dependencies.keys,
            id,
            confirm=query.confirm,
            expected_versions=context.if_match,
            reader=reader(context),
            compaction_lag=context.dependencies.compaction_lag,
            now=context.now,
        )


class PatientCollection(Resource):
    """All patients."""

    @endpoint(lists=PATIENTS)
    def get(self, context: Context[Dependencies], wanted: ListRequest[PatientFilter]) -> Listed:
        """List patients, newest first; noted in the access log of everybody shown."""
        keys = context.dependencies.keys
        return patients.list_part(context.session, keys, wanted, reader=reader(context), now=context.now)

    @endpoint(body=NewPatient, query=NamesakeQuery, response=PatientView, status=201, replay=PatientItem.get)
    def post(self, context: Context[Dependencies], body: NewPatient, query: NamesakeQuery) -> PatientView:
        """Enter a patient; 409 names others who may be the same, in `candidates: [{id, reference, why}]`.

        They have the same insurance number, or a name that sounds alike with the same date of birth or address.
        """
        return patients.register(
            context.session,
            context.dependencies.keys,
            body,
            force=query.force,
            by=context.caller.id,
            purpose=context.purpose,
            now=context.now,
        )


class PatientMergeResource(Resource):
    """Two files of one person."""

    @endpoint(body=Merge, query=NamesakeQuery, response=PatientView, replay=PatientItem.get)
    def post(self, context: Context[Dependencies], id: UUID, body: Merge, query: NamesakeQuery) -> PatientView:
        """Keep this patient and let the other be the same; 409 says why these cannot be one, or who else may be.

        Values of this file stand, empty ones are filled from the other. Consents, history, accesses, requests, letters
        and calls of the other are this one's, and its reference goes on finding the person.
        """
        keys = context.dependencies.keys
        return merging.merge(
            context.session, keys, id, body, force=query.force, reader=reader(context), now=context.now
        )


class PatientBulkResource(Resource):
    """One change of many patients."""

    @endpoint(body=PatientBulkChange, response=BulkResults, replay=REPLAYED_RESULTS)
    def post(self, context: Context[Dependencies], body: PatientBulkChange) -> BulkResults:
        """Put somebody in charge of many patients, or erase or keep those who are proposed; 409 for another total.

        Each is changed or refused for itself, all in one transaction; noted in their access logs.
        """
        needed = context.dependencies
        days = needed.declined_erasures_rest_days
        return results_of(
            bulk.change(context.session, needed.keys, body, days_kept=days, reader=reader(context), now=context.now)
        )
