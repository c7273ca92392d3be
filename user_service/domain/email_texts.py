"""What people read in the e-mails of their account: in German, below that in English, since nobody knows yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.values.account_enums import AccountEmailKind
from shared.values.datetimes import BERLIN
from shared.values.emails import EmailText
from shared.values.text import one_line


@dataclass(frozen=True)
class EmailWording:
    """The sentences of one kind of e-mail in one language; `{…}` stands for what the function `of` fills in."""

    subject: str
    text: str


def _german_notice(subject: str, sentence: str) -> EmailWording:
    return EmailWording(
        subject,
        f"""Guten Tag {{name}},

{sentence} Das war am {{day}} um {{time}} Uhr.

Wenn Sie das selbst waren, brauchen Sie nichts zu tun.
Wenn nicht, setzen Sie bitte gleich Ihr Passwort zurück und sagen Sie der Verwaltung Bescheid: {{link}}
""",
    )


def _english_notice(subject: str, sentence: str) -> EmailWording:
    return EmailWording(
        subject,
        f"""Hello {{name}},

{sentence} That was on {{day}} at {{time}} (Berlin).

If it was you, you need not do anything.
If not, please reset your password now, and let the administrators know: {{link}}
""",
    )


GERMAN = {
    AccountEmailKind.INVITATION: EmailWording(
        "Ihre Einladung",
        """Guten Tag {name},

für Sie wurde ein Konto angelegt. Bitte wählen Sie hier Ihr Passwort:

{link}

Der Link gilt einmal und bis {day}, {time} Uhr. Danach kann die Verwaltung Sie neu einladen.
Wenn Sie damit nichts anfangen können, brauchen Sie nichts zu tun.
""",
    ),
    AccountEmailKind.PASSWORD_RESET: EmailWording(
        "Neues Passwort",
        """Guten Tag {name},

für Ihr Konto wurde ein neues Passwort angefordert. Hier können Sie es wählen:

{link}

Der Link gilt einmal und bis {day}, {time} Uhr. Ihr bisheriges Passwort gilt, bis Sie ein neues gewählt haben.
Wenn Sie das nicht selbst waren, brauchen Sie nichts zu tun. Geben Sie den Link niemandem weiter.
""",
    ),
    AccountEmailKind.PASSWORD_CHANGED: _german_notice(
        "Ihr Passwort wurde geändert", "das Passwort Ihres Kontos wurde geändert."
    ),
    AccountEmailKind.EMAIL_CHANGED: EmailWording(
        "Ihre E-Mail-Adresse wurde geändert",
        """Guten Tag {name},

die E-Mail-Adresse Ihres Kontos wurde geändert: an diese hier geht von nun an nichts mehr.
Das war am {day} um {time} Uhr.

Wenn Sie davon wissen, brauchen Sie nichts zu tun.
Wenn nicht, sagen Sie bitte gleich der Verwaltung Bescheid: {link}
""",
    ),
    AccountEmailKind.OTP_ENABLED: _german_notice(
        "Einmalpasswörter sind eingeschaltet",
        "für Ihr Konto wurden Einmalpasswörter eingeschaltet, mit neuen Wiederherstellungscodes.",
    ),
    AccountEmailKind.OTP_DISABLED: _german_notice(
        "Einmalpasswörter sind ausgeschaltet",
        "für Ihr Konto wurden Einmalpasswörter ausgeschaltet; die Wiederherstellungscodes gelten nicht mehr.",
    ),
    AccountEmailKind.RECOVERY_CODE_USED: _german_notice(
        "Ein Wiederherstellungscode wurde benutzt",
        "mit einem Ihrer Wiederherstellungscodes hat sich jemand angemeldet; er gilt nicht mehr.",
    ),
}
ENGLISH = {
    AccountEmailKind.INVITATION: EmailWording(
        "Your invitation",
        """Hello {name},

an account was made for you. Please choose your password here:

{link}

The link can be used once, until {day}, {time} (Berlin). After that the administrators can invite you again.
If you do not know what this is about, you need not do anything.
""",
    ),
    AccountEmailKind.PASSWORD_RESET: EmailWording(
        "New password",
        """Hello {name},

somebody asked for a new password of your account. You can choose it here:

{link}

The link can be used once, until {day}, {time} (Berlin). Your present password stays valid until you choose a new one.
If it was not you, you need not do anything. Do not pass the link on to anybody.
""",
    ),
    AccountEmailKind.PASSWORD_CHANGED: _english_notice(
        "Your password was changed", "the password of your account was changed."
    ),
    AccountEmailKind.EMAIL_CHANGED: EmailWording(
        "Your e-mail address was changed",
        """Hello {name},

the e-mail address of your account was changed: from now on nothing is sent to this one.
That was on {day} at {time} (Berlin).

If you know about it, you need not do anything.
If not, please let the administrators know now: {link}
""",
    ),
    AccountEmailKind.OTP_ENABLED: _english_notice(
        "One-time passwords are on", "one-time passwords were turned on for your account, with new recovery codes."
    ),
    AccountEmailKind.OTP_DISABLED: _english_notice(
        "One-time passwords are off",
        "one-time passwords were turned off for your account; its recovery codes are not valid any more.",
    ),
    AccountEmailKind.RECOVERY_CODE_USED: _english_notice(
        "A recovery code was used", "somebody signed in with one of your recovery codes, which is now used up."
    ),
}
BETWEEN = "\n----------------------------------------\n\n"


def of(kind: AccountEmailKind, *, name: str, link: str, at: datetime) -> EmailText:
    """The text of an e-mail with this link. `at`, shown as the clocks in Berlin do, is when it runs out or happened."""
    german, english, local = GERMAN[kind], ENGLISH[kind], at.astimezone(BERLIN)
    known = {"name": one_line(name), "link": link, "time": f"{local:%H:%M}"}
    return EmailText(
        subject=f"{german.subject} / {english.subject}",
        text=german.text.format(day=f"{local:%d.%m.%Y}", **known)
        + BETWEEN
        + english.text.format(day=f"{local:%Y-%m-%d}", **known),
    )
