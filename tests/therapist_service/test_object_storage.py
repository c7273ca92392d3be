"""The watched folder in a bucket, at a server that speaks S3."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr
from sqlalchemy import Connection

from shared.errors import Unreachable
from tests.builders.imports import FIRST, SECOND, THIRD, Folder, a_file, a_record
from tests.conftest import MONDAY
from tests.fakes.object_storage import BUCKET, ObjectStorage, object_storage
from therapist_service.clients import inbox
from therapist_service.clients.inbox import Inbox, InboxUnreachable
from therapist_service.jobs.import_folder import ImportFolder

pytestmark = pytest.mark.slow
LATER = timedelta(minutes=2)


@pytest.fixture(scope="module")
def storage() -> Iterator[ObjectStorage]:
    with object_storage() as running:
        yield running


@pytest.fixture
def bucket(storage: ObjectStorage, settings: Any, connection: Connection, tmp_path: Path) -> Iterator[Folder]:
    """A worker that watches a folder of the bucket, which is empty."""
    chosen = settings.model_copy(
        update={
            "import_url": f"s3://{BUCKET}/daily",
            "import_s3_endpoint": storage.url,
            "import_s3_access_key": SecretStr(storage.key),
            "import_s3_secret_key": SecretStr(storage.secret),
        }
    )
    folder = Folder(tmp_path, chosen)
    folder.settings, folder.watch = chosen, ImportFolder(chosen)
    yield folder
    for name in (FIRST, SECOND, THIRD, "readme.txt"):
        storage.delete(f"daily/{name}")


def test_files_of_a_bucket_are_imported_in_their_order(storage: ObjectStorage, bucket: Folder) -> None:
    bucket.work()
    assert bucket.imports() == [], "an empty bucket is no fault"
    storage.put(f"daily/{SECOND}", a_file([a_record("a-2")]))
    storage.put(f"daily/{FIRST}", a_file([a_record(f"a-{n}", tsz="x" * 4000) for n in range(2000)]))
    storage.put("daily/readme.txt", b"x")
    storage.put(f"elsewhere/{THIRD}", a_file([a_record("a-3")]))
    bucket.work(MONDAY + LATER)
    assert [(each.file, each.status, each.total) for each in bucket.imports()] == [
        (FIRST, "completed", 2000), (SECOND, "completed", 1),
    ]  # fmt: skip


def test_a_bucket_that_denies_access_or_is_away_is_looked_at_again(
    storage: ObjectStorage, bucket: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    storage.put(f"daily/{FIRST}", a_file([a_record()]))
    for change, problem in (
        ({"import_s3_access_key": SecretStr("AKIANOBODY")}, "PermissionError"),
        ({"import_s3_secret_key": SecretStr("wrong")}, "PermissionError"),
        ({"import_url": "s3://no-such-bucket/daily"}, "PermissionError"),
        ({"import_s3_endpoint": "http://127.0.0.1:9"}, "EndpointConnectionError"),
    ):
        watch = ImportFolder(bucket.settings.model_copy(update=change))
        with pytest.raises(Unreachable):
            watch.watch(MONDAY)
        logged = capsys.readouterr().out
        assert problem in logged, change
        assert "wrong" not in logged
    bucket.work(MONDAY + LATER)
    assert [each.status for each in bucket.imports()] == ["completed"]


def test_a_bucket_that_answers_slowly_costs_no_file(
    storage: ObjectStorage, bucket: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "READ_SECONDS", 0.2)
    storage.put(f"daily/{FIRST}", a_file([a_record()]))
    how: list[dict[str, Any]] = [
        {"seconds": 0.5},
        {"name": FIRST, "seconds": 0.5},
        {"name": FIRST, "status": "503 Slow Down"},
        {"name": FIRST, "status": "500 Internal Server Error"},
    ]
    slow = ImportFolder(bucket.settings)
    for each in how:
        with storage.disturbed(**each), pytest.raises(Unreachable):
            slow.watch(MONDAY + LATER)
    assert bucket.imports() == []
    bucket.work(MONDAY + LATER)
    assert [each.status for each in bucket.imports()] == ["completed"]


def test_a_file_that_is_listed_and_gone_or_forbidden_holds_up_no_others(storage: ObjectStorage, bucket: Folder) -> None:
    for name in (FIRST, SECOND):
        storage.put(f"daily/{name}", a_file([a_record(name)]))
    start = MONDAY + LATER
    with storage.disturbed(FIRST, status="404 Not Found"):
        bucket.work(start)
        assert bucket.imports() == []
        bucket.work(start + LATER)
    gone, completed = bucket.imports()
    assert (gone.status, gone.reason) == ("failed", "The folder lists the file, and it is not there.")
    assert (completed.file, completed.status) == (SECOND, "completed")
    storage.put(f"daily/{THIRD}", a_file([a_record("a-3")]))
    with storage.disturbed(THIRD, status="403 Forbidden"):
        bucket.work(start + 2 * LATER)
        bucket.work(start + 4 * LATER)
    assert (bucket.imports()[-1].status, bucket.imports()[-1].reason) == (
        "failed", "The file cannot be read (PermissionError).",
    )  # fmt: skip


def test_a_bucket_of_google_is_read_with_the_account_of_the_settings_and_within_a_time(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {"type": "service_account", "client_email": "reader@example.org", "private_key": pem.decode()}
    path = tmp_path / "account.json"
    path.write_text(json.dumps(account | {"token_uri": "http://127.0.0.1:9/token", "project_id": "example"}))
    chosen = settings.model_copy(update={"import_url": "gs://bucket/daily", "import_gs_credentials_file": str(path)})
    folder = Inbox.of(chosen)
    assert folder._opened[0].credentials.credentials.service_account_email == "reader@example.org"
    monkeypatch.setattr(inbox, "LIST_SECONDS", 0.5)  # its client would try six times, and wait longer each time
    with pytest.raises(InboxUnreachable, match="FSTimeoutError"):
        folder.arrivals()
