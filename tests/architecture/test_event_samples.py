"""The guard over published events, tried: it lets additions through and nothing else."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, create_model

from shared.events.document import events
from tests.samples import published
from tests.samples.compatibility import breaks, shape


class Part(BaseModel):
    """A part of a payload."""

    request_id: UUID
    available_from: date | None = None


class Published(BaseModel):
    """A payload as it was once published."""

    id: UUID
    title: str
    description: str | None = None
    priority: int = 0
    happened_at: datetime
    ids: list[UUID]
    parts: list[Part] = []
    whole: Part
    maybe: Part | None = None
    week: dict[str, list[dict[str, str]]] | None = None


def changed(model: type[BaseModel], drop: str = "", **fields: Any) -> type[BaseModel]:
    """The model without one field, and with these ones changed or added: `name=(type, default)`."""
    kept = {name: (field.annotation, field) for name, field in model.model_fields.items() if name != drop}
    return create_model(model.__name__, **(kept | fields))


def problems(after: type[BaseModel]) -> list[str]:
    return list(breaks(shape(Published), shape(after)))


def test_a_payload_that_did_not_change_is_no_problem() -> None:
    assert problems(Published) == []
    assert problems(changed(Published)) == []


MORE: Any = changed(Part, note=(str | None, None))


@pytest.mark.parametrize(
    "after",
    [
        changed(Published, note=(str | None, None)),
        changed(Published, names=(list[str], [])),
        changed(Published, inner=(Part | None, None)),
        changed(Published, whole=(MORE, ...)),
        changed(Published, parts=(list[MORE], [])),
        changed(Published, maybe=(MORE | None, None)),
        changed(Published, title=(str, "unknown")),
        changed(Published, title=(str, Field(description="Now it is explained."))),
    ],
    ids=["field", "list", "part", "in a part", "in a list", "in an optional part", "got a default", "explained"],
)
def test_adding_is_allowed(after: type[BaseModel]) -> None:
    assert problems(after) == []


@pytest.mark.parametrize(
    ("after", "named"),
    [
        (changed(Published, drop="title"), "title is gone"),
        (changed(Published, drop="title", heading=(str, None)), "title is gone"),
        (changed(Published, drop="maybe"), "maybe is gone"),
        (changed(Published, note=(str, ...)), "note must be there"),
        (changed(Published, priority=(int, ...)), "priority must be there"),
        (changed(Published, priority=(int, 1)), "priority: default"),
        (changed(Published, priority=(str, 0)), "priority: type"),
        (changed(Published, title=(str | None, None)), "title"),
        (changed(Published, description=(str, "")), "description"),
        (changed(Published, happened_at=(date, ...)), "happened_at: format"),
        (changed(Published, id=(str, ...)), "id: format"),
        (changed(Published, ids=(list[str], ...)), "ids[]: format"),
        (changed(Published, ids=(UUID, ...)), "ids"),
        (changed(Published, title=(str, Field(max_length=5))), "title: maxLength"),
        (changed(Published, title=(Literal["Dr."], ...)), "title: const"),
        (changed(Published, week=(dict[str, list[str]] | None, None)), "week"),
        (changed(Published, whole=(changed(Part, drop="request_id"), ...)), "whole.request_id is gone"),
        (changed(Published, parts=(list[changed(Part, note=(str, ...))], [])), "parts[].note must be there"),  # type: ignore[misc]
        (
            changed(Published, maybe=(changed(Part, available_from=(str | None, None)) | None, None)),
            "maybe.available_from",
        ),
    ],
)
def test_anything_else_is_refused_by_name(after: type[BaseModel], named: str) -> None:
    assert any(problem.startswith(named) for problem in problems(after)), problems(after)


def test_an_event_that_is_gone_or_moved_is_refused() -> None:
    now = published.shapes()
    recorded = deepcopy(now)
    recorded["therapist.retired"] = recorded["therapist.blocked"]
    recorded["patient.updated"]["topic"] = "people.events"
    said = published.broken(recorded, now)
    assert [problem.split()[0] for problem in said] == ["patient.updated", "therapist.retired"]


@pytest.fixture(scope="module")
def shapes() -> published.Shapes:
    """The events as they are now; not to be changed."""
    return published.shapes()


@pytest.mark.parametrize("event", events(), ids=lambda event: event.name)
def test_no_field_of_any_event_can_be_taken_away_unnoticed(event: Any, shapes: published.Shapes) -> None:
    recorded = published.recorded_shapes()
    for place in _places(recorded[event.name]["payload"]):
        now = {**shapes, event.name: deepcopy(shapes[event.name])}
        _take(now[event.name]["payload"], place)
        assert published.broken(recorded, now), place


def _places(schema: dict[str, Any]) -> list[tuple[str, ...]]:
    found = []
    for name, field in schema.get("properties", {}).items():
        found += [(name,), *((name, *inner) for inner in _places(field))]
    return found


def _take(schema: dict[str, Any], place: tuple[str, ...]) -> None:
    for name in place[:-1]:
        schema = schema["properties"][name]
    del schema["properties"][place[-1]]


# What `make events` writes


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Path, Path]:
    """A folder of samples and a file of shapes, complete."""
    folder, file = tmp_path / "events", tmp_path / "shapes.json"
    folder.mkdir()
    published.write_missing(folder, file)
    return folder, file


def test_the_first_time_everything_is_written_and_then_nothing(kept: tuple[Path, Path]) -> None:
    assert {each.name for each in kept[0].iterdir()} == {f"{event.name}.1.json" for event in events()}
    assert published.write_missing(*kept) == []


def test_a_sample_that_is_there_stays_as_it_is(kept: tuple[Path, Path]) -> None:
    folder, _ = kept
    sample = folder / "matching.request_approved.1.json"
    document = json.loads(sample.read_text())
    del document["data"]["priority"]
    sample.write_text(json.dumps(document))
    before = sample.read_text()
    assert published.write_missing(*kept) == ["matching.request_approved.2.json"]
    assert sample.read_text() == before


def test_a_sample_in_which_a_field_has_its_default_shows_nothing_of_it(kept: tuple[Path, Path]) -> None:
    folder, _ = kept
    sample = folder / "matching.request_approved.1.json"
    sample.write_text(sample.read_text().replace('"priority": 2', '"priority": 0'))
    (approved,) = [event for event in events() if event.name == "matching.request_approved"]
    assert published.without_sample(approved, folder) == {"priority"}


def test_an_incompatible_change_writes_nothing(kept: tuple[Path, Path]) -> None:
    folder, file = kept
    recorded = json.loads(file.read_text())
    del recorded["patient.updated"]["payload"]["properties"]["patient"]["properties"]["reference"]
    recorded["patient.updated"]["payload"]["properties"]["former"] = {"type": "string"}
    file.write_text(json.dumps(recorded))
    (folder / "patient.updated.1.json").unlink()
    with pytest.raises(ValueError, match=r"patient\.updated: former is gone"):
        published.write_missing(*kept)
    assert json.loads(file.read_text()) == recorded
    assert not (folder / "patient.updated.1.json").exists()
