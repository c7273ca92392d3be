"""Tokens of links: for one purpose and one e-mail, until a day, and nobody else makes one."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from pydantic import SecretStr, ValidationError

from communication_service.domain.letter_headers import LetterHeaders, token_in
from communication_service.domain.link_tokens import LENGTH, LinkPurpose, LinkTokens
from communication_service.settings import LONGEST_NAME_WITH_TOKEN, ContactRules
from shared.database import new_id
from shared.errors import NotFound
from tests.builders.communication import LINKS, SENDER
from tests.builders.keys import NEW, OLD, OTHER
from tests.conftest import MONDAY

TODAY = date(2026, 11, 23)
ID = new_id()


def tokens(ring: str = OLD) -> LinkTokens:
    """With this ring of keys."""
    return LinkTokens(SecretStr(ring))


def is_valid(token: str, *, ring: str = OLD, purpose: LinkPurpose = LinkPurpose.REPLY, today: date = TODAY) -> bool:
    """Whether it names the e-mail."""
    try:
        return tokens(ring).read(purpose, token, today=today) == ID
    except NotFound:
        return False


def test_a_token_is_valid_for_its_purpose_until_its_day_is_over() -> None:
    token = tokens().issue(LinkPurpose.REPLY, ID, last_day=TODAY)
    assert (len(token), token.isalnum(), token.lower()) == (LENGTH, True, token)
    assert is_valid(token)
    assert is_valid(token.upper()), "mail programs change the case of addresses"
    assert not is_valid(token, today=TODAY + timedelta(days=1))
    assert not is_valid(token, purpose=LinkPurpose.UNSUBSCRIBE)
    assert not is_valid(token, ring=OTHER)


def test_no_other_token_is_valid() -> None:
    token = tokens().issue(LinkPurpose.REPLY, ID, last_day=TODAY)
    changed = [token[:place] + ("a" if token[place] != "a" else "b") + token[place + 1 :] for place in range(LENGTH)]
    wrong = [
        "",
        "x",
        token[:-1],
        f"{token}a",
        f"{token}=",
        token[:-8],
        "ä" * LENGTH,
        "-" * LENGTH,
        "a" * LENGTH,
        " " + token,
    ]
    assert [each for each in changed + wrong if is_valid(each)] == []


def test_a_key_is_replaced_without_a_moment_in_which_links_are_not_valid() -> None:
    before = tokens(OLD).issue(LinkPurpose.REPLY, ID, last_day=TODAY)
    after = tokens(f"{NEW},{OLD}").issue(LinkPurpose.REPLY, ID, last_day=TODAY)
    assert [is_valid(each, ring=f"{OLD},{NEW}") for each in (before, after)] == [True, True]
    assert [is_valid(each, ring=NEW) for each in (before, after)] == [False, True]


def test_answers_go_to_an_address_with_a_token_where_that_is_wanted() -> None:
    headers = LetterHeaders(SENDER, LINKS, has_reply_tokens=True).of(ID, date=MONDAY, correlation_id=None)
    name, _, domain = headers["Reply-To"].rpartition("@")
    assert (len(name) <= 64, domain) == (True, SENDER.domain)
    token = token_in(headers["Reply-To"])
    assert token is not None
    assert LINKS.tokens.read(LinkPurpose.ADDRESS, token, today=TODAY + timedelta(days=180)) == ID
    with pytest.raises(NotFound):
        LINKS.tokens.read(LinkPurpose.REPLY, token, today=TODAY)  # who got to know the address answers for nobody
    assert token_in(SENDER.address) is None
    with pytest.raises(ValidationError, match="characters before the @"):
        ContactRules(mail_from="x" * (LONGEST_NAME_WITH_TOKEN + 1) + "@example.org", reply_tokens=True)
