"""What this service reads from the environment."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from pydantic import Field

from shared.runtime.contact_settings import EmailInterval
from shared.runtime.settings import KeyRing, Password, ServiceSettings, SettingsGroup, Unit, WebPort, for_one_purpose

Days = Annotated[int, Unit("days")]
Points = Annotated[int, Unit("points")]


class AskAgainRules(SettingsGroup):
    """When a practice is asked again for a patient (docs/domain.md#contact-rule-8), in Berlin calendar days."""

    days_after_refusal: Days = Field(default=28, ge=1, le=366)
    """After a refusal, the therapist may be asked again for that patient from this many days after it
    (docs/domain.md#contact-rule-8)."""
    days_after_no_answer: Days = Field(default=28, ge=1, le=366)
    """Where nobody was reached in all attempts, the therapist may be asked again for that patient from this many days
    after the last of them (docs/domain.md#contact-rule-8)."""
    days_before_named_date: Days = Field(default=28, ge=0, le=366)
    """Who said "later" and named a date is asked again this many days before it (docs/domain.md#contact-rule-8)."""
    days_without_a_date: Days = Field(default=28, ge=1, le=366)
    """Who said "later" and named no date is asked again this many days after the answer
    (docs/domain.md#contact-rule-8)."""
    days_at_least: Days = Field(default=7, ge=1, le=366)
    """Who said "later" is left alone for this many days, unless the date named comes first
    (docs/domain.md#contact-rule-8)."""


class ScoreWeights(SettingsGroup):
    """What the terms of a score count, and what bounds them (docs/domain.md#matching-score): chosen, not measured."""

    potentially_available_points: Points = Field(default=24, ge=0, le=100)
    """Where staff hint that a place may be free, or none (docs/domain.md#matching-score)."""
    capacity_points: Points = Field(default=12, ge=0, le=100)
    """At most so many for a place that is stated to be free in a setting that fits, from when and since when it was
    said (docs/domain.md#matching-score)."""
    nearness_points: Points = Field(default=20, ge=0, le=100)
    """At most so many for a short route; none at the limit of the patient's radius (docs/domain.md#matching-score)."""
    certainty_points: Points = Field(default=14, ge=0, le=100)
    """So many where every criterion can be checked (docs/domain.md#matching-score)."""
    points_lost_per_unknown: Points = Field(default=2, ge=0, le=100)
    """Certainty loses so many for each criterion that is unknown (docs/domain.md#matching-score)."""
    preferred_diagnosis_points: Points = Field(default=6, ge=0, le=100)
    """Where the practice prefers the group of the patient's diagnosis and the patient consents to its being known; 0:
    preferences of practices do not rank (docs/domain.md#matching-score)."""
    wishes_points: Points = Field(default=6, ge=0, le=100)
    """At most so many for the patient's wishes that are known to be met (docs/domain.md#matching-score)."""
    response_points: Points = Field(default=8, ge=0, le=100)
    """At most so many for how often the practice has accepted patients (docs/domain.md#matching-score)."""
    load_points: Points = Field(default=5, ge=0, le=100)
    """At most so many where few patients are asked for at the practice this week (docs/domain.md#matching-score)."""
    fairness_points: Points = Field(default=5, ge=0, le=100)
    """At most so many where no patient who has searched for longer waits for this practice
    (docs/domain.md#matching-score)."""
    days_ahead: Days = Field(default=180, ge=1, le=3660)
    """A place that is free only after so many days counts as none (docs/domain.md#matching-score)."""
    days_until_stale: Days = Field(default=180, ge=1, le=3660)
    """What was said of places so many days ago or earlier counts as unknown (docs/domain.md#matching-score)."""
    acceptance_percent: Annotated[int, Unit("percent")] = Field(default=25, ge=1, le=100)
    """A practice that accepts so many of a hundred requests has all points for its answers
    (docs/domain.md#matching-score)."""
    requests_of_a_full_week: Annotated[int, Unit("requests")] = Field(default=3, ge=1, le=100)
    """With so many requests this week, or so many patients who wait there for longer, nothing is left of load or
    fairness (docs/domain.md#matching-score)."""


class ContactPlanRules(SettingsGroup):
    """What bounds a weekly contact plan, unless its request says otherwise (docs/domain.md#contact-plan)."""

    requests_per_patient: Annotated[int, Unit("requests")] = Field(default=5, ge=1, le=20)
    """For each patient at most so many therapists are asked in a week, those asked already included
    (docs/domain.md#contact-plan)."""
    patients_per_therapist: Annotated[int, Unit("patients")] = Field(default=3, ge=1, le=6)
    """A practice is asked for at most so many patients in a week (docs/domain.md#contact-plan)."""
    requests_for_everyone: Annotated[int, Unit("requests")] = Field(default=1, ge=0, le=20)
    """Nobody has more than this before as many patients as possible have it, however long others have waited
    (docs/domain.md#contact-plan)."""
    minutes_per_practice: Annotated[int, Unit("minutes")] = Field(default=8, ge=1, le=240)
    """So many minutes of callers' hours a practice takes that is to be called in a week, with the calls that nobody
    answers: a call is planned with five, and takes 1.6 attempts in the simulation (docs/domain.md#contact-plan)."""


class Organisation(SettingsGroup):
    """Who searches places for patients, as the evidence of a search names it."""

    name: str = Field(default="Vermittlung von Therapieplätzen", min_length=1, max_length=100)
    """The name of the organisation, above the evidence of a search."""
    address: str = Field(default="", max_length=200)
    """Its address in one line, beneath its name; empty: none is shown."""


DEFAULT_WEIGHTS: Final = ScoreWeights()
DEFAULT_PLAN_RULES: Final = ContactPlanRules()
DEFAULT_ORGANISATION: Final = Organisation()
DEFAULT_INTERVAL: Final = EmailInterval()


class Settings(ServiceSettings):
    """What the matching service reads beside what every service does."""

    service: ClassVar[str] = "matching_service"

    database_password: Password = Field(validation_alias="MATCHING_SERVICE_DATABASE_PASSWORD")
    kafka_password: Password = Field(validation_alias="MATCHING_SERVICE_KAFKA_PASSWORD")
    port: WebPort = Field(default=8003, validation_alias="MATCHING_SERVICE_PORT")
    text_key: KeyRing = Field(validation_alias="MATCHING_SERVICE_TEXT_KEY")
    """Wraps the keys of patients that encrypt notes and reasons in the matching service. Keep a copy apart from the
    database and its backups: without it nobody can read them again. A ring of several while it is replaced, as
    docs/keys.md says."""
    ask_again: AskAgainRules = AskAgainRules()
    score: ScoreWeights = DEFAULT_WEIGHTS
    contact_plan: ContactPlanRules = DEFAULT_PLAN_RULES
    organisation: Organisation = DEFAULT_ORGANISATION
    contact: EmailInterval = DEFAULT_INTERVAL

    _text_key_has_one_purpose = for_one_purpose("text_key", other_than=("digest_key",))
