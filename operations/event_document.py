"""Writes docs/asyncapi.json: `python -m operations.event_document` (`make events`); `--check` only says if it is stale.

Which service publishes and which handle an event is read from their source: the domain names the classes of the events
that it records, `listeners.py` those that it handles.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from shared.events.document import document, events
from shared.runtime import registry

ROOT = Path(__file__).parent.parent
FILE = ROOT / "docs" / "asyncapi.json"


def render(root: Path = ROOT) -> str:
    """The document as the file holds it; raises `ValueError` for an event that two services seem to send."""
    return json.dumps(document(senders(root), handlers(root)), indent=2, ensure_ascii=False) + "\n"


def senders(root: Path = ROOT) -> dict[str, str]:
    """The service that records the event of that name; an event nobody records is left out."""
    found: dict[str, str] = {}
    for service in registry.names(root):
        named = {name for path in (root / service / "domain").rglob("*.py") for name in _used(_parsed(path))}
        for event in events():
            if event.__name__ in named and found.setdefault(event.name, service) != service:
                raise ValueError(f"{event.name} is recorded by {found[event.name]} and by {service}")
    return found


def handlers(root: Path = ROOT) -> dict[str, list[str]]:
    """The services with a listener for the event of that name."""
    found: dict[str, list[str]] = {}
    for service in registry.names(root):
        file = root / service / "listeners.py"
        handled = set(_handled(_parsed(file))) if file.exists() else set()
        for event in events():
            if event.__name__ in handled:
                found.setdefault(event.name, []).append(service)
    return found


def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(), str(file))


def _used(node: ast.AST) -> Iterator[str]:
    """Names that are used, not only written as the type of something."""
    for name, child in ast.iter_fields(node):
        if name in ("annotation", "returns"):
            continue
        for each in child if isinstance(child, list) else [child]:
            if isinstance(each, ast.Name):
                yield each.id
            if isinstance(each, ast.AST):
                yield from _used(each)


def _handled(module: ast.Module) -> Iterator[str]:
    """Names given to `@….effect(…)` and `@….projection(…)`, also by way of a group: `*STATES`."""
    groups = {
        target.id: statement.value
        for statement in module.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(module):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("effect", "projection")
        ):
            for argument in node.args:
                names = list(_used(ast.Expr(argument)))
                yield from names
                for group in names:
                    yield from _used(groups.get(group, ast.Pass()))


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail if the file is not up to date.")
def main(check: bool) -> None:
    """Write docs/asyncapi.json from the catalogue."""
    wanted, name = render(), FILE.relative_to(ROOT)
    is_current = FILE.exists() and FILE.read_text() == wanted
    if check:
        sys.exit(0 if is_current else f"{name} is not what the catalogue says: `make events` writes it anew")
    FILE.write_text(wanted)
    print(f"{name} {'is up to date' if is_current else 'written'}")


if __name__ == "__main__":
    main(prog_name="python -m operations.event_document")
