"""A status changes in `domain/states.py` only, where its steps are: nowhere else is one assigned or written."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, SERVICES, sources, tree

FIELD = "status"
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


def _writes(node: ast.AST, tables: frozenset[str]) -> bool:
    """Whether the node gives a status to a row: by assignment, `setattr`, constructor, `values(…)`, row or SQL."""
    if any(isinstance(target, ast.Attribute) and target.attr == FIELD for target in _targets(node)):
        return True
    match node:
        case ast.Call(func=ast.Name("setattr"), args=[_, name, _]):
            # a name that is only known when it runs may be this one; part of a name (f"{part}_sequence") may not
            return not (isinstance(name, ast.JoinedStr) or (isinstance(name, ast.Constant) and name.value != FIELD))
        case ast.Call(func=func, keywords=keywords) if any(keyword.arg == FIELD for keyword in keywords):
            called = ast.unparse(func).rpartition(".")[2]
            return called in tables | {"values"}
        case ast.Dict(keys=keys):
            return any(key is not None and (_is_constant(key, FIELD) or _is_column(key, tables)) for key in keys)
        case ast.Subscript(slice=key, ctx=ast.Store()):
            return _is_constant(key, FIELD)
        case ast.Constant(value=str() as text):
            return bool(UPDATE.search(text))
    return False


def _is_column(node: ast.expr, tables: frozenset[str]) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == FIELD and ast.unparse(node.value) in tables


def _found_in(module: ast.Module, tables: frozenset[str]) -> list[int]:
    return [getattr(node, "lineno", 0) for node in ast.walk(module) if _writes(node, tables)]


def _states(service: str) -> Path:
    return ROOT / service / "domain" / "states.py"


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
        if path != _states(service)
        for line in _found_in(tree(path), tables)
    ]
    assert found == []


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
        "setattr(email, name, value)",
        "Email(id=one, status='sent')",
        "t.Email(status=S.SENT)",
        "update(Email).values(status='sent')",
        "insert(Email).values({'id': 1, 'status': 'sent'})",
        "update(Email).values({Email.status: 'sent'})",
        "rows = [{'status': 'sent'}]",
        "fields['status'] = 'sent'",
        "text('UPDATE emails SET error = NULL, status = :status')",
        "text('INSERT INTO emails (id, status) SELECT 1, 2')",
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
        "setattr(request, f'{part}_sequence', 1)",
        "MailServerView(status='working')",
        "name = row['status']",
        "claim_email(email, lease=lease, now=now)",
        "text(\"SELECT id FROM emails WHERE status = 'sent'\")",
    ],
)
def test_reading_a_status_is_nobodys_secret(line: str) -> None:
    """Everybody may ask where something stands."""
    assert _found_in(ast.parse(line), frozenset({"Email"})) == []
