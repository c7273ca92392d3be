"""The link with which a practice answers an e-mail; open to anyone, since its token proves the right."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from flask import Response

from communication_service.api.link_pages import HTML, errors_as_pages, form_page
from communication_service.api.texts import texts
from communication_service.dependencies import Dependencies
from communication_service.domain import replies, template_words
from communication_service.domain.replies import Recorded
from communication_service.domain.reply_forms import LONGEST_HOURS, OFFERED, PHONE_DAYS, STATES, NoMore
from shared.errors import RuleBroken
from shared.http import NOT_REPLAYED, Context, Resource, endpoint
from shared.http.file_forms import JSON, chosen
from shared.http.forms import read_form
from shared.http.languages import language_of_caller
from shared.texts import Sentence
from shared.values.reply_enums import AnswerNeed

WORDS: Final = {
    name: Sentence.of(f"page.reply.{name}")
    for name in (
        *("title", "intro", "answered", "over", "from", "no_answer", "practice", "hours", "hours_known", "hours_form"),
        *("individual", "group", "no_more", "no_more_no", "button", "nobody"),
    )
}
OUTCOMES: Final = {each.value: Sentence.of(f"page.reply.{each}") for each in OFFERED}
PLACES: Final = {each.value: Sentence.of(f"page.reply.{each}") for each in STATES}
DAYS: Final = {each: Sentence.of(f"page.reply.{each}") for each in PHONE_DAYS}
NO_MORE: Final = {each.value: Sentence.of(f"page.reply.no_more_{each}") for each in NoMore}


class ReplyPage(Resource):
    """The page on which a practice answers an e-mail."""

    @endpoint(status=200, media_types=(HTML,), statuses=(404,))
    @errors_as_pages
    def get(self, context: Context[Dependencies], token: str) -> Response:
        """Show for whom the practice of an e-mail is asked, with a form to answer; nothing changes."""
        return _page(context, token)

    @endpoint(raw=True, status=200, media_types=(HTML,), statuses=(404, 409, 422), replay=NOT_REPLAYED)
    @errors_as_pages
    def post(self, context: Context[Dependencies], token: str) -> Response:
        """Record what the practice filled in; an empty form changes nothing, and what is recorded is not done twice."""
        return _recorded(context, token, read_form())


def _recorded(context: Context[Dependencies], token: str, form: Mapping[str, str]) -> Response:
    """The page after the form was recorded, or with what is wrong with it."""
    try:
        recorded = replies.reply(
            context.session,
            texts(context),
            context.dependencies.links.tokens,
            token,
            form,
            language=language_of_caller(),
            rules=context.dependencies.rules,
            now=context.now,
        )
    except RuleBroken as refusal:
        if chosen(JSON, HTML) != HTML:
            raise
        return _page(context, token, form=form, refusal=refusal)
    return _page(context, token, recorded=recorded)


def _page(
    context: Context[Dependencies],
    token: str,
    *,
    form: Mapping[str, str] | None = None,
    refusal: RuleBroken | None = None,
    recorded: Recorded | None = None,
) -> Response:
    language, tokens = language_of_caller(), context.dependencies.links.tokens
    shown = replies.page(context.session, tokens, token, language=language, now=context.now)
    problems = {each.field: each.sentence for each in refusal.errors} if refusal else {}
    values: dict[str, Any] = {
        "words": WORDS,
        "patients": shown.patients,
        "open": AnswerNeed.OPEN,
        "answered": AnswerNeed.ANSWERED,
        "outcomes": OUTCOMES,
        "places": PLACES,
        "days": DAYS,
        "no_more": NO_MORE,
        "longest": LONGEST_HOURS,
        "hours_known": template_words.hours(shown.phone_hours, language),
        "sent": form or {},
        "problem": refusal.sentence if refusal else None,
        "problems": problems,
        "done": [each.in_language(language) for each in _done(recorded)] if recorded else [],
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if refusal else HTTPStatus.OK
    return form_page("reply.html.j2", values, status=status)


def _done(recorded: Recorded) -> list[Sentence]:
    """What was done, in sentences."""
    reply, said = recorded.reply, [Sentence.of("page.replied.thanks")]
    if recorded.answered:
        said.append(Sentence.of("page.replied.patients", references=", ".join(recorded.answered)))
    if recorded.left_out:
        said.append(Sentence.of("page.replied.left_out", references=", ".join(recorded.left_out)))
    if reply.phone_hours or reply.individual or reply.group:
        said.append(Sentence.of("page.replied.practice"))
    if reply.no_more is not None:
        said.append(Sentence.of(f"page.replied.no_more_{reply.no_more}"))
    return said
