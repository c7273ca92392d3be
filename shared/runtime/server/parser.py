"""Parses a request while it arrives, and refuses malformed ones."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote_from_bytes

from waitress.parser import HTTPRequestParser, ParsingError, TransferEncodingNotImplemented
from waitress.utilities import BadRequest, Error

from shared.runtime.problem_documents import TOKEN_OF_A_SESSION

LONGEST_CHUNK_LINE: Final = 1024

_BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")
_FRAMING = re.compile(rb"\r\n(content-length|transfer-encoding|host)[ \t]*:", re.IGNORECASE)
_LANGUAGE = re.compile(rb"\r\naccept-language[ \t]*:([^\r\n]*)", re.IGNORECASE)
_AUTHORIZATION = re.compile(rb"\r\nauthorization[ \t]*:([^\r\n]*)", re.IGNORECASE)
_TRANSFER_ENCODING = re.compile(rb"\r\ntransfer-encoding[ \t]*:([^\r]*)\r\n", re.IGNORECASE)


class RequestTimeout(Error):  # type: ignore[misc]  # waitress ships no types
    """The client took too long to send its request."""

    code, reason = 408, "Request Timeout"


class NotPercentEncoded(BadRequest):  # type: ignore[misc]
    """An address with letters beyond ASCII that are not UTF-8, so that nobody knows which ones they are."""

    text = "http.bad_request.not_percent_encoded"


class VersionNotSupported(Error):  # type: ignore[misc]
    """Neither HTTP/1.0 nor HTTP/1.1."""

    code, reason = 505, "HTTP Version Not Supported"


TEXTS: Final = {
    400: "http.bad_request",
    408: "http.request_timeout",
    413: "http.request_entity_too_large",
    431: "http.request_header_fields_too_large",
    500: "internal.before_the_application",
    501: "http.not_implemented",
    505: "http.http_version_not_supported",
}
"""What is said of a refusal, by its status; an error may have a `text` of its own."""


class Parser(HTTPRequestParser):  # type: ignore[misc]
    """Parses one request; refuses what two servers in a row could interpret differently."""

    adj: Any
    expect_continue: bool
    path = ""  # waitress reads it even where the first line could not be parsed
    _refused_head = b""

    @property
    def accept_language(self) -> str | None:
        """Which language the client prefers, also where its headers were refused, or have not all arrived."""
        if "ACCEPT_LANGUAGE" in self.headers:
            return str(self.headers["ACCEPT_LANGUAGE"])
        found = _LANGUAGE.search(self._refused_head or self.header_plus)
        return found[1].decode("latin-1") if found else None

    @property
    def is_of_a_person(self) -> bool:
        """Whether the client seems to be a person's, as far as its headers have arrived."""
        found = _AUTHORIZATION.search(self._refused_head or self.header_plus)
        sent = self.headers.get("AUTHORIZATION") or (found[1].decode("latin-1").strip() if found else "")
        return re.match(TOKEN_OF_A_SESSION, sent) is not None

    def parse_header(self, header_plus: bytes) -> None:
        """Parse the first line and the headers."""
        if b"\r\n " in header_plus or b"\r\n\t" in header_plus:
            raise ParsingError("a header goes on in the next line")
        framing = sorted(name.lower() for name in _FRAMING.findall(header_plus))
        if len(set(framing)) < len(framing) or {b"content-length", b"transfer-encoding"} <= set(framing):
            raise ParsingError("two headers say how long the body is, or where it goes")
        encoding = _TRANSFER_ENCODING.search(header_plus)
        if encoding is not None and encoding[1].strip(b" \t").lower() != b"chunked":
            raise TransferEncodingNotImplemented(encoding[1].decode("latin-1"))
        try:
            understood = _with_address_in_ascii(header_plus)
        except UnicodeDecodeError:
            self.error, self.completed = NotPercentEncoded("the address is not UTF-8"), True
            return
        super().parse_header(understood)
        self.adj = getattr(self.adj, "of_paths", {}).get(self.path.rstrip("/"), self.adj)
        self._check_version_and_framing(chunked=encoding is not None)

    def _check_version_and_framing(self, *, chunked: bool) -> None:
        if self.version not in ("1.0", "1.1"):
            self.error, self.completed = VersionNotSupported(self.version), True
        if chunked and self.version == "1.0":
            raise ParsingError("HTTP/1.0 has no chunks")
        if self.version == "1.1" and not self.headers.get("HOST"):
            raise ParsingError("HTTP/1.1 names its host")
        if not self.path.startswith("/") and self.path not in ("*", ""):
            # the application would add the slash, and the gateway has judged another path
            raise ParsingError("the address is no path")
        if self.proxy_netloc:
            # RFC 9112, 3.2.2: the address in the first line counts, whatever Host says
            self.headers["HOST"] = self.proxy_netloc
        # without a body there is nothing to wait for
        self.expect_continue = self.expect_continue and self.body_rcv is not None

    def received(self, data: bytes) -> int:
        """Parse the bytes that belong to this request; returns their number."""
        before = self.header_plus
        try:
            taken: int = super().received(data)
        except Exception:  # such as a length of 5,000 digits
            self.error, taken = BadRequest("not understood"), len(data)
        if self.error is not None:
            self.completed, self.expect_continue = True, False
            self._refused_head = before + data
        elif self.chunked and self.body_rcv is not None and self._is_endless(self.body_rcv):
            self.error, self.completed = BadRequest("endless line between chunks"), True
        return taken

    def _is_endless(self, chunks: Any) -> bool:
        return len(chunks.control_line) > LONGEST_CHUNK_LINE or len(chunks.trailer) > self.adj.max_request_header_size


def _with_address_in_ascii(header_plus: bytes) -> bytes:
    """Returns the request with letters beyond ASCII in its address percent-encoded: `curl '…?q=Müller'` sends them raw.

    By RFC 3987, 3.1. Raises UnicodeDecodeError where they are not UTF-8.
    """
    line, end, headers = header_plus.partition(b"\r\n")
    if line.isascii():
        return header_plus
    method, *address = line.split(b" ")
    return b" ".join([method, *map(_in_ascii, address)]) + end + headers


def _in_ascii(part: bytes) -> bytes:
    part.decode()
    return _BEYOND_ASCII.sub(lambda found: quote_from_bytes(found[0]).encode(), part)
