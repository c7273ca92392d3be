"""A practice that wants no more inquiries: a link shows a page, its button or the mail program acts."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient

from communication_service.domain.link_tokens import LinkPurpose
from communication_service.store.tables import Email, Inquiry
from shared.database import new_id
from shared.runtime import clock
from tests.builders.communication import LINKS, MONDAY_MORNINGS, a_request, a_therapist, composed, rows, the
from tests.conftest import MONDAY
from tests.fakes.smtp import FakeMailServer

BROWSER = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "Accept-Language": "de"}
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def test_a_mail_program_unsubscribes_everybody_at_the_address(
    client: FlaskClient, catcher: FakeMailServer, sent: Callable[..., None]
) -> None:
    a_request(a_therapist(email="praxis@example.org", phone_hours=MONDAY_MORNINGS))
    composed()
    sent()
    link = catcher.messages[0]["List-Unsubscribe"].split(">")[0].partition("platform.example.org")[2]
    page = client.get(link, headers=BROWSER)
    assert (page.status_code, page.mimetype, page.headers["Cache-Control"]) == (200, "text/html", "no-store")
    assert "praxis@example.org" in page.text
    assert '<form method="post">' in page.text
    assert "form-action 'self'" in page.headers["Content-Security-Policy"]
    assert client.get("/api/email-suppressions").json["total"] == 0, "mail scanners open every link"
    scanned = client.post(link, headers=BROWSER)
    assert (scanned.status_code, '<form method="post">' in scanned.text) == (422, True)
    assert client.post(link, data={"x": "y"}).json["code"] == "unsubscribe.not_said"
    assert client.get("/api/email-suppressions").json["total"] == 0, "some scanners post, too"
    # the mail program's POST, again, and the button of the page
    (button,) = re.findall('<input type="hidden" name="([^"]*)" value="([^"]*)">', page.text)
    sent_forms: tuple[dict[str, Any], ...] = (
        {"data": ONE_CLICK},
        {"data": ONE_CLICK, "content_type": "multipart/form-data"},
        {"data": dict([button])},
    )
    assert [client.post(link, headers=BROWSER, **each).status_code for each in sent_forms] == [200, 200, 200]
    (known,) = client.get("/api/email-suppressions").json["items"]
    assert (known["email"], known["source"], known["recorded_by"]) == ("praxis@example.org", "link", None)
    a_request(a_therapist(email="Praxis@example.org", phone_hours=MONDAY_MORNINGS))
    composed()
    assert [each.channel for each in rows(Inquiry)] == ["email", "phone"]
    assert len(rows(Email)) == 1


def test_an_old_letter_unsubscribes_the_present_address_too(client: FlaskClient, sent: Callable[..., None]) -> None:
    practice = a_therapist(email="alt@example.org")
    a_request(practice)
    composed()
    sent()
    a_therapist(id=practice, sequence=2, email="neu@example.org")
    token = LINKS.token(LinkPurpose.UNSUBSCRIBE, the(Email).id, now=clock.now())
    assert client.post(f"/unsubscribe/{token}", data=ONE_CLICK).status_code == 200
    known = client.get("/api/email-suppressions").json["items"]
    assert sorted(each["email"] for each in known) == ["alt@example.org", "neu@example.org"]


def test_a_link_that_is_not_valid_says_so_and_does_nothing(client: FlaskClient) -> None:
    a_request(a_therapist())
    composed()
    of_another_purpose = LINKS.token(LinkPurpose.REPLY, the(Email).id, now=clock.now())
    of_no_email = LINKS.token(LinkPurpose.UNSUBSCRIBE, new_id(), now=clock.now())
    too_old = LINKS.token(LinkPurpose.UNSUBSCRIBE, the(Email).id, now=MONDAY - timedelta(days=400))
    for token in (of_another_purpose, of_no_email, too_old, "x", of_no_email[:-1]):
        for method in (client.get, client.post):
            refused = method(f"/unsubscribe/{token}", headers=BROWSER)
            assert (refused.status_code, refused.mimetype) == (404, "text/html"), token
            assert "nicht (mehr) gültig" in refused.text
            assert method(f"/unsubscribe/{token}").json["code"] == "link.not_found"
    assert client.get("/api/email-suppressions").json["total"] == 0
