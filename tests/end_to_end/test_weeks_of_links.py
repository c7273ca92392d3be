"""What practices do with the links in their letters, and what stays of it for half a year (docs/decisions/0051)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import requests

from testkit.api_client import ApiClient, Document
from testkit.private_platform import PrivatePlatform
from tests.end_to_end.people import a_searching_patient, a_therapist, asked, exactly_one_letter, known_to_matching
from tests.end_to_end.weeks import Weeks, berlin, every_day, searching_patients

LINK = re.compile(r"/(reply|unsubscribe)/([a-z2-7]{48})")
BROWSER = {"Accept": "text/html"}
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
AS_THE_PAGE_STANDS = {"outcome-0": "", "from-0": "", "individual": "", "group": "", "no-more": "", "hours-monday": ""}


def tokens_in(letter: Document) -> dict[str, str]:
    """The tokens of a letter, by what they are for."""
    headers = " ".join(value for _, value in letter["headers"])
    return dict(LINK.findall(letter["text"] + headers))


class Practice:
    """Somebody who has a letter, and a browser."""

    def __init__(self, weeks: Weeks, therapist: Document, patient: Document) -> None:
        self._weeks, self.therapist, self.patient = weeks, therapist, patient
        (self.request,) = asked(weeks.api, patient, therapist)
        exactly_one_letter(weeks.platform, weeks.api, therapist, self.request)
        self.tokens = tokens_in(weeks.letters(therapist, 1)[0])

    def url(self, purpose: str = "reply", token: str | None = None) -> str:
        """Where a link leads."""
        return self._weeks.api.url("communication", f"/{purpose}/{token or self.tokens[purpose]}")

    def looks(self, purpose: str = "reply", token: str | None = None) -> requests.Response:
        """The page behind a link."""
        return requests.get(self.url(purpose, token), headers=BROWSER, timeout=30)

    def sends(self, form: dict[str, Any], purpose: str = "reply", token: str | None = None) -> requests.Response:
        """The page after a form."""
        return requests.post(self.url(purpose, token), data=form, headers=BROWSER, timeout=30)

    def answers(self) -> list[str]:
        """What is recorded of it in the contact log, in order."""
        log = self._weeks.api.get("matching", f"/api/patients/{self.patient['id']}/contact-log")["items"]
        return [each["result"] for each in log if each["channel"] == "reply_link"]


def test_a_link_shows_to_everybody_acts_for_the_practice_and_expires(
    platform: PrivatePlatform, api: ApiClient, weeks: Weeks
) -> None:
    weeks.go_to(berlin(weeks.next_workday()))
    begin = weeks.today
    one, two, three = (
        Practice(weeks, a_therapist(api, phone_hours=None), patient) for patient in searching_patients(api, 3)
    )

    # scanners open the link, and press its button
    for purpose in ("reply", "unsubscribe"):
        assert [one.looks(purpose).status_code for _ in range(3)] == [200] * 3
    assert one.patient["reference"] in one.looks().text
    assert [one.sends(form).status_code for form in ({}, AS_THE_PAGE_STANDS)] == [422] * 2
    # nor is a link that was cut, altered or made for something else
    token = one.tokens["reply"]
    for wrong in (token[:-1], token[:24], token[:-1] + ("a" if token[-1] != "a" else "b"), one.tokens["unsubscribe"]):
        assert one.looks(token=wrong).status_code == 404
        assert one.sends({"outcome-0": "accepted"}, token=wrong).status_code == 404
    assert weeks.becomes(one.request, status="contacted")["responded_at"] is None
    assert one.answers() == []

    # days later the practice answers, twice, and differently
    weeks.go_to(berlin(begin + timedelta(days=3)))
    later = {"outcome-0": "later", "from-0": (begin + timedelta(days=90)).isoformat()}
    assert [one.sends(later).status_code for _ in range(2)] == [200] * 2
    assert weeks.becomes(one.request, status="deferred")["available_from"] == later["from-0"]
    assert one.sends({"outcome-0": "accepted"}).status_code == 200
    weeks.becomes(one.request, status="accepted")
    assert one.patient["reference"] in one.sends({"outcome-0": "declined_capacity"}).text
    api.until(lambda: len(one.answers()) == 2, "both answers to be logged")
    assert weeks.becomes(one.request, status="accepted")["outcome"] == "accepted"
    assert one.answers() == ["later", "accepted"]
    # a link of another practice answers for that one only
    assert one.patient["reference"] not in two.looks().text

    # the request is withdrawn: the page says so, and an answer changes nothing
    api.post("matching", f"/api/placement-requests/{two.request['id']}/withdraw", {"reason": "patient_declined"})
    weeks.becomes(two.request, status="withdrawn")
    weeks.letters(two.therapist, 2)
    assert "outcome-0" not in two.looks().text
    assert two.sends({"outcome-0": "accepted"}).status_code == 200
    assert two.answers() == []

    # half a year later the link has run out
    weeks.go_to(berlin(begin + timedelta(days=180), 23, 50))
    assert three.looks().status_code == 200
    weeks.go_to(berlin(begin + timedelta(days=181), 0, 5))
    assert three.looks().status_code == 404
    assert three.sends({"outcome-0": "accepted"}).status_code == 404
    assert three.sends({}, "unsubscribe").status_code == 404
    assert three.answers() == []
    weeks.becomes(two.request, status="withdrawn")


def test_who_wants_no_emails_is_phoned_and_who_wants_no_contact_is_left_alone(
    platform: PrivatePlatform, api: ApiClient, weeks: Weeks
) -> None:
    weeks.go_to(berlin(weeks.next_workday()))
    begin, hours = weeks.today, every_day("02:00", "02:50")
    patients = searching_patients(api, 3)
    unsubscribing, silent, suppressed = (
        Practice(weeks, a_therapist(api, phone_hours=hours, **more), patient)
        for patient, more in zip(patients, ({}, {}, {"contact_preference": "email_only"}), strict=True)
    )
    sharing = a_therapist(api, phone_hours=hours, email=unsubscribing.therapist["email"])

    assert [unsubscribing.sends(ONE_CLICK, "unsubscribe").status_code for _ in range(2)] == [200] * 2
    assert silent.sends({"no-more": "contact"}).status_code == 200
    email = suppressed.therapist["email"]
    api.post("communication", "/api/email-suppressions", {"email": email, "reason": "by phone"})
    path = f"/api/therapists/{silent.therapist['id']}"
    api.until(lambda: api.get("therapist", path)["status"] == "blocked", "the wish to be known")

    # for weeks others want to be asked for there
    for week in (1, 5):
        weeks.go_to(berlin(begin + timedelta(weeks=week), 1))
        weeks.run("communication", "follow-up")
        patient = a_searching_patient(api)
        known_to_matching(api, patient)
        asked_now = {
            each["id"]: api.approve(patient["id"], [each["id"]])["items"]
            for each in (unsubscribing.therapist, sharing, suppressed.therapist)
        }
        (first,), (second,), (third,) = asked_now.values()
        if week == 1:
            weeks.planned_call(unsubscribing.therapist, unsubscribing.request, first)
            weeks.planned_call(sharing, second)
        weeks.waits_for(third, "email_suppressed")
    assert weeks.calls(silent.therapist) == weeks.calls(suppressed.therapist) == []
    for each in (unsubscribing, silent, suppressed):
        assert len(weeks.letters(each.therapist, 1)) == 1
