"""What a site that does not want us answers."""

from __future__ import annotations

import re

REFUSING_STATUS = frozenset({401, 403, 407, 451})
_PROTECTION = re.compile(
    r"captcha|challenge-platform|cf-challenge|are you a robot|kein roboter|zugriff verweigert|access denied"
    r"|unusual traffic|ungewöhnliche[nr]? (?:aktivität|datenverkehr)",
    re.IGNORECASE,
)


def is_protection_page(text: str) -> bool:
    """Whether a page that came instead of what was asked for wants a proof that a person sits here."""
    return bool(_PROTECTION.search(text))
