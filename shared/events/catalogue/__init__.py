"""Every event of the platform, declared once: name, topic and parsing follow from the class.

A module holds the events of one service; others import them from here.

State events carry the aggregate's whole public state, since their topics are compacted. Patient events hold only what
other services need to match and to write a pseudonymous e-mail: no name, street, contact details, exact diagnosis.

Every field has bounds, wide enough for all that the services accept and narrow enough for every column and index: texts
by the models' configuration, the rest by the types of `payloads`.
"""

from __future__ import annotations

from shared.events.catalogue.addresses import (
    AddressErased,
    AddressGeocoded,
)
from shared.events.catalogue.contacts import (
    Answers,
    AttemptsUsedUp,
    CallCorrected,
    CallingDay,
    CallingHoursChanged,
    CallRecorded,
    EmailAnswered,
    EmailBounced,
    EmailSent,
    InquiryComposed,
    InquiryDissolved,
    PatientErasedFromCommunication,
    PlacesStated,
    PracticeAnswer,
    PracticeContactChanged,
    PracticeStated,
    ReplyShown,
)
from shared.events.catalogue.imports import (
    ImportCompleted,
    ImportFailed,
    ImportHeld,
)
from shared.events.catalogue.patients import (
    PatientErased,
    PatientMerged,
    PatientRegistered,
    PatientStatusChanged,
    PatientTherapistsExcluded,
    PatientUpdated,
    PublicPatient,
)
from shared.events.catalogue.payloads import (
    Payload,
)
from shared.events.catalogue.placement_requests import (
    ContactEntered,
    ContactLogShown,
    PatientErasedFromMatching,
    PatientPlaced,
    PlaceConfirmed,
    PlaceFailed,
    PlaceTakenBack,
    RequestAccepted,
    RequestAnswered,
    RequestApproved,
    RequestCorrected,
    RequestHeld,
    RequestReleased,
    RequestReopened,
    RequestUnknown,
    RequestUpdated,
    RequestWithdrawn,
)
from shared.events.catalogue.therapists import (
    PublicCapacity,
    PublicCapacityStatement,
    PublicPreferences,
    PublicTherapist,
    TherapistBlocked,
    TherapistDeactivated,
    TherapistMerged,
    TherapistRegistered,
    TherapistRemoved,
    TherapistUnblocked,
    TherapistUpdated,
)

__all__ = [
    "AddressErased",
    "AddressGeocoded",
    "Answers",
    "AttemptsUsedUp",
    "CallCorrected",
    "CallRecorded",
    "CallingDay",
    "CallingHoursChanged",
    "ContactEntered",
    "ContactLogShown",
    "EmailAnswered",
    "EmailBounced",
    "EmailSent",
    "ImportCompleted",
    "ImportFailed",
    "ImportHeld",
    "InquiryComposed",
    "InquiryDissolved",
    "PatientErased",
    "PatientErasedFromCommunication",
    "PatientErasedFromMatching",
    "PatientMerged",
    "PatientPlaced",
    "PatientRegistered",
    "PatientStatusChanged",
    "PatientTherapistsExcluded",
    "PatientUpdated",
    "Payload",
    "PlaceConfirmed",
    "PlaceFailed",
    "PlaceTakenBack",
    "PlacesStated",
    "PracticeAnswer",
    "PracticeContactChanged",
    "PracticeStated",
    "PublicCapacity",
    "PublicCapacityStatement",
    "PublicPatient",
    "PublicPreferences",
    "PublicTherapist",
    "ReplyShown",
    "RequestAccepted",
    "RequestAnswered",
    "RequestApproved",
    "RequestCorrected",
    "RequestHeld",
    "RequestReleased",
    "RequestReopened",
    "RequestUnknown",
    "RequestUpdated",
    "RequestWithdrawn",
    "TherapistBlocked",
    "TherapistDeactivated",
    "TherapistMerged",
    "TherapistRegistered",
    "TherapistRemoved",
    "TherapistUnblocked",
    "TherapistUpdated",
]
