"""Documents as PDF (docs/decisions/0046-evidence-of-a-search.md): the same document is the same bytes.

ReportLab is imported where a document is written, by processes that write some.
"""

from __future__ import annotations

import io
from functools import cache, partial
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

from shared.values.printable import PrintableDocument, PrintableTable

PDF: Final = "application/pdf"

FONTS: Final = Path(__file__).parent / "fonts"
"""DejaVu Sans with Latin, Greek and Cyrillic letters: names have some that the fonts of every PDF reader lack."""
REGULAR, BOLD = "DejaVuSans", "DejaVuSans-Bold"
MARGIN: Final = 42.5
"""15 mm, in points."""
PADDING: Final = 6
"""Between the margin and what stands within it."""
SMALL: Final = 7.5
BEFORE_CLOSING: Final = 12


def write(document: PrintableDocument) -> bytes:
    """Returns the document as a PDF on A4."""
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import SimpleDocTemplate

    styles, written = _styles(), io.BytesIO()
    made = SimpleDocTemplate(
        written,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=document.title,
        author=document.author,
        lang=document.language,
        invariant=1,
    )
    flow = _flow(document, styles, A4[0] - 2 * (MARGIN + PADDING))
    made.build(flow, canvasmaker=partial(_numbered_canvas(), document))
    return written.getvalue()


@cache
def _numbered_canvas() -> Any:
    """The class of canvas that finishes its pages when all are there, since only then their number is known."""
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfgen.canvas import Canvas

    class NumberedCanvas(Canvas):  # type: ignore[misc]  # reportlab ships no types
        def __init__(self, document: PrintableDocument, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self._document = document
            self._pages: list[dict[str, Any]] = []
            # the same document is the same bytes: of the clock it has only the day on which it was made
            self.setDateFormatter(lambda *_: f"D:{document.made_on:%Y%m%d}")

        def showPage(self) -> None:
            self._pages.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for number, page in enumerate(self._pages, start=1):
                self.__dict__.update(page)
                self.setFont(REGULAR, SMALL)
                self.drawString(MARGIN + PADDING, MARGIN / 2, self._document.foot)
                shown = self._document.page(number, len(self._pages))
                self.drawRightString(A4[0] - MARGIN - PADDING, MARGIN / 2, shown)
                super().showPage()
            super().save()

    return NumberedCanvas


def _flow(document: PrintableDocument, styles: dict[str, Any], width: float) -> list[Any]:
    from reportlab.platypus import Paragraph, Spacer

    flow: list[Any] = [Paragraph(escape(document.title), styles["title"])]
    flow += [Paragraph(escape(text), styles["text"]) for text in document.paragraphs]
    for table in document.tables:
        flow += [Paragraph(escape(table.heading), styles["heading"]), _table(table, styles, width)]
    flow += [Spacer(1, BEFORE_CLOSING)] if document.closing else []
    return flow + [Paragraph(escape(text), styles["text"]) for text in document.closing]


def _table(table: PrintableTable, styles: dict[str, Any], width: float) -> Any:
    from reportlab.lib import colors
    from reportlab.platypus import LongTable, Paragraph

    whole = sum(column.width for column in table.columns)
    cells = [[Paragraph(escape(column.heading), styles["head"]) for column in table.columns]]
    cells += [[Paragraph(escape(text), styles["cell"]) for text in row] for row in table.rows]
    return LongTable(
        cells,
        colWidths=[width * column.width / whole for column in table.columns],
        repeatRows=1,
        splitInRow=1,
        style=[
            ("GRID", (0, 0), (-1, -1), 0.4, colors.grey),
            ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            *((name, (0, 0), (-1, -1), 2) for name in ("LEFTPADDING", "RIGHTPADDING", "TOPPADDING", "BOTTOMPADDING")),
        ],
        hAlign="LEFT",
    )


@cache
def _styles() -> dict[str, Any]:
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    for name in (REGULAR, BOLD):
        pdfmetrics.registerFont(TTFont(name, str(FONTS / f"{name}.ttf")))
    return {
        "title": ParagraphStyle("title", fontName=BOLD, fontSize=14, leading=18, spaceAfter=8),
        "heading": ParagraphStyle("heading", fontName=BOLD, fontSize=10, leading=13, spaceBefore=10, spaceAfter=4),
        "text": ParagraphStyle("text", fontName=REGULAR, fontSize=9, leading=12, spaceAfter=4),
        "head": ParagraphStyle("head", fontName=BOLD, fontSize=SMALL, leading=9),
        "cell": ParagraphStyle("cell", fontName=REGULAR, fontSize=SMALL, leading=9, splitLongWords=1),
    }
