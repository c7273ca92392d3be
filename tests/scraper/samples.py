"""Where the documented samples lie."""

from __future__ import annotations

from pathlib import Path

SAMPLES = Path(__file__).parent.parent.parent / "scraper" / "samples"
