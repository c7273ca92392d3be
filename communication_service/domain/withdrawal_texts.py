"""What a practice reads when it need not answer any more: references alone, as text and as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from communication_service.domain.email_parts import Letter
from communication_service.domain.email_texts import greeting
from communication_service.store.tables import PracticeCopy
from shared.values.emails import EmailText, Sender
from shared.values.text import one_line

BEFORE = "vor Kurzem haben wir bei Ihnen nach einem Therapieplatz gefragt. Diese Anfrage hat sich erledigt:"
AFTER = "Sie brauchen nichts weiter zu tun. Vielen Dank für Ihre Zeit."
PLACED = "hat inzwischen einen Therapieplatz gefunden"
WITHDRAWN = "Anfrage zurückgezogen"


@dataclass(frozen=True)
class Withdrawn:
    """One patient of whom a practice was asked."""

    reference: str
    has_place: bool
    """Whether another practice has offered a place that the patient takes up."""


def withdrawal(practice: PracticeCopy, patients: Sequence[Withdrawn], *, sender: Sender) -> Letter:
    """Returns the e-mail which says that a practice is asked for these patients no more."""
    hello, name, address = (one_line(each) for each in (greeting(practice), sender.name, sender.address))
    before = EmailText(
        "Unsere Anfrage hat sich erledigt (",
        f"{hello},\n\n{BEFORE}\n\n",
        f'<!DOCTYPE html>\n<html lang="de">\n<body>\n<p>{escape(hello)},</p>\n<p>{BEFORE}</p>\n<ul>\n',
    )
    after = EmailText(
        ")",
        f"\n{AFTER}\n\nMit freundlichen Grüßen\n{name}\n{address}\n",
        f"</ul>\n<p>{AFTER}</p>\n<p>Mit freundlichen Grüßen<br>{escape(name)}<br>{escape(address)}</p>\n"
        "</body>\n</html>\n",
    )
    return Letter(before, [_part(each) for each in patients], after)


def _part(patient: Withdrawn) -> EmailText:
    reference, said = one_line(patient.reference), PLACED if patient.has_place else WITHDRAWN
    return EmailText(reference, f"- {reference}: {said}\n", f"<li>{escape(reference)}: {said}</li>\n")
