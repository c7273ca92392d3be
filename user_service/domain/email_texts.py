"""What people read in invitations and password resets: in German, below that in English, since nobody knows yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.values.account_enums import OneTimeTokenPurpose
from shared.values.datetimes import BERLIN
from shared.values.emails import EmailText
from shared.values.text import one_line


@dataclass(frozen=True)
class Words:
    """The sentences of one kind of e-mail in one language; `{…}` stands for what the function `of` fills in."""

    subject: str
    text: str


GERMAN = {
    OneTimeTokenPurpose.INVITATION: Words(
        "Ihre Einladung",
        """Guten Tag {name},

für Sie wurde ein Konto angelegt. Bitte wählen Sie hier Ihr Passwort:

{link}

Der Link gilt einmal und bis {day}, {time} Uhr. Danach kann die Verwaltung Sie neu einladen.
Wenn Sie damit nichts anfangen können, brauchen Sie nichts zu tun.
""",
    ),
    OneTimeTokenPurpose.PASSWORD_RESET: Words(
        "Neues Passwort",
        """Guten Tag {name},

für Ihr Konto wurde ein neues Passwort angefordert. Hier können Sie es wählen:

{link}

Der Link gilt einmal und bis {day}, {time} Uhr. Ihr bisheriges Passwort gilt, bis Sie ein neues gewählt haben.
Wenn Sie das nicht selbst waren, brauchen Sie nichts zu tun. Geben Sie den Link niemandem weiter.
""",
    ),
}
ENGLISH = {
    OneTimeTokenPurpose.INVITATION: Words(
        "Your invitation",
        """Hello {name},

an account was made for you. Please choose your password here:

{link}

The link can be used once, until {day}, {time} (Berlin). After that the administrators can invite you again.
If you do not know what this is about, you need not do anything.
""",
    ),
    OneTimeTokenPurpose.PASSWORD_RESET: Words(
        "New password",
        """Hello {name},

somebody asked for a new password of your account. You can choose it here:

{link}

The link can be used once, until {day}, {time} (Berlin). Your present password counts until you have chosen a new one.
If it was not you, you need not do anything. Do not pass the link on to anybody.
""",
    ),
}
BETWEEN = "\n----------------------------------------\n\n"


def of(purpose: OneTimeTokenPurpose, *, name: str, link: str, valid_until: datetime) -> EmailText:
    """The text of an e-mail with this link. `valid_until` is shown as the clocks in Berlin show it."""
    german, english, until = GERMAN[purpose], ENGLISH[purpose], valid_until.astimezone(BERLIN)
    known = {"name": one_line(name), "link": link, "time": f"{until:%H:%M}"}
    return EmailText(
        subject=f"{german.subject} / {english.subject}",
        text=german.text.format(day=f"{until:%d.%m.%Y}", **known)
        + BETWEEN
        + english.text.format(day=f"{until:%Y-%m-%d}", **known),
    )
