"""Endpoints to patients' files."""

from __future__ import annotations

from uuid import UUID

from patient_service.api.dependencies import FileResource, keys, reader
from patient_service.domain import accesses, patients
from patient_service.domain.schemas import (
    AccessLogPage,
    NamesakeQuery,
    NewPatient,
    PatientFields,
    PatientFilter,
    PatientPage,
    PatientView,
)
from shared.database import single_statements, transaction
from shared.http import endpoint, if_match, is_keyed, once
from shared.runtime import clock
from shared.values.schemas import MergePatch, PageQuery


class Patients(FileResource):
    """All patients."""

    @endpoint(query=PatientFilter, answer=PatientPage)
    def get(self, query: PatientFilter) -> PatientPage:
        """List patients, newest first; noted in the access log of everybody shown."""
        with transaction() as session:
            return patients.listed(session, keys(), query, reader=reader(), now=clock.now())

    @endpoint(body=NewPatient, query=NamesakeQuery, answer=PatientView, status=201)
    def post(self, body: NewPatient, query: NamesakeQuery) -> PatientView:
        """Enter a patient; 409 names one of the same insurance number, or of the same name and date of birth."""
        now = clock.now()
        if not is_keyed():
            with single_statements() as executor:
                return patients.register(executor, keys(), body, force=query.force, now=now)
        with transaction() as session:
            return once(
                session,
                lambda: patients.register(session, keys(), body, force=query.force, now=now),
                recall=lambda known: patients.get(session, keys(), known, reader=reader(), now=now),
            )


class Patient(FileResource):
    """One patient."""

    @endpoint(answer=PatientView)
    def get(self, id: UUID) -> PatientView:
        """Show a patient; noted in the access log with the header X-Purpose."""
        with transaction() as session:
            return patients.get(session, keys(), id, reader=reader(), now=clock.now())

    @endpoint(patch=PatientFields, query=NamesakeQuery, answer=PatientView)
    def patch(self, id: UUID, patch: MergePatch, query: NamesakeQuery) -> PatientView:
        """Change a patient; 409 names another one of the same insurance number, or name and date of birth."""
        with transaction() as session:
            return patients.change(
                session,
                keys(),
                id,
                patch,
                expected_versions=if_match(),
                force=query.force,
                reader=reader(),
                now=clock.now(),
            )


class AccessLog(FileResource):
    """Who was shown a patient's file."""

    @endpoint(query=PageQuery, answer=AccessLogPage)
    def get(self, id: UUID, query: PageQuery) -> AccessLogPage:
        """List who was shown the file, when and why, newest first; noted there too."""
        with transaction() as session:
            return accesses.listed(session, keys(), id, query, reader=reader(), now=clock.now())
