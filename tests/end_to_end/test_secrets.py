"""The running platform keeps its secrets: in no environment that needs them not, no command line, no log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from testkit.api_client import ApiClient
from testkit.private_platform import PrivatePlatform
from tests.declared_secrets import WHO_NEEDS

pytestmark = pytest.mark.usefixtures("api")


def processes(platform: PrivatePlatform) -> Iterator[tuple[str, psutil.Process]]:
    """Every process of every part, children included."""
    for record in platform.records.all():
        leader = psutil.Process(record.pid)
        for process in [leader, *leader.children(recursive=True)]:
            yield record.name, process


def secrets(platform: PrivatePlatform) -> dict[str, bytes]:
    return {name: platform.settings[name].encode() for name in WHO_NEEDS if platform.settings[name]}


def test_no_process_has_the_secret_of_another(platform: PrivatePlatform) -> None:
    everybody = list(processes(platform))
    assert len(everybody) >= 14
    for part, process in everybody:
        environment = Path(f"/proc/{process.pid}/environ").read_bytes()
        has = {name for name, value in secrets(platform).items() if value in environment}
        # PgBouncer reads its passwords from a file and forgets them: see pgbouncer/start.sh
        assert has <= {name for name, parts in WHO_NEEDS.items() if part in parts}, part
        assert part != "pgbouncer" or not has


def test_no_secret_stands_in_a_command_line_or_a_log(platform: PrivatePlatform, api: ApiClient) -> None:
    api.enter_patient(first_name="Probe", last_name="Geheim")
    known = secrets(platform).items()
    for part, process in processes(platform):
        command = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        assert not [name for name, value in known if value in command], part
    files = [*platform.paths.logs.iterdir(), *platform.paths.run.iterdir()]
    assert len(files) >= 14
    for file in files:
        assert not [name for name, value in known if value in file.read_bytes()], file
