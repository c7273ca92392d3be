"""What a caller says, by the templates for calls."""

from __future__ import annotations

from collections.abc import Sequence

from communication_service.domain import email_texts, templates
from communication_service.domain.template_schemas import CallScript
from communication_service.domain.template_values import VoicemailScriptValues
from communication_service.settings import ContactRules
from communication_service.store.tables import PatientPseudonym, PracticeCopy
from shared.database import Session
from shared.values.enums import TemplateKind


def script(
    session: Session,
    therapist: PracticeCopy,
    patients: Sequence[PatientPseudonym],
    *,
    rules: ContactRules,
) -> CallScript:
    """Returns what to say to this practice about these patients, and to its machine."""
    language = rules.letter_language
    values = email_texts.call_values(therapist, patients, sender=rules.sender, language=language)
    opening = templates.render(session, TemplateKind.CALL_SCRIPT, values, language=language)
    to_machine = VoicemailScriptValues(values.practice, values.sender, values.number)
    voicemail = templates.render(session, TemplateKind.VOICEMAIL_SCRIPT, to_machine, language=language)
    return CallScript(
        opening=opening.letter.whole().text,
        voicemail=voicemail.letter.whole().text,
        template_id=opening.template_id,
        version=opening.version,
        voicemail_template_id=voicemail.template_id,
        voicemail_version=voicemail.version,
    )
