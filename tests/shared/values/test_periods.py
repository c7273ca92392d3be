from datetime import date

import pytest

from shared.errors import FieldProblem
from shared.values.periods import Period
from shared.values.schemas import problems_of


def test_a_period_is_written_with_from_and_to_and_includes_both() -> None:
    period = Period.from_json({"from": "2026-12-24", "to": "2026-12-31"})
    assert period.to_json() == {"from": "2026-12-24", "to": "2026-12-31"}
    assert Period(first=date(2026, 12, 24), last=date(2026, 12, 31)) == period
    assert period.contains(date(2026, 12, 24))
    assert period.contains(date(2026, 12, 31))
    assert not period.contains(date(2027, 1, 1))


def test_a_period_does_not_end_before_it_begins() -> None:
    with pytest.raises(ValueError) as refused:
        Period.from_json({"from": "2026-12-31", "to": "2026-12-24"})
    assert problems_of(refused.value) == [FieldProblem.of("to", "field.ends_before_it_begins")]
