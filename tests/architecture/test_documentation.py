"""What docs/faults.md tells operators to look for is what the code says: metrics, log events, fields, other names.

And the files and tests that docs/how-to.md names are there.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.architecture.sources import ROOT, SERVICES, nodes, sources

FAULTS = (ROOT / "docs" / "faults.md").read_text()
HOW_TO = (ROOT / "docs" / "how-to.md").read_text()
TO_BE_MADE = re.compile("(tests/|migrations/)?statistics_service/|tests/samples/events/")
"""What only who follows a recipe makes."""
CODE = ("shared", "operations", "migrations", "gateway", *SERVICES)
LEVELS = {"debug", "info", "warning", "error", "exception"}
KINDS = {"Counter": "_total", "Gauge": "", "LazyGauge": "", "Histogram": "_count"}

DOTTED = re.compile(r"`([a-z_]+(?:\.[a-z_]+)+)`")
METRIC = re.compile(r"`(platform_\w+)(?:\{(\w+)[^`]*\})?`")
FIELDS = re.compile(r"`([a-z_]+\.[a-z_]+)`\s+\((`\w+`(?:,\s+`\w+`)*)\)")
"""A log event with its fields: `relay.started` (`batch`)."""


@cache
def log_events() -> dict[str, set[str]]:
    """Every log event with its fields."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path in sources(*CODE):
        for call in _calls(path):
            if isinstance(call.func, ast.Attribute) and call.func.attr in LEVELS and _first_text(call):
                found[_first_text(call)] |= set(_fields(call, path))
    return found


def _calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in nodes(path) if isinstance(node, ast.Call))


def _first_text(call: ast.Call) -> str:
    first = call.args[0] if call.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""


def _fields(call: ast.Call, path: Path) -> Iterator[str]:
    for keyword in call.keywords:
        if keyword.arg is not None:
            yield keyword.arg
        elif isinstance(keyword.value, ast.Name):  # **place: the keys of what was given this name in the file
            for node in nodes(path):
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == keyword.value.id:
                    yield from _keys(node.value)


def _keys(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.Dict):
        yield from (key.value for key in value.keys if isinstance(key, ast.Constant) and isinstance(key.value, str))
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "dict":
        yield from (keyword.arg for keyword in value.keywords if keyword.arg)


@cache
def metrics() -> dict[str, set[str]]:
    """Every metric, under the names by which it is shown, with its labels."""
    found: dict[str, set[str]] = {}
    for path in sources(*CODE):
        for call in _calls(path):
            kind, name = ast.unparse(call.func), _first_text(call)
            if kind in KINDS and name:
                labels = call.args[2] if len(call.args) > 2 else ast.List([])
                for shown in {name, name + KINDS[kind].removeprefix("_total" if name.endswith("_total") else "")}:
                    found[shown] = set(ast.literal_eval(labels)) if isinstance(labels, ast.List) else set()
    return found


@cache
def names() -> set[str]:
    """Every text and every name in the code."""
    found: set[str] = set()
    for path in sources(*CODE):
        found.add(path.stem)
        for node in nodes(path):
            match node:
                case ast.Constant(value=str(text)) | ast.Name(id=text) | ast.Attribute(attr=text):
                    found.add(text)
                case ast.FunctionDef(name=text) | ast.ClassDef(name=text) | ast.arg(arg=text):
                    found.add(text)
                case ast.keyword(arg=str(text)):
                    found.add(text)
    return found | set(re.findall(r"\w+", (ROOT / "kafka/server.properties.template").read_text()))


def test_the_looking_itself_finds_something() -> None:
    assert {"topic", "partition", "offset", "reason"} <= log_events()["consumer.dead_letter"]
    assert metrics()["platform_duty_failures_total"] == {"duty"}
    assert len(METRIC.findall(FAULTS)) > 10
    assert len(FIELDS.findall(FAULTS)) >= 5


def test_every_metric_exists_with_its_labels() -> None:
    for name, label in METRIC.findall(FAULTS):
        assert name in metrics(), f"there is no metric {name}"
        assert not label or label in metrics()[name], f"{name} has no label {label}"


def test_every_field_of_a_log_event_exists() -> None:
    for event, fields in FIELDS.findall(FAULTS):
        assert event in log_events(), f"there is no log event {event}"
        for field in re.findall(r"\w+", fields):
            assert field in log_events()[event], f"{event} has no field {field}"


def test_every_dotted_name_exists() -> None:
    """A log event, a code of a refusal, a type of event; or a path of names, such as `checks.duties`."""
    logged = {event.partition(".")[0] for event in log_events() if "." in event}
    for name in DOTTED.findall(FAULTS):
        if name.endswith(".py"):
            assert list((ROOT / "tests").rglob(name)) or list(ROOT.glob(f"*/**/{name}")), f"there is no file {name}"
        elif name not in names():
            assert name.partition(".")[0] not in logged - {"therapists"}, f"there is no log event {name}"
            assert set(name.split(".")) <= names(), f"nothing is called {name}"


def test_every_file_exists() -> None:
    for name in re.findall(r"`((?:\w+/)+[\w*]+\.\w+)`", FAULTS):
        assert list(ROOT.glob(name)) or list(ROOT.glob(f"*/{name}")), f"there is no file {name}"


def test_every_file_of_a_recipe_exists() -> None:
    """A recipe that names a file of last year is followed once and never again."""
    found = {name for name in re.findall(r"`((?:[\w.]+/)+[\w.]+)`", HOW_TO) if not TO_BE_MADE.match(name)}
    assert len(found) > 30
    assert sorted(name for name in found if not [*ROOT.glob(name), *ROOT.glob(f"*_service/{name}")]) == []


def test_every_test_that_a_recipe_names_exists() -> None:
    """Who waits for a test that is gone is told of no mistake."""
    found = set(re.findall(r"`(test_\w+)`", HOW_TO))
    files = [path.read_text() for path in (ROOT / "tests").rglob("test_*.py")]
    assert len(found) > 10
    assert sorted(name for name in found if not any(f"def {name}(" in file for file in files)) == []
