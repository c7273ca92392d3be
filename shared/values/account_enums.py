"""The closed vocabularies of accounts (docs/api.md#closed-vocabularies); roles are in `enums.py`."""

from enum import StrEnum


class AccountKind(StrEnum):
    PERSON = "person"
    MACHINE = "machine"


class Scope(StrEnum):
    """What a machine account may call; the role `service` alone opens nothing."""

    IMPORTS_START = "imports.start"
    PRACTICE_SUMMARIES_READ = "practice_summaries.read"
    PATIENT_DATA_EXPORT = "patient_data.export"
    PATIENT_IDENTITIES_READ = "patient_identities.read"
    PATIENT_ADDRESSES_READ = "patient_addresses.read"


class AccountChangeKind(StrEnum):
    """What the log of an account says happened."""

    CREATED = "created"
    CHANGED = "changed"
    EMAIL_CHANGED = "email_changed"
    ROLES_CHANGED = "roles_changed"
    SCOPES_CHANGED = "scopes_changed"
    ACTIVATED = "activated"
    DEACTIVATED = "deactivated"
    DELETED = "deleted"
    PASSWORD_CHANGED = "password_changed"
    SECRET_CHANGED = "secret_changed"
    INVITED = "invited"
    INVITATION_ACCEPTED = "invitation_accepted"
    PASSWORD_RESET = "password_reset"
    EMAIL_SENT = "email_sent"
    EMAIL_FAILED = "email_failed"
    OTP_ENABLED = "otp_enabled"
    OTP_DISABLED = "otp_disabled"
    RECOVERY_CODE_USED = "recovery_code_used"
    SIGNED_IN = "signed_in"
    SIGN_IN_DELAYED = "sign_in_delayed"
    SESSIONS_ENDED = "sessions_ended"
    TOKEN_REUSED = "token_reused"


class SessionEnd(StrEnum):
    """Why a session has ended before its time."""

    SIGNED_OUT = "signed_out"
    REVOKED = "revoked"
    TOKEN_REUSED = "token_reused"
    PASSWORD_CHANGED = "password_changed"
    ACCOUNT_CLOSED = "account_closed"


class OneTimeTokenPurpose(StrEnum):
    INVITATION = "invitation"
    PASSWORD_RESET = "password_reset"


class AccountEmailKind(StrEnum):
    """What an e-mail of an account is for: two bring a link, the others say that something was changed."""

    INVITATION = "invitation"
    PASSWORD_RESET = "password_reset"
    PASSWORD_CHANGED = "password_changed"
    EMAIL_CHANGED = "email_changed"
    OTP_ENABLED = "otp_enabled"
    OTP_DISABLED = "otp_disabled"
    RECOVERY_CODE_USED = "recovery_code_used"
