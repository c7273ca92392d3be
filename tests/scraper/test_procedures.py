"""What the searches and the words of the entries say of what a person offers."""

from __future__ import annotations

import pytest

from therapist_scraper.procedures import Offered
from therapist_scraper.raw import Query


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Verhaltenstherapie für Kinder und Jugendliche in Gruppentherapie", (["VT"], ["child_adolescent"], ["group"])),
        (
            "Tiefenpsychologisch fundierte Psychotherapie: Erwachsene, Einzeltherapie",
            (["TP"], ["adult"], ["individual"]),
        ),
        ("Analytische Psychotherapie", (["AP"], [], [])),
        ("Psychoanalyse", (["AP"], [], [])),
        ("Systemische Therapie", (["ST"], [], [])),
        ("Neuropsychologische Therapie", (["NP"], [], [])),
        ("VT, TP", (["VT", "TP"], [], [])),
        ("keine Gruppentherapie", ([], [], [])),
        ("EMDR", ([], [], [])),
    ],
)
def test_words_name_procedures(text: str, expected: tuple[list[str], ...]) -> None:
    offered = Offered()
    assert offered.add_words(text) == (text != "EMDR")
    assert tuple(offered.in_order().values()) == expected


def test_all_searches_of_a_person_count() -> None:
    offered = Offered()
    queries: list[Query] = [{"procedure": "ST", "age_group": "adult"}, {"procedure": "VT", "setting": "group"}, {}]
    for query in [*queries, {"procedure": "XX"}]:
        offered.add_query(query)
    assert offered.in_order() == {"procedures": ["VT", "ST"], "age_groups": ["adult"], "settings": ["group"]}
