"""Every refusal is said by a code of the catalogue of texts, which has its sentence in German and in English."""

from __future__ import annotations

import inspect
from enum import StrEnum

import pytest

from shared.texts import TextLanguage, catalogue, placeholders
from shared.texts.catalogue import names_in, texts_of
from shared.values import contact_log_enums, contact_plan_enums, enums, geocoding_enums, language_enums
from tests.architecture.sentences import constants, keys_of, mentions
from tests.architecture.sources import ROOT, SERVICES

WITHOUT_LITERAL = {
    "gateway/problems.py": "each refusal of the gateway names its text, in a table",
    "shared/http/problems.py": "refusals by Flask and Werkzeug, by their status, in a table",
    "shared/database/rows.py": "by the noun that `require` and `check_version` are given",
    "shared/runtime/server/connection.py": "the refusals of the web server, by their status, in a table",
    "patient_service/domain/duplicates.py": "what two patients have in common, in a table",
    "patient_service/domain/import_rows.py": "of whom may be the same person nobody is left: by the code, in a table",
    "matching_service/domain/explaining.py": "what a criterion says, by the key in its entry",
    "patient_service/domain/bulk.py": "raises again what shared code refused, with whom it reveals",
    "shared/events/rebuild.py": "raises again what another process raised",
}
"""Files in which a key is no literal, and why; every other key stands where it is used."""


def test_the_catalogue_has_every_text_in_every_language() -> None:
    """Half a text is refused when the catalogue is read; here it is read, with the texts of every package."""
    packages = {file.parent.name for file in ROOT.glob("*/texts.toml")}
    assert {"shared", "gateway", *SERVICES} <= packages
    assert all(sentence.strip() for wordings in catalogue().values() for sentence in wordings.values())
    assert {frozenset(wordings) for wordings in catalogue().values()} == {frozenset(TextLanguage)}


@pytest.mark.parametrize("package", ["shared", "gateway", *SERVICES])
def test_both_languages_leave_the_same_open(package: str) -> None:
    """Names only: neither attributes nor formats, which a value of another kind would break."""
    for key, wordings in texts_of(ROOT / package / "texts.toml"):
        names = [sorted(names_in(sentence)) for sentence in wordings.values()]
        assert names[0] == names[1], f"{key} has other placeholders in German than in English"
        assert all(name.isidentifier() for name in names[0]), key
        assert not any(mark in sentence for sentence in wordings.values() for mark in (":}", "!r", "!s")), key


def test_the_looking_itself_finds_every_way_to_name_a_text() -> None:
    ways = {"Conflict", "NotFound", "NotAcceptable", "RevealingConflict", "FieldProblem.of", "Sentence.of"}
    assert ways | {"require", "check_version", "TokenExpired"} <= {each.by for each in mentions()}
    assert len([each for each in mentions() if each.values]) > 20


def test_what_is_said_has_a_text() -> None:
    missing = [f"{each.place}: {each.by} {each.key.pattern}" for each in mentions() if each.key and not keys_of(each)]
    assert not missing, "no such text in any texts.toml (a sentence belongs there, not into the code): " + str(missing)


def test_what_is_said_brings_the_values_that_its_text_needs() -> None:
    wrong = [
        f"{each.place}: {key} needs {sorted(placeholders(key))}"
        for each in mentions()
        if each.values is not None
        for key in keys_of(each)
        if placeholders(key) != each.values
    ]
    assert not wrong, wrong


def test_a_key_stands_where_it_is_used() -> None:
    elsewhere = {each.place.partition(":")[0] for each in mentions() if each.key is None}
    assert elsewhere == set(WITHOUT_LITERAL)


def vocabularies() -> dict[str, type[StrEnum]]:
    modules = (enums, contact_log_enums, contact_plan_enums, geocoding_enums, language_enums)
    classes = [each for module in modules for _, each in inspect.getmembers(module, inspect.isclass)]
    return {each.__name__: each for each in classes if issubclass(each, StrEnum) and each is not StrEnum}


def test_every_text_is_used() -> None:
    named = {key for each in mentions() for key in keys_of(each)} | constants()
    own = (key for key in catalogue() if not key.startswith("word."))
    of_tests = {key for key, _ in texts_of(ROOT / "tests" / "texts.toml")}
    assert [key for key in own if key not in named | of_tests] == []


def test_words_are_those_of_a_vocabulary() -> None:
    """All of them: a sentence may be given any."""
    found: dict[str, set[str]] = {}
    for key in catalogue():
        if key.startswith("word.") and key.count(".") == 2:
            found.setdefault(key.split(".")[1], set()).add(key.split(".")[2])
        elif key.startswith("word."):
            assert key in constants(), f"{key} is not used"
    assert found == {name: {each.name.lower() for each in vocabularies()[name]} for name in found}
