"""What this service's endpoints and listeners need beside the database."""

from __future__ import annotations

from dataclasses import dataclass

from matching_service.settings import (
    DEFAULT_INTERVAL,
    DEFAULT_ORGANISATION,
    DEFAULT_PLAN_RULES,
    DEFAULT_WEIGHTS,
    AskAgainRules,
    ContactPlanRules,
    Organisation,
    ScoreWeights,
    Settings,
)
from shared.security.key_rings import KeyRings
from shared.security.patient_texts import PatientTexts, rings_of


@dataclass(frozen=True)
class Dependencies:
    """Made once for each process."""

    rules: AskAgainRules
    """When a practice that said no or "later" is asked again."""
    texts: PatientTexts
    """Encrypts and decrypts notes and reasons."""
    weights: ScoreWeights = DEFAULT_WEIGHTS
    """What the agency weighs in a score."""
    plan_rules: ContactPlanRules = DEFAULT_PLAN_RULES
    """What bounds a weekly contact plan."""
    organisation: Organisation = DEFAULT_ORGANISATION
    """Who searches, as the evidence of a search names it."""
    days_between_emails: int = DEFAULT_INTERVAL.days_between_emails
    """How often a practice can be written to."""
    days_between_email_and_call: int = DEFAULT_INTERVAL.days_between_email_and_call
    """How far apart letters and calls are."""

    @classmethod
    def of(cls, settings: Settings) -> Dependencies:
        """With the rules and the ring of keys that the settings name."""
        return cls(
            settings.ask_again,
            PatientTexts.of(settings.text_key),
            settings.score,
            settings.contact_plan,
            settings.organisation,
            settings.contact.days_between_emails,
            settings.contact.days_between_email_and_call,
        )

    @property
    def rings(self) -> KeyRings:
        """The ring whose keys wrap those of patients."""
        return rings_of(self.texts, "MATCHING_SERVICE_TEXT_KEY")
