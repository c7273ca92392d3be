"""What a spreadsheet takes for a formula."""

from __future__ import annotations

from typing import Final

FORMULA_BEGINS: Final = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
"""Also in full width, which counts in East Asia."""
GUARD: Final = "'"
"""In front of them, the sign for text in every spreadsheet."""
