"""Named questions to the access log and its chains; what is written here is only ever added."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    LargeBinary,
    Row,
    Table,
    Text,
    TextClause,
    Uuid,
    any_,
    bindparam,
    case,
    exists,
    func,
    literal,
    select,
    text,
    tuple_,
)
from sqlalchemy.orm import Session

from patient_service.store.tables import AccessAnchor, AnchoredChain, FileAccess, ListAccess, Patient
from shared.database import try_to_take_turn

Kind = Literal["file", "list"]
_TABLES: Final[Mapping[Kind, Table]] = {"file": FileAccess.__table__, "list": ListAccess.__table__}  # type: ignore[dict-item]
_KEYS: Final[Mapping[Kind, str]] = {"file": "patient_id", "list": "chain"}
"""The column that says of which chain an entry is."""
KINDS: Final = tuple(_TABLES)
PORTION: Final = 5000
"""So many rows are read at once."""


# Writing


@dataclass(frozen=True)
class NewFileAccess:
    """An entry for one patient, without its place in the chain; `content` is the digest of what stands in it."""

    id: UUID
    patient_id: UUID
    action: str
    purpose: bytes | None
    content: bytes


# The entry that was written last is looked for in the statement that writes the next one. Of two at once the second
# waits for the first, as for every unique index, and is left out: its number is taken then.
_ADD_FILE_ACCESSES: Final = text("""
    INSERT INTO file_accesses (id, patient_id, number, action, purpose, accessed_at, accessed_by, hash)
    SELECT given.id, given.patient_id, coalesce(last.number, 0) + 1, given.action, given.purpose,
           CAST(:at AS timestamptz), CAST(:by AS uuid), sha256(coalesce(last.hash, '') || given.content)
    FROM unnest(
        CAST(:ids AS uuid[]), CAST(:patient_ids AS uuid[]), CAST(:actions AS text[]), CAST(:purposes AS bytea[]),
        CAST(:contents AS bytea[])
    ) AS given (id, patient_id, action, purpose, content)
    LEFT JOIN LATERAL (
        SELECT number, hash FROM file_accesses AS known WHERE known.patient_id = given.patient_id
        ORDER BY number DESC LIMIT 1
    ) AS last ON true
    ORDER BY given.patient_id
    ON CONFLICT (patient_id, number) DO NOTHING
    RETURNING patient_id
""").bindparams(
    bindparam("at", type_=DateTime(timezone=True)),
    bindparam("by", type_=Uuid),
    bindparam("ids", type_=ARRAY(Uuid)),
    bindparam("patient_ids", type_=ARRAY(Uuid)),
    bindparam("actions", type_=ARRAY(Text)),
    bindparam("purposes", type_=ARRAY(LargeBinary)),
    bindparam("contents", type_=ARRAY(LargeBinary)),
)


def add_file_accesses(session: Session, entries: Sequence[NewFileAccess], *, at: datetime, by: UUID | None) -> None:
    """Add entries to the chains of their patients.

    The first entry of each chain comes with those of all others, in the order of the patients' ids. A chain whose last
    entry is ours is nobody else's before our transaction ends, so that a further one waits for nobody.
    """
    left = list(entries)
    while left:
        next_ones = {each.patient_id: each for each in reversed(left)}
        _add_one_to_each(session, list(next_ones.values()), at=at, by=by)
        left = [each for each in left if next_ones[each.patient_id] is not each]


def _add_one_to_each(session: Session, entries: Sequence[NewFileAccess], *, at: datetime, by: UUID | None) -> None:
    parameters = {
        "at": at,
        "by": by,
        "ids": [each.id for each in entries],
        "patient_ids": [each.patient_id for each in entries],
        "actions": [each.action for each in entries],
        "purposes": [each.purpose for each in entries],
        "contents": [each.content for each in entries],
    }
    while not _all_are_added(session, parameters, len(entries)):
        pass


def _all_are_added(session: Session, parameters: Mapping[str, Any], number: int) -> bool:
    """Whether nobody was faster. Of several entries either all are added or none: who kept some and asked once more for
    one of a lower id would wait against the order.
    """
    if number == 1:
        return bool(session.scalars(_ADD_FILE_ACCESSES, parameters).all())
    with session.begin_nested() as savepoint:
        added = len(session.scalars(_ADD_FILE_ACCESSES, parameters).all())
        if added < number:
            savepoint.rollback()
    return added == number


# a process of PostgreSQL has one transaction at a time, so nobody else adds to the same chain
_ADD_LIST_ACCESS: Final = text("""
    INSERT INTO list_accesses
        (id, chain, number, patient_ids, action, view, purposes, digest, accessed_at, accessed_by, hash)
    SELECT CAST(:id AS uuid), own.chain, coalesce(last.number, 0) + 1, CAST(:patient_ids AS uuid[]), :action, :view,
           CAST(:purposes AS bytea[]), CAST(:digest AS bytea), CAST(:accessed_at AS timestamptz),
           CAST(:accessed_by AS uuid), sha256(coalesce(last.hash, '') || CAST(:content AS bytea))
    FROM (SELECT CAST(lpad(to_hex(pg_backend_pid()), 32, '0') AS uuid) AS chain) AS own
    LEFT JOIN LATERAL (
        SELECT number, hash FROM list_accesses AS known WHERE known.chain = own.chain ORDER BY number DESC LIMIT 1
    ) AS last ON true
    WHERE CAST(:unless_since AS timestamptz) IS NULL OR NOT EXISTS (
        SELECT FROM list_accesses AS noted WHERE noted.digest = :digest AND noted.accessed_at > :unless_since
    )
""").bindparams(
    bindparam("id", type_=Uuid),
    bindparam("patient_ids", type_=ARRAY(Uuid)),
    bindparam("purposes", type_=ARRAY(LargeBinary)),
    bindparam("digest", type_=LargeBinary),
    bindparam("accessed_at", type_=DateTime(timezone=True)),
    bindparam("unless_since", type_=DateTime(timezone=True)),
    bindparam("accessed_by", type_=Uuid),
    bindparam("content", type_=LargeBinary),
)


def add_list_access(
    session: Session, entry: Mapping[str, Any], *, content: bytes, unless_since: datetime | None
) -> None:
    """Add an entry with these columns to the chain of this connection; `content` is the digest of what stands in it.

    Nothing is added where one with the same digest was since the instant `unless_since`; None adds it whatever was.
    """
    session.execute(_ADD_LIST_ACCESS, {**entry, "content": content, "unless_since": unless_since})


def owners(session: Session, patient_ids: Sequence[UUID]) -> Sequence[Row[UUID, str, bytes | None]]:
    """The `id`, `reference` and `data_key` of these patients, as far as there are such."""
    if not patient_ids:
        return []
    wanted = Patient.id == any_(literal(list(patient_ids), ARRAY(Uuid)))
    return session.execute(
        select(Patient.id, Patient.reference, Patient.data_key.label("data_key")).where(wanted)
    ).all()


# Reading chains


def _as_text(instant: Any) -> ColumnElement[str]:
    """An instant as it is hashed (`domain/access_chains.py`)."""
    return func.to_char(func.timezone("UTC", instant), 'YYYY-MM-DD"T"HH24:MI:SS.US') + "+00:00"


def entries_after(session: Session, kind: Kind, after: tuple[UUID, int], *, limit: int) -> Sequence[Any]:
    """The next entries after this chain and number, chain by chain; `of_chain` says of which each is.

    `accessed_at` is a text, as it is hashed: somebody may have put there what Python has no instant for.
    """
    table = _TABLES[kind]
    chain = table.c[_KEYS[kind]]
    columns = [each for each in table.columns if each.name != "accessed_at"]
    shown = (chain.label("of_chain"), _as_text(table.c.accessed_at).label("accessed_at"))
    wanted = select(*columns, *shown).where(tuple_(chain, table.c.number) > after)
    return session.execute(wanted.order_by(chain, table.c.number).limit(limit)).all()


def creations_after(session: Session, patient_id: UUID, *, limit: int) -> Sequence[Any]:
    """The `id` of the next patients, and whether a first entry says that the file was created (`is_noted`).

    Both are written in one statement, so no patient is without it for a moment.
    """
    first = (FileAccess.patient_id == Patient.id, FileAccess.number == 1, FileAccess.action == "created")
    wanted = select(Patient.id, exists().where(*first).label("is_noted")).where(Patient.id > patient_id)
    return session.execute(wanted.order_by(Patient.id).limit(limit)).all()


# Anchors

_LAST_OF_EACH: Final = """
    last_of_{kind} (chain, number, hash) AS (
        (SELECT {key}, number, hash FROM {table} ORDER BY {key} DESC, number DESC LIMIT 1)
        UNION ALL
        SELECT before.* FROM last_of_{kind} AS next, LATERAL (
            SELECT {key}, number, hash FROM {table} WHERE {key} < next.chain ORDER BY {key} DESC, number DESC LIMIT 1
        ) AS before
    )
"""


def _anchoring() -> TextClause:
    """Anchors each chain with new entries by its last one; a few probes of an index for each chain, however long."""
    found = ", ".join(_LAST_OF_EACH.format(kind=kind, key=_KEYS[kind], table=_TABLES[kind].name) for kind in KINDS)
    each = " UNION ALL ".join(f"SELECT '{kind}' AS kind, * FROM last_of_{kind}" for kind in KINDS)  # noqa: S608 - ours
    return text(f"""
        WITH RECURSIVE {found}
        INSERT INTO anchored_chains (anchor, kind, chain, number, hash)
        SELECT :anchor, last.kind, last.chain, last.number, last.hash FROM ({each}) AS last
        WHERE NOT EXISTS (
            SELECT FROM anchored_chains AS known
            WHERE known.kind = last.kind AND known.chain = last.chain AND known.number >= last.number
        )
    """)  # noqa: S608 - names of our own tables


_ANCHORING: Final = _anchoring()


def is_alone(session: Session) -> bool:
    """Whether nobody else makes an anchor; nobody will before this transaction ends."""
    return try_to_take_turn(session, "patient_service anchors the access log")


def last_anchor(session: Session) -> AccessAnchor | None:
    """The newest anchor."""
    return session.scalar(select(AccessAnchor).order_by(AccessAnchor.number.desc()).limit(1))


def anchor_after(session: Session, number: int) -> Row[Any] | None:
    """The next anchor after the one with this number; `day` and `made_at` are texts, as they are hashed."""
    day = func.to_char(AccessAnchor.day, "YYYY-MM-DD").label("day")
    made_at = _as_text(AccessAnchor.made_at).label("made_at")
    wanted = select(AccessAnchor.number, day, made_at, AccessAnchor.chains, AccessAnchor.hash)
    return session.execute(wanted.where(AccessAnchor.number > number).order_by(AccessAnchor.number).limit(1)).first()


def last_anchored(session: Session) -> int:
    """The highest number of an anchor that has chains; 0 where none has."""
    return session.scalar(select(func.max(AnchoredChain.anchor))) or 0


def anchor_chains(session: Session, anchor: int) -> int:
    """Keep of each chain with new entries the last one, for the anchor with this number; returns how many there are."""
    return session.execute(_ANCHORING, {"anchor": anchor}).rowcount  # type: ignore[attr-defined, no-any-return]


def _stands(kind: Kind) -> ColumnElement[Any]:
    """The hash that the entry which was anchored has now; null where there is none."""
    table = _TABLES[kind]
    is_this = (table.c[_KEYS[kind]] == AnchoredChain.chain, table.c.number == AnchoredChain.number)
    return select(table.c.hash).where(*is_this).scalar_subquery()


_STANDS: Final = case(*((AnchoredChain.kind == kind, _stands(kind)) for kind in KINDS)).label("stands")


def chains_of_anchor(session: Session, anchor: int) -> Iterator[Any]:
    """The chains of an anchor in their order, read in portions.

    Each has the hash of the entry that was anchored, and as `stands` the one that the entry has now.
    """
    place = tuple_(AnchoredChain.kind, AnchoredChain.chain)
    wanted = select(*place.clauses, AnchoredChain.number, AnchoredChain.hash, _STANDS)
    ordered = wanted.where(AnchoredChain.anchor == anchor).order_by(*place.clauses).limit(PORTION)
    after: tuple[str, UUID] = ("", UUID(int=0))
    while found := session.execute(ordered.where(place > after)).all():
        yield from found
        after = (found[-1].kind, found[-1].chain)
