"""What was once published, kept for ever: a sample of each event, and the shape of its payload.

`python -m tests.samples.published --write-missing` (`make events`) writes a sample of an event or of fields that have
none yet, and adds new fields to the recorded shapes. It never changes what is there: an event that changed in any other
way is refused, since Kafka keeps old ones and old code reads new ones.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel

from shared.events.document import events
from shared.events.event import Event
from tests.samples.compatibility import breaks, shape
from tests.samples.invention import invented

SAMPLES = Path(__file__).parent / "events"
SHAPES = Path(__file__).parent / "event_shapes.json"

Shapes = dict[str, dict[str, Any]]


def samples(event: type[Event], folder: Path = SAMPLES) -> list[Path]:
    """The samples of an event, oldest first: `<event name>.<number>.json`."""
    return sorted(folder.glob(f"{event.name}.[0-9]*.json"), key=lambda file: int(file.name.split(".")[-2]))


def recorded_shapes(file: Path = SHAPES) -> Shapes:
    """The topic and the payload's shape of every event that was ever published, by name."""
    known: Shapes = json.loads(file.read_text()) if file.exists() else {}
    return known


def shapes() -> Shapes:
    """The same for the events as they are now."""
    return {event.name: {"topic": event.topic.name, "payload": shape(event)} for event in events()}


def broken(recorded: Shapes, now: Shapes) -> list[str]:
    """Every incompatible change, as sentences; empty when there is none."""
    found = []
    for name, was in recorded.items():
        if name not in now:
            found.append(f"{name} is gone, and Kafka still holds some")
        elif was["topic"] != now[name]["topic"]:
            found.append(f"{name} moved from {was['topic']} to {now[name]['topic']}: its readers lose their order")
        else:
            found += [f"{name}: {problem}" for problem in breaks(was["payload"], now[name]["payload"])]
    return found


def without_sample(event: type[Event], folder: Path = SAMPLES) -> set[str]:
    """Fields that no sample fills with something else than their default."""
    wanted = _filled(event, invented(event)["data"])
    for file in samples(event, folder):
        wanted -= _filled(event, json.loads(file.read_text())["data"])
    return wanted


def _filled(model: type[BaseModel], payload: dict[str, Any], place: str = "") -> set[str]:
    """Fields that the payload holds and that are not what would be assumed if they were missing."""
    filled: set[str] = set()
    for name, field in model.model_fields.items():
        value = payload.get(name)
        if value is None or (not field.is_required() and value == field.default):
            continue
        filled.add(place + name)
        inner = next(_models_in(field.annotation), None)
        if inner is not None:
            for each in value if isinstance(value, list) else [value]:
                filled |= _filled(inner, each, f"{place}{name}.")
    return filled


def _models_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _models_in(argument)


def write_missing(folder: Path = SAMPLES, shapes_file: Path = SHAPES) -> list[str]:
    """Write what has no sample or shape yet; the names of the files. Raises `ValueError` for an incompatible change."""
    recorded, now = recorded_shapes(shapes_file), shapes()
    if problems := broken(recorded, now):
        raise ValueError("\n".join(problems))
    written = []
    for event in events():
        if without_sample(event, folder):
            last = max((int(file.name.split(".")[-2]) for file in samples(event, folder)), default=0)
            file = folder / f"{event.name}.{last + 1}.json"
            file.write_text(_as_text(invented(event)))
            written.append(file.name)
    if recorded != now:
        shapes_file.write_text(_as_text(now, sort_keys=True))
        written.append(shapes_file.name)
    return written


def _as_text(document: Any, *, sort_keys: bool = False) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=sort_keys) + "\n"


@click.command()
@click.option("--write-missing", "_", is_flag=True, required=True, help="Asked for, since it writes into the tests.")
def main(_: bool) -> None:
    """Write a sample of every event, or of fields, that have none."""
    try:
        written = write_missing()
    except ValueError as problem:
        sys.exit(f"{problem}\nA published event only ever gains fields with defaults; otherwise make a new event.")
    print("\n".join(f"{name} written" for name in written) or "every event has its sample")


if __name__ == "__main__":
    main(prog_name="python -m tests.samples.published")
