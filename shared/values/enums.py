"""The closed vocabularies (docs/api.md#closed-vocabularies), spelled as they appear in JSON, events and tables."""

from enum import StrEnum


class Procedure(StrEnum):
    """Psychotherapy procedures (Verfahren); a therapist and a search always have a set of them."""

    BEHAVIOURAL = "VT"
    PSYCHODYNAMIC = "TP"
    ANALYTIC = "AP"
    SYSTEMIC = "ST"
    NEUROPSYCHOLOGICAL = "NP"


class AgeGroup(StrEnum):
    ADULT = "adult"
    CHILD_ADOLESCENT = "child_adolescent"


class TherapySetting(StrEnum):
    INDIVIDUAL = "individual"
    GROUP = "group"


class Gender(StrEnum):
    FEMALE = "female"
    MALE = "male"
    DIVERSE = "diverse"
    UNKNOWN = "unknown"


class PreferredGender(StrEnum):
    ANY = "any"
    FEMALE = "female"
    MALE = "male"
    DIVERSE = "diverse"


class InsuranceType(StrEnum):
    STATUTORY = "statutory"
    PRIVATE = "private"
    SELF_PAY = "self_pay"
    CIVIL_SERVICE_AID = "civil_service_aid"


class Accreditation(StrEnum):
    """Statutory seat (Kassensitz) or private practice."""

    STATUTORY = "statutory"
    PRIVATE = "private"
    UNKNOWN = "unknown"


class TravelMode(StrEnum):
    CAR = "car"
    TRANSIT = "transit"
    BICYCLE = "bicycle"
    FOOT = "foot"


class FederalState(StrEnum):
    """The Länder by the second half of their ISO 3166-2 codes, as the package `holidays` names them."""

    BADEN_WUERTTEMBERG = "BW"
    BAVARIA = "BY"
    BERLIN = "BE"
    BRANDENBURG = "BB"
    BREMEN = "HB"
    HAMBURG = "HH"
    HESSE = "HE"
    MECKLENBURG_VORPOMMERN = "MV"
    LOWER_SAXONY = "NI"
    NORTH_RHINE_WESTPHALIA = "NW"
    RHINELAND_PALATINATE = "RP"
    SAARLAND = "SL"
    SAXONY = "SN"
    SAXONY_ANHALT = "ST"
    SCHLESWIG_HOLSTEIN = "SH"
    THURINGIA = "TH"


class GeocodePrecision(StrEnum):
    ADDRESS = "address"
    STREET = "street"
    POSTAL_CODE = "postal_code"
    CITY = "city"


class Role(StrEnum):
    ADMIN = "admin"
    COORDINATOR = "coordinator"
    CALLER = "caller"
    IMPORTER = "importer"
    AUDITOR = "auditor"
    SERVICE = "service"


# Patients


class PatientStatus(StrEnum):
    OPEN = "open"
    SEARCHING = "searching"
    PAUSED = "paused"
    IN_THERAPY = "in_therapy"
    THERAPY_COMPLETED = "therapy_completed"
    SEARCH_ABORTED = "search_aborted"
    THERAPY_ABORTED = "therapy_aborted"


class PlacementState(StrEnum):
    """The state of the place that a patient was last given."""

    TAKEN_UP = "taken_up"
    FAILED = "failed"
    """The patient searches again, or had stopped searching before the place was known."""
    ENDED = "ended"
    """The therapy was completed or ended early."""


class ContactRelation(StrEnum):
    GUARDIAN = "guardian"
    OTHER = "other"


class ConsentPurpose(StrEnum):
    MANDATE = "mandate"
    HEALTH_DATA = "health_data"
    PRACTICE_SUMMARY = "practice_summary"
    PATIENT_MAIL = "patient_mail"


class MissingForSearch(StrEnum):
    """The data that a patient's file still needs before a search may start."""

    CONTRACTS_SIGNED = "contracts_signed"
    DIAGNOSES = "diagnoses"
    DATE_OF_BIRTH = "date_of_birth"
    LOCATION = "location"
    INSURANCE_TYPE = "insurance_type"
    DISTANCE_LIMIT = "distance_limit"
    GUARDIAN = "guardian"
    MANDATE_WITHDRAWN = "mandate_withdrawn"


# Therapists and their import


class TherapistStatus(StrEnum):
    ACTIVE = "active"
    BLOCKED = "blocked"
    INACTIVE = "inactive"


class ContactPreference(StrEnum):
    ANY = "any"
    PHONE_ONLY = "phone_only"
    EMAIL_ONLY = "email_only"
    NONE = "none"


class CapacityState(StrEnum):
    FREE = "free"
    WAITING_LIST = "waiting_list"
    FULL = "full"
    UNKNOWN = "unknown"


class ImportStatus(StrEnum):
    RUNNING = "running"
    COMPLETED = "completed"
    HELD = "held"
    FAILED = "failed"
    REJECTED = "rejected"
    UNDONE = "undone"


class ImportAction(StrEnum):
    ADDITION = "addition"
    MODIFICATION = "modification"
    DELETION = "deletion"


class ImportOutcome(StrEnum):
    APPLIED = "applied"
    UNCHANGED = "unchanged"
    WAITING = "waiting"
    REJECTED = "rejected"


class ReviewKind(StrEnum):
    NEW = "new"
    IDENTITY = "identity"
    CONTACT = "contact"
    REACTIVATION = "reactivation"


class ReviewState(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"


# Matching


class MatchCriterion(StrEnum):
    STATUS = "status"
    CONTACT_PREFERENCE = "contact_preference"
    ACCREDITATION = "accreditation"
    DISTANCE = "distance"
    DISTANCE_UNKNOWN = "distance_unknown"
    PROCEDURE = "procedure"
    AGE_GROUP = "age_group"
    SETTING = "setting"
    GENDER = "gender"
    LANGUAGE = "language"
    AVAILABILITY = "availability"
    PATIENT_EXCLUSION = "patient_exclusion"
    OPEN_REQUEST = "open_request"
    RECENT_REFUSAL = "recent_refusal"


class CheckResult(StrEnum):
    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    UNKNOWN = "unknown"


class RequestStatus(StrEnum):
    """The status of a placement request."""

    OPEN = "open"
    QUEUED = "queued"
    CONTACTED = "contacted"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    DEFERRED = "deferred"
    NO_ANSWER = "no_answer"
    PLACED = "placed"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


class RequestHold(StrEnum):
    SEARCH_PAUSED = "search_paused"
    ACCEPTED_ELSEWHERE = "accepted_elsewhere"


class RequestWait(StrEnum):
    """What a placement request waits for."""

    SEARCH_PAUSED = "search_paused"
    ACCEPTED_ELSEWHERE = "accepted_elsewhere"
    NEXT_CONTACT = "next_contact"
    """The day on which a practice that said "later" is asked again."""
    INQUIRY = "inquiry"
    """To be put into an e-mail or a call: the communication service knows what it waits for there."""
    CONTACT = "contact"
    """Its e-mail was not sent, or its call not made, yet."""
    ANSWER = "answer"
    PLACEMENT = "placement"
    """A practice offers a place; staff record whether the patient takes it."""
    DECISION = "decision"
    """Nobody was reached in all the attempts; staff decide."""


class RequestOutcome(StrEnum):
    """A practice's answer to one placement request."""

    ACCEPTED = "accepted"
    DECLINED_CAPACITY = "declined_capacity"
    DECLINED_UNSUITABLE = "declined_unsuitable"
    DECLINED_OTHER = "declined_other"
    LATER = "later"


class WithdrawalReason(StrEnum):
    PATIENT_DECLINED = "patient_declined"
    PLACED_ELSEWHERE = "placed_elsewhere"
    SEARCH_ENDED = "search_ended"
    THERAPIST_UNAVAILABLE = "therapist_unavailable"
    PATIENT_ERASED = "patient_erased"
    PATIENT_MERGED = "patient_merged"
    THERAPIST_MERGED = "therapist_merged"
    ENTERED_BY_MISTAKE = "entered_by_mistake"
    OTHER = "other"


class Channel(StrEnum):
    EMAIL = "email"
    PHONE = "phone"
    LETTER = "letter"
    FAX = "fax"
    IN_PERSON = "in_person"
    REPLY_LINK = "reply_link"
    APPOINTMENT_SERVICE = "appointment_service"


class Direction(StrEnum):
    OUTBOUND = "outbound"
    INBOUND = "inbound"


# Communication


class EmailKind(StrEnum):
    INQUIRY = "inquiry"
    CONFIRMATION = "confirmation"
    WITHDRAWAL = "withdrawal"
    PATIENT_NOTICE = "patient_notice"


class TemplateKind(StrEnum):
    INQUIRY = "inquiry"
    CONFIRMATION = "confirmation"
    WITHDRAWAL = "withdrawal"
    PATIENT_NOTICE = "patient_notice"
    PATIENT_PROGRESS = "patient_progress"
    CALL_SCRIPT = "call_script"
    VOICEMAIL_SCRIPT = "voicemail_script"


class EmailStatus(StrEnum):
    DRAFT = "draft"
    APPROVED = "approved"
    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    IN_DOUBT = "in_doubt"
    FAILED = "failed"
    BOUNCED = "bounced"
    """The mail server took it, and it came back."""
    CANCELLED = "cancelled"


class InquiryStatus(StrEnum):
    """Where one contact with one therapist stands."""

    OPEN = "open"
    """It has not gone out."""
    UNDER_WAY = "under_way"
    """Its e-mail is being sent, or its fate is in doubt."""
    GONE_OUT = "gone_out"
    NO_ANSWER = "no_answer"
    """All attempts to call are used up."""
    DISSOLVED = "dissolved"


class ContactRequestStatus(StrEnum):
    """Where a placement request stands as far as contacting the therapist goes."""

    ANNOUNCED = "announced"
    """An event spoke of it before its approval did."""
    WAITING = "waiting"
    """It is to be asked, or to be called about, and has not gone out."""
    CONTACTED = "contacted"
    ACCEPTED = "accepted"
    OVER = "over"


class EmailResolution(StrEnum):
    """What staff found out about an e-mail that was in doubt."""

    SENT = "sent"
    NOT_SENT = "not_sent"


class CallStatus(StrEnum):
    PLANNED = "planned"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class CallResult(StrEnum):
    REACHED = "reached"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    VOICEMAIL = "voicemail"
    WRONG_NUMBER = "wrong_number"
    CALL_BACK = "call_back"


class CallAnswer(StrEnum):
    """The result of a call for one placement request: a RequestOutcome, or that it was not discussed."""

    ACCEPTED = "accepted"
    DECLINED_CAPACITY = "declined_capacity"
    DECLINED_UNSUITABLE = "declined_unsuitable"
    DECLINED_OTHER = "declined_other"
    LATER = "later"
    NOT_DISCUSSED = "not_discussed"
