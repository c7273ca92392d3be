"""The tables of this service. Field names are those of the API."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, and_, text
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from shared.database import GERMAN, Aggregate, is_one_of, new_id, text_list
from shared.database.tables import add_shared_tables
from shared.values.enums import TherapistStatus
from shared.values.places import Place, PlaceColumn
from shared.values.practice_enums import InactiveBy
from shared.values.therapist_enums import TherapistChangeAction
from shared.values.weekly import Weekly, WeeklyColumn
from therapist_service.store.declarative import Tables
from therapist_service.store.import_tables import Import, ImportContent, ImportRecord, ImportUndoOutcome
from therapist_service.store.review_tables import ImportReview

FIRST_OF_ALL: Final = f"hashtext(id::text) < '{-(2**31) + 2**32 // 32}'::integer"
"""A thirty-second of everybody, in an order that has to do with nothing."""


class Therapist(Aggregate, Tables):
    """One therapist at one practice address; never deleted: one who is gone becomes inactive.

    The row of one who was removed or merged stays for the events that came too late to know (`IS_THERE`).
    """

    __tablename__ = "therapists"

    salutation: Mapped[str | None]
    title: Mapped[str | None]
    first_name: Mapped[str | None] = mapped_column(Text(collation=GERMAN))
    last_name: Mapped[str] = mapped_column(Text(collation=GERMAN))
    gender: Mapped[str] = mapped_column(default="unknown", server_default="unknown")
    street: Mapped[str | None]
    house_number: Mapped[str | None]
    postal_code: Mapped[str | None]
    city: Mapped[str | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    phone: Mapped[str | None]
    mobile: Mapped[str | None]
    fax: Mapped[str | None]
    email: Mapped[str | None]
    website: Mapped[str | None]
    accreditation: Mapped[str] = mapped_column(default="unknown", server_default="unknown")
    seat_share: Mapped[float | None]
    procedures: Mapped[list[str]] = text_list()
    age_groups: Mapped[list[str]] = text_list()
    settings: Mapped[list[str]] = text_list()
    languages: Mapped[list[str]] = text_list()
    qualifications: Mapped[list[str]] = text_list()
    offers: Mapped[list[str]] = text_list()
    phone_hours: Mapped[Weekly | None] = mapped_column(WeeklyColumn)
    working_hours: Mapped[Weekly | None] = mapped_column(WeeklyColumn)
    holidays: Mapped[list[dict[str, str]]] = mapped_column(JSONB, default=list, server_default=text("'[]'"))
    capacity: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """What was said last of places in each setting; None where nobody has said anything."""
    capacity_due_on: Mapped[date | None]
    """The next day on which something else follows from it."""
    free_individual_from: Mapped[date | None]
    free_group_from: Mapped[date | None]
    potentially_available: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    potentially_available_note: Mapped[str | None]
    call_note: Mapped[str | None]
    preferences: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    contact_preference: Mapped[str] = mapped_column(default="any", server_default="any")
    email_opt_out: Mapped[bool] = mapped_column(default=False, server_default=text("false"))

    status: Mapped[str] = mapped_column(default="active", server_default="active")
    block_reason: Mapped[str | None]
    block_since: Mapped[date | None]
    block_until: Mapped[date | None]
    blocked_by: Mapped[UUID | None]
    inactive_by: Mapped[str | None]
    """import or staff: only an inactivity that an import set is lifted when the therapist reappears."""
    protected_fields: Mapped[list[str]] = text_list()
    """Set by staff, therefore never overwritten by an import."""
    protected_by: Mapped[dict[str, str | None]] = mapped_column(JSONB, default=dict, server_default=text("'{}'"))
    """Who set each of them last: the id of an account, or null before accounts."""
    registered_by: Mapped[UUID | None]
    brought_by: Mapped[UUID | None]
    """Who entered the therapist by hand, or the import that brought the therapist."""
    last_asked_on: Mapped[date | None]
    """When staff last decided to ask them for a patient."""
    last_email_on: Mapped[date | None]
    last_call_on: Mapped[date | None]
    last_conversation_on: Mapped[date | None]
    search: Mapped[str] = mapped_column(TSVECTOR, server_default=text("''"))
    """The words by which lists find the therapist: see `domain/search.py`."""
    merged_words: Mapped[list[str]] = text_list()
    """Those of them that were the words of therapists who were merged into this one."""
    city_folded: Mapped[str | None]
    """The town without case and accents."""
    place: Mapped[Place | None] = mapped_column(PlaceColumn)
    """Where the practice is: its own coordinates, or else the place of its postal code."""
    name_key: Mapped[str | None]
    """First name and surname in the form in which names are compared: see `domain/entity_resolution.py`."""
    practice_key: Mapped[str | None]
    """Street and phone number in that form."""
    removed_at: Mapped[datetime | None]
    """When staff removed them, to whom nothing referred."""
    merged_into: Mapped[UUID | None] = mapped_column(ForeignKey("therapists.id"))
    """The kept therapist, who was never merged into another; what was found out of this one counts for that one."""

    __table_args__ = (
        Index("ix_therapists_postal_code", "postal_code"),
        Index("ix_therapists_city_folded", "city_folded"),
        Index("ix_therapists_place", "place", postgresql_using="gist"),
        Index("ix_therapists_shuffled", text("hashtext(id::text)"), "id"),
        Index("ix_therapists_search", "search", postgresql_using="gin"),
        Index("ix_therapists_search_first", "search", postgresql_using="gin", postgresql_where=text(FIRST_OF_ALL)),
        Index("ix_therapists_capacity_due_on", "capacity_due_on", postgresql_where=text("capacity_due_on IS NOT NULL")),
        Index("ix_therapists_name_key", "name_key", "brought_by"),
        Index("ix_therapists_practice_key", "practice_key", "brought_by"),
        Index("ix_therapists_merged_into", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
        Index("ix_therapists_name", "last_name", text("COALESCE(first_name, '')"), "id"),
        CheckConstraint(is_one_of("status", TherapistStatus), name="status"),
        CheckConstraint("(status = 'blocked') = (block_reason IS NOT NULL)", name="block_has_a_reason"),
        CheckConstraint(is_one_of("inactive_by", InactiveBy), name="inactive_by"),
        CheckConstraint("merged_into <> id", name="merged_into_another"),
        CheckConstraint("latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180", name="place"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="both_coordinates"),
    )


IS_THERE: Final = and_(Therapist.removed_at.is_(None), Therapist.merged_into.is_(None))
"""The therapists who are shown, found and changed."""


class TherapistChange(Tables):
    """The log of what changed of therapists, and who or which file changed it; only ever added."""

    __tablename__ = "therapist_changes"

    therapist_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    """In the order of the changes of a therapist: it is made while the therapist's row is locked."""
    changed_at: Mapped[datetime]
    changed_by: Mapped[UUID | None]
    """The account that did it or approved it; None for what an import or a job does by itself."""
    import_id: Mapped[UUID | None]
    file: Mapped[str | None]
    """Its file's name: it is known for longer than the import."""
    position: Mapped[int | None]
    """The record of the import."""
    review_id: Mapped[UUID | None]
    """The review that somebody approved; None for what an import did by itself."""
    action: Mapped[str]
    reason: Mapped[str | None]
    """Why, where somebody said so."""
    difference: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list, server_default=text("'[]'"))
    """`{field, before, after}` of every column that changed."""

    __table_args__ = (
        Index("ix_therapist_changes_review_id", "review_id", postgresql_where=text("review_id IS NOT NULL")),
        CheckConstraint(is_one_of("action", TherapistChangeAction), name="action"),
    )


class TherapistSource(Tables):
    """One entry of a source that is a therapist; the same therapist may have several, also of one source.

    Of several the newest that is not gone leads: its records say what the therapist is like.
    """

    __tablename__ = "therapist_sources"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    """In the order in which the entries were assigned."""
    source_name: Mapped[str]
    external_id: Mapped[str]
    therapist_id: Mapped[UUID] = mapped_column(ForeignKey("therapists.id", ondelete="CASCADE"))
    import_id: Mapped[UUID | None] = mapped_column(ForeignKey("imports.id", ondelete="SET NULL"))
    """The import that brought the entry."""
    last_seen_at: Mapped[datetime | None]
    """When the source last showed the entry: the time of the newest file that said so."""
    gone_at: Mapped[datetime | None]
    """The time of the file that said that the source does not have the entry any more; None while it has."""
    set_aside: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default=text("'{}'"))
    """What the newest record held beside the fields: unknown ones, and values that could not be read."""
    record: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """What it said last, as long as another entry leads: it leads itself when that one goes."""
    digest: Mapped[str | None]
    """Of the newest record as it was sent, where all of it was applied: the same again changes nothing."""

    __table_args__ = (
        Index("uq_therapist_sources_entry", "external_id", "source_name", unique=True),
        Index("ix_therapist_sources_therapist_id", "therapist_id"),
        Index("ix_therapist_sources_import_id", "import_id"),
        # every file notes of all its entries that it has them: with as much room again in each page no index is written
        {"postgresql_with": {"fillfactor": 50}},
    )


__all__ = [  # tables of modules of their own
    "Import",
    "ImportContent",
    "ImportRecord",
    "ImportReview",
    "ImportUndoOutcome",
    "Tables",
]

add_shared_tables(Tables.metadata)
