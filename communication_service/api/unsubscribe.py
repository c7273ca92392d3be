"""The link by which practices ask for no more inquiries, and patients for no more news; its token proves the right."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from flask import Response

from communication_service.api.link_pages import HTML, errors_as_pages, link_page
from communication_service.dependencies import Dependencies
from communication_service.domain import unsubscribing
from shared.errors import FieldProblem, RuleBroken
from shared.http import NOT_REPLAYED, Context, Resource, endpoint
from shared.http.file_forms import JSON, chosen
from shared.http.forms import read_form
from shared.texts import Sentence

FIELD: Final = "List-Unsubscribe"
ONE_CLICK: Final = "One-Click"
"""What a mail program sends (RFC 8058)."""


class UnsubscribePage(Resource):
    """The page behind the link."""

    @endpoint(status=200, media_types=(HTML,), statuses=(404,))
    @errors_as_pages
    def get(self, context: Context[Dependencies], token: str) -> Response:
        """Ask whether an address is to get no more inquiries, or a patient no more news; nothing changes."""
        tokens = context.dependencies.links.tokens
        return _question(unsubscribing.address(context.session, tokens, token, now=context.now))

    @endpoint(raw=True, status=200, media_types=(HTML,), statuses=(404, 422), replay=NOT_REPLAYED)
    @errors_as_pages
    def post(self, context: Context[Dependencies], token: str) -> Response:
        """Write no more inquiries to the address of the e-mail with this link; again, it changes nothing.

        A patient is written to no more about how the search goes on, until another search begins.

        Mail programs post `List-Unsubscribe=One-Click` here (RFC 8058), and so does the page's button. 422 for anything
        else, which changes nothing: some mail scanners post to a link that they open.
        """
        return _unsubscribe(context, token, is_said=read_form().get(FIELD) == ONE_CLICK)


def _unsubscribe(context: Context[Dependencies], token: str, *, is_said: bool) -> Response:
    tokens = context.dependencies.links.tokens
    if not is_said:
        return _refused(unsubscribing.address(context.session, tokens, token, now=context.now))
    return _done(unsubscribing.unsubscribe(context.session, tokens, token, now=context.now))


def _refused(address: str | None) -> Response:
    """The page with its question again. Raises `RuleBroken` where no page is wanted."""
    if chosen(JSON, HTML) != HTML:
        raise RuleBroken("unsubscribe.not_said", errors=[FieldProblem.of(FIELD, "field.one_click")])
    return _question(address, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def _question(address: str | None, *, status: int = HTTPStatus.OK) -> Response:
    if address is None:
        return link_page(
            Sentence.of("page.stop_progress"),
            Sentence.of("page.stop_progress.question"),
            button=Sentence.of("page.stop_progress.button"),
            sends={FIELD: ONE_CLICK},
            status=status,
        )
    return link_page(
        Sentence.of("page.unsubscribe"),
        Sentence.of("page.unsubscribe.question", address=address),
        button=Sentence.of("page.unsubscribe.button"),
        sends={FIELD: ONE_CLICK},
        status=status,
    )


def _done(address: str | None) -> Response:
    if address is None:
        return link_page(Sentence.of("page.stop_progress"), Sentence.of("page.stop_progress.done"))
    return link_page(Sentence.of("page.unsubscribe"), Sentence.of("page.unsubscribe.done", address=address))
