"""What a practice fills in on the reply page is read, or refused field by field."""

from __future__ import annotations

from datetime import date

import pytest

from communication_service.domain.reply_forms import FormAnswer, NoMore, read
from shared.errors import RuleBroken
from shared.events.catalogue import PlacesStated
from shared.values.enums import RequestOutcome
from shared.values.weekly import Weekly

TODAY = date(2026, 11, 24)
MORNINGS = {"monday": [{"start": "09:00", "end": "12:00"}, {"start": "14:00", "end": "16:30"}]}


def test_everything_that_is_filled_in_is_read() -> None:
    form = {"outcome-0": "later", "from-0": "2027-02-01", "outcome-1": "accepted", "from-1": " 1.2.2027 "}
    form |= {"outcome-2": "", "outcome-6": "accepted", "other": "x", "group": "free", "group-from": "2026-11-24"}
    form |= {"hours-monday": "9 - 12 Uhr, 14:00–16.30", "no-more": "contact"}
    reply = read(form, patients=3, today=TODAY)
    day = date(2027, 2, 1)
    assert reply.answers == {0: FormAnswer(RequestOutcome.LATER, day), 1: FormAnswer(RequestOutcome.ACCEPTED, day)}
    assert reply.phone_hours == Weekly.from_json(MORNINGS)
    assert (reply.individual, reply.group) == (None, PlacesStated(state="free", from_=TODAY))
    assert (reply.no_more, reply.says_something_of_practice) == (NoMore.CONTACT, True)


@pytest.mark.parametrize("form", [{}, {"outcome-0": " ", "hours-friday": ""}, {"outcome-9": "accepted"}])
def test_a_form_that_says_nothing_is_refused(form: dict[str, str]) -> None:
    with pytest.raises(RuleBroken) as refused:
        read(form, patients=2, today=TODAY)
    assert refused.value.code == "reply.empty"


def test_every_field_that_cannot_be_read_is_named() -> None:
    for name, value in (
        ("outcome-0", "perhaps"),
        ("outcome-0", "declined_other"),
        ("from-0", "2026-11-23"),
        ("from-0", "31.2.2027"),
        ("from-0", "2027-02-01\x00"),
        ("from-0", "2027-02-01"),
        ("group-from", "2027-02-01"),
        ("individual", "unknown"),
        ("no-more", "x"),
        ("hours-friday", "morgens"),
        ("hours-friday", "12-9"),
        ("hours-friday", "25:00-26:00"),
        ("hours-friday", "9-12, 11-13"),
        ("hours-friday", "9-10," * 60),
    ):
        with pytest.raises(RuleBroken) as refused:
            read({"outcome-1": "accepted", name: value}, patients=2, today=TODAY)
        assert [each.field for each in refused.value.errors] == [name], (name, value)
    with pytest.raises(RuleBroken):
        read({"outcome-0": "declined_capacity", "from-0": "2027-02-01"}, patients=1, today=TODAY)
