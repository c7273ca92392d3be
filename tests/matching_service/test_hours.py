"""Weekly hours in words."""

from __future__ import annotations

from typing import Any

import pytest

from matching_service.domain.hours import in_common, in_words
from shared.texts import TextLanguage
from shared.values.weekly import Weekly

MORNING = [{"start": "08:00", "end": "10:00"}]
TWICE = [{"start": "08:30", "end": "10:00"}, {"start": "14:00", "end": "24:00"}]
EVERY_HOUR = [{"start": f"{hour:02}:00", "end": f"{hour:02}:30"} for hour in range(7)]


def week(**days: list[dict[str, str]]) -> Weekly:
    read = Weekly.from_json(days)
    assert read is not None
    return read


@pytest.mark.parametrize(
    ("days", "english", "german"),
    [
        ({"monday": MORNING}, "Mo 8–10", "Mo 8–10 Uhr"),
        ({"tuesday": TWICE}, "Tu 8:30–10 + 14–24", "Di 8:30–10 + 14–24 Uhr"),
        ({"monday": MORNING, "tuesday": MORNING}, "Mo, Tu 8–10", "Mo, Di 8–10 Uhr"),
        ({"monday": MORNING, "tuesday": MORNING, "wednesday": MORNING}, "Mo–We 8–10", "Mo–Mi 8–10 Uhr"),
        ({"monday": MORNING, "wednesday": MORNING, "sunday": TWICE}, "Mo 8–10, We 8–10, Su 8:30–10 + 14–24",
         "Mo 8–10 Uhr, Mi 8–10 Uhr, So 8:30–10 + 14–24 Uhr"),
        ({"friday": EVERY_HOUR}, "Fr 0–0:30 + 1–1:30 + 2–2:30 + 3–3:30 + …",
         "Fr 0–0:30 + 1–1:30 + 2–2:30 + 3–3:30 + … Uhr"),
    ],
)  # fmt: skip
def test_hours_are_read_as_staff_write_them(days: dict[str, Any], english: str, german: str) -> None:
    found = {
        language: ", ".join(each.in_language(language) for each in in_words(week(**days))) for language in TextLanguage
    }
    assert found == {"en": english, "de": german}


def test_what_two_weeks_have_in_common_is_unknown_where_one_of_them_is() -> None:
    one, other = week(monday=MORNING), week(monday=TWICE)
    assert in_common(one, other) == week(monday=[{"start": "08:30", "end": "10:00"}])
    assert in_common(one, week(friday=MORNING)) is in_common(None, one) is in_common(one, None) is None
