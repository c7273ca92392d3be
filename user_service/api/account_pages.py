"""The page behind the links in e-mails, on which people choose a password: HTML, a style sheet and two scripts.

The token of a link stands behind the `#`, so no request for this page has it; the page's script sends it in the body of
a POST. Its Content-Security-Policy lets nothing run or load but these files.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from flask import Response

from shared.errors import NotFound
from shared.http import Context, Resource, endpoint
from user_service.dependencies import Dependencies

FOLDER = Path(__file__).parent / "page"
HTML = "text/html; charset=utf-8"
FILES = {
    "password.css": "text/css; charset=utf-8",
    "password.js": "text/javascript; charset=utf-8",
    "sentences.js": "text/javascript; charset=utf-8",
}
"""The files that the page loads, with their media types; `no-store`, as every response, so that none is outdated."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""`form-action 'none'`: where the script did not run, a browser must not send a password or a token by itself."""


class AcceptInvitationPage(Resource):
    """The page behind the link of an invitation."""

    @endpoint(status=200, media_types=("text/html",), transaction=False)
    def get(self, context: Context[Dependencies]) -> Response:
        """Show the page on which an invited person chooses a password."""
        return page()


class ResetPasswordPage(Resource):
    """The page behind the link of a password reset."""

    @endpoint(status=200, media_types=("text/html",), transaction=False)
    def get(self, context: Context[Dependencies]) -> Response:
        """Show the page on which a person chooses a new password, or asks for the link to do so."""
        return page()


class AccountPageFile(Resource):
    """A file that these pages load."""

    @endpoint(status=200, media_types=("text/css", "text/javascript"), transaction=False)
    def get(self, context: Context[Dependencies], name: str) -> Response:
        """Give out a style sheet or a script of these pages."""
        return file(name)


def page() -> Response:
    """The page; its script finds out by the address what the password is for."""
    return Response(_content("password.html"), content_type=HTML, headers={"Content-Security-Policy": POLICY})


def file(name: str) -> Response:
    """A file that the page loads. Raises `NotFound`."""
    if name not in FILES:
        raise NotFound("page_file")
    return Response(_content(name), content_type=FILES[name])


@cache
def _content(name: str) -> bytes:
    return (FOLDER / name).read_bytes()
