"""Words that were ours and are the field's now (docs/glossary.md has the few that remain) do not come back.

The list grows with each word that is renamed; none is ever taken out.
"""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.architecture.sources import ROOT

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
ALLOWED = re.compile(r"door to door|next door|door plates|walks to the stop, waiting and parking")
TEXT = (".py", ".md", ".yml", ".toml", ".sh", ".ini")
HERE = "tests/architecture/test_language.py"
FOREIGN = ("tests/samples/", "tests/fakes/mail_answers.py", "communication_service/clients/smtp_answers.py")
"""Names of places, and what mail servers say."""


def files() -> list[str]:
    """Every text of the repository that we write."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return [name for name in listed if name.endswith(TEXT) and name != HERE and not name.startswith(FOREIGN)]


@pytest.mark.parametrize("word", sorted(GONE))
def test_a_word_that_is_gone_does_not_come_back(word: str) -> None:
    """A newcomer must not learn a word of ours where the field has one."""
    pattern = re.compile(rf"(?<![A-Za-z]){word}(?![A-Za-z])", re.IGNORECASE)
    found = [
        f"{name}:{number}: {line.strip()[:100]}"
        for name in files()
        for number, line in enumerate((ROOT / name).read_text().splitlines(), 1)
        if pattern.search(ALLOWED.sub("", line))
    ]
    assert found == [], f"write {GONE[word]!r}"


def test_no_file_is_named_by_a_word_that_is_gone() -> None:
    """What is looked for is found under the field's name."""
    parts = {part: name for name in files() for part in re.split(r"[/._]", name)}
    assert {parts[word] for word in GONE if word in parts} == set()
