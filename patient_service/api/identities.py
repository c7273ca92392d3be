"""Endpoints for the communication service: who a patient is, for a practice that accepted, and how to write to one."""

from __future__ import annotations

from uuid import UUID

from patient_service.api.access_log import reader
from patient_service.dependencies import Dependencies
from patient_service.domain import identities
from patient_service.domain.identities import IdentityQuery, PatientAddress, PatientIdentity
from shared.http import Context, Resource, endpoint


class PatientIdentityItem(Resource):
    """Who a patient is, for the practice that offers a place."""

    @endpoint(query=IdentityQuery, response=PatientIdentity)
    def get(self, context: Context[Dependencies], id: UUID, query: IdentityQuery) -> PatientIdentity:
        """Show name and contact details of a patient to whom a practice offers a place: nothing about health.

        Null with the reason where none is known here to offer one with this request, and after the mandate was
        withdrawn. Noted in the patient's access log, with the header X-Purpose, where something is shown.
        """
        return identities.read_identity(
            context.session,
            context.dependencies.keys,
            id,
            query.placement_request_id,
            reader=reader(context),
            now=context.now,
        )


class PatientAddressItem(Resource):
    """How a patient is written to."""

    @endpoint(response=PatientAddress)
    def get(self, context: Context[Dependencies], id: UUID) -> PatientAddress:
        """Show the name and the e-mail address of a patient, for an e-mail that goes now.

        Null with the reason without a consent `patient_mail` that stands. Noted in the patient's access log, with the
        header X-Purpose, where something is shown.
        """
        return identities.read_address(
            context.session, context.dependencies.keys, id, reader=reader(context), now=context.now
        )
