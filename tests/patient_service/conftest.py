"""What the tests of the patient service share."""

from __future__ import annotations

from typing import Any

import pytest

from patient_service.dependencies import Dependencies
from shared.security.encryption import Keys


@pytest.fixture
def keys(settings: Any) -> Keys:
    """The keys that the service under test is wired with."""
    return Dependencies.of(settings).keys
