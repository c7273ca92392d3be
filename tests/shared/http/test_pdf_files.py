"""Documents as PDF: whatever a name is, it is written, and the same document is the same bytes."""

from __future__ import annotations

import io
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date

from pypdf import PdfReader

from shared.http import pdf_files
from shared.values.printable import Column, PrintableDocument, PrintableTable

HOSTILE = [
    "<b>fett</b> & <a href='x'>",
    "Kučera-Łukasz",
    "x" * 3000,
    "wort " * 2000,
    "漢字 🦷 \u202eאב",
    "a\tb\u200b",
    "",
]


def a_document(rows: list[list[str]]) -> PrintableDocument:
    table = PrintableTable("Tabelle <i>", [Column("Nr.", 1), Column("Name & Ort", 4)], rows)
    return PrintableDocument(
        author="Vermittlung Łódź",
        made_on=date(2026, 11, 23),
        title="Titel <x>",
        paragraphs=["Absatz & mehr"],
        tables=[table],
        foot="Fuß",
        page=lambda page, pages: f"Seite {page} von {pages}",
        closing=["Schluss"],
    )


def words(written: bytes) -> str:
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in PdfReader(io.BytesIO(written)).pages))


def test_every_text_is_written_as_it_is() -> None:
    written = pdf_files.write(a_document([[str(number), each] for number, each in enumerate(HOSTILE)]))
    text = words(written)
    for expected in ("Titel <x>", "Tabelle <i>", *HOSTILE[:2], "Name & Ort", "Absatz & mehr", "Schluss", "Fuß"):
        assert expected in text
    assert text.count("wort") == 2000
    assert len(re.findall("x", text)) >= 3000


def test_the_same_document_is_the_same_bytes_whoever_writes_beside() -> None:
    """Threads of one process write at the same time."""
    documents = [a_document([[str(number), f"Praxis {number}"]] * 60) for number in range(4)]
    alone = [pdf_files.write(each) for each in documents]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(pdf_files.write, documents)) == alone
    assert len({*alone}) == len(documents)


def test_the_head_of_a_table_stands_on_each_page() -> None:
    reader = PdfReader(io.BytesIO(pdf_files.write(a_document([[str(each), "Praxis"] for each in range(200)]))))
    assert len(reader.pages) > 2
    for number, page in enumerate(reader.pages, start=1):
        assert f"Seite {number} von {len(reader.pages)}" in page.extract_text()
    assert all("Name & Ort" in page.extract_text() for page in reader.pages[:-1])


def test_a_file_says_who_made_it_when_and_in_which_language() -> None:
    reader = PdfReader(io.BytesIO(pdf_files.write(a_document([]))))
    about = reader.metadata
    assert about is not None
    assert (about.title, about.author) == ("Titel <x>", "Vermittlung Łódź")
    assert str(about["/CreationDate"]).startswith("D:20261123")
    assert str(reader.root_object["/Lang"]) == "de"
