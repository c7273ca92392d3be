"""A service is declared once: what everybody reads of it is there, and each process loads only what it does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from operations import env_file, pgbouncer
from shared.events.catalogue import AddressGeocoded, PatientPlaced, RequestAccepted
from shared.events.listeners import Listeners
from shared.runtime import registry
from tests.architecture.sources import ROOT
from tests.conftest import MONDAY
from tests.selection import mostly_slow

SERVICES = registry.names()
each_service = pytest.mark.parametrize("service", SERVICES)


def test_a_service_is_a_folder_with_a_declaration(tmp_path: Path) -> None:
    for folder in ("late_service", "early_service", "notes", "empty_service"):
        (tmp_path / folder).mkdir()
    for folder in ("late_service", "early_service", "notes"):
        (tmp_path / folder / "service.py").touch()
    assert registry.names(tmp_path) == ["early_service", "late_service"]
    assert sorted(file.parent.name for file in ROOT.glob("*_service/__init__.py")) == SERVICES


@pytest.mark.slow
@each_service
def test_a_service_is_what_its_folder_says(service: str) -> None:
    declared = registry.load(service)
    assert declared.name == service
    assert declared.settings is registry.settings_of(service)
    assert declared.routes()
    assert f"{service.upper()}_PORT" in env_file.declared(ROOT)
    assert pgbouncer.reads(f"{service.upper()}_DATABASE_PASSWORD")


def test_no_two_services_share_a_port() -> None:
    ports = [registry.load(service).port + distance for service in SERVICES for distance in (0, 100)]
    assert len(set(ports)) == len(ports)


@each_service
def test_what_a_service_does_can_be_made_from_its_settings(service: str, settings: Any) -> None:
    declared = registry.load(service)
    dependencies = declared.dependencies(settings)
    names = [job.name for job in declared.jobs(dependencies)]
    assert len(set(names)) == len(names)
    assert declared.listeners.given(dependencies).topics() == declared.listeners.topics()
    snapshots = declared.snapshots and declared.snapshots(dependencies)
    assert snapshots is None or (snapshots.topic.compacted or snapshots.unknown_aggregate is not None)


LOADED = """
import sys
from shared.runtime import cli, registry
settings = registry.settings_of({service!r})
{process}
print(*sorted({{name.partition(".")[0] for name in sys.modules}} & {{{forbidden}}}))
"""
WORKER = "from shared.runtime.worker import worker; registry.load({service!r})"
GUNICORN = "from shared.runtime import web"


@pytest.mark.parametrize("service", mostly_slow(SERVICES, every=5))
@pytest.mark.parametrize(
    ("process", "forbidden"),
    [
        (WORKER, ("flask", "flask_restful", "werkzeug", "gunicorn", "alembic")),
        (GUNICORN, ("flask", "sqlalchemy", "confluent_kafka", "alembic")),
    ],
    ids=["worker", "gunicorn"],
)
def test_a_process_loads_what_it_does_and_no_more(service: str, process: str, forbidden: tuple[str, ...]) -> None:
    """Ten processes stand there idle most of the day: what each loads in vain is paid ten times."""
    listed = ", ".join(map(repr, (*forbidden, *(() if process == WORKER else (service,)))))
    program = LOADED.format(service=service, process=process.format(service=service), forbidden=listed)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ([] if process == WORKER else [service]), "its settings are in its folder"


def test_a_listener_is_given_the_dependencies_it_asks_for() -> None:
    listeners = Listeners()
    calls: list[tuple[str, Any]] = []

    @listeners.projection(AddressGeocoded, PatientPlaced)
    def keep(session: Any, events: Any, *, now: Any) -> None:
        calls.append(("keep", len(events)))

    @listeners.effect(RequestAccepted)
    def act(session: Any, event: Any, *, dependencies: Any, now: Any) -> None:
        calls.append(("act", dependencies.word))

    bound = listeners.given(SimpleNamespace(word="given"))
    assert len({id(each) for functions in bound.projections.values() for each in functions}) == 1
    ((act_bound,),) = bound.effects.values()
    act_bound(None, None, now=MONDAY)
    assert calls == [("act", "given")]
    assert bound.topics() == listeners.topics()
