"""What this service reads from the environment."""

from __future__ import annotations

from datetime import date, time, timedelta
from functools import cache
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from shared.runtime.contact_settings import EmailInterval
from shared.runtime.gateway_address import PublicAddress
from shared.runtime.hosts import is_loopback
from shared.runtime.mail_settings import MailSender, MailServerSettings
from shared.runtime.service_calls import CallingService, PatientServiceAddress
from shared.runtime.settings import (
    IN_WORKER,
    EnvironmentSettings,
    KeyRing,
    Password,
    Port,
    Seconds,
    Unit,
    WebPort,
    for_one_purpose,
)
from shared.texts import TextLanguage
from shared.values import email_headers
from shared.values.account_enums import Scope
from shared.values.contacts import EmailAddress
from shared.values.mail_enums import MailMode
from shared.values.practice_holidays import Days

HOURS: Final = r"^(([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9])?$"
FOLDER: Final = r"^[A-Za-z0-9][A-Za-z0-9 ._/&+,-]{0,99}$"
"""Of a folder on an IMAP server, in its own spelling (RFC 3501 has a form of UTF-7)."""
LONGEST_NAME_WITH_TOKEN: Final = 64 - len("+") - 48
"""Of an address: 64 characters may stand before the @ (RFC 5321), of which a token takes 48."""


@cache
def _days(written: str) -> tuple[Days, ...]:
    """The days of `2026-12-28/2027-01-02,2027-05-14`. Raises `ValueError`."""
    found = []
    for each in filter(None, (part.strip() for part in written.split(","))):
        first, _, last = each.partition("/")
        try:
            days = date.fromisoformat(first), date.fromisoformat(last or first)
        except ValueError:
            raise ValueError("must be days such as 2026-12-28/2027-01-02,2027-05-14") from None
        if days[1] < days[0]:
            raise ValueError("has days that end before they begin")
        found.append(days)
    return tuple(found)


class ContactRules(MailSender, EmailInterval):
    """How this agency contacts practices (docs/domain.md#contact-rule-4 and the next three), and who writes to them."""

    mail_from: EmailAddress = "vermittlung@agentur.example.org"
    """Who the e-mails are from: one address in ASCII."""
    mail_from_name: str = Field(default="Vermittlung von Therapieplätzen", min_length=1, max_length=100)
    """The name beside that address."""
    letter_language: TextLanguage = TextLanguage.DE
    """The language in which practices and patients are written to, and of the scripts for calls: de or en."""
    gathering_seconds: Seconds = Field(default=5, ge=0, le=86_400)
    """How long requests for one therapist gather before they become one inquiry (docs/domain.md#contact-rule-6)."""
    confirmation_delay_seconds: Seconds = Field(default=900, ge=0, le=86_400)
    """How long an acceptance that staff entered may be corrected before practice and patient are written to, and the
    practice learns who it is. What a practice answers itself, by the link in its e-mail, waits for nothing."""
    patients_together: Annotated[int, Unit("patients")] = Field(default=6, ge=1, le=20)
    """The most patients in one e-mail or call (docs/domain.md#contact-rule-6)."""
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
    inquiries_need_approval: bool = False
    """Whether every inquiry e-mail waits as a draft until somebody approves it (`POST /api/emails/{id}/approve`). An
    approval is for the patients in it: one who joins needs it anew, one who drops out does not."""
    emails_per_minute: Annotated[int, Unit("e-mails")] = Field(default=0, ge=0, le=10_000)
    """The most e-mails of any kind that are handed over in a minute; 0: no limit."""
    emails_per_hour: Annotated[int, Unit("e-mails")] = Field(default=0, ge=0, le=100_000)
    """The most e-mails of any kind that are handed over in an hour; 0: no limit."""
    mail_connections: Annotated[int, Unit("connections")] = Field(default=8, ge=1, le=20)
    """How many connections to the mail server a worker keeps while there are e-mails; each has one e-mail at a time.
    1: a connection of its own for each e-mail, one after the other."""
    sending_hours: Annotated[str, Field(pattern=HOURS)] = ""
    """When inquiry e-mails are handed over, such as 08:00-18:00: Berlin time, from Monday to Friday, not on a public
    holiday of all of Germany. Empty: at any time. Confirmations and withdrawals are answers and go at once."""
    days_between_progress_mails: Annotated[int, Unit("days")] = Field(default=7, ge=0, le=366)
    """After so many Berlin calendar days patients who consent to e-mails are written to how their search goes on: since
    it began, and since the last such e-mail. 0: never."""
    mail_mode: MailMode = MailMode.SEND
    """What becomes of e-mails to practices. redirect: each goes to CONTACT_REDIRECT_TO and says whom it was for;
    dry_run: none goes, each is recorded as sent. Cooldowns and follow-up calls act as always, and `mode` of an e-mail
    says it: such a database is for trying out, not for going on with."""
    redirect_to: Annotated[str, Field(validate_default=True)] = ""
    """Where e-mails go with CONTACT_MAIL_MODE=redirect."""
    link_days: Annotated[int, Unit("days")] = Field(default=180, ge=30, le=3660)
    """How long links in e-mails are valid, from the day on which the e-mail is handed over."""
    reply_tokens: bool = False
    """Whether practices answer to an address of their own for each e-mail (`name+token@domain`), by which an answer is
    known where the mail program loses everything else. The mail server must deliver it to CONTACT_MAIL_FROM."""

    reply_days: Annotated[int, Unit("days")] = Field(default=90, ge=7, le=366)
    """How long what came back by e-mail is kept (`GET /api/replies`), and how old an e-mail may be that is read. What
    staff confirmed in it stays, as every answer does."""

    @property
    def gathering(self) -> timedelta:
        """How long requests gather."""
        return timedelta(seconds=self.gathering_seconds)

    @property
    def confirmation_delay(self) -> timedelta:
        """How long an acceptance that staff entered may be corrected before it is confirmed."""
        return timedelta(seconds=self.confirmation_delay_seconds)

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

    @property
    def hours_of_sending(self) -> tuple[time, time] | None:
        """From when until when inquiries are handed over on working days; None: at any time."""
        if not self.sending_hours:
            return None
        start, end = map(time.fromisoformat, self.sending_hours.split("-"))
        return start, end

    @field_validator("sending_hours")
    @classmethod
    def _ends_after_it_starts(cls, hours: str) -> str:
        start, _, end = hours.partition("-")
        if hours and start >= end:
            raise ValueError("must end after it starts, on the same day: 08:00-18:00")
        return hours

    @field_validator("redirect_to")
    @classmethod
    def _names_an_address_to_redirect_to(cls, address: str, others: ValidationInfo) -> str:
        if others.data.get("mail_mode") == MailMode.REDIRECT and not address:
            raise ValueError("CONTACT_MAIL_MODE=redirect needs an address")
        return address and email_headers.address(address)

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


class MailboxSettings(EnvironmentSettings):
    """The mailbox into which answers and bounces come; only workers know it."""

    imap_tls: Annotated[Literal["none", "starttls", "tls"], IN_WORKER] = "tls"
    """none, starttls or tls; none is refused, except to this machine. An authority that this machine trusts must vouch
    for the server's certificate; for one of your own, the environment variable SSL_CERT_FILE names its certificate."""
    imap_username: Annotated[str, IN_WORKER] = ""
    """The account of the mailbox; ASCII."""
    imap_password: Annotated[SecretStr, IN_WORKER] = SecretStr("")
    """The password of that account; ASCII."""
    imap_host: Annotated[str, IN_WORKER] = ""
    """Where the mailbox of CONTACT_MAIL_FROM is read, to which practices answer and mail servers return e-mails. Empty:
    no mailbox is read."""
    imap_port: Annotated[Port, IN_WORKER] = 993
    """The port of that server."""
    imap_folder: Annotated[str, Field(pattern=FOLDER), IN_WORKER] = "INBOX"
    """The folder that is read. What was read is marked as read and stays there."""

    @field_validator("imap_username", "imap_password")
    @classmethod
    def _can_be_said(cls, credential: str | SecretStr) -> str | SecretStr:
        text = credential if isinstance(credential, str) else credential.get_secret_value()
        if not (text.isascii() and text.isprintable()):
            raise ValueError("must be printable ASCII: IMAP servers do not agree on how other characters are sent")
        return credential

    @field_validator("imap_host")
    @classmethod
    def _keeps_what_is_read_secret(cls, host: str, others: ValidationInfo) -> str:
        if host and others.data.get("imap_tls") == "none" and not is_loopback(host):
            raise ValueError("IMAP_TLS=none would send the password and all e-mails in clear: set starttls or tls")
        return host


class Settings(CallingService, MailServerSettings, MailboxSettings, PatientServiceAddress, PublicAddress):
    """What the communication service reads beside what every service does."""

    service: ClassVar[str] = "communication_service"
    scopes: ClassVar[frozenset[Scope]] = frozenset(
        {Scope.PRACTICE_SUMMARIES_READ, Scope.PATIENT_IDENTITIES_READ, Scope.PATIENT_ADDRESSES_READ}
    )

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
