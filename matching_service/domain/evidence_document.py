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
from matching_service.domain.local_times import local_time
from matching_service.store.tables import PatientContact
from shared.texts import Sentence, TextLanguage
from shared.texts.sentence import word_in
from shared.values.contact_log_enums import ContactResult
from shared.values.enums import Accreditation, Channel, Direction
from shared.values.printable import Column, PrintableDocument, PrintableTable

GERMAN: Final = TextLanguage.DE
Row = tuple[str, ...]


def document(evidence: Evidence) -> PrintableDocument:
    """The evidence in words."""
    made_on = evidence.made_on
    return PrintableDocument(
        author=evidence.organisation.name,
        made_on=made_on,
        title=_german(Sentence.of("evidence.title")),
        paragraphs=[
            ", ".join(filter(None, (evidence.organisation.name, evidence.organisation.address))),
            *_head(evidence),
        ],
        tables=_tables(evidence, evidence.counted) if evidence.entries else [],
        closing=[_german(Sentence.of("evidence.not_changed")), _german(Sentence.of("evidence.signature"))],
        foot=_german(Sentence.of("evidence.foot", reference=evidence.reference, day=made_on)),
        page=lambda page, pages: _german(Sentence.of("evidence.page", page=page, pages=pages)),
    )


def _organisation(evidence: Evidence) -> str:
    return ", ".join(filter(None, (evidence.organisation.name, evidence.organisation.address)))


def _head(evidence: Evidence) -> list[str]:
    since = evidence.searching_since
    sentences = [
        Sentence.of("evidence.reference", reference=evidence.reference),
        Sentence.of("evidence.insured"),
        Sentence.of("evidence.made_on", day=evidence.made_on),
        *([] if since is None else [Sentence.of("evidence.searching_since", day=since)]),
        *_period(evidence),
        *([Sentence.of("evidence.explained")] if evidence.entries else []),
    ]
    return [_german(each) for each in sentences]


def _tables(evidence: Evidence, counted: Sequence[PatientContact]) -> list[PrintableTable]:
    return [
        _numbers_of_contacts(counted),
        _numbers_of_practices(evidence, counted),
        _results(counted),
        _practices(evidence, counted),
        _contacts(evidence),
    ]


def _german(sentence: Sentence) -> str:
    return sentence.in_language(GERMAN)


def _word(kind: type[StrEnum], value: str | None) -> str:
    return _german(Sentence.of("evidence.not_stated")) if value is None else word_in(kind(value), GERMAN)


def _period(evidence: Evidence) -> list[Sentence]:
    nothing = [] if evidence.entries else [Sentence.of("evidence.no_contacts")]
    if evidence.first_day is None and evidence.last_day is None:
        return nothing
    if evidence.first_day is None:
        return [Sentence.of("evidence.period_until", last=evidence.last_day), *nothing]
    last = evidence.last_day or evidence.made_on
    return [Sentence.of("evidence.period", first=evidence.first_day, last=last), *nothing]


def _table(heading: Sentence, columns: Sequence[tuple[Sentence, float]], rows: Sequence[Row]) -> PrintableTable:
    return PrintableTable(_german(heading), [Column(_german(each), width) for each, width in columns], rows)


def _numbers_of_contacts(counted: Sequence[PatientContact]) -> PrintableTable:
    """All contacts, then by direction and by channel: each adds up to all."""
    directions = Counter(each.direction for each in counted)
    channels = Counter(each.channel for each in counted)
    rows = [
        (_german(Sentence.of("evidence.all_contacts")), len(counted)),
        *((_of_these(_word(Direction, each)), directions[each]) for each in (*Direction, None)),
        *((_of_these(_word(Channel, each)), channels[each]) for each in (*Channel, None)),
    ]
    return _numbers(Sentence.of("evidence.contacts_in_numbers"), rows)


def _numbers_of_practices(evidence: Evidence, counted: Sequence[PatientContact]) -> PrintableTable:
    seats = Counter(Accreditation(each or "unknown") for each in _accreditations(evidence, counted).values())
    words = {
        Accreditation.STATUTORY: Sentence.of("evidence.with_seat"),
        Accreditation.PRIVATE: Sentence.of("evidence.without_seat"),
        Accreditation.UNKNOWN: Sentence.of("evidence.seat_unknown"),
    }
    rows = [
        (_german(Sentence.of("evidence.all_practices")), seats.total()),
        *((_of_these(_german(what)), seats[each]) for each, what in words.items()),
    ]
    return _numbers(Sentence.of("evidence.practices_in_numbers"), rows)


def _of_these(what: str) -> str:
    return _german(Sentence.of("evidence.of_these", what=what))


def _numbers(heading: Sentence, rows: Sequence[tuple[str, int]]) -> PrintableTable:
    """The first row, of all, and those of the others that are not zero."""
    columns = [(Sentence.of("evidence.what"), 80.0), (Sentence.of("evidence.number"), 20.0)]
    return _table(heading, columns, [(what, str(number)) for what, number in (rows[0], *filter(_counts, rows[1:]))])


def _counts(row: tuple[str, int]) -> bool:
    return row[1] > 0


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
            _german(local_time(each.occurred_at)),
            _how(each),
            _practice(each),
            _seat(each),
            _result(each, numbers, corrected),
        )
        for each in evidence.entries
    ]
    return _table(Sentence.of("evidence.each_contact"), columns, rows)


def _how(entry: PatientContact) -> str:
    if entry.channel is None and entry.direction is None:
        return _word(Channel, None)
    direction = (
        _german(Sentence.of("evidence.direction_unknown"))
        if entry.direction is None
        else _word(Direction, entry.direction)
    )
    return f"{_word(Channel, entry.channel)}, {direction}"


def _result(entry: PatientContact, numbers: Mapping[UUID, int], corrected: Mapping[UUID, int | None]) -> str:
    """What became of a contact; `corrected` has the numbers of the entries that count instead of others.

    Without a number, that entry lies outside the period.
    """
    said = word_in(ContactResult(entry.result), GERMAN)
    if entry.available_from is not None:
        said = _german(Sentence.of("evidence.available_from", result=said, day=entry.available_from))
    corrections = []
    if entry.corrects is not None and entry.corrects in numbers:
        corrections.append(Sentence.of("evidence.corrects", number=numbers[entry.corrects]))
    if entry.id in corrected:
        corrections.append(_corrected_by(corrected[entry.id]))
    return f"{said} ({', '.join(map(_german, corrections))})" if corrections else said


def _corrected_by(number: int | None) -> Sentence:
    if number is None:
        return Sentence.of("evidence.corrected_outside")
    return Sentence.of("evidence.corrected", number=number)
