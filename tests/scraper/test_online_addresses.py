"""E-mail addresses that are hidden from programs are read; what their owner would have to explain is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from therapist_scraper.online_addresses import email, website
from therapist_scraper.text import Unreadable

PLAIN = "name@praxis.example.org"


@pytest.mark.parametrize(
    "written",
    [
        "name@praxis.example.org",
        " name@Praxis.Example.org ",
        "name (at) praxis . example . org",
        "name(at)praxis.example.org",
        "name [at] praxis [dot] example [dot] org",
        "name{ät}praxis(punkt)example(punkt)org",
        "name at praxis dot example dot org",
        "name @ praxis.example.org",
        "name&#64;praxis&#46;example.org",
        "name%40praxis.example.org",
        "mailto:name@praxis.example.org?subject=Anfrage",
        "E-Mail: name@praxis.example.org",
        "<name@praxis.example.org>",
        "na\u00adme@praxis.\u200bexample.org",
        "name@praxis.example.org; kollegin@praxis.example.org",
    ],
)
def test_a_hidden_address_is_read(written: str) -> None:
    assert email(written) == PLAIN


@pytest.mark.parametrize("written", [None, "", "-", "k. A.", "keine"])
def test_no_address_is_none(written: object) -> None:
    assert email(written) is None
    assert website(written) is None


@pytest.mark.parametrize(
    "written",
    [
        "name@nospam-praxis.example.org", "name@praxis.ENTFERNEN.example.org", "name.praxis.example.org",
        "siehe Webseite", "name (at) praxis", "name@@praxis.example.org", "name@praxis example org",
        "a" * 300 + "@b.de",
        "Bitte anrufen unter name at praxis", 7, ["name@praxis.example.org"],
    ],
)  # fmt: skip
def test_an_address_is_not_guessed(written: object) -> None:
    with pytest.raises(Unreadable):
        email(written)


@given(
    st.text(max_size=60) | st.from_regex(r"[a-z (\[]{0,8}(at|@|ät)[ )\]]{0,3}[a-z. -]{0,12}(\.|dot|punkt) ?(de|org)")
)
def test_what_is_read_is_read_again_as_the_same(written: str) -> None:
    for read in (email, website):
        try:
            found = read(written)
        except Unreadable:
            continue
        assert found is None or read(found) == found


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("https://praxis.example.org", "https://praxis.example.org"),
        ("HTTP://WWW.Praxis.Example.org/Team", "http://www.praxis.example.org/Team"),
        ("http:/praxis.example.org/", "http://praxis.example.org"),
        ("www.praxis.example.org", "www.praxis.example.org"),
        ("müller.example.org", "müller.example.org"),
    ],
)
def test_a_web_page_keeps_what_was_written(written: str, kept: str) -> None:
    assert website(written) == kept


@pytest.mark.parametrize(
    "written", ["praxis", "siehe oben", "name@praxis.de", "javascript:alert(1)", "http://", "a b.de", "ftp://x.de"]
)
def test_what_is_no_web_page_is_left_out(written: str) -> None:
    with pytest.raises(Unreadable):
        website(written)
