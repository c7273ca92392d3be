"""The link by which practices ask for no more inquiries, and patients for no more news; its token proves the right."""

from __future__ import annotations

from flask import Response

from communication_service.api.link_pages import HTML, errors_as_pages, link_page
from communication_service.dependencies import Dependencies
from communication_service.domain import unsubscribing
from shared.http import NOT_REPLAYED, Context, Resource, endpoint
from shared.texts import Sentence


class UnsubscribePage(Resource):
    """The page behind the link."""

    @endpoint(status=200, media_types=(HTML,), statuses=(404,))
    @errors_as_pages
    def get(self, context: Context[Dependencies], token: str) -> Response:
        """Ask whether an address is to get no more inquiries, or a patient no more news; nothing changes."""
        tokens = context.dependencies.links.tokens
        return _question(unsubscribing.address(context.session, tokens, token, now=context.now))

    @endpoint(raw=True, status=200, media_types=(HTML,), statuses=(404,), replay=NOT_REPLAYED)
    @errors_as_pages
    def post(self, context: Context[Dependencies], token: str) -> Response:
        """Write no more inquiries to the address of the e-mail with this link; again, it changes nothing.

        A patient is written to no more about how the search goes on, until another search begins.

        Mail programs post `List-Unsubscribe=One-Click` here (RFC 8058), the page's button an empty form.
        """
        tokens = context.dependencies.links.tokens
        return _done(unsubscribing.unsubscribe(context.session, tokens, token, now=context.now))


def _question(address: str | None) -> Response:
    if address is None:
        return link_page(
            Sentence.of("page.stop_progress"),
            Sentence.of("page.stop_progress.question"),
            button=Sentence.of("page.stop_progress.button"),
        )
    return link_page(
        Sentence.of("page.unsubscribe"),
        Sentence.of("page.unsubscribe.question", address=address),
        button=Sentence.of("page.unsubscribe.button"),
    )


def _done(address: str | None) -> Response:
    if address is None:
        return link_page(Sentence.of("page.stop_progress"), Sentence.of("page.stop_progress.done"))
    return link_page(Sentence.of("page.unsubscribe"), Sentence.of("page.unsubscribe.done", address=address))
