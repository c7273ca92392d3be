"""E-mail addresses, also such as are hidden from programs, and web pages."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, unquote, urlsplit

from email_validator import EmailNotValidError, validate_email

from therapist_scraper.text import Unreadable, stated

LONGEST_EMAIL = 254

_AT = r"(?:\(|\[|\{|<)\s*(?:at|ät|@|a|affe|klammeraffe)\s*(?:\)|\]|\}|>)|\s(?:at|ät)\s"
_DOT = r"(?:\(|\[|\{|<)\s*(?:dot|punkt|\.)\s*(?:\)|\]|\}|>)|\s(?:dot|punkt)\s"
_HIDDEN_AT = re.compile(rf"\s*(?:{_AT})\s*", re.IGNORECASE)
_HIDDEN_DOT = re.compile(rf"\s*(?:{_DOT})\s*", re.IGNORECASE)
_BLANKS_AROUND_SIGNS = re.compile(r"\s*([@.])\s*")
_LABEL = re.compile(r"\A(?:mailto:|e-?mail(?:[- ]?adresse)?\s*:)\s*", re.IGNORECASE)
_DECOY = re.compile(
    r"no-?spam|anti-?spam|spam(?:schutz|frei)|remove-?(?:this|me)|entfernen|(?:ohne|bitte)-?leer", re.IGNORECASE
)
"""What people put into an address so that it does not work as it stands; what they mean would be a guess."""

_DOMAIN = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,24}\.?(?::[0-9]{1,5})?", re.IGNORECASE)
_SCHEME = re.compile(r"\A(https?)\s*:\s*/{1,2}\s*", re.IGNORECASE)


def split_address(written: str) -> SplitResult:
    """Returns the parts of an address, all of them empty where it is none, such as `http://[::1/`."""
    try:
        return urlsplit(written)
    except ValueError:
        return urlsplit("")


def email(value: object) -> str | None:
    """Returns the address for sending, as `name@praxis.de` for "name (at) praxis . de"; None where there is none.

    Of several in one field it is the first. Raises Unreadable for what is no address, or one with a decoy.
    """
    text = stated(value)
    if text is None:
        return None
    plain = _LABEL.sub("", text).partition("?")[0].strip()
    plain = unquote(plain) if "%40" in plain else plain
    if _DECOY.search(plain):
        raise Unreadable("is an e-mail address that does not work as it stands")
    return _checked(_BLANKS_AROUND_SIGNS.sub(r"\1", _HIDDEN_DOT.sub(".", _HIDDEN_AT.sub("@", plain))))


def _checked(text: str) -> str:
    first = re.split(r"[;,|\s]+", text.strip(" ;,|<>"))
    if len(first) > 1 and not all("@" in each for each in first):
        raise Unreadable("is no e-mail address")  # "praxis @ müller de" has lost something
    try:
        if len(first[0]) > LONGEST_EMAIL:
            raise EmailNotValidError
        found = validate_email(first[0], strict=True, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise Unreadable("is no e-mail address") from None
    return found.normalized


def website(value: object) -> str | None:
    """Returns the address of a web page, its host in lower case; None where there is none. Raises Unreadable.

    One without `https://` stays without: nobody said which it is.
    """
    text = stated(value)
    if text is None:
        return None
    scheme = _SCHEME.match(text)
    rest = text[scheme.end() :] if scheme else text
    host, slash, path = rest.partition("/")
    if " " in rest or "@" in host or not _DOMAIN.fullmatch(host) or not _is_url(f"//{rest}"):
        raise Unreadable("is no address of a web page")
    beginning = f"{scheme[1].lower()}://" if scheme else ""
    return beginning + host.lower().rstrip(".") + (slash + path if path else "")


def _is_url(text: str) -> bool:
    try:
        return bool(urlsplit(text).hostname)
    except ValueError:
        return False
