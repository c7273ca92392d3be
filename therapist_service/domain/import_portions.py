"""A portion of an import's records: each finds its therapist as the records before it left them.

Everything that is known is read once for the whole portion, and everything that is decided is written in a few
statements. A record that was applied before as it is, is not parsed. The rules are elsewhere: `import_rules`,
`review_rules`, `entity_resolution`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from shared.database import ChangedMeanwhile, Session, new_id
from shared.values.enums import ImportAction, ImportOutcome, ReviewState
from shared.values.therapist_enums import TherapistChangeAction
from shared.values.unchecked import unchecked
from therapist_service.domain import change_log, entity_resolution, import_records, publishing, search, sources
from therapist_service.domain.capacity_rules import NOTHING_STATED
from therapist_service.domain.change_log import Change, ChangeOrigin
from therapist_service.domain.entity_resolution import COMPARED, NOBODY, Identification, KnownPerson
from therapist_service.domain.import_digests import applied_before, digest_of
from therapist_service.domain.import_files import Metadata
from therapist_service.domain.import_outcomes import Outcome, Row, new_review
from therapist_service.domain.import_records import Entry, RawRecord
from therapist_service.domain.import_rules import ImportDecision, Known, decide
from therapist_service.domain.review_rules import LastReview, Passes
from therapist_service.store import review_queries, source_queries
from therapist_service.store.source_queries import AppliedEntry
from therapist_service.store.tables import TherapistSource

LOGGED_AS: Final = {
    ImportAction.ADDITION: TherapistChangeAction.CHANGED,
    ImportAction.MODIFICATION: TherapistChangeAction.CHANGED,
    ImportAction.DELETION: TherapistChangeAction.DEACTIVATED,
}
"""What the log of changes calls a record that was applied to a known therapist."""
NOTHING_PARSED: Final[Mapping[int, Entry]] = {}
"""None of the records of a portion."""
_AS_BEFORE: Final = ImportDecision(ImportAction.MODIFICATION, ImportOutcome.UNCHANGED)
_ENTRY: Final = tuple(TherapistSource.__table__.columns.keys())


def applied_as_they_are(session: Session, source: str, portion: Sequence[RawRecord]) -> dict[int, AppliedEntry]:
    """Which of these records were applied before to therapists whom nobody changed since: their entries by position."""
    return applied_before(portion, _applied_entries(session, source, portion, lock=False))


def _applied_entries(
    session: Session, source: str, portion: Sequence[RawRecord], *, lock: bool
) -> dict[str, AppliedEntry]:
    """The entries that are known of these records, by external id."""
    ids = {each.external_id for each in portion if each.external_id is not None and each.refused is None}
    return source_queries.applied_entries(session, source, ids, lock=lock)


def decide_portion(
    session: Session,
    import_id: UUID,
    file: str,
    metadata: Metadata,
    portion: Sequence[RawRecord],
    *,
    passes: Passes,
    now: datetime,
    parsed: Mapping[int, Entry] = NOTHING_PARSED,
    renamed: Set[UUID] = frozenset(),
) -> list[Outcome]:
    """What becomes of these records, in their order; the therapists and reviews that are known are locked.

    `parsed` has those that were parsed before anything was locked, by position; `renamed` has the therapists whom
    records of later portions find under another external id.
    """
    known = Portion(import_id, file, metadata, passes, now, parsed, renamed)
    known.load(session, portion)
    return [known.outcome(each) for each in portion]


class Portion:
    """What is known of the people of a portion, kept up to date while its records are decided."""

    def __init__(
        self,
        import_id: UUID,
        file: str,
        metadata: Metadata,
        passes: Passes,
        now: datetime,
        parsed: Mapping[int, Entry],
        renamed: Set[UUID] = frozenset(),
    ) -> None:
        self._import_id, self._file = import_id, file
        self._metadata, self._passes, self._now = metadata, passes, now
        self._as_before: dict[int, AppliedEntry] = {}
        """The entries of the records that were applied before, by position."""
        self._parsed = dict(parsed)
        """The other records, by position."""
        self._therapists: dict[UUID, Row] = {}
        self._entries: dict[str, Row] = {}
        self._listed: dict[UUID, set[UUID]] = defaultdict(set)
        """Of each therapist the entries that their sources still have."""
        self._shown: dict[UUID, set[str]] = defaultdict(set)
        """Of each therapist the external ids that the source of this file has."""
        self._deleted: set[str] = set()
        """The external ids that this portion deletes."""
        self._reviews: dict[str, LastReview] = {}
        self._keys: dict[str, dict[str, str | None]] = {}
        """The keys of the people of unknown external ids."""
        self._found: dict[str, Identification] = {}
        self._resembled: dict[UUID, Row] = {}
        self._leading: dict[UUID, UUID] = {}
        """The entries that led of therapists who were found just now, by therapist."""
        self._just_gone: set[UUID] = set()
        """Therapists whom a record of this file took out, since their entry is gone."""
        self._renamed = {*renamed}
        """Therapists who are found by records of unknown external ids."""
        self._records: dict[UUID, Mapping[str, Any]] = {}
        """What entries had said that lead when others of this portion go."""

    def load(self, session: Session, portion: Sequence[RawRecord]) -> None:
        """Read what is known of these records, of those that were applied before no more than that."""
        known = _applied_entries(session, self._metadata.source, portion, lock=True)
        self._as_before = applied_before(portion, known)
        others = self._parse([each for each in portion if each.position not in self._as_before])
        deletions = [each for each in others if each.action == ImportAction.DELETION]
        self._deleted = {str(each.external_id) for each in deletions}
        self._load_known(session, others, known)
        is_state = (each for each in others if each.action != ImportAction.DELETION)
        self._identify(session, [each for each in is_state if each.external_id not in self._entries])
        self._load_concerned(session, portion, known)
        self._load_records(session, deletions)

    def _load_records(self, session: Session, deletions: Sequence[Entry]) -> None:
        """Read what those entries said that lead when others go."""
        entries = (self._entries.get(str(each.external_id)) for each in deletions)
        of_gone = {each["therapist_id"] for each in entries if each is not None}
        several = (self._listed[each] for each in of_gone if len(self._listed[each]) > 1)
        self._records = source_queries.records_of(session, set().union(*several))

    def _parse(self, portion: Sequence[RawRecord]) -> list[Entry]:
        """Parse these records, unless that was done; returns those that are not refused."""
        found = [self._parsed.get(each.position) or import_records.entry(each) for each in portion]
        self._parsed |= {each.position: each for each in found}
        return [each for each in found if each.external_id is not None and each.refused is None]

    def _load_concerned(self, session: Session, portion: Sequence[RawRecord], known: Collection[str]) -> None:
        """Look also at records that were applied before, where other records of the portion are the same therapist."""
        concerned = {at for at, entry in self._as_before.items() if entry.therapist_id in self._therapists}
        if concerned:
            self._as_before = {at: entry for at, entry in self._as_before.items() if at not in concerned}
            self._load_known(session, self._parse([each for each in portion if each.position in concerned]), known)

    def _load_known(self, session: Session, entries: Sequence[Entry], known: Collection[str]) -> None:
        """Read the entries, therapists and reviews of these records; `known` are the external ids that have entries."""
        ids = {str(each.external_id) for each in entries}
        if not ids:
            return
        self._take_entries(session, ids.intersection(known))
        newest = review_queries.newest(session, self._metadata.source, ids)
        self._reviews |= {external_id: _last_review(row) for external_id, row in newest.items()}
        # approved while this transaction waited for the review
        missed = {each for each in newest if each not in self._entries and newest[each]["state"] == "approved"}
        self._take_entries(session, missed)

    def _take_entries(self, session: Session, external_ids: set[str]) -> None:
        if not external_ids:
            return
        for row in source_queries.known_entries(session, self._metadata.source, external_ids):
            _require_there(row)
            entry = {name: row.pop(f"entry_{name}") for name in _ENTRY}
            self._listed[row["id"]] = set(row.pop("listed"))
            if entry["gone_at"] is None or entry["external_id"] not in self._deleted:
                self._shown[row["id"]].add(entry["external_id"])
            self._therapists[row["id"]] = row
            self._entries[entry["external_id"]] = entry

    def _identify(self, session: Session, unknown: Sequence[Entry]) -> None:
        """Find out who the records of unknown external ids are.

        Somebody whom the source calls otherwise since yesterday is deleted by a record before and the same therapist.
        """
        self._keys = keys = {str(each.external_id): entity_resolution.keys(_person(each)) for each in unknown}
        found = source_queries.candidates(
            session,
            self._metadata.source,
            name_keys={each["name_key"] for each in keys.values() if each["name_key"]},
            practice_keys={each["practice_key"] for each in keys.values() if each["practice_key"]},
            columns=(*COMPARED, "name_key", "practice_key"),
            but_of_import=self._import_id,
            gone=self._deleted,
        )
        if not found:
            return
        by_key: dict[str, dict[UUID, KnownPerson]] = defaultdict(dict)
        for row in found:
            for key in filter(None, (row["name_key"], row["practice_key"])):
                by_key[key][row["id"]] = KnownPerson(row["id"], row, row["is_listed"])
        for each in unknown:
            mine = [key for key in keys[str(each.external_id)].values() if key]
            candidates = {id: candidate for key in mine for id, candidate in by_key.get(key, {}).items()}
            if candidates:
                who = entity_resolution.identify(_person(each), list(candidates.values()))
                self._found[str(each.external_id)] = who
        self._load_found(session)

    def _load_found(self, session: Session) -> None:
        certain = {each.therapist_id for each in self._found.values() if each.therapist_id is not None}
        for row in source_queries.therapist_rows(session, certain - self._therapists.keys(), lock=True).values():
            _require_there(row)
            self._therapists[row["id"]] = row
        self._renamed |= certain
        self._leading = source_queries.leading_entries(session, certain)
        self._just_gone |= source_queries.gone_at(session, self._metadata.source, certain, self._metadata.timestamp)
        single = {each.proposed[0] for each in self._found.values() if len(each.proposed) == 1}
        self._resembled = source_queries.therapist_rows(session, single, lock=False)

    # One record

    def outcome(self, sent: RawRecord) -> Outcome:
        """What becomes of the next record."""
        if (before := self._as_before.get(sent.position)) is not None:
            return Outcome(sent, _AS_BEFORE, before.therapist_id, seen=before.id)
        entry = self._parsed[sent.position]
        external_id = entry.external_id
        if external_id is None or entry.refused is not None:
            return Outcome(sent, decide(entry, None, passes=self._passes), None)
        who = self._found.get(external_id, NOBODY)
        known, last = self._known(external_id, who), self._reviews.get(external_id)
        resembled = self._resembled.get(who.proposed[0]) if len(who.proposed) == 1 else None
        decision = decide(entry, known, who, last, resembled, passes=self._passes)
        row = self._row(entry, decision, known)
        event = None
        if row is not None and decision.event is not None:
            row |= {"updated_at": self._now, "updated_by": None}
            row |= {"version": row["version"] + 1, "sequence": row["sequence"] + 1}
            of_row = unchecked(decision.event, {"therapist": publishing.public_row(row)})
            event = (row["id"], row["sequence"], of_row)
        therapist = row or (known.therapist if known else None)
        source, seen = self._source(sent, decision, known, therapist)
        therapist_id = therapist["id"] if therapist else None
        reviewed = self._reviewed(entry, decision)
        change = None if row is None else self._change(entry, decision, row["id"], known)
        notes: Row = {"is_new": known is None, "is_found": known is not None and known.source is None}
        notes |= {"change": change, "led": self._led(known)}
        return Outcome(sent, decision, therapist_id, row, event, source, seen, **notes, **reviewed)

    def _led(self, known: Known | None) -> Mapping[UUID, Mapping[str, Any]]:
        """What the entry says that led of a therapist who was found just now, and leads no more."""
        if known is None or known.source is not None or known.therapist["id"] not in self._leading:
            return {}
        return {self._leading[known.therapist["id"]]: sources.record_of(known.therapist)}

    def _change(self, entry: Entry, decision: ImportDecision, therapist_id: UUID, known: Known | None) -> Change:
        """What the log says of a record that was applied; of a new therapist it names no fields: the file has them."""
        origin = ChangeOrigin(import_id=self._import_id, file=self._file, position=entry.position)
        if known is None:
            return Change(therapist_id, TherapistChangeAction.REGISTERED, origin)
        difference = change_log.difference_of(known.therapist, decision.changes)
        return Change(therapist_id, LOGGED_AS[decision.action], origin, difference)

    def _known(self, external_id: str, who: Identification) -> Known | None:
        entry = self._entries.get(external_id)
        if entry is not None:
            listed = self._listed[entry["therapist_id"]]
            is_leading = entry["id"] >= max(listed, default=entry["id"])
            others = listed - {entry["id"]}
            next_record = self._records.get(max(others)) if others else None
            therapist = self._therapists[entry["therapist_id"]]
            # one whom this file adds by another id is not gone: requests to them go on
            is_left = bool(others) or therapist["id"] in self._renamed
            return Known(therapist, entry, is_leading, is_left, next_record=next_record)
        if who.therapist_id is None or self._is_taken(who.therapist_id):
            return None
        return Known(self._therapists[who.therapist_id], is_just_gone=who.therapist_id in self._just_gone)

    def _is_taken(self, therapist_id: UUID) -> bool:
        """Whether a record before this one was found to be the same therapist: then this one is somebody else."""
        return bool(self._shown[therapist_id])

    def _row(self, entry: Entry, decision: ImportDecision, known: Known | None) -> Row | None:
        if not decision.changes:
            return None
        row = {**(known.therapist if known else self._newcomer()), **decision.changes}
        keys = self._keys.get(str(entry.external_id)) if known is None else None
        row |= search.columns(row) | (keys or entity_resolution.keys(row))
        self._therapists[row["id"]] = row
        return row

    def _newcomer(self) -> Row:
        nothing = dict.fromkeys(("inactive_by", "block_reason", "block_until"))
        first = {"id": new_id(), "created_at": self._now, "version": 0, "sequence": 0, "brought_by": self._import_id}
        return {**first, **nothing, **NOTHING_STATED}

    def _source(
        self, sent: RawRecord, decision: ImportDecision, known: Known | None, therapist: Mapping[str, Any] | None
    ) -> tuple[Row | None, UUID | None]:
        """The entry of the source to be written, or the id of one that was only seen."""
        if therapist is None or decision.outcome == ImportOutcome.REJECTED:
            return None, None
        before = dict(known.source) if known and known.source is not None else None
        if sent.action == ImportAction.DELETION:
            return (self._gone(before), None) if before is not None and before["gone_at"] is None else (None, None)
        source = before or self._new_entry(str(sent.external_id), therapist["id"])
        noted = self._noted(sent, decision, therapist, source)
        noted["record"] = self._kept_record(sent, decision, known, source)
        is_as_noted = before is not None and all(before[name] == value for name, value in noted.items())
        source |= {"last_seen_at": self._metadata.timestamp, "gone_at": None, **noted}
        self._keep(source)
        return (None, source["id"]) if is_as_noted else (source, None)

    def _noted(self, sent: RawRecord, decision: ImportDecision, therapist: Mapping[str, Any], source: Row) -> Row:
        """What is noted of the record with its entry of the source."""
        is_unsure = decision.waiting is not None and decision.waiting.therapist_id is None
        set_aside = source["set_aside"] if is_unsure else self._parsed[sent.position].set_aside
        is_known_again = _is_to_be_known_again(decision)
        digest = digest_of(sent.raw, therapist["id"], version=therapist["version"]) if is_known_again else None
        return {"set_aside": set_aside, "digest": digest}

    def _kept_record(
        self, sent: RawRecord, decision: ImportDecision, known: Known | None, source: Row
    ) -> Mapping[str, Any] | None:
        """What is kept of the record itself: all of it, as long as another entry says what the therapist is like."""
        if decision.waiting is not None and decision.waiting.therapist_id is None:
            kept: Mapping[str, Any] | None = source["record"]  # this one may be somebody else's
            return kept
        if known is None or known.is_leading:
            return None
        return sources.record_of(self._parsed[sent.position].values)

    def _gone(self, source: Row) -> Row:
        source |= {"gone_at": self._metadata.timestamp, "digest": None}
        self._entries[source["external_id"]] = source
        self._listed[source["therapist_id"]].discard(source["id"])
        self._shown[source["therapist_id"]].discard(source["external_id"])
        self._just_gone.add(source["therapist_id"])
        return source

    def _new_entry(self, external_id: str, therapist_id: UUID) -> Row:
        return {
            "id": new_id(),
            "source_name": self._metadata.source,
            "external_id": external_id,
            "therapist_id": therapist_id,
            "import_id": self._import_id,
            "set_aside": {},
            "record": None,
            "digest": None,
        }

    def _keep(self, source: Row) -> None:
        self._entries[source["external_id"]] = source
        self._listed[source["therapist_id"]].add(source["id"])
        self._shown[source["therapist_id"]].add(source["external_id"])

    # Its review

    def _reviewed(self, entry: Entry, decision: ImportDecision) -> Row:
        """The reviews that follow from the decision, as members of the outcome."""
        last, waiting = self._reviews.get(str(entry.external_id)), decision.waiting
        is_pending = last is not None and last.state == ReviewState.PENDING
        if waiting is not None and last is not None and is_pending and last.is_of(waiting):
            return {}
        result: Row = {"superseded": last.id} if last is not None and is_pending else {}
        if waiting is not None:
            of_import = (self._import_id, self._metadata.source)
            result["review"] = new_review(entry, decision, waiting, of_import=of_import, now=self._now)
        elif last is not None and last.declined != decision.declined:
            result["remembered"] = {"id": last.id, "declined": decision.declined}
        return result


def _is_to_be_known_again(decision: ImportDecision) -> bool:
    """Whether the same record need not be parsed once more.

    It has to be where a person must decide something of it or rejected it, and where it has a note: its outcome has it.
    """
    return decision.reason is None and decision.waiting is None and not decision.declined


def _require_there(therapist: Mapping[str, Any]) -> None:
    """Raise `ChangedMeanwhile` for one who was merged or removed while we waited: the record is somebody else's."""
    if therapist["merged_into"] is not None or therapist["removed_at"] is not None:
        raise ChangedMeanwhile


def _person(entry: Entry) -> Mapping[str, Any]:
    return {**dict.fromkeys(COMPARED), **entry.values}


def _last_review(row: Mapping[str, Any]) -> LastReview:
    names: Iterator[str] = iter(("id", "state", "kind", "therapist_id", "candidate_ids", "proposed", "declined"))
    return LastReview(*(row[name] for name in names))
