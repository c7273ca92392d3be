"""The documents of the repository: their anchors, the tables in them, and who cites what."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import dropwhile, takewhile
from pathlib import Path

from tests.architecture.sources import ROOT

DOMAIN, API = ROOT / "docs" / "domain.md", ROOT / "docs" / "api.md"

_ANCHOR = re.compile(r'<a id="([^"]+)"></a>')
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s#]*)(?:#([^)\s]+))?\)")
_IN_TEXT = re.compile(r"(?<![\w/.-])(docs/[\w/-]+\.md)(?:#([\w-]+))?")
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Citation:
    """A place in a file that names another document, and perhaps an anchor in it."""

    cited_in: Path
    document: Path
    anchor: str | None

    def __str__(self) -> str:
        anchor = f"#{self.anchor}" if self.anchor else ""
        return f"{self.cited_in.relative_to(ROOT)} cites {self.document.relative_to(ROOT)}{anchor}"


def tracked(*patterns: str) -> list[Path]:
    """The text files of the repository that match, also those that nobody has committed yet."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def named_anchors(document: Path) -> list[str]:
    """The anchors that a document names itself, in their order."""
    return _ANCHOR.findall(document.read_text())


def anchors(document: Path) -> set[str]:
    """Everything in a document that a link can lead to: named anchors, and headings as GitHub spells them."""
    headings = _HEADING.findall(_FENCED.sub("", document.read_text()))
    return {*named_anchors(document), *map(_slug, headings)}


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def citations() -> Iterator[Citation]:
    """Every link in a Markdown file to a file of ours, and every `docs/….md` elsewhere."""
    for path in tracked("*.md"):
        for target, anchor in _LINK.findall(_FENCED.sub("", path.read_text())):
            if "://" not in target:
                document = (path.parent / target).resolve() if target else path
                yield Citation(path, document, anchor or None)
    for path in tracked("*.md", "*.py", "*.toml", "*.yml", "Makefile", ".ci/*", ".env.example", ".importlinter"):
        for target, anchor in _IN_TEXT.findall(path.read_text()):
            yield Citation(path, ROOT / target, anchor or None)


def table_after(document: Path, place: str) -> list[list[str]]:
    """The rows of the first table after a named anchor or a heading, without its head; cells as they are written."""
    start = re.compile(rf'<a id="{re.escape(place)}"></a>|^#+ {re.escape(place)}$', re.MULTILINE)
    found = start.search(document.read_text())
    assert found is not None, f"{document.name} has no {place}"
    lines = document.read_text()[found.end() :].splitlines()
    table = dropwhile(lambda line: not line.startswith("|"), lines)
    rows = list(takewhile(lambda line: line.startswith("|"), table))
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[2:]]


def codes(cell: str) -> list[str]:
    """What stands in backticks in a cell."""
    return re.findall(r"`([^`]*)`", cell)
