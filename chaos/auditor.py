"""Checks in the databases, the Kafka log and the mail catcher that a campaign lost or doubled nothing.

The auditor calls no service: it reads tables as the administrator, topics outside of any group, and the catcher's
folder.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from confluent_kafka import Consumer as KafkaConsumer
from confluent_kafka import KafkaError, Message, TopicPartition

from chaos.contact_load import CALLER
from chaos.hostile import Sent
from chaos.journal import Journal
from migrations.connections import administrator
from migrations.settings import MigrationSettings
from operations.errors import OperationsError
from shared.events.batches import end_of_batch, is_unreadable, skip
from shared.events.event import PARTITIONS, TOPICS, decode_envelope
from shared.events.topic_reader import read_to_ends
from shared.runtime import registry
from testkit.private_platform import PrivatePlatform

SERVICES = registry.names()

SECONDS_TO_READ = 300


@dataclass
class Findings:
    """What the auditor found wrong, each as a sentence; all lists are empty when nothing was harmed."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    reordered: list[str] = field(default_factory=list)
    twice_mailed: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    """Work that hostile messages, files, clients or refusals have stopped."""
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not any(self.kinds())

    def kinds(self) -> tuple[list[str], ...]:
        """Returns the lists; what is stuck comes first, since it often explains the others."""
        return (self.stuck, self.lost, self.doubled, self.reordered, self.twice_mailed)


class Auditor:
    """Checks a platform that is idle."""

    def __init__(self, platform: PrivatePlatform, journal: Journal, hostile: Sent) -> None:
        self._platform, self._journal, self._hostile = platform, journal, hostile
        self._database = administrator(MigrationSettings.of(platform.settings))
        self._database.autocommit = True
        self.found = Findings()

    def audit(self) -> Findings:
        """Run all checks; returns the findings."""
        self._check_acknowledged_writes()
        self._check_log()
        self._check_counters_and_ledger()
        self._check_copies()
        self._check_requests()
        self._check_mails()
        self._check_confirmations()
        self._check_replies()
        self._check_calls()
        self._check_dead_letters()
        self._check_partitions()
        self._check_hostile_files()
        self._check_suppressions()
        self._database.close()
        return self.found

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._database.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall()

    def _ids(self, table: str) -> set[str]:
        return {str(row[0]) for row in self._rows(f"SELECT id FROM {table}")}  # noqa: S608 - our own names

    def _check_acknowledged_writes(self) -> None:
        journal = self._journal
        for noun, table in {
            "therapists": "therapist_service.therapists",
            "patients": "patient_service.patients",
            "requests": "matching_service.placement_requests",
        }.items():
            there, acknowledged = self._ids(table), getattr(journal, noun)
            self.found.counts[noun] = len(acknowledged)
            self.found.lost += [f"{noun}: {one} was acknowledged and is missing" for one in set(acknowledged) - there]
            if len(acknowledged) != len(set(acknowledged)):
                self.found.doubled.append(f"{noun}: one was acknowledged twice under different keys")
        answered = {str(i): o for i, o in self._rows("SELECT id, outcome FROM matching_service.placement_requests")}
        self.found.lost += [
            f"answer to {request}: {outcome} was acknowledged, {answered.get(request)} is there"
            for request, outcome in journal.answers.items()
            if answered.get(request) != outcome
        ]
        searching = {
            str(row[0]) for row in self._rows("SELECT id FROM patient_service.patients WHERE status <> 'open'")
        }
        self.found.counts["searches"] = len(journal.searching)
        self.found.lost += [
            f"search of {one} was acknowledged and is missing" for one in {*journal.searching} - searching
        ]
        self.found.counts["writes given up"] = journal.gave_up
        # a request that was repeated under one key must have created one row
        made = len(
            self._rows(
                "SELECT id FROM therapist_service.therapists AS known WHERE NOT EXISTS"
                " (SELECT FROM therapist_service.therapist_sources WHERE therapist_id = known.id)"
            )
        )
        if made > len(journal.therapists) + journal.gave_up:
            self.found.doubled.append(f"{made} therapists were made of {len(journal.therapists)} acknowledged requests")

    def _check_log(self) -> None:
        log = self._read_log()
        self.found.counts["events in the log"] = sum(len(each) for each in log.values())
        repeated = 0
        for (topic, key), sequences in log.items():
            firsts = list(dict.fromkeys(sequences))
            repeated += len(sequences) - len(firsts)
            if firsts != sorted(firsts):
                self.found.reordered.append(f"{topic}, {key}: first appearances {firsts}")
        self.found.counts["repeats in the log"] = repeated
        recorded = 0
        for schema in (*SERVICES, "witness"):
            for topic, key, sequence, recorded_at, published_at in self._rows(
                f"SELECT topic, key, sequence, recorded_at, published_at FROM {schema}.outbox"  # noqa: S608
            ):
                recorded += 1
                event = f"{schema}: event {sequence} of {key}, recorded {recorded_at:%T.%f}"
                if sequence not in log[topic, str(key)]:
                    marked = f"was marked as published at {published_at:%T.%f}" if published_at else "is unpublished"
                    self.found.lost.append(f"{event}, {marked} and is not in the log")
                elif not published_at:
                    self.found.lost.append(f"{event}, was never marked")
        self.found.counts["events recorded"] = recorded

    def _read_log(self) -> dict[tuple[str, str], list[int]]:
        """Returns the sequences on Kafka, read committed, by topic and key."""
        kafka = self._platform.kafka_client()
        topics = [topic.name for topic in TOPICS.values()]
        log: dict[tuple[str, str], list[int]] = defaultdict(list)
        for messages in read_to_ends(kafka, topics, range(PARTITIONS), service="auditor", at_most=1000):
            for message in messages:
                if (message.topic(), message.partition(), message.offset()) not in self._hostile.messages:
                    envelope, _ = decode_envelope(message.value() or b"")
                    log[message.topic() or "", str(envelope.subject)].append(envelope.sequence)
        return log

    def _check_counters_and_ledger(self) -> None:
        stored = dict(self._rows("SELECT id::text, sequence FROM witness.counters"))
        for counter, number in stored.items():
            certain, possible = self._journal.counted[UUID(counter)], self._journal.in_doubt[UUID(counter)]
            if number < certain:
                self.found.lost.append(f"counter {counter}: {certain} acknowledged, {number} there")
            if number > certain + possible:
                self.found.doubled.append(f"counter {counter}: {number} there, at most {certain + possible} requested")
        effects = Counter(row[0] for row in self._rows("SELECT event_id::text FROM witness.ledger"))
        events = {row[0] for row in self._rows("SELECT event_id::text FROM witness.outbox")}
        self.found.counts["effects in the ledger"] = effects.total()
        self.found.lost += [f"event {event} had no effect" for event in events - effects.keys()]
        self.found.doubled += [f"event {event} had {n} effects" for event, n in effects.items() if n > 1]

    def _check_copies(self) -> None:
        """Every projection must have handled the newest event of every aggregate."""
        for owner, nouns in {"therapist_service": "therapists", "patient_service": "patients"}.items():
            for keeper in ("matching_service", "communication_service"):
                stale = self._rows(
                    f"SELECT o.id, o.sequence, c.sequence FROM {owner}.{nouns} o"  # noqa: S608 - our own names
                    f" LEFT JOIN {keeper}.{nouns} c USING (id)"
                    " WHERE c.sequence IS DISTINCT FROM o.sequence"
                )
                self.found.lost += [
                    f"{nouns} {one}: {keeper} has handled {copied} of {sequence} events"
                    for one, sequence, copied in stale
                ]

    def _check_requests(self) -> None:
        """Both services must agree about every request, and no request may be left out."""
        rows = self._rows(
            """
            SELECT m.id::text, m.status, m.hold, c.id IS NULL, count(i.id) FILTER (WHERE i.status <> 'dissolved')
              FROM matching_service.placement_requests m
              LEFT JOIN communication_service.placement_requests c USING (id)
              LEFT JOIN communication_service.inquiries i ON m.id = ANY (i.placement_request_ids)
             GROUP BY m.id, m.status, m.hold, c.id"""
        )
        for request, status, hold, unknown, inquiries in rows:
            if unknown:
                self.found.lost.append(f"request {request} never reached communication")
            if status == "open" and hold is None and not inquiries:
                self.found.lost.append(f"request {request} is open and in no inquiry")
            if inquiries > 1:
                self.found.doubled.append(f"request {request} is in {inquiries} inquiries")
        sent = {row[0] for row in self._rows(
            "SELECT unnest(placement_request_ids)::text FROM communication_service.emails"
            " WHERE status = 'sent' AND kind = 'inquiry'"
        )}  # fmt: skip
        waiting = {request for request, status, *_ in rows if status in ("open", "queued")}
        self.found.lost += [f"request {one} was mailed, but not in matching" for one in sent & waiting]
        self.found.counts["requests mailed"] = len(sent)

    def _check_mails(self) -> None:
        # an invitation to an account is no letter of the agency
        mails = [each for each in self._platform.mailbox.mails() if CALLER.email not in _addresses(each)]
        self.found.counts["mails in the catcher"] = len(mails)
        identities = Counter(mail["message_id"] for mail in mails)
        self.found.twice_mailed += [f"{identity} went out {n} times" for identity, n in identities.items() if n > 1]
        notices = {row[0] for row in self._rows(
            "SELECT message_id FROM communication_service.emails WHERE kind <> 'inquiry'"
        )}  # fmt: skip
        # a campaign is much shorter than seven days: any second inquiry to one address is wrong
        inquiries = [mail for mail in mails if mail["message_id"] not in notices]
        addresses = Counter(address.lower() for mail in inquiries for address in _addresses(mail))
        self.found.twice_mailed += [f"{address} got {n} inquiries" for address, n in addresses.items() if n > 1]
        per_therapist = self._rows(
            "SELECT therapist_id::text, count(*) FROM communication_service.emails"
            " WHERE kind = 'inquiry' AND status IN ('sent', 'in_doubt', 'sending') GROUP BY 1 HAVING count(*) > 1"
        )
        self.found.twice_mailed += [f"therapist {one} got {number} inquiries" for one, number in per_therapist]
        states = dict(self._rows("SELECT message_id, status FROM communication_service.emails"))
        self.found.counts["mails in doubt"] = list(states.values()).count("in_doubt")
        for identity, status in states.items():
            if status == "sent" and identity not in identities:
                self.found.lost.append(f"mail {identity} counts as sent and never arrived")
        for identity in identities:
            if states.get(identity) not in ("sent", "in_doubt"):
                self.found.doubled.append(f"mail {identity} arrived and counts as {states.get(identity)}")

    def _check_confirmations(self) -> None:
        """What staff wrote and approved went, once (`_check_mails`), or nobody knows."""
        approved = self._journal.confirmations
        self.found.counts["confirmations"] = len(approved)
        known = dict(
            self._rows("SELECT id::text, status FROM communication_service.emails WHERE kind = 'confirmation'")
        )
        self.found.lost += [f"confirmation {one} was approved and is missing" for one in approved if one not in known]
        self.found.stuck += [
            f"confirmation {one} was approved and is {known[one]}"
            for one in approved
            if known.get(one) in ("draft", "approved", "waiting", "sending")
        ]

    def _check_replies(self) -> None:
        """An answer by link is there, and counts once however often the button was pressed."""
        self.found.counts["answers by link"] = len(self._journal.replies)
        recorded = self._rows(
            "SELECT e.message_id, a.placement_request_id::text, count(*) FROM communication_service.answers a"
            " JOIN communication_service.emails e ON e.id = a.email_id GROUP BY 1, 2"
        )
        self.found.doubled += [
            f"{number} answers to {letter} about {request}" for letter, request, number in recorded if number > 1
        ]
        answered = {letter for letter, _, _ in recorded}
        self.found.lost += [
            f"the answer by the link in {letter} was acknowledged and is missing"
            for letter in {*self._journal.replies} - answered
        ]
        logged = self._rows(
            "SELECT placement_request_id::text, count(*) FROM matching_service.contact_log_entries"
            " WHERE channel = 'reply_link' AND direction = 'inbound' GROUP BY 1 HAVING count(*) > 1"
        )
        self.found.doubled += [f"request {one} has {number} answers by link in its log" for one, number in logged]

    def _check_calls(self) -> None:
        """Nobody had a call that somebody else had; a practice has one planned call."""
        held = self._journal.held_calls
        self.found.counts["claims of calls"] = len(held)
        self.found.doubled += [
            f"call {one.call} was claimed by {one.by} and {other.by} at once"
            for place, one in enumerate(held)
            for other in held[place + 1 :]
            if one.overlaps(other)
        ]

    def _check_dead_letters(self) -> None:
        """An outage, however long, must not make dead letters: only bad events may, and the load has none."""
        self.found.counts["dead_letters"] = 0
        for schema in (*SERVICES, "witness"):
            for topic, partition, offset, kind, reason in self._rows(
                f'SELECT topic, partition, "offset", event_type, reason FROM {schema}.dead_letters'  # noqa: S608
            ):
                self.found.counts["dead_letters"] += 1
                if (topic, partition, offset) not in self._hostile.messages:
                    self.found.lost.append(f"{schema}: {kind} became a dead letter: {reason}")
        self.found.counts["hostile messages"] = len(self._hostile.messages)
        if len(self._hostile.messages) > 10 and not self.found.counts["dead_letters"]:
            self.found.lost.append("hostile messages were sent and none became a dead letter")

    def _check_partitions(self) -> None:
        """Every group must have committed the ends of its partitions."""
        for group in (*SERVICES, "witness"):
            unread = _unread(self._platform.kafka_client(), group)
            self.found.stuck += [
                f"{group} is stuck in {topic}, partition {partition}, {number} messages before its end"
                for (topic, partition), number in unread.items()
            ]

    def _check_hostile_files(self) -> None:
        ended = dict(self._rows("SELECT file, status FROM therapist_service.imports"))
        self.found.counts["hostile files"] = len(self._hostile.files)
        self.found.counts["stalled requests"] = self._hostile.stalled
        self.found.stuck += [
            f"file {file} ({kind}): {ended.get(file, 'was never imported')}"
            for file, kind in self._hostile.files.items()
            if ended.get(file) not in ("completed", "failed", "rejected")
        ]
        self.found.stuck += self._hostile.silent

    def _check_suppressions(self) -> None:
        suppressed = self._rows(
            "SELECT id::text, reason FROM communication_service.email_suppressions WHERE removed_at IS NULL"
        )
        self.found.stuck += [f"suppression {one} came from a refusal about us: {reason}" for one, reason in suppressed]


def _unread(kafka: dict[str, Any], group: str) -> Counter[tuple[str, int]]:
    """Returns the number of messages that a group has not read, by partition, in the topics that it reads."""
    settings = {**kafka, "group.id": group, "isolation.level": "read_committed"}
    reader = KafkaConsumer(settings | {"enable.partition.eof": True, "enable.auto.commit": False})
    partitions = [TopicPartition(topic.name, p) for topic in TOPICS.values() for p in range(PARTITIONS)]
    committed = reader.committed(partitions, timeout=30)
    read = {each.topic for each in committed if each.offset >= 0}
    # a difference of offsets would also count the markers of transactions
    begin = [TopicPartition(p.topic, p.partition, max(p.offset, 0)) for p in committed if p.topic in read]
    reader.assign(begin)
    unread: Counter[tuple[str, int]] = Counter()
    for message in _read_to_the_ends(reader, settings, len(begin)):
        unread[message.topic() or "", message.partition() or 0] += 1
    reader.close()
    return unread


def _read_to_the_ends(reader: KafkaConsumer, kafka: dict[str, Any], partitions: int) -> Iterator[Message]:
    """Yields every message up to the ends of all assigned partitions.

    Raises:
        OperationsError: that takes too long.
    """
    ended: set[tuple[Any, Any]] = set()
    deadline = time.monotonic() + SECONDS_TO_READ
    while len(ended) < partitions:
        if time.monotonic() > deadline:
            raise OperationsError(f"Kafka reported the end of only {len(ended)} of {partitions} partitions")
        for message in reader.consume(1000, 1):
            problem = message.error()
            if problem is None:
                yield message
            elif problem.code() == KafkaError._PARTITION_EOF:
                ended.add((message.topic(), message.partition()))
            elif is_unreadable(message):
                skip(reader, message, end_of_batch(kafka, message))


def _addresses(mail: dict[str, Any]) -> Iterable[str]:
    return set(mail["envelope_to"])
