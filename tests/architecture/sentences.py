"""Which texts of the catalogue the code names: in errors, in problems of fields, in sentences."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from shared.errors import PlatformError
from shared.texts import catalogue
from tests.architecture.sources import ROOT, SERVICES, nodes, sources

PACKAGES = ("shared", "gateway", *SERVICES)

NOT_VALUES = {"errors", "existing_id", "fields", "retry_after", "wording"}
"""Arguments of errors that fill no placeholder."""

ANY = r"[A-Za-z_]+"
"""What may be filled in where a key is not written in one piece."""

MECHANISM = ("shared/errors.py", "shared/texts/", "shared/values/errors.py")
"""Where texts are named for others."""


@dataclass(frozen=True)
class Mention:
    """A call that names a text."""

    place: str
    by: str
    """What is called."""
    key: re.Pattern[str] | None
    """The key, of which parts may be filled in; None where it is no literal."""
    values: frozenset[str] | None
    """The names of the values that come with it; None where they are not written there."""


@cache
def bases_by_class() -> dict[str, set[str]]:
    """The names of the base classes of every class of the services and of shared."""
    classes = (node for path in sources(*PACKAGES) for node in nodes(path) if isinstance(node, ast.ClassDef))
    # a class with the name of the library's class that it extends (`Resource`) is not its own ancestor
    return {each.name: {ast.unparse(base).rpartition(".")[2] for base in each.bases} - {each.name} for each in classes}


def ancestors(name: str) -> set[str]:
    """The class itself, and every class of ours that it inherits from."""
    return {name}.union(*(ancestors(base) for base in bases_by_class().get(name, ())))


@cache
def errors() -> frozenset[str]:
    """The names of all classes of errors with a text."""
    base = PlatformError.__name__
    return frozenset(name for name in bases_by_class() if base in ancestors(name))


@cache
def mentions() -> Sequence[Mention]:
    """Every call that names a text."""
    read = (path for path in sources(*PACKAGES) if not str(path.relative_to(ROOT)).startswith(MECHANISM))
    return [found for path in read for found in _mentions_in(path)]


def keys_of(mention: Mention) -> list[str]:
    """The texts of the catalogue that the call can name."""
    return [] if mention.key is None else [key for key in catalogue() if mention.key.fullmatch(key)]


def _mentions_in(path: Path) -> Iterator[Mention]:
    for node in nodes(path):
        if isinstance(node, ast.ClassDef) and node.name in errors():
            yield from (_mention(path, node.name, each, each.args[0]) for each in _own_keys(node))
        if isinstance(node, ast.Call) and (key := _key_of(node)) is not None:
            yield _mention(path, ast.unparse(node.func), node, key)


def _own_keys(kind: ast.ClassDef) -> list[ast.Call]:
    """The calls by which a class of errors always gives the same key."""
    calls = (each for each in ast.walk(kind) if isinstance(each, ast.Call))
    to_base = (each for each in calls if ast.unparse(each.func) == "super().__init__")
    return [each for each in to_base if each.args and isinstance(each.args[0], ast.Constant)]


@cache
def _with_own_key() -> frozenset[str]:
    kinds = (node for path in sources(*PACKAGES) for node in nodes(path) if isinstance(node, ast.ClassDef))
    return frozenset(each.name for each in kinds if each.name in errors() and _own_keys(each))


def _key_of(call: ast.Call) -> ast.expr | None:
    """The argument that names the text, where this call has one."""
    called = ast.unparse(call.func)
    if called in ("FieldProblem.of", "RevealingConflict"):
        return call.args[1] if len(call.args) > 1 else None
    if called == "FieldProblem" and isinstance(call.args[-1], ast.Constant | ast.JoinedStr):
        return call.args[-1]
    if called in ("Sentence.of", "NotAcceptable") or called in errors() - _with_own_key():
        return call.args[0] if call.args else None
    if called in ("require", "check_version") and len(call.args) > 1:
        return call.args[-1]
    return None


def _mention(path: Path, by: str, call: ast.Call, key: ast.expr) -> Mention:
    named = {each.arg for each in call.keywords}
    values = None if None in named else frozenset(each for each in named if each) - NOT_VALUES
    place = f"{path.relative_to(ROOT)}:{call.lineno}"
    return Mention(place, by, _pattern(by, call, key), values)


def _pattern(by: str, call: ast.Call, key: ast.expr) -> re.Pattern[str] | None:
    parts = _literal_parts(key)
    if parts is None:
        return None
    if by == "check_version":
        parts += re.escape(".changed_meanwhile")
    if by in ("NotFound", "require"):
        wording = next((each.value for each in call.keywords if each.arg == "wording"), None)
        parts += re.escape(".not_found" + (f".{ast.literal_eval(wording)}" if wording else ""))
    return re.compile(parts)


def _literal_parts(key: ast.expr) -> str | None:
    if isinstance(key, ast.Constant):
        return re.escape(str(key.value))
    if isinstance(key, ast.JoinedStr):
        return "".join(re.escape(str(each.value)) if isinstance(each, ast.Constant) else ANY for each in key.values)
    return None


@cache
def constants() -> frozenset[str]:
    """Every text that stands in the code, such as the keys of a table."""
    found = (node for path in sources(*PACKAGES) for node in nodes(path) if isinstance(node, ast.Constant))
    return frozenset(each.value for each in found if isinstance(each.value, str))
