"""What this service reads from the environment."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from typing import Annotated, ClassVar

from pydantic import Field, ValidationInfo, field_validator

from shared.runtime.gateway_address import PublicAddress
from shared.runtime.mail_settings import MailSender, MailServerSettings
from shared.runtime.service_calls import CallingService, PatientServiceAddress
from shared.runtime.settings import KeyRing, Password, Seconds, Unit, WebPort, for_one_purpose
from shared.values.account_enums import Scope
from shared.values.contacts import EmailAddress

LONGEST_NAME_WITH_TOKEN = 64 - len("+") - 48
"""Of an address: 64 characters may stand before the @ (RFC 5321), of which a token takes 48."""

Days = tuple[date, date]
"""The first and the last of some days."""


@cache
def _days(written: str) -> tuple[Days, ...]:
    """The days of `2026-12-28/2027-01-02,2027-05-14`. Raises `ValueError`."""
    found = []
    for each in filter(None, (part.strip() for part in written.split(","))):
        first, _, last = each.partition("/")
        days = date.fromisoformat(first), date.fromisoformat(last or first)
        if days[1] < days[0]:
            raise ValueError(f"{each} ends before it begins")
        found.append(days)
    return tuple(found)


class ContactRules(MailSender):
    """How this agency contacts practices (docs/domain.md#contact-rule-4 and the next three), and who writes to them."""

    mail_from: EmailAddress = "vermittlung@agentur.example.org"
    """Who the e-mails are from: one address in ASCII."""
    mail_from_name: str = Field(default="Vermittlung von Therapieplätzen", min_length=1, max_length=100)
    """The name beside that address."""
    gathering_seconds: Seconds = Field(default=5, ge=0, le=86_400)
    """How long requests for one therapist gather before they become one inquiry (docs/domain.md#contact-rule-6)."""
    patients_together: Annotated[int, Unit("patients")] = Field(default=6, ge=1, le=20)
    """The most patients in one e-mail or call (docs/domain.md#contact-rule-6)."""
    days_between_emails: Annotated[int, Unit("days")] = Field(default=7, ge=1, le=366)
    """A therapist, and an e-mail address, gets at most one inquiry e-mail in this many Berlin calendar days
    (docs/domain.md#contact-rule-5)."""
    days_until_call: Annotated[int, Unit("days")] = Field(default=7, ge=1, le=366)
    """An inquiry e-mail without an answer for this many Berlin calendar days is followed by a call
    (docs/domain.md#contact-rule-4)."""
    call_minutes: Annotated[int, Unit("minutes")] = Field(default=5, ge=5, le=60, multiple_of=5)
    """How long a planned call is: a multiple of 5 (docs/domain.md#contact-rule-7)."""
    call_step_minutes: Annotated[int, Unit("minutes")] = Field(default=5, ge=1, le=60)
    """Calls start when the clock shows a multiple of this, which divides an hour (docs/domain.md#contact-rule-7)."""
    call_attempts: Annotated[int, Unit("calls")] = Field(default=3, ge=1, le=100)
    """How often a practice is called for a request before it counts as not reached (docs/domain.md#contact-rule-7)."""
    call_again_busy_minutes: Annotated[int, Unit("minutes")] = Field(default=15, ge=1, le=1440)
    """After so long a practice is called again that was busy (docs/domain.md#contact-rule-7)."""
    call_again_voicemail_hours: Annotated[int, Unit("hours")] = Field(default=24, ge=1, le=720)
    """After so long a practice is called again at which voicemail answered (docs/domain.md#contact-rule-7)."""
    call_claim_minutes: Annotated[int, Unit("minutes")] = Field(default=15, ge=1, le=240)
    """How long somebody who claims a call has it, unless the claim is renewed (docs/domain.md#contact-rule-7)."""
    call_horizon_days: Annotated[int, Unit("days")] = Field(default=60, ge=1, le=366)
    """How far ahead a call is planned (docs/domain.md#contact-rule-7); who has no free time until then waits."""
    closing_days: str = Field(default="", max_length=4000)
    """Days on which the agency phones nobody, beside public holidays and 24 and 31 December: `2027-05-14`, or
    `2026-12-28/2027-01-02` from the first to the last of several, separated by commas
    (docs/domain.md#contact-rule-7)."""
    email_retry_seconds: Seconds = Field(default=60, ge=0.1, le=3600)
    """Until an e-mail is tried again that the mail server took only "later"; the pause doubles, up to an hour. With a
    mail server that takes no e-mails at all it doubles up to 15 minutes."""
    link_days: Annotated[int, Unit("days")] = Field(default=180, ge=30, le=3660)
    """How long links in e-mails are valid, from the day on which the e-mail is handed over."""
    reply_tokens: bool = False
    """Whether practices answer to an address of their own for each e-mail (`name+token@domain`), by which an answer is
    known where the mail program loses everything else. The mail server must deliver it to CONTACT_MAIL_FROM."""

    @property
    def gathering(self) -> timedelta:
        """How long requests gather."""
        return timedelta(seconds=self.gathering_seconds)

    @property
    def call_length(self) -> timedelta:
        """How long a call is."""
        return timedelta(minutes=self.call_minutes)

    @property
    def call_lease(self) -> timedelta:
        """How long a claim of a call lasts."""
        return timedelta(minutes=self.call_claim_minutes)

    @property
    def closed_days(self) -> tuple[Days, ...]:
        """The days on which the agency is closed."""
        return _days(self.closing_days)

    @property
    def email_retry(self) -> timedelta:
        """The first pause after an e-mail was not taken."""
        return timedelta(seconds=self.email_retry_seconds)

    @property
    def link_lifetime(self) -> timedelta:
        """How long links are valid."""
        return timedelta(days=self.link_days)

    @field_validator("closing_days")
    @classmethod
    def _are_days(cls, written: str) -> str:
        _days(written)
        return written

    @field_validator("call_step_minutes")
    @classmethod
    def _divides_an_hour(cls, minutes: int) -> int:
        if 60 % minutes:
            raise ValueError("must divide an hour: 5, 10, 15, …")
        return minutes

    @field_validator("reply_tokens")
    @classmethod
    def _leaves_room_for_a_token(cls, wanted: bool, others: ValidationInfo) -> bool:
        name = str(others.data.get("mail_from", "")).rpartition("@")[0]
        if wanted and len(name) > LONGEST_NAME_WITH_TOKEN:
            raise ValueError(f"needs at most {LONGEST_NAME_WITH_TOKEN} characters before the @ of CONTACT_MAIL_FROM")
        return wanted


class Settings(CallingService, MailServerSettings, PatientServiceAddress, PublicAddress):
    """What the communication service reads beside what every service does."""

    service: ClassVar[str] = "communication_service"
    scopes: ClassVar[frozenset[Scope]] = frozenset({Scope.PRACTICE_SUMMARIES_READ})

    database_password: Password = Field(validation_alias="COMMUNICATION_SERVICE_DATABASE_PASSWORD")
    kafka_password: Password = Field(validation_alias="COMMUNICATION_SERVICE_KAFKA_PASSWORD")
    port: WebPort = Field(default=8004, validation_alias="COMMUNICATION_SERVICE_PORT")
    client_secret: Password = Field(validation_alias="COMMUNICATION_SERVICE_CLIENT_SECRET")
    text_key: KeyRing = Field(validation_alias="COMMUNICATION_SERVICE_TEXT_KEY")
    """Wraps the keys of patients that encrypt letters and notes in the communication service. Keep a copy apart from
    the database and its backups: without it nobody can read them again. A ring of several while it is replaced, as
    docs/keys.md says."""
    link_key: KeyRing = Field(validation_alias="COMMUNICATION_SERVICE_LINK_KEY")
    """Signs the links in e-mails to practices, and the addresses that they answer to. Without it links in e-mails that
    have gone out are not valid any more. A ring of several while it is replaced, as docs/keys.md says."""
    contact: ContactRules = ContactRules()

    _text_key_has_one_purpose = for_one_purpose("text_key", other_than=("digest_key",))
    _link_key_has_one_purpose = for_one_purpose("link_key", other_than=("digest_key", "text_key"))
