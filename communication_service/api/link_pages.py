"""Small pages behind the links in e-mails: HTML without scripts, in the reader's language."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import wraps
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeVar

from flask import Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from shared.errors import Conflict, NotFound
from shared.http import Context
from shared.http.file_forms import JSON, chosen
from shared.http.languages import language_of_caller
from shared.texts import Sentence, TextLanguage

HTML: Final = "text/html"
STYLE: Final = (
    "body{font:1.1rem/1.5 system-ui,sans-serif;margin:0;padding:1rem;color:#1d2733;background:#fff}"
    "main{max-width:36rem;margin:2rem auto}h1{font-size:1.5rem}"
    "fieldset{border:1px solid #9aa5b1;border-radius:.4rem;margin:0 0 1.25rem;padding:.75rem 1rem}"
    "legend{font-weight:600}label{display:block;padding:.35rem 0}input{font:inherit;max-width:100%}"
    "input[type=text]{width:100%;box-sizing:border-box}.problem{color:#a61b1b;font-weight:600}"
    ".done{background:#e3f4e5;padding:.75rem 1rem}"
    "button{font:inherit;padding:.75rem 1.25rem;border:0;border-radius:.4rem;color:#fff;background:#0b5394}"
)
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Nothing runs or loads on these pages; a button sends its form to the page's own address."""

_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

Method = TypeVar("Method", bound=Callable[..., Any])


def link_page(
    title: Sentence,
    text: Sentence,
    *,
    button: Sentence | None = None,
    sends: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    """Returns a page that says something, perhaps with a button that posts these fields to the page's own address."""
    values = {"title": title, "text": text, "button": button, "sends": sends or {}}
    return form_page("link.html.j2", values, status=status)


def form_page(template: str, values: Mapping[str, Any], *, status: int = 200) -> Response:
    """Returns a page by this template of `pages`; the sentences among its values are worded for the reader."""
    language = language_of_caller()
    page = _PAGES.get_template(template).render(
        {name: _worded(value, language) for name, value in values.items()}
        | {"language": language.value, "style": Markup(STYLE)}  # noqa: S704 - a text of this module
    )
    headers = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}
    return Response(page, status, content_type=f"{HTML}; charset=utf-8", headers=headers)


def _worded(value: Any, language: TextLanguage) -> Any:
    if isinstance(value, Sentence):
        return value.in_language(language)
    if isinstance(value, Mapping):
        return {name: _worded(each, language) for name, each in value.items()}
    return value


def errors_as_pages(method: Method) -> Method:
    """Decorate a method that is behind a link: a browser gets a page for a link that is not valid, or not yet."""

    @wraps(method)
    def shown(self: Any, context: Context[Any], *args: Any, **given: Any) -> Any:
        try:
            return method(self, context, *args, **given)
        except (NotFound, Conflict) as refusal:
            if chosen(JSON, HTML) != HTML:
                raise
            if isinstance(refusal, NotFound):
                return link_page(Sentence.of("page.link_not_valid"), refusal.sentence, status=HTTPStatus.NOT_FOUND)
            return link_page(Sentence.of("page.link_too_early"), refusal.sentence, status=HTTPStatus.CONFLICT)

    return shown  # type: ignore[return-value]
