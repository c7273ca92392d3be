"""Files as bodies: larger than others only where an endpoint says so, from the server to the endpoint."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from flask import Response

from shared.http import READ_ONLY, Context, Resource, Route, SentFile, Upload, endpoint
from shared.http.routes import larger_bodies
from shared.runtime.server import Limits, Server, listening_socket
from shared.runtime.server.limits import MEBIBYTE
from shared.security.authentication import ANYONE
from tests.shared.http.sample import create_app
from tests.shared.runtime.server.raw_clients import all_of, asked, client

LARGEST = 3 * MEBIBYTE
NEARLY_LARGEST = LARGEST - 64
"""Where a body comes in chunks, waitress counts also what is between them."""


class PlanResource(Resource):
    """Plans of benches."""

    @endpoint(upload=Upload({"text/csv": str}, largest=LARGEST), transaction=False, replay=READ_ONLY, raw=True)
    def post(self, context: Context[None], upload: SentFile) -> Response:
        """Read a plan."""
        return Response(f"{len(upload.content)} {upload.media_type} {upload.charset}")


ROUTES = [Route("/api/plans", PlanResource, post=ANYONE)]


@pytest.mark.parametrize(
    ("size", "content_type", "said"),
    [
        (5, "text/csv", "5 text/csv None"),
        (5, "text/csv; charset=windows-1252; header=present", "5 text/csv windows-1252"),
        (LARGEST, "text/csv", f"{LARGEST} text/csv None"),
        (LARGEST + 1, "text/csv", "request_entity_too_large"),
        (5, "application/json", "unsupported_media_type"),
        (5, "", "unsupported_media_type"),
    ],
)
def test_a_file_arrives_as_it_was_sent(size: int, content_type: str, said: str) -> None:
    answer = create_app(ROUTES).test_client().post("/api/plans", data=b"x" * size, content_type=content_type)
    assert said in answer.text


def test_an_endpoint_has_one_body_and_a_path_without_variables() -> None:
    with pytest.raises(TypeError, match="two bodies"):
        endpoint(upload=Upload({}, 1), body=dict, replay=READ_ONLY)(PlanResource.post.__wrapped__)  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="no variables"):
        larger_bodies([Route("/api/plans/<uuid:id>", PlanResource, post=ANYONE)])


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    """Of a real server with this endpoint."""
    app, socket_ = create_app(ROUTES), listening_socket("127.0.0.1", 0)
    limits = Limits(larger_bodies=app.config["LARGER_BODIES"])
    end = Server(app, socket_, threads=2, limits=limits).run_in_thread("test")
    yield socket_.getsockname()
    end()


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        ("/api/plans", NEARLY_LARGEST, b"200"),
        ("/api/plans/", NEARLY_LARGEST, b"200"),
        ("/api/plans", LARGEST + 1, b"413"),
        ("/api/benches", MEBIBYTE + 1, b"413"),
        ("/api/plans/other", MEBIBYTE + 1, b"413"),
        ("/api/Plans", MEBIBYTE + 1, b"413"),
    ],
)
@pytest.mark.parametrize("is_chunked", [False, True])
def test_the_server_takes_larger_bodies_at_this_path_alone(
    address: tuple[str, int], path: str, size: int, status: bytes, is_chunked: bool
) -> None:
    assert asked(address, _request(path, size, is_chunked)).split(b" ")[1] == status


@pytest.mark.parametrize("size", [MEBIBYTE, NEARLY_LARGEST])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_no_part_of_a_body_is_on_a_disk_while_it_arrives(address: tuple[str, int], size: int, is_chunked: bool) -> None:
    whole = _request("/api/plans", size, is_chunked)
    before = set(_open_files())
    with client(address, whole[:-1]) as connection:
        time.sleep(0.3)
        assert [each for each in set(_open_files()) - before if "(deleted)" in each] == []
        connection.sendall(whole[-1:])
        assert str(size).encode() in all_of(connection)


def _open_files() -> Iterator[str]:
    for number in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            yield os.readlink(f"/proc/self/fd/{number}")


def _request(path: str, size: int, is_chunked: bool) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nConnection: close\r\n".encode()
    if is_chunked:
        chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (size, b"x" * size)
        return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk
    return head + b"Content-Length: %d\r\n\r\n" % size + b"x" * size
