"""Named questions to the tables of imports, and what is written of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.database import take_turn
from shared.database.bulk import write_rows
from shared.database.rows import find_row
from shared.database.written_values import Row
from therapist_service.store.tables import Import, ImportContent, ImportRecord, Therapist


def one(session: Session, import_id: UUID, *, lock: bool = False) -> Import | None:
    """One import; with `lock` no other transaction can change it before ours ends."""
    return find_row(session, Import, import_id, lock=lock)


def with_checksum(session: Session, checksum: str) -> Import | None:
    """The newest import of a file with this content: the others are undone."""
    return session.scalar(select(Import).where(Import.checksum == checksum).order_by(Import.id.desc()).limit(1))


def with_content_of(session: Session, import_id: UUID, file: str) -> Import | None:
    """The newest import of a file with this name that is the given one or a copy of it."""
    has_content = or_(Import.id == import_id, Import.duplicate_of == import_id)
    wanted = select(Import).where(has_content, Import.file == file).order_by(Import.id.desc()).limit(1)
    return session.scalar(wanted)


def looks_of(session: Session, files: Collection[str]) -> dict[tuple[str, int, datetime | None], UUID]:
    """Name, size and time of change of known files among these names, with the newest import of their content."""
    content = func.coalesce(Import.duplicate_of, Import.id)
    looks = select(Import.file, Import.size, Import.modified_at, content).where(Import.file.in_(files))
    found = session.execute(looks.order_by(Import.id))
    return {(file, size, modified_at): import_id for file, size, modified_at, import_id in found}


def asked_for(session: Session) -> Sequence[Import]:
    """Running imports whose file has not been read yet, locked, the oldest first."""
    return session.scalars(
        select(Import)
        .where(Import.status == "running", Import.content_id.is_(None))
        .order_by(Import.created_at, Import.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def take_in_turn(session: Session) -> None:
    """Until the transaction ends nobody else takes a file."""
    take_turn(session, "therapist_service takes a file")


def unfinished(session: Session) -> Sequence[Import]:
    """Running imports whose file was read, locked: first those that were begun, then in the order of their files."""
    return session.scalars(
        select(Import)
        .where(Import.status == "running", Import.content_id.is_not(None))
        .order_by(Import.total.is_(None), Import.file, Import.created_at)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def first_held(session: Session) -> str | None:
    """The name of the earliest file that is held."""
    return session.scalar(select(func.min(Import.file)).where(Import.status == "held"))


def renew(session: Session, import_id: UUID, term: int, *, until: datetime) -> bool:
    """Push the end of a claim on; False where the claim is over."""
    mine = update(Import).where(Import.id == import_id, Import.term == term, Import.status == "running")
    pushed = session.execute(
        mine.values(claimed_until=until).returning(Import.id).execution_options(synchronize_session=False)
    )
    return pushed.first() is not None


def last_applied_file(session: Session) -> str | None:
    """The newest file that was applied, by name."""
    return session.scalar(select(func.max(Import.file)).where(Import.status.in_(["completed", "undone"])))


def add_block(session: Session, content_id: UUID, number: int, content: bytes) -> None:
    """Store a compressed block of a file."""
    session.execute(insert(ImportContent).values(content_id=content_id, number=number, content=content))


def block(session: Session, content_id: UUID, number: int) -> bytes | None:
    """A compressed block of a file; None once the import is over."""
    wanted = (ImportContent.content_id == content_id, ImportContent.number == number)
    return session.scalar(select(ImportContent.content).where(*wanted))


def drop_content(session: Session, content_id: UUID) -> None:
    """Forget a file's content."""
    session.execute(delete(ImportContent).where(ImportContent.content_id == content_id))


def drop_left_content(session: Session, *, older_than: UUID) -> int:
    """Forget content that no import refers to, stored before the moment of this id; the number of blocks."""
    is_used = select(Import.id).where(Import.content_id == ImportContent.content_id).exists()
    left = delete(ImportContent).where(ImportContent.content_id < older_than, ~is_used)
    return len(session.execute(left.returning(ImportContent.number)).all())


def write_therapists(session: Session, rows: Sequence[Row], *, new: Collection[UUID], columns: Sequence[str]) -> None:
    """Insert the rows whose ids are new, and update the others: these columns, of perhaps more that a row names."""
    updated = [name for name in columns if name not in ("id", "created_at")]
    write_rows(session, Therapist, [row for row in rows if row["id"] in new], columns=columns)
    others = [{name: row[name] for name in columns} for row in rows if row["id"] not in new]
    write_rows(session, Therapist, others, updated=updated)


def add_records(session: Session, rows: Sequence[Row]) -> None:
    """Write down outcomes; all rows name the same columns."""
    write_rows(session, ImportRecord, rows)
