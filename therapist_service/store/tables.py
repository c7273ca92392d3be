"""The tables of this service. Field names are those of the API."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, MetaData, Text, Uuid, and_, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.database import GERMAN, NAMES, Aggregate, column_types, is_one_of, new_id
from shared.database.tables import add_shared_tables
from shared.values.enums import ImportAction, ImportOutcome, ImportStatus, ReviewKind, ReviewState, TherapistStatus
from shared.values.import_enums import UndoOutcome
from shared.values.places import Place, PlaceColumn
from shared.values.practice_enums import InactiveBy
from shared.values.therapist_enums import TherapistChangeAction
from shared.values.weekly import Weekly, WeeklyColumn


class Tables(DeclarativeBase):
    """All tables of the therapist service."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = column_types


def _text_list() -> Any:
    return mapped_column(ARRAY(Text), default=list, server_default=text("'{}'"))


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
    procedures: Mapped[list[str]] = _text_list()
    age_groups: Mapped[list[str]] = _text_list()
    settings: Mapped[list[str]] = _text_list()
    languages: Mapped[list[str]] = _text_list()
    qualifications: Mapped[list[str]] = _text_list()
    offers: Mapped[list[str]] = _text_list()
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
    protected_fields: Mapped[list[str]] = _text_list()
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
    merged_words: Mapped[list[str]] = _text_list()
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


def _count() -> Any:
    return mapped_column(default=0, server_default=text("0"))


class Import(Aggregate, Tables):
    """One file of the scraper, and how far it has been applied."""

    __tablename__ = "imports"

    file: Mapped[str]
    checksum: Mapped[str | None]
    """SHA-256 of the file, in hexadecimal: a file is known by it, whatever its name. None until it has been read."""
    content_id: Mapped[UUID | None]
    """Where its content is stored; None until it has been read, and when the import is over."""
    size: Mapped[int] = mapped_column(BigInteger)
    modified_at: Mapped[datetime | None]
    """With name and size: how the watch knows a file again without reading it."""
    status: Mapped[str] = mapped_column(default="running", server_default="running")
    source: Mapped[str | None]
    scrape_id: Mapped[str | None]
    scraped_at: Mapped[datetime | None]
    """The time of the file, as it says: the entries of its source have it as `last_seen_at` or `gone_at`."""
    started_at: Mapped[datetime]
    started_by: Mapped[UUID | None]
    """Who asked for the file; None where the watch of the folder found it."""
    finished_at: Mapped[datetime | None]
    reason: Mapped[str | None]
    total: Mapped[int | None]
    """How many records the file holds; None until it has been read."""
    done: Mapped[int] = _count()
    """How many of them, from the first on, have an outcome: written together with the outcomes."""
    additions: Mapped[int] = _count()
    modifications: Mapped[int] = _count()
    deletions: Mapped[int] = _count()
    unchanged: Mapped[int] = _count()
    waiting: Mapped[int] = _count()
    rejected: Mapped[int] = _count()
    term: Mapped[int] = _count()
    """Counts the claims: a worker whose claim was taken over notices it here and stops."""
    claimed_until: Mapped[datetime | None]
    """Pushed on while the holder works; a holder that died lets it run out."""
    abandoned: Mapped[int] = _count()
    """How many claims in a row ran out: the next holder goes on record by record, to find the one to blame."""
    trying: Mapped[int | None]
    """The record that is being tried alone; None while the file is being looked through."""
    tries: Mapped[int] = _count()
    """How often that was begun and has not ended."""
    judged_at: Mapped[datetime | None]
    """When it was decided whether the file is held; no record is applied before."""
    known_before: Mapped[int | None]
    """How many therapists were known from its source then, and below how many of them it would deactivate and change;
    None where that was not counted, since it could not be too many."""
    would_deactivate: Mapped[int | None]
    would_change: Mapped[int | None]
    held_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    """Who approved or rejected the held file; None where that was done at the terminal."""
    undo_asked_at: Mapped[datetime | None]
    """When somebody wanted all of it taken back; while the import is completed, a worker is at it."""
    undo_asked_by: Mapped[UUID | None]
    undo_left: Mapped[int | None]
    """The records before this position are still to be undone: it goes from the last one to the first."""
    undo_total: Mapped[int] = _count()
    """How many records changed somebody, or may have."""
    undo_done: Mapped[int] = _count()
    """How many of them are undone."""
    undo_kept: Mapped[int] = _count()
    """How many therapists are not wholly as before, since something newer stays."""
    undone_at: Mapped[datetime | None]
    records_removed_at: Mapped[datetime | None]
    """When its records were removed, since they had been kept for long enough."""

    __table_args__ = (
        Index("uq_imports_checksum", "checksum", unique=True),
        Index("ix_imports_created_at", "created_at", "id"),
        Index("ix_imports_file", "file"),
        Index("ix_imports_to_undo", "file", "id", postgresql_where=text("undo_asked_at IS NOT NULL")),
        Index("ix_imports_with_records", "finished_at", postgresql_where=text("records_removed_at IS NULL")),
        CheckConstraint(is_one_of("status", ImportStatus), name="status"),
        CheckConstraint("(status IN ('running', 'held')) = (finished_at IS NULL)", name="finished_when_over"),
        CheckConstraint("done BETWEEN 0 AND total OR total IS NULL AND done = 0", name="done"),
    )


class ImportContent(Tables):
    """A block of a taken file until it is applied: after a crash the import goes on whatever happened in the folder.

    Blocks are stored before their import exists, so that no file is ever whole in memory or in one transaction.
    """

    __tablename__ = "import_contents"

    content_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes]
    """Compressed (zlib), each block by itself."""


class ImportCopy(Tables):
    """How a file looked whose content was imported before: it need not be read again to be known."""

    __tablename__ = "import_copies"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    import_id: Mapped[UUID] = mapped_column(ForeignKey("imports.id", ondelete="CASCADE"))
    file: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    modified_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_import_copies_file", "file"),)


class ImportRecord(Tables):
    """What became of one record of a file; only ever added. The owner's function removes those of long ago."""

    __tablename__ = "import_records"

    import_id: Mapped[UUID] = mapped_column(ForeignKey("imports.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    external_id: Mapped[str | None]
    action: Mapped[str]
    outcome: Mapped[str]
    reason: Mapped[str | None]
    therapist_id: Mapped[UUID | None]
    difference: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list, server_default=text("'[]'"))

    __table_args__ = (
        CheckConstraint(is_one_of("action", ImportAction), name="action"),
        CheckConstraint(is_one_of("outcome", ImportOutcome), name="outcome"),
    )


class ImportUndoOutcome(Tables):
    """What became of one therapist when an import was undone; kept for as long as the import's records."""

    __tablename__ = "import_undo_outcomes"

    import_id: Mapped[UUID] = mapped_column(ForeignKey("imports.id", ondelete="CASCADE"), primary_key=True)
    therapist_id: Mapped[UUID] = mapped_column(primary_key=True)
    outcome: Mapped[str]
    kept: Mapped[list[str]] = _text_list()
    """The fields that somebody or something changed since, and that stay."""
    reason: Mapped[str | None]

    __table_args__ = (CheckConstraint(is_one_of("outcome", UndoOutcome), name="outcome"),)


class ImportReview(Aggregate, Tables):
    """What of one record a person must decide. Of one entry of a source at most the newest review is pending."""

    __tablename__ = "import_reviews"

    import_id: Mapped[UUID | None] = mapped_column(ForeignKey("imports.id", ondelete="SET NULL"))
    position: Mapped[int]
    """The record of the import."""
    source_name: Mapped[str]
    external_id: Mapped[str]
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(default="pending", server_default="pending")
    therapist_id: Mapped[UUID | None] = mapped_column(ForeignKey("therapists.id", ondelete="SET NULL"))
    """Whom it concerns; None where that is to be decided."""
    candidate_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), default=list, server_default=text("'{}'"))
    """Known therapists who may be meant."""
    proposed: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default=text("'{}'"))
    """The fields that wait, with the values of the record; of a whole person all fields."""
    set_aside: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default=text("'{}'"))
    """What the record held beside the fields."""
    difference: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list, server_default=text("'[]'"))
    applied: Mapped[list[str]] = _text_list()
    """The fields that were taken over when it was approved."""
    declined: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default=text("'{}'"))
    """Fields and values that people rejected, here or before, and that the source has said ever since."""
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    """The account of who approved or rejected it."""
    reason: Mapped[str | None]
    """Why it was rejected."""

    __table_args__ = (
        Index("ix_import_reviews_entry", "source_name", "external_id", "id"),
        Index("ix_import_reviews_state", "state", "id"),
        Index("ix_import_reviews_import_id", "import_id"),
        Index("ix_import_reviews_therapist_id", "therapist_id"),
        CheckConstraint(is_one_of("kind", ReviewKind), name="kind"),
        CheckConstraint(is_one_of("state", ReviewState), name="state"),
        CheckConstraint("(state IN ('approved', 'rejected')) = (decided_at IS NOT NULL)", name="decided"),
    )


add_shared_tables(Tables.metadata)
