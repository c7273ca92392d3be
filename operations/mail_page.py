"""The mail catcher's page: mails as HTML for people and as JSON for programs; `/help` lists its addresses."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Iterable
from html import escape
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

from operations.mail_store import MailStore
from shared.runtime.hosts import Hosts
from shared.runtime.server import Limits, Server, listening_socket

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_STYLE = """<style>body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ccc}
pre{white-space:pre-wrap;background:#f5f5f5;padding:1rem}
iframe{width:100%;height:30rem;border:1px solid #ccc}</style>"""
_HTML = "text/html; charset=utf-8"
_MOST_SHOWN = 500
REFUSED = "refused on request"
USER = "mails"
"""The name with which one signs in; the password is MAIL_CATCHER_PASSWORD."""
READY = "/health/ready"
"""What anybody may ask: whether it works."""
_HELP = """\
GET /            list of the mails, for people     GET /mails         the same as JSON
GET /read/ID     one mail, for people              GET /mails/ID      the same as JSON
GET /mails/ID.eml, ID.html, ID.txt  its contents   DELETE /mails      delete all mails
GET /help        this text                         GET /health/ready  whether it works
POST /refuse     refuse mails for a while          DELETE /refuse     take them again

Who asks signs in (HTTP Basic) as `mails` with MAIL_CATCHER_PASSWORD of .env, without which only /health/ready answers:
e-mails hold links that choose passwords. To see how the platform copes with a mail server that refuses:
  sed -n 's/^MAIL_CATCHER_PASSWORD=/user = mails:/p' .env | curl -K - $address/refuse \\
    -d '{"code": 550, "seconds": 60, "at": "recipient", "text": "5.1.1 User unknown"}'
All four may be left out:
  code     400 to 599 (451)
  seconds  for how long, above 0 (60)
  at       greeting, recipient, data, or answer: the mail is kept, and the connection breaks before the sender is told
           (recipient)
  text     what follows the code: at most 500 printable ASCII characters (refused on request)
"""


def help_text(address: str) -> str:
    """Returns what the page at that address (`http://host:port`) can be asked."""
    return _HELP.replace("$address", address)


OPTIONS: dict[str, type] = {"code": int, "seconds": float, "at": str, "text": str}
DEFAULTS: dict[str, Any] = {"code": 451, "seconds": 60, "at": "recipient", "text": REFUSED}


class RefusalTarget(Protocol):
    """A server that refuses mails on request."""

    def refuse(self, *, code: int, seconds: float, at: str, text: str) -> None:
        """Refuse a step of the conversation for so many seconds, with this code and text."""

    def accept(self) -> None:
        """Take mails again."""


class PageAnswer:
    """An HTTP answer."""

    def __init__(self, body: bytes | str = b"", kind: str = "text/plain; charset=utf-8", status: int = 200) -> None:
        self.body = body.encode() if isinstance(body, str) else body
        self.kind = kind
        self.status = status


def as_json(value: object, status: int = 200) -> PageAnswer:
    """An answer in JSON."""
    return PageAnswer(json.dumps(value, ensure_ascii=False, indent=1), "application/json", status)


class MailPage:
    """What is answered to which request."""

    def __init__(self, store: MailStore, switch: RefusalTarget) -> None:
        self._store = store
        self._switch = switch

    def answer(self, method: str, path: str, body: bytes, address: str) -> PageAnswer:
        """Returns the answer to one request that came to that address (`http://host:port`)."""
        fixed: dict[tuple[str, str], Callable[[], PageAnswer]] = {
            ("GET", "/"): self._list,
            ("GET", "/help"): lambda: PageAnswer(help_text(address)),
            ("GET", READY): lambda: as_json({"status": "ready"}),
            ("GET", "/mails"): lambda: as_json(self._store.summaries()),
            ("DELETE", "/mails"): self._clear,
            ("POST", "/refuse"): lambda: self._refuse(body, address),
            ("DELETE", "/refuse"): self._accept,
        }
        if action := fixed.get((method, path)):
            return action()
        try:
            return self._one(method, path)
        except KeyError:
            return PageAnswer(f"There is no such page. There are:\n\n{help_text(address)}", status=HTTPStatus.NOT_FOUND)

    def _one(self, method: str, path: str) -> PageAnswer:
        _, folder, name = [*path.split("/"), "", ""][:3]
        if method != "GET" or folder not in ("mails", "read"):
            raise KeyError(path)
        if folder == "read":
            return PageAnswer(_mail_page(self._store.mail(name)), _HTML)
        number, _, form = name.partition(".")
        return self._form(number, form)

    def _form(self, number: str, form: str) -> PageAnswer:
        if form == "eml":
            return PageAnswer(self._store.raw(number), "message/rfc822")
        mail = self._store.mail(number)
        if form == "html":
            return PageAnswer(mail["html"] or "", _HTML)
        if form == "txt":
            return PageAnswer(mail["text"] or "")
        if form:
            raise KeyError(form)
        return as_json(mail)

    def _list(self) -> PageAnswer:
        mails = self._store.summaries()[::-1]
        rows = "".join(map(_row, mails[:_MOST_SHOWN]))
        title = f"{len(mails)} mails" if len(mails) != 1 else "1 mail"
        table = f"<table><tr><th>received (UTC)<th>to<th>subject</tr>{rows}</table>"
        return PageAnswer(f"<!doctype html><title>{title}</title>{_STYLE}<h1>{title}</h1>{table}", _HTML)

    def _clear(self) -> PageAnswer:
        self._store.clear()
        return PageAnswer(status=HTTPStatus.NO_CONTENT)

    def _refuse(self, body: bytes, address: str) -> PageAnswer:
        try:
            self._switch.refuse(**{**DEFAULTS, **_options(body)})
        except ValueError as error:
            return PageAnswer(
                f"Nothing has changed: {error}.\n\n{help_text(address)}", status=HTTPStatus.UNPROCESSABLE_ENTITY
            )
        return PageAnswer(status=HTTPStatus.NO_CONTENT)

    def _accept(self) -> PageAnswer:
        self._switch.accept()
        return PageAnswer(status=HTTPStatus.NO_CONTENT)


def _options(body: bytes) -> dict[str, Any]:
    """Returns how mails are to be refused; raises ValueError with what is wrong."""
    try:
        options = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise ValueError("the body is not JSON") from None
    if not isinstance(options, dict):
        raise ValueError("the body is not an object")
    if unknown := options.keys() - OPTIONS.keys():
        raise ValueError(f"{', '.join(sorted(unknown))}: known are {', '.join(OPTIONS)}")
    for name, value in options.items():
        if not _fits(value, OPTIONS[name]):
            raise ValueError(f"{name} must be {'text' if OPTIONS[name] is str else 'a number'}")
    return options


def _fits(value: object, kind: type) -> bool:
    kinds = (int, float) if kind is float else (kind,)
    return isinstance(value, kinds) and not isinstance(value, bool)


def _row(mail: dict[str, Any]) -> str:
    link = f'<a href="/read/{mail["id"]}">{escape(mail["subject"]) or "(no subject)"}</a>'
    return f"<tr><td>{mail['received_at'][:19].replace('T', ' ')}<td>{escape(mail['to'])}<td>{link}</tr>"


def _mail_page(mail: dict[str, Any]) -> str:
    number = mail["id"]
    headers = "".join(f"<tr><th>{escape(name)}<td>{escape(value)}</tr>" for name, value in mail["headers"])
    html = f'<h2>HTML</h2><iframe sandbox src="/mails/{number}.html"></iframe>' if mail["html"] else ""
    text = f"<h2>Text</h2><pre>{escape(mail['text'])}</pre>" if mail["text"] else ""
    forms = f'<a href="/mails/{number}.eml">as a file</a> · <a href="/mails/{number}">JSON</a>'
    links = f'<p><a href="/">all mails</a> · {forms}'
    return (
        f"<!doctype html><title>{escape(mail['subject'])}</title>{_STYLE}<h1>{escape(mail['subject'])}</h1>{links}"
        f"<table>{headers}</table>{text}{html}"
    )


def application(page: MailPage) -> WSGIApplication:
    """The page as a WSGI application."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        path = environ["PATH_INFO"].encode("latin-1").decode(errors="replace")
        given = page.answer(
            environ["REQUEST_METHOD"], path, environ["wsgi.input"].read(), f"http://{environ['HTTP_HOST']}"
        )
        headers = [
            ("Content-Type", given.kind),
            ("Content-Length", str(len(given.body))),
            # The HTML of a mail comes from outside: it may be shown and do nothing.
            ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'"),
        ]
        start_response(f"{given.status} {HTTPStatus(given.status).phrase}", headers)
        return [given.body]

    return answer


def credentials(password: str) -> str:
    """Returns the `Authorization` header of somebody who knows the password."""
    return f"Basic {base64.b64encode(f'{USER}:{password}'.encode()).decode()}"


def with_sign_in(app: WSGIApplication, password: str) -> WSGIApplication:
    """Returns the application for those who know the password: whoever reads an e-mail can use the link in it."""
    expected = credentials(password).encode()

    def signed_in(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        given = environ.get("HTTP_AUTHORIZATION", "").encode("latin-1")
        if environ["PATH_INFO"] == READY or hmac.compare_digest(given, expected):
            return app(environ, start_response)
        body = f"Sign in as {USER} with MAIL_CATCHER_PASSWORD of .env.\n".encode()
        headers = [("WWW-Authenticate", f'Basic realm="{USER}"'), ("Content-Length", str(len(body)))]
        start_response("401 Unauthorized", [("Content-Type", "text/plain; charset=utf-8"), *headers])
        return [body]

    return signed_in


def serve(bind: str, port: int, page: MailPage, hosts: Hosts, *, password: str) -> Callable[[], None]:
    """Serve that page beside the catcher; the function that is returned ends it."""
    guarded = hosts.guard(with_sign_in(application(page), password))
    return Server(guarded, listening_socket(bind, port), threads=2, limits=Limits()).run_in_thread("page")
