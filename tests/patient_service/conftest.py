"""What the tests of the patient service share."""

from __future__ import annotations

from typing import Any

import pytest

from shared.security.encryption import Keys


@pytest.fixture
def keys(settings: Any) -> Keys:
    """The keys that the service under test is wired with."""
    return Keys(settings.master_key.get_secret_value())
