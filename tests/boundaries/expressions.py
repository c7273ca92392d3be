"""Every regular expression of our own code, how it is used, and the texts that would take it longest.

An expression that has two ways to read the same characters tries them all before it gives up: for a text of n
characters that is n² or 2ⁿ steps. Such a text repeats what an unbounded part of the expression matches, and ends with
something that matches nothing. It is made from the expression itself, so that a new one needs no list.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from re import _constants as codes
from re import _parser as parser
from typing import Any

from tests.architecture.sources import ROOT, SERVICES, nodes, sources

FOLDERS = ("shared", *SERVICES, "operations", "gateway", "migrations", "testkit")
FUNCTIONS = {"compile", "match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"}
KILLERS = ("\0", "!", "\n")
"""What follows the repeated part, so that the whole fails; one of them matches nowhere."""


@dataclass(frozen=True)
class Expression:
    """One expression and one method it is used with."""

    place: str
    pattern: re.Pattern[Any]
    method: str

    def try_on(self, text: str) -> None:
        """Use it as our code does."""
        given: Any = text.encode("latin-1", "replace") if isinstance(self.pattern.pattern, bytes) else text
        nothing: Any = b"" if isinstance(given, bytes) else ""
        if self.method in ("sub", "subn"):
            getattr(self.pattern, self.method)(nothing, given)
        elif self.method == "finditer":
            list(self.pattern.finditer(given))
        else:
            getattr(self.pattern, self.method)(given)


def expressions() -> Iterator[Expression]:
    """Every call of `re` in our code whose expression does not depend on what a function was given."""
    for path in sources(*FOLDERS):
        for node in nodes(path):
            if _is_call_of_re(node):
                yield from _expressions_of(path, node)


def _is_call_of_re(node: ast.AST) -> bool:
    function = node.func if isinstance(node, ast.Call) else None
    return (
        isinstance(function, ast.Attribute)
        and function.attr in FUNCTIONS
        and isinstance(function.value, ast.Name)
        and function.value.id == "re"
    )


def _expressions_of(path: Path, call: Any) -> Iterator[Expression]:
    place = f"{path.relative_to(ROOT)}:{call.lineno}"
    pattern = _evaluated(path, call)
    if pattern is None:
        yield Expression(place, re.compile(""), UNKNOWN)
    else:
        for method in _methods(path, call):
            yield Expression(place, pattern, method)


UNKNOWN = "made while the program runs"


def _evaluated(path: Path, call: ast.Call) -> re.Pattern[Any] | None:
    """The pattern as its module makes it; None where it depends on the arguments of a function."""
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    module = vars(importlib.import_module(name.removesuffix(".__init__")))
    flags = [keyword.value for keyword in call.keywords if keyword.arg == "flags"]
    flags += call.args[1:2] if call.func.attr == "compile" else []  # type: ignore[attr-defined]
    try:
        values = [eval(compile(ast.Expression(each), "", "eval"), module) for each in (call.args[0], *flags)]  # noqa: S307
    except NameError:
        return None
    return re.compile(*values)


def _methods(path: Path, call: Any) -> set[str]:
    """How the expression is used: by this call, or wherever the name that it is bound to is used."""
    if call.func.attr != "compile":
        return {call.func.attr}
    names = [
        target.id
        for node in nodes(path)
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is call
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    ]
    found = {method for name in names for each in _readers(path, name) for method in _uses(each).get(name, ())}
    return found or {"search"}  # which tries every place of the text: the most that any use can cost


def _readers(path: Path, name: str) -> Iterator[Path]:
    yield path
    if not name.startswith("_"):
        yield from (each for each in sources(*FOLDERS) if each != path)


@cache
def _uses(path: Path) -> Mapping[str, set[str]]:
    """The methods that the file uses each expression with, by the name the expression is bound to."""
    found = defaultdict(set)
    for node in nodes(path):
        if isinstance(node, ast.Attribute) and node.attr in FUNCTIONS:
            found[_name(node.value)].add(node.attr)
        if _is_call_of_re(node):
            found[_name(node.args[0])].add(node.func.attr)  # type: ignore[attr-defined]
    return found


def _name(node: ast.AST) -> str:
    """The name itself, of an attribute the last part; of anything else nothing."""
    return str(getattr(node, "id", getattr(node, "attr", "")))


# --- texts that take long ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pump:
    """A beginning, what is repeated after it, and an end."""

    before: str
    piece: str
    after: str

    def text(self, length: int) -> str:
        """A text of about this length."""
        return self.before + self.piece * max(1, length // len(self.piece)) + self.after


def pumps(pattern: re.Pattern[Any]) -> list[Pump]:
    """The texts that make an expression try most: each of its repetitions, repeated, with an end that fails."""
    raw = pattern.pattern
    tokens = parser.parse(raw.decode("latin-1") if isinstance(raw, bytes) else raw, pattern.flags & ~re.UNICODE)
    found = {
        Pump(start, piece, end)
        for before, piece in _repetitions(tokens, "")
        if piece
        for start in dict.fromkeys((before, ""))
        for end in KILLERS
    }
    return sorted(found, key=repr)


def _repetitions(tokens: Any, before: str) -> Iterator[tuple[str, str]]:
    """What precedes each repetition, and what it repeats: every alternative of it."""
    for code, value in tokens:
        inner = _inner(code, value)
        if code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT) and value[1] > MANY:
            yield from ((before, piece) for piece in _examples(value[2]))
        for part in inner:
            yield from _repetitions(part, before)
        before += next(iter(_examples([(code, value)])), "")


MANY = 50
"""Repetitions up to this number are no danger by themselves."""


def _inner(code: Any, value: Any) -> Sequence[Any]:
    if code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
        return [value[2]]
    if code is codes.SUBPATTERN:
        return [value[3]]
    if code is codes.BRANCH:
        return list(value[1])
    if code is codes.ATOMIC_GROUP:
        return [value]
    return [value[1]] if code in (codes.ASSERT, codes.ASSERT_NOT) else []


def _examples(tokens: Any) -> list[str]:
    """Some texts that a sequence matches, at most a handful."""
    found = [""]
    for code, value in tokens:
        found = [text + more for text in found for more in _examples_of(code, value)][:4]
    return found


def _examples_of(code: Any, value: Any) -> list[str]:
    if code is codes.LITERAL:
        return [chr(value)]
    if code is codes.IN:
        return _members(value)
    if code in (codes.ANY, codes.NOT_LITERAL):
        return [each for each in "a " if each != chr(value or 0)]
    if code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
        return [each * max(1, value[0]) for each in _examples(value[2])]
    if code is codes.SUBPATTERN:
        return _examples(value[3])
    if code is codes.ATOMIC_GROUP:
        return _examples(value)
    if code is codes.BRANCH:
        return [text for branch in value[1] for text in _examples(branch)[:2]]
    return [""]


ALPHABET = "a0 A-._@:/\\\"'<>()[]{}*+\t\n\r\0ä\u0301!,;=#$%&?^`|~_zZ9"


def _members(members: Any) -> list[str]:
    """Characters of a set: those of an alphabet that has one of most kinds, else its own first."""
    set_of = re.compile(_set_as_written(members))
    found = [each for each in ALPHABET if set_of.fullmatch(each)]
    return found[:2] or [chr(value if code is codes.LITERAL else value[0]) for code, value in members][:1]


def _set_as_written(members: Any) -> str:
    """A set as it is written."""
    categories = {
        codes.CATEGORY_DIGIT: r"\d", codes.CATEGORY_NOT_DIGIT: r"\D", codes.CATEGORY_SPACE: r"\s",
        codes.CATEGORY_NOT_SPACE: r"\S", codes.CATEGORY_WORD: r"\w", codes.CATEGORY_NOT_WORD: r"\W",
    }  # fmt: skip
    parts = []
    for code, value in members:
        if code is codes.LITERAL:
            parts.append(re.escape(chr(value)))
        elif code is codes.RANGE:
            parts.append("-".join(re.escape(chr(each)) for each in value))
        elif code is codes.CATEGORY:
            parts.append(categories[value])
    negated = members and members[0][0] is codes.NEGATE
    return f"[{'^' if negated else ''}{''.join(parts)}]"
