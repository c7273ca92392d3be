from __future__ import annotations

from datetime import date

import pytest

from tests.scraper.samples import SAMPLES
from therapist_scraper.errors import UnknownForm
from therapist_scraper.sources.directory_pages import Page

MONDAY = date(2026, 11, 23)


def test_a_page_of_results_is_read() -> None:
    page = Page((SAMPLES / "directory_page.html").read_bytes())
    assert (set(page.hosts), page.is_known, page.has_more) == ({"arztsuche.116117.de"}, True, True)
    first, second = page.entries(MONDAY)
    assert first == {
        "id": "p-7001",
        "anrede": "Frau",
        "titel": "Dr. phil.",
        "vorname": "Clara",
        "name": "Ahornlicht-Bach",
        "strasse": "Musterweg",
        "hausnummer": "12a",
        "plz": "52062",
        "ort": "Aachen",
        "lat": "50.7761",
        "lon": "6.0839",
        "tel": "030 23125-101",
        "email": "praxis.ahornlicht (at) example (punkt) org",
        "psy": [
            {"heading": "Verfahren", "values": ["Verhaltenstherapie", "Neuropsychologie"]},
            {"heading": "Altersgruppen", "values": ["Erwachsene"]},
        ],
        "fs": ["Englisch", "Türkisch"],
        "tsz": [],
    }
    assert (second["id"], second["anrede"]) == ("p-7002", "Herr")
    assert (second["strasse"], second["hausnummer"]) == ("Am Modellteich", "3")


def test_the_page_of_a_practice_is_read() -> None:
    page = Page((SAMPLES / "practice_page.html").read_bytes())
    assert (set(page.hosts), page.has_more, page.has_end) == ({"arztsuche.116117.de"}, False, True)
    (entry,) = page.entries(MONDAY)
    assert (entry["web"], entry["fax"]) == ("https://ahornlicht.example.org/", "030 23125-109")
    assert (entry["fg"], entry["bf"]) == (["Psychologische Psychotherapeutin"], ["Rollstuhlgerechter Zugang"])
    assert entry["psy"][1] == {"heading": "Setting", "values": ["Einzeltherapie", "Gruppentherapie"]}
    assert [(each["d"], each["t"]) for each in entry["tsz"]] == [
        ("2026-11-23", "Mo."),
        ("2026-11-25", "Mi."),
        ("2026-11-26", "Do."),
    ]
    assert entry["tsz"][0]["tszDesTyps"] == [
        {"typ": "Telefonische Erreichbarkeit", "sprechzeiten": [{"zeit": "08:00-09:00; 17:00-17:50"}]}
    ]


def test_an_address_to_click_on_counts_and_no_result_is_a_result() -> None:
    card = '<div class="arztpraxis"><h3>Null</h3><address>52062 Aachen</address><dl><dt>E-Mail:</dt><dd>'
    card += '<a href="mailto:a%40example.org">schreiben</a></dd><dt>Fax<dt>Mobil</dt><dd>0171 3920 001</dd></dl></div>'
    (entry,) = Page(card).entries(MONDAY)
    assert (entry["email"], entry["handy"], entry["plz"]) == ("a@example.org", "0171 3920 001", "52062")
    assert "strasse" not in entry
    nobody = Page("<p class='keine-treffer'>Leider keine Treffer</p>")
    assert nobody.is_known
    assert nobody.entries(MONDAY) == []


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("Frau Null", ("Frau", "", "", "Null")),
        ("Jonas von der Heide", ("", "", "Jonas", "von der Heide")),
        ("Herrn Prof. Dr. med. Dipl.-Psych. Ivo Li", ("Herrn", "Prof. Dr. med. Dipl.-Psych.", "Ivo", "Li")),
        ("Dr Anna Maria Ahorn", ("", "Dr", "Anna Maria", "Ahorn")),
        ("Paula M. Tietz-Roder", ("", "", "Paula M.", "Tietz-Roder")),
        ("von Birkenfels", ("", "", "", "von Birkenfels")),
    ],
)
def test_a_name_is_taken_apart(written: str, parts: tuple[str, ...]) -> None:
    card = f"<div class=arztpraxis><h2>{written}</h2><address>52062 Aachen</address></div>"
    (entry,) = Page(card).entries(MONDAY)
    assert tuple(entry.get(name, "") for name in ("anrede", "titel", "vorname", "name")) == parts


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<html><h1>Unsere neue Arztsuche</h1></html>",
        "<div class='arztpraxis'><b>Clara Ahornlicht</b><p>52062 Aachen</p></div>",
        "<div class='arztpraxis'><h2>Clara Ahornlicht</h2></div>",
    ],
)
def test_a_page_in_the_middle_of_a_redesign_is_named(html: str) -> None:
    with pytest.raises(UnknownForm, match="only 0 have a name and an address"):
        Page(html).entries(MONDAY)


@pytest.mark.parametrize("html", ["<a href='http://[bad'>", "<link rel=canonical href='http://[bad'>", "\x00<dl><dt>"])
def test_a_broken_page_has_no_host(html: str) -> None:
    assert not Page(html).hosts
