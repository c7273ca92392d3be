"""The platforms of tests, campaigns and benchmarks."""

from __future__ import annotations

import pytest

from testkit.private_platform import private_platform


@pytest.mark.parametrize("yields", [False, True])
def test_its_workers_have_a_lower_priority_only_when_asked(yields: bool) -> None:
    """Beside other tests a worker of low priority would stand still."""
    with private_platform(yields_to_others=yields) as platform:
        assert any(spec.niceness for spec in platform.process_specs) == yields
