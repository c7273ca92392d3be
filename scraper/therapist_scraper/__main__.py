"""`therapist-scraper` and `python -m therapist_scraper`."""

from __future__ import annotations

from therapist_scraper.cli import commands


def main() -> None:
    """Run the command line; the exit code is one of `therapist_scraper.exit_codes`."""
    commands(prog_name="therapist-scraper")


if __name__ == "__main__":
    main()
