"""Every error of the domain has a status."""

from __future__ import annotations

from shared.errors import PlatformError
from shared.http.problems import STATUS
from tests.architecture.sentences import ancestors
from tests.architecture.sentences import errors as kinds_of_errors


def test_every_error_has_a_status() -> None:
    """`PlatformError` itself has none; a kind that `STATUS` does not name would be answered with 500."""
    errors = kinds_of_errors() - {PlatformError.__name__}
    named = {kind.__name__ for kind in STATUS}
    assert named <= errors
    assert {name for name in errors if not ancestors(name) & named} == set()
