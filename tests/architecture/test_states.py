"""A status changes in `domain/states.py` only, and in modules of states beside it: nowhere else is one assigned."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, SERVICES, nodes, sources, tree

FIELD = "status"
BY_NAME = {
    "patient_service/domain/files.py": "the names are those of a schema and of indexes, and status is none",
    "therapist_service/domain/capacity.py": "the names are those of columns that follow from a capacity",
    "therapist_service/domain/imports.py": "the names are those of counters",
    "therapist_service/domain/import_undo.py": "the names are those of a file's fields, and status is none",
    "therapist_service/domain/merging.py": "the names are those of fields and of machines' notes, and status is none",
    "therapist_service/domain/reviewed_therapists.py": "the names are those of a schema, and status is none",
    "therapist_service/domain/therapists.py": "the names are those of a schema, and status is none",
}
"""Files that set attributes whose names are only known when they run, and why none of these is a status."""
UPDATE = re.compile(r"\b(SET|set)\b[^;]*\bstatus\s*=|\bINSERT\s+INTO\b[^;]*\bstatus\b", re.IGNORECASE | re.DOTALL)


def _assigned(target: ast.expr) -> Iterator[ast.expr]:
    """What an assignment assigns to, also inside of tuples."""
    if isinstance(target, ast.Tuple | ast.List):
        for each in target.elts:
            yield from _assigned(each)
    elif isinstance(target, ast.Starred):
        yield from _assigned(target.value)
    else:
        yield target


def _targets(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.Assign(targets=targets):
            for target in targets:
                yield from _assigned(target)
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target, value=ast.expr()):
            yield from _assigned(target)
        case ast.For(target=target) | ast.NamedExpr(target=target) | ast.comprehension(target=target):
            yield from _assigned(target)
        case ast.withitem(optional_vars=ast.expr() as target):
            yield from _assigned(target)


def _is_constant(node: ast.expr, value: str) -> bool:
    return isinstance(node, ast.Constant) and node.value == value


def _is_a_rows(target: ast.Attribute) -> bool:
    """Whether the status of something else is meant: an exception may say one, and rows have no such methods."""
    return target.attr == FIELD and ast.unparse(target.value) != "self"


def _is_made_up(value: ast.expr | None) -> bool:
    """Whether the value is a status that somebody chose: not one that is read somewhere, or that the states name.

    A copy of another service's status, an entry of a log and a view repeat what stands; a schema has a rule there.
    """
    if value is None or isinstance(value, ast.Dict):
        return False
    parts = list(ast.walk(value))
    is_read = any(isinstance(part, ast.Attribute) and part.attr == FIELD for part in parts)
    return not is_read and not any(isinstance(part, ast.Name) and part.id == "states" for part in parts)


def _writes(node: ast.AST, tables: frozenset[str]) -> bool:
    """Whether the node gives a status to a row: by assignment, `setattr`, constructor, `values(…)`, row or SQL."""
    if any(isinstance(target, ast.Attribute) and _is_a_rows(target) for target in _targets(node)):
        return True
    match node:
        case ast.Call(func=ast.Name("setattr"), args=[_, ast.Constant(name), _]):
            return name == FIELD
        case ast.Call(func=ast.Attribute(value=ast.Name("states"), attr="enter")):
            return True
        case ast.Call(func=func, keywords=keywords):
            chosen = [keyword for keyword in keywords if keyword.arg == FIELD and _is_made_up(keyword.value)]
            return bool(chosen) and ast.unparse(func).rpartition(".")[2] in tables | {"values"}
        case ast.Dict(keys=keys, values=values):
            return any(
                key is not None and (_is_constant(key, FIELD) or _is_column(key, tables)) and _is_made_up(value)
                for key, value in zip(keys, values, strict=True)
            )
        case ast.Subscript(slice=key, ctx=ast.Store()):
            return _is_constant(key, FIELD)
        case ast.Constant(value=str() as text):
            return bool(UPDATE.search(text))
    return False


def _sets_by_name(node: ast.AST) -> bool:
    """A `setattr` whose name is only known when it runs may set a status; one that has its end written may not."""
    match node:
        case ast.Call(func=ast.Name("setattr"), args=[_, name, _]):
            return not isinstance(name, ast.JoinedStr | ast.Constant)
    return False


def _is_column(node: ast.expr, tables: frozenset[str]) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == FIELD and ast.unparse(node.value) in tables


def _found_in(module: ast.Module, tables: frozenset[str]) -> list[int]:
    return [getattr(node, "lineno", 0) for node in ast.walk(module) if _writes(node, tables)]


def _states(service: str) -> Path:
    return ROOT / service / "domain" / "states.py"


def _states_of_calls(service: str) -> Path:
    return _states(service).with_name("call_states.py")


def _has_a_state_machine(service: str) -> bool:
    """Whether the service's steps are functions that assign; a file that only says which there are is none yet."""
    path = _states(service)
    return path.exists() and _found_in(tree(path), _tables(service)) != []


def _tables(service: str) -> frozenset[str]:
    """The table classes that have a status, a copy's included: nobody makes one of these by hand either."""
    tables = importlib.import_module(f"{service}.store.tables").Tables
    return frozenset(mapper.class_.__name__ for mapper in tables.registry.mappers if FIELD in mapper.columns)


WITH_STATES = [service for service in SERVICES if _has_a_state_machine(service)]


def test_the_communication_service_has_a_state_machine() -> None:
    """Without this the rule below could hold for nobody."""
    assert "communication_service" in WITH_STATES


@pytest.mark.parametrize("service", WITH_STATES)
def test_nobody_but_the_state_machine_sets_a_status(service: str) -> None:
    """Who sets one elsewhere forgets what belongs to it, or takes a step that does not exist."""
    tables = _tables(service)
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sources(service)
        if path != _states(service) and path != _states_of_calls(service)
        for line in _found_in(tree(path), tables)
    ]
    assert found == []


def test_only_files_with_a_reason_set_attributes_by_a_name_that_is_not_written_there() -> None:
    """What is set by such a name no reader finds, and no test."""
    files = {
        str(path.relative_to(ROOT))
        for service in WITH_STATES
        for path in sources(service)
        if any(map(_sets_by_name, nodes(path)))
    }
    assert files == set(BY_NAME)


@pytest.mark.parametrize(
    "line",
    [
        "email.status = 'sent'",
        "email.error, email.status = None, 'sent'",
        "(a, [b.status, *c]) = values",
        "email.status: str = 'sent'",
        "email.status += 'x'",
        "for email.status in words: pass",
        "setattr(email, 'status', 'sent')",
        "Email(id=one, status='sent')",
        "t.Email(status=S.SENT)",
        "update(Email).values(status='sent')",
        "insert(Email).values({'id': 1, 'status': 'sent'})",
        "update(Email).values({Email.status: 'sent'})",
        "rows = [{'status': 'sent'}]",
        "fields['status'] = 'sent'",
        "text('UPDATE emails SET error = NULL, status = :status')",
        "text('INSERT INTO emails (id, status) SELECT 1, 2')",
        "states.enter(call, 'sent', ALL)",
    ],
)
def test_every_way_to_set_a_status_is_found(line: str) -> None:
    """The rule is worth as much as what it sees."""
    assert _found_in(ast.parse(line), frozenset({"Email"})) == [1]


@pytest.mark.parametrize(
    "line",
    [
        "if email.status == 'sent': pass",
        "select(Email).where(Email.status == 'sent')",
        "email.error = 'sent'",
        "setattr(request, 'hold', None)",
        "self.status = status",
        "LogEntry(status=email.status)",
        "Email(status=states.FIRST.value)",
        "row = {'status': therapist.status}",
        "schema = {'status': {'const': 'paused'}}",
        "MailServerView(status='working')",
        "name = row['status']",
        "claim_email(email, lease=lease, now=now)",
        "text(\"SELECT id FROM emails WHERE status = 'sent'\")",
    ],
)
def test_reading_a_status_is_nobodys_secret(line: str) -> None:
    """Everybody may ask where something stands."""
    assert _found_in(ast.parse(line), frozenset({"Email", "LogEntry"})) == []
