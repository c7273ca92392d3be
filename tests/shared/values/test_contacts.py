from random import Random

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.values.contacts import (
    _PLAIN_EMAIL,
    EmailAddress,
    PersonName,
    PhoneNumber,
    _is_plain_email,
    _validated,
    email_address,
    format_phone,
    normalised_email,
    person_name,
    phone_number,
    writable_address,
    writable_mailbox,
)
from shared.values.errors import NotAcceptable
from shared.values.schemas import Schema, problems_of


@pytest.mark.parametrize(
    "address",
    ["praxis@example.org", "a.b+c@example.com", "x@praxis.example", "x@demo.test", "müller@müller.de", "o'hara@a-b.de"],
)
def test_addresses_that_are_accepted_as_they_are(address: str) -> None:
    assert email_address(address) == address


@pytest.mark.parametrize(
    "text", ["", "praxis", "praxis@", "@example.org", "a b@example.org", "a@localhost", "a@b..de", "A <a@example.org>",
             "a@example.org, b@example.org", "a@example.org\nBcc: b@example.org", "x" * 65 + "@example.org"]
)  # fmt: skip
def test_what_is_not_one_address_is_refused(text: str) -> None:
    with pytest.raises(NotAcceptable, match="must be an e-mail address"):
        email_address(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (" Praxis@Example.ORG ", "praxis@example.org"),
        ("praxis@müller.de", "praxis@xn--mller-kva.de"),
        ("praxis@MÜLLER.de", "Praxis@mu\u0308ller.de"),
        ("mu\u0308ller@example.org", "MÜLLER@example.org"),
    ],
)
def test_spellings_of_one_mailbox_have_one_key(one: str, other: str) -> None:
    assert normalised_email(one) == normalised_email(other)


@pytest.mark.parametrize(
    ("address", "written_to"),
    [
        (" Praxis@Müller.de", "Praxis@xn--mller-kva.de"),
        ("o'hara@a-b.de", "o'hara@a-b.de"),
        ("jörg@web.de", None),
        ("\u212aurt@web.de", "Kurt@web.de"),
        ("niemand", None),
        ("", None),
        (None, None),
    ],
)
def test_nobody_is_written_to_where_mail_servers_may_not_take_it(address: str | None, written_to: str | None) -> None:
    assert writable_address(address) == written_to
    assert writable_mailbox(address) == (written_to and written_to.lower())


@pytest.mark.parametrize(
    ("one", "other"),
    [("a.b@example.org", "ab@example.org"), ("a+x@example.org", "a@example.org"), ("a@gmail.com", "a@googlemail.com")],
)
def test_what_may_be_different_mailboxes_has_different_keys(one: str, other: str) -> None:
    assert normalised_email(one) != normalised_email(other)


def test_normalising_twice_changes_nothing() -> None:
    key = normalised_email("Praxis@MÜLLER.de")
    assert normalised_email(key) == key == "praxis@xn--mller-kva.de"


LENGTH_OF_DOMAIN = r"(?=.{4,180}\Z)"
"""What the expression looks ahead for. Hypothesis makes a text of its own for it, after which hardly anything fits."""
OF_ANY_LENGTH = _PLAIN_EMAIL.pattern.replace(LENGTH_OF_DOMAIN, "")


def test_the_length_of_the_domain_is_looked_for_ahead() -> None:
    assert LENGTH_OF_DOMAIN in _PLAIN_EMAIL.pattern


@given(st.from_regex(OF_ANY_LENGTH, fullmatch=True))
def test_plain_addresses_are_what_the_library_says(address: str) -> None:
    if _is_plain_email(address):
        validated = _validated(address)
        assert validated.normalized == address
        assert f"{validated.local_part.lower()}@{validated.ascii_domain}" == address


@pytest.mark.parametrize(
    ("text", "stored", "shown"),
    [
        ("030 12345678", "+493012345678", "030 12345678"),
        ("030/123 456-78", "+493012345678", "030 12345678"),
        ("(030) 12345678", "+493012345678", "030 12345678"),
        ("+49 (0)30 12345678", "+493012345678", "030 12345678"),
        ("0049 30 12345678", "+493012345678", "030 12345678"),
        ("+43 1 5877777", "+4315877777", "+43 1 5877777"),
    ],
)
def test_phone_numbers_are_stored_in_one_form_and_shown_in_the_usual_one(text: str, stored: str, shown: str) -> None:
    assert phone_number(text) == stored
    assert phone_number(stored) == stored
    assert format_phone(stored) == shown


@pytest.mark.parametrize(
    "text", ["", "12", "abc", "116117", "030 1234567 abends", "030 1234567 ext. 12", "030 123456789012345", "+999 1234"]
)
def test_what_nobody_could_dial_is_refused(text: str) -> None:
    with pytest.raises(NotAcceptable, match="must be a phone number"):
        phone_number(text)


@pytest.mark.parametrize("name", ["Null", "von der Heide", "Tietz -Roder", "Ng", "Ö", "O'Hara", "Müller-Lüdenscheidt"])
def test_names_stay_as_people_write_them(name: str) -> None:
    assert person_name(name) == name


def test_names_lose_only_needless_blanks() -> None:
    assert person_name("  von   der\tHeide ") == "von der Heide"
    assert person_name("Mu\u0308ller") == "Müller"


@pytest.mark.parametrize("text", ["", "  ", "-", "123", "?", "A\x00B", "A\x1bB", "x" * 101])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(NotAcceptable):
        person_name(text)


class Card(Schema):
    name: PersonName
    email: EmailAddress | None = None
    phone: PhoneNumber | None = None


def test_the_field_types_normalise_and_refuse_without_repeating() -> None:
    card = Card.from_json({"name": " Tietz  -Roder", "email": "A@Example.ORG", "phone": "030 12345678"})
    assert card.to_json() == {"name": "Tietz -Roder", "email": "A@example.org", "phone": "+493012345678"}
    with pytest.raises(ValueError) as refused:
        Card.from_json({"name": "?!", "email": "secret@", "phone": "0815secret"})
    assert [problem.field for problem in problems_of(refused.value)] == ["name", "email", "phone"]
    assert "secret" not in str(refused.value) + str(problems_of(refused.value))


def test_every_written_number_of_germany_is_judged_as_the_library_judges_it() -> None:
    chance = Random(49)
    for _ in range(3000):
        digits = str(chance.randrange(10 ** chance.randrange(4, 15)))
        text = "+49" + chance.choice("123456789") + digits
        valid = phonenumbers.is_valid_number(phonenumbers.PhoneNumber(49, int(text[3:])))
        try:
            assert (phone_number(text), valid) == (text, True)
        except NotAcceptable:
            assert not valid
