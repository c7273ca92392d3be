"""Private words that were replaced by the field's terms (docs/glossary.md has the few that remain) do not come back.

`GONE` are words that no text may contain; `PRIVATE_WORDS` are words that identifiers, and `PHRASES` those that
docstrings and comments, of the finished packages do not contain. The lists grow with each word that is renamed.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, nodes, sources, tree

GONE = {
    "hop": "span",
    "hops": "spans",
    "worth_telling": "should_export",
    "teller": "exporter",
    "door": "endpoint",
    "doors": "endpoints",
    "dressed": "decorated",
    "parked": "a dead letter",
    "parking": "dead_letters",
    "journey": "end-to-end test",
    "journeys": "end-to-end tests",
    "at_hand": "dependencies",
}

PRIVATE_WORDS = {
    "tell": "publish", "tells": "publishes", "told": "published", "telling": "publishing",
    "hear": "handle", "hears": "handles", "heard": "handled",
    "stranger": "discrepancy", "strangers": "discrepancies",
    "deny": "publish_unknown", "denies": "publishes_unknown", "denial": "unknown_aggregate", "disown": "end",
    "recall": "replay", "wait_again": "mark_unpublished", "take_up": "replay",
    "settle": "recompute, resolve", "settled": "resolved",
    "gate": "cooldown", "gates": "cooldowns", "look_at": "due_at", "look_again": "schedule",
    "moments": "datetimes", "refusals": "errors", "letters": "emails",
    "hopeless": "permanent_failure", "agency": "api_client",
    "hand": "in_flight", "give_back": "release",
}  # fmt: skip
"""Words of an identifier, and what to write instead."""
NOT_PRIVATE = re.compile("dead_letters")
"""Terms that contain such a word."""

PHRASES = {
    "tell", "tells", "told", "hear", "hears", "heard", "stranger", "strangers", "deny", "denies", "denial", "disown",
    "in hand", "at hand", "falls silent", "goes well", "let it go on", "whoever", "and then some", "the world",
    "now and then",
}  # fmt: skip
"""Words and phrases of no docstring and no comment; write what happens, with its subject: "the relay publishes"."""

PACKAGES = sorted(
    str(path.parent.relative_to(ROOT))
    for path in [*ROOT.glob("*/__init__.py"), *ROOT.glob("shared/*/__init__.py"), *ROOT.glob("scraper/*/__init__.py")]
    if path.parent.name not in ("tests", "shared")
)
ALLOWED = re.compile(r"door to door|next door|door plates|walks to the stop, waiting and parking")
HERE = "tests/architecture/test_language.py"
FOREIGN = (
    "tests/samples/", "tests/fakes/mail_answers.py", "shared/runtime/smtp_answers.py",
    "operations/postman/newman/package-lock.json",
)  # fmt: skip
"""Names of places, what mail servers say, and names of packages."""
NO_TEXT = (".ttf",)


def files() -> list[str]:
    """Every text of the repository that we write, whatever its name ends in: a Dockerfile, a template, a script."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return [name for name in listed if name != HERE and not name.startswith(FOREIGN) and not name.endswith(NO_TEXT)]


@cache
def lines_of_files() -> dict[str, list[str]]:
    """The lines of every such text, without the expressions that are allowed."""
    return {name: ALLOWED.sub("", (ROOT / name).read_text()).splitlines() for name in files()}


@pytest.mark.parametrize("word", sorted(GONE))
def test_a_word_that_is_gone_does_not_come_back(word: str) -> None:
    """A newcomer must not learn a word of ours where the field has one."""
    pattern = re.compile(rf"(?<![A-Za-z]){word}(?![A-Za-z])", re.IGNORECASE)
    found = [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, lines in lines_of_files().items()
        for number, line in enumerate(lines, 1)
        if pattern.search(line)
    ]
    assert found == [], f"write {GONE[word]!r}"


def test_no_file_is_named_by_a_word_that_is_gone() -> None:
    """What is looked for is found under the field's name."""
    parts = {part: name for name in files() for part in re.split(r"[/._]", name)}
    assert {parts[word] for word in GONE if word in parts} == set()


def _words(identifier: str) -> str:
    """Returns an identifier in snake case between underscores, so that `_tell_` finds the word."""
    separated = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", identifier).lower().strip("_")
    return f"_{NOT_PRIVATE.sub('', separated)}_"


def _declared(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Yields the name of every class, function, parameter, variable and attribute that is declared, with its line."""
    for node in ast.walk(module):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield node.lineno, name
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name


def _prose(path: Path) -> Iterator[tuple[int, str]]:
    """Yields every docstring and comment with its line."""
    for node in nodes(path):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value
    for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def private_words(package: str) -> list[str]:
    """Returns each private word in an identifier, and each phrase in a docstring or comment, with its line."""
    found = []
    for path in sources(package):
        place = path.relative_to(ROOT)
        for line, name in _declared(tree(path)):
            found += [
                f"{place}:{line}: {name}: write {PRIVATE_WORDS[word]}"
                for word in PRIVATE_WORDS
                if f"_{word}_" in _words(name)
            ]
        for line, text in _prose(path):
            found += [
                f"{place}:{line}: {phrase!r}: {text[:80]}"
                for phrase in PHRASES
                if re.search(rf"(?<!\w){phrase}(?!\w)", text, re.IGNORECASE)
            ]
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_no_private_words(package: str) -> None:
    """A reader who knows the field guesses right from the name alone."""
    assert private_words(package) == []
