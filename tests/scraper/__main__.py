"""Writes the sample of a file that the scraper makes: `PYTHONPATH=scraper python -m tests.scraper`.

The scraper's tests say whether it is what the scraper writes, the platform's whether the import takes all of it.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.scraper.entries import SAMPLES, sample

if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        made = sample(Path(folder))
    (SAMPLES / made.name).write_text(made.text, encoding="utf-8")
