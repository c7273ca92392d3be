"""The evidence of a search as a document, in German (docs/decisions/0046-evidence-of-a-search.md).

It has no name: this service knows patients by their reference. Who hands it in writes it there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final
from uuid import UUID

from matching_service.domain.evidence import Evidence
from matching_service.store.tables import PatientContact
from shared.texts import Sentence, TextLanguage
from shared.texts.sentence import word_in
from shared.values.contact_log_enums import ContactResult
from shared.values.datetimes import BERLIN
from shared.values.enums import Accreditation, Channel, Direction
from shared.values.printable import Column, PrintableDocument, PrintableTable

GERMAN: Final = TextLanguage.DE
Row = tuple[str, ...]


def document(evidence: Evidence) -> PrintableDocument:
    """The evidence in words."""
    counted, made_on = evidence.counted, evidence.made_on
    return PrintableDocument(
        title=_german(Sentence.of("evidence.title")),
        paragraphs=[
            _german(Sentence.of("evidence.reference", reference=evidence.reference)),
            _german(Sentence.of("evidence.insured")),
            _german(Sentence.of("evidence.made_on", day=made_on)),
            _german(_period(evidence)),
            _german(Sentence.of("evidence.explained")),
        ],
        tables=[_summary(evidence, counted), _results(counted), _practices(evidence, counted), _contacts(evidence)],
        closing=[_german(Sentence.of("evidence.not_changed")), _german(Sentence.of("evidence.signature"))],
        foot=_german(Sentence.of("evidence.foot", reference=evidence.reference, day=made_on)),
        page=_german(Sentence.of("evidence.page")),
    )


def _german(sentence: Sentence) -> str:
    return sentence.in_language(GERMAN)


def _word(kind: type[StrEnum], value: str | None) -> str:
    return _german(Sentence.of("evidence.not_stated")) if value is None else word_in(kind(value), GERMAN)


def _period(evidence: Evidence) -> Sentence:
    if evidence.first_day is None or evidence.last_day is None:
        return Sentence.of("evidence.no_contacts")
    return Sentence.of("evidence.period", first=evidence.first_day, last=evidence.last_day)


def _table(heading: Sentence, columns: Sequence[tuple[Sentence, float]], rows: Sequence[Row]) -> PrintableTable:
    return PrintableTable(_german(heading), [Column(_german(each), width) for each, width in columns], rows)


def _summary(evidence: Evidence, counted: Sequence[PatientContact]) -> PrintableTable:
    seats = Counter(_accreditations(evidence, counted).values())
    always = [
        (Sentence.of("evidence.contacts"), len(counted)),
        (Sentence.of("evidence.practices"), seats.total()),
        (Sentence.of("evidence.statutory"), seats[Accreditation.STATUTORY]),
    ]
    others = [
        (Sentence.of("evidence.private"), seats[Accreditation.PRIVATE]),
        (Sentence.of("evidence.outbound"), sum(each.direction == Direction.OUTBOUND for each in counted)),
        (Sentence.of("evidence.inbound"), sum(each.direction == Direction.INBOUND for each in counted)),
    ]
    channels = Counter(each.channel for each in counted)
    others += [(Sentence.of("evidence.by_channel", channel=each), channels[each]) for each in Channel]
    columns = [(Sentence.of("evidence.what"), 80.0), (Sentence.of("evidence.number"), 20.0)]
    rows = [(_german(what), str(number)) for what, number in (*always, *(each for each in others if each[1]))]
    return _table(Sentence.of("evidence.summary"), columns, rows)


def _accreditations(evidence: Evidence, counted: Sequence[PatientContact]) -> dict[UUID, str | None]:
    """How each practice that was contacted was accredited at the last contact."""
    return {evidence.therapists[each.therapist_id]: each.practice_accreditation for each in counted}


def _results(counted: Sequence[PatientContact]) -> PrintableTable:
    found = Counter(each.result for each in counted)
    columns = [(Sentence.of("evidence.result"), 80.0), (Sentence.of("evidence.number"), 20.0)]
    rows = [(word_in(result, GERMAN), str(found[result])) for result in ContactResult if found[result]]
    return _table(Sentence.of("evidence.results"), columns, rows)


def _practices(evidence: Evidence, counted: Sequence[PatientContact]) -> PrintableTable:
    contacts: dict[UUID, list[PatientContact]] = {}
    for each in counted:
        contacts.setdefault(evidence.therapists[each.therapist_id], []).append(each)
    columns = [
        (Sentence.of("evidence.practice"), 45.0),
        (Sentence.of("evidence.seat"), 15.0),
        (Sentence.of("evidence.contacts"), 12.0),
        (Sentence.of("evidence.last_result"), 28.0),
    ]
    rows = [
        (_practice(last), _seat(last), str(len(entries)), _word(ContactResult, last.result))
        for entries in contacts.values()
        for last in entries[-1:]
    ]
    return _table(Sentence.of("evidence.practices_contacted"), columns, rows)


def _practice(entry: PatientContact) -> str:
    known = [part for part in (entry.practice_name, entry.practice_address) if part]
    return ", ".join(known) or _german(Sentence.of("evidence.practice_unknown"))


def _seat(entry: PatientContact) -> str:
    return _word(Accreditation, entry.practice_accreditation)


def _contacts(evidence: Evidence) -> PrintableTable:
    numbers = {each.id: number for number, each in enumerate(evidence.entries, start=1)}
    corrected = {entry: numbers.get(instead) for entry, instead in evidence.corrections.items()}
    columns = [
        (Sentence.of("evidence.running_number"), 6.0),
        (Sentence.of("evidence.at"), 13.0),
        (Sentence.of("evidence.how"), 16.0),
        (Sentence.of("evidence.practice"), 32.0),
        (Sentence.of("evidence.seat"), 12.0),
        (Sentence.of("evidence.result"), 21.0),
    ]
    rows = [
        (
            str(numbers[each.id]),
            each.occurred_at.astimezone(BERLIN).strftime("%d.%m.%Y %H:%M"),
            _how(each),
            _practice(each),
            _seat(each),
            _result(each, numbers, corrected),
        )
        for each in evidence.entries
    ]
    return _table(Sentence.of("evidence.each_contact"), columns, rows)


def _how(entry: PatientContact) -> str:
    channel = _word(Channel, entry.channel)
    return channel if entry.direction is None else f"{channel}, {_word(Direction, entry.direction)}"


def _result(entry: PatientContact, numbers: Mapping[UUID, int], corrected: Mapping[UUID, int | None]) -> str:
    """What became of a contact; `corrected` has the numbers of the entries that count instead of others.

    Without a number, that entry lies outside the period.
    """
    said = word_in(ContactResult(entry.result), GERMAN)
    if entry.available_from is not None:
        said = _german(Sentence.of("evidence.available_from", result=said, day=entry.available_from))
    if entry.corrects is not None and entry.corrects in numbers:
        said = _german(Sentence.of("evidence.corrects", result=said, number=numbers[entry.corrects]))
    if entry.id not in corrected:
        return said
    number = corrected[entry.id]
    if number is None:
        return _german(Sentence.of("evidence.corrected_outside", result=said))
    return _german(Sentence.of("evidence.corrected", result=said, number=number))
