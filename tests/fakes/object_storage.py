"""A bucket at a server that speaks S3: it checks signatures and rights, and can be slow or answer wrongly."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import requests
from werkzeug.serving import WSGIRequestHandler, make_server

BUCKET = "scrapes"
READER = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"},
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"},
    ],
}
"""All that the platform needs."""


class _Silent(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        """Write nothing."""


@dataclass
class Disturbance:
    """What happens to requests for objects whose name ends so (`""`: to all, also to lists)."""

    name: str
    seconds: float = 0
    """How long they wait."""
    status: str = ""
    """What they are answered, in place of the object."""


@dataclass
class ObjectStorage:
    """The server, and who may read the bucket."""

    url: str
    key: str
    secret: str
    _writer: Any
    disturbances: list[Disturbance] = field(default_factory=list)

    def put(self, name: str, content: Any) -> None:
        """Put a document there, or bytes as they are."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self._writer.put_object(Bucket=BUCKET, Key=name, Body=body)

    def delete(self, name: str) -> None:
        """Take an object away."""
        self._writer.delete_object(Bucket=BUCKET, Key=name)

    @contextmanager
    def disturbed(self, name: str = "", **how: Any) -> Iterator[None]:
        """For as long as the block lasts."""
        self.disturbances.append(Disturbance(name, **how))
        try:
            yield
        finally:
            self.disturbances.clear()


@contextmanager
def object_storage() -> Iterator[ObjectStorage]:
    """A server with an empty bucket."""
    # takes three seconds: only where a test needs it
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    application = DomainDispatcherApplication(create_backend_app)
    disturbances: list[Disturbance] = []

    def disturb(environ: WSGIEnvironment, start: StartResponse) -> Any:
        for each in disturbances:
            if environ["PATH_INFO"].endswith(each.name) and environ["REQUEST_METHOD"] in ("GET", "HEAD"):
                time.sleep(each.seconds)
                if each.status:
                    start(each.status, [("Content-Length", "0")])
                    return []
        return application(environ, start)

    server = make_server("127.0.0.1", 0, disturb, threaded=True, request_handler=_Silent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield _with_bucket(f"http://127.0.0.1:{server.server_port}", disturbances)
    finally:
        server.shutdown()
        server.server_close()


def _with_bucket(url: str, disturbances: list[Disturbance]) -> ObjectStorage:
    import boto3

    requests.post(f"{url}/moto-api/reset", timeout=10)

    def client(name: str, key: str, secret: str) -> Any:
        keys = {"aws_access_key_id": key, "aws_secret_access_key": secret}
        return boto3.client(name, endpoint_url=url, region_name="eu-central-1", **keys)

    def key_of(user: str, policy: dict[str, Any]) -> tuple[str, str]:
        accounts = client("iam", "any", "any")
        accounts.create_user(UserName=user)
        accounts.put_user_policy(UserName=user, PolicyName=user, PolicyDocument=json.dumps(policy))
        made = accounts.create_access_key(UserName=user)["AccessKey"]
        return made["AccessKeyId"], made["SecretAccessKey"]

    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    writer, reader = client("s3", *key_of("scraper", everything)), key_of("platform", READER)
    where = {"LocationConstraint": "eu-central-1"}
    writer.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
    requests.post(f"{url}/moto-api/reset-auth", data="0", timeout=10)  # from now on it checks who asks
    return ObjectStorage(url, *reader, writer, disturbances)
