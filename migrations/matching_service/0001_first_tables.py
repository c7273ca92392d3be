"""first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import shared.values.places
import shared.values.weekly
from migrations.computed_columns import COUNTED, JUDGED, traits_and_position
from migrations.shared_tables import aggregate_columns, create_shared_tables, drop_shared_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_shared_tables(patient_keys=True)
    op.create_table(
        "patients",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("diagnosis_block", sa.Text(), nullable=True),
        sa.Column("insurance_type", sa.Text(), nullable=True),
        sa.Column("health_insurer_ik", sa.Text(), nullable=True),
        sa.Column("reimbursement_case", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("age_groups", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("availability", shared.values.weekly.WeeklyColumn(), nullable=True),
        sa.Column("max_distance_km", sa.Double(), nullable=True),
        sa.Column("max_travel_minutes", sa.Integer(), nullable=True),
        sa.Column("travel_mode", sa.Text(), server_default="car", nullable=False),
        sa.Column("open_to_group_therapy", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("preferred_therapist_gender", sa.Text(), server_default="any", nullable=False),
        sa.Column("preferred_procedures", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("languages", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("excluded_therapist_ids", sa.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("search_started_on", sa.Date(), nullable=True),
        sa.Column("days_paused", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("paused_since", sa.Date(), nullable=True),
        sa.Column("placement_request_id", sa.Uuid(), nullable=True),
        sa.Column("placement_state", sa.Text(), nullable=True),
        sa.Column("merged_into", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("geocoded_address", sa.Text(), nullable=True),
        sa.Column("geocoded_place", shared.values.places.PlaceColumn(), nullable=True),
        sa.Column("geocoded_sequence", sa.BigInteger(), server_default=sa.text("-1"), nullable=False),
        sa.Column("geocoded_event_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "place",
            shared.values.places.PlaceColumn(),
            sa.Computed("CASE WHEN geocoded_address = address THEN geocoded_place END", persisted=True),
            nullable=True,
        ),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("written_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("erased", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patients")),
    )
    op.create_index(
        "ix_patients_merged_into",
        "patients",
        ["merged_into"],
        unique=False,
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )
    op.create_table(
        "placement_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("therapist_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("hold", sa.Text(), nullable=True),
        sa.Column("priority", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("overridden_rules", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("override_reasons", sa.LargeBinary(), nullable=True),
        sa.Column("inquiry_id", sa.Uuid(), nullable=True),
        sa.Column("inquiry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("emailed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("responded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("available_from", sa.Date(), nullable=True),
        sa.Column("next_contact_after", sa.Date(), nullable=True),
        sa.Column("withdrawn_reason", sa.Text(), nullable=True),
        sa.Column("placed_on", sa.Date(), nullable=True),
        sa.Column("days_until_placed", sa.Integer(), nullable=True),
        sa.Column("days_paused", sa.Integer(), nullable=True),
        sa.Column("first_session_on", sa.Date(), nullable=True),
        sa.Column("confirmed_on", sa.Date(), nullable=True),
        sa.Column("failed_on", sa.Date(), nullable=True),
        sa.Column("failure_reason", sa.Text(), nullable=True),
        sa.Column("sessions_held", sa.Integer(), nullable=True),
        sa.Column("place_ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer_entry_id", sa.Uuid(), nullable=True),
        sa.Column("merged_into", sa.Uuid(), nullable=True),
        sa.Column("unmet_criteria", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("compared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        *aggregate_columns(),
        sa.CheckConstraint(
            "(status IN ('deferred', 'no_answer')) = (next_contact_after IS NOT NULL)",
            name=op.f("ck_placement_requests_next_contact_after"),
        ),
        sa.CheckConstraint(
            "(status = 'withdrawn') = (withdrawn_reason IS NOT NULL)",
            name=op.f("ck_placement_requests_withdrawn_reason"),
        ),
        sa.CheckConstraint(
            "place_ended_at IS NULL OR status = 'placed'", name=op.f("ck_placement_requests_only_a_place_ends")
        ),
        sa.CheckConstraint(
            "confirmed_on IS NULL OR status IN ('placed', 'failed')",
            name=op.f("ck_placement_requests_only_a_place_works"),
        ),
        sa.CheckConstraint(
            "(status = 'failed') = (failed_on IS NOT NULL)", name=op.f("ck_placement_requests_failed_on")
        ),
        sa.CheckConstraint(
            "failure_reason IN ('no_show', 'patient_left', 'therapist_left', 'not_suitable', 'other')",
            name=op.f("ck_placement_requests_failure_reason"),
        ),
        sa.CheckConstraint("merged_into <> id", name=op.f("ck_placement_requests_merged_into_another")),
        sa.CheckConstraint("hold IN ('search_paused', 'accepted_elsewhere')", name=op.f("ck_placement_requests_hold")),
        sa.CheckConstraint(
            "outcome IN ('accepted', 'declined_capacity', 'declined_unsuitable', 'declined_other', 'later')",
            name=op.f("ck_placement_requests_outcome"),
        ),
        sa.CheckConstraint(
            "status IN ('open', 'queued', 'contacted', 'accepted', 'declined', 'deferred', 'no_answer', 'placed', 'failed', 'withdrawn')",
            name=op.f("ck_placement_requests_status"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_placement_requests")),
    )
    op.create_index(
        "ix_placement_requests_deferred",
        "placement_requests",
        ["next_contact_after", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'deferred'"),
    )
    op.create_index("ix_placement_requests_patient_id", "placement_requests", ["patient_id"], unique=False)
    op.create_index("ix_placement_requests_priority", "placement_requests", ["priority", "id"], unique=False)
    op.create_index("ix_placement_requests_status", "placement_requests", ["status", "id"], unique=False)
    op.create_index(
        "ix_placement_requests_therapist_id",
        "placement_requests",
        ["therapist_id"],
        unique=False,
        postgresql_include=COUNTED,
    )
    op.create_index(
        "ix_placement_requests_unmet",
        "placement_requests",
        ["id"],
        unique=False,
        postgresql_where=sa.text("unmet_criteria <> '{}'"),
    )
    op.create_index(
        "uq_placement_requests_live",
        "placement_requests",
        ["patient_id", "therapist_id"],
        unique=True,
        postgresql_where=sa.text(
            "(status IN ('open', 'queued', 'contacted', 'accepted', 'deferred', 'no_answer')"
            " OR (status = 'placed' AND place_ended_at IS NULL))"
        ),
    )
    op.create_table(
        "therapists",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("street", sa.Text(), nullable=True),
        sa.Column("house_number", sa.Text(), nullable=True),
        sa.Column("postal_code", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("gender", sa.Text(), server_default="unknown", nullable=False),
        sa.Column("accreditation", sa.Text(), server_default="unknown", nullable=False),
        sa.Column("procedures", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("age_groups", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("settings", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("languages", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("working_hours", shared.values.weekly.WeeklyColumn(), nullable=True),
        sa.Column("potentially_available", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("individual_from", sa.Date(), nullable=True),
        sa.Column("individual_stated_on", sa.Date(), nullable=True),
        sa.Column("group_from", sa.Date(), nullable=True),
        sa.Column("group_stated_on", sa.Date(), nullable=True),
        sa.Column("preferred_diagnoses", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("contact_preference", sa.Text(), server_default="any", nullable=False),
        sa.Column("mailbox", sa.Text(), nullable=True),
        sa.Column("can_be_phoned", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("merged_into", sa.Uuid(), nullable=True),
        sa.Column("given_place", shared.values.places.PlaceColumn(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("geocoded_address", sa.Text(), nullable=True),
        sa.Column("geocoded_place", shared.values.places.PlaceColumn(), nullable=True),
        sa.Column("geocoded_sequence", sa.BigInteger(), server_default=sa.text("-1"), nullable=False),
        sa.Column("geocoded_event_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "place",
            shared.values.places.PlaceColumn(),
            sa.Computed(
                "COALESCE(given_place, CASE WHEN geocoded_address = address THEN geocoded_place END)", persisted=True
            ),
            nullable=True,
        ),
        *traits_and_position(),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("written_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_therapists")),
    )
    op.create_index(
        "ix_therapists_judged",
        "therapists",
        ["latitude_band", "longitude"],
        unique=False,
        postgresql_where=sa.text("status IS NOT NULL"),
        postgresql_include=JUDGED,
    )
    op.create_index(
        "ix_therapists_unplaced",
        "therapists",
        ["id"],
        unique=False,
        postgresql_where=sa.text("place IS NULL AND status = 'active'"),
    )
    op.create_table(
        "placement_request_audit_log",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("placement_request_id", sa.Uuid(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("caused_by", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("available_from", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "what IN ('approved', 'queued', 'dissolved', 'emailed', 'called', 'not_reached', 'not_discussed', 'no_answer', 'answered', 'placed', 'confirmed', 'failed', 'therapy_ended', 'reopened', 'held', 'released', 'withdrawn', 'corrected', 'call_corrected', 'reassigned', 'restored', 'not_restored', 'confirmation', 'withdrawal', 'bounced')",
            name=op.f("ck_placement_request_audit_log_what"),
        ),
        sa.ForeignKeyConstraint(
            ["placement_request_id"],
            ["placement_requests.id"],
            name=op.f("fk_placement_request_audit_log_placement_request_id"),
        ),
        sa.ForeignKeyConstraint(
            ["caused_by"],
            ["placement_request_audit_log.id"],
            name=op.f("fk_placement_request_audit_log_caused_by"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_placement_request_audit_log")),
    )
    op.create_index(
        "ix_placement_request_audit_log_request",
        "placement_request_audit_log",
        ["placement_request_id", "number"],
        unique=False,
    )
    op.create_index(
        "ix_placement_request_audit_log_cause",
        "placement_request_audit_log",
        ["caused_by"],
        postgresql_where=sa.text("caused_by IS NOT NULL"),
    )
    _create_contact_plans()
    # to start a parallel worker takes longer than a matching does; the planner cannot know
    op.execute("ALTER TABLE therapists SET (parallel_workers = 0)")
    # what has happened is proof: the service adds rows, and corrects by adding more (tests/architecture/test_privileges.py)
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON placement_request_audit_log FROM matching_service")
    op.execute("REVOKE DELETE, TRUNCATE ON placement_requests FROM matching_service")


def _create_contact_plans() -> None:
    op.create_table(
        "contact_plans",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("max_requests_per_patient", sa.Integer(), nullable=False),
        sa.Column("max_patients_per_therapist", sa.Integer(), nullable=False),
        sa.Column("requests_for_everyone", sa.Integer(), nullable=False),
        sa.Column("max_calls", sa.Integer(), nullable=True),
        sa.Column("claim", sa.Uuid(), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("patients", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("patients_done", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("requests", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("contacts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("calls", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("expected", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("made", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("refused", sa.Integer(), server_default=sa.text("0"), nullable=False),
        *aggregate_columns(),
        sa.CheckConstraint(
            "status IN ('waiting', 'computing', 'proposed', 'approving', 'approved', 'superseded', 'cancelled', 'failed')",
            name=op.f("ck_contact_plans_status"),
        ),
        sa.CheckConstraint(
            "(claim IS NULL) = (status <> 'computing')", name=op.f("ck_contact_plans_claimed_while_computing")
        ),
        sa.CheckConstraint("EXTRACT(isodow FROM week) = 1", name=op.f("ck_contact_plans_week_begins_on_monday")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_plans")),
    )
    op.create_index(
        "ix_contact_plans_not_over",
        "contact_plans",
        ["id"],
        unique=False,
        postgresql_where=sa.text("status IN ('waiting', 'computing', 'approving')"),
    )
    op.create_table(
        "contact_plan_patients",
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("days_waited", sa.Integer(), nullable=True),
        sa.Column("asked_already", sa.Integer(), nullable=False),
        sa.Column("candidates", sa.Integer(), nullable=False),
        sa.Column("planned", sa.Integer(), nullable=False),
        sa.Column("gap", sa.Text(), nullable=True),
        sa.Column("lacks", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("help", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "gap IN ('place_unknown', 'distance_limit_missing', 'place_offered', 'asked_enough', 'nobody_fits')",
            name=op.f("ck_contact_plan_patients_gap"),
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["contact_plans.id"], name=op.f("fk_contact_plan_patients_plan_id")),
        sa.PrimaryKeyConstraint("plan_id", "patient_id", name=op.f("pk_contact_plan_patients")),
    )
    op.create_index("uq_contact_plan_patients_position", "contact_plan_patients", ["plan_id", "position"], unique=True)
    op.create_index("ix_contact_plan_patients_patient_id", "contact_plan_patients", ["patient_id"], unique=False)
    op.create_table(
        "contact_plan_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("therapist_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("added_by_staff", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("chance", sa.Integer(), nullable=True),
        sa.Column("metres", sa.Integer(), nullable=True),
        sa.Column("is_hinted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_preferred", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("unknown", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("placement_request_id", sa.Uuid(), nullable=True),
        sa.Column("refusal", postgresql.JSONB(), nullable=True),
        sa.CheckConstraint(
            "state IN ('proposed', 'removed', 'made', 'refused')", name=op.f("ck_contact_plan_requests_state")
        ),
        sa.CheckConstraint("channel IN ('email', 'phone')", name=op.f("ck_contact_plan_requests_channel")),
        sa.CheckConstraint(
            "(state = 'made') = (placement_request_id IS NOT NULL)", name=op.f("ck_contact_plan_requests_made")
        ),
        sa.CheckConstraint(
            "(state = 'refused') = (refusal IS NOT NULL)", name=op.f("ck_contact_plan_requests_refused")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["contact_plans.id"], name=op.f("fk_contact_plan_requests_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_plan_requests")),
    )
    op.create_index(
        "uq_contact_plan_requests_pair",
        "contact_plan_requests",
        ["plan_id", "patient_id", "therapist_id"],
        unique=True,
    )
    op.create_index("ix_contact_plan_requests_plan", "contact_plan_requests", ["plan_id", "id"], unique=False)
    op.create_index("ix_contact_plan_requests_patient_id", "contact_plan_requests", ["patient_id"], unique=False)


def downgrade() -> None:
    op.drop_table("contact_plan_requests")
    op.drop_table("contact_plan_patients")
    op.drop_table("contact_plans")
    op.drop_table("placement_request_audit_log")
    op.drop_table("therapists")
    op.drop_table("placement_requests")
    op.drop_table("patients")
    drop_shared_tables(patient_keys=True)
