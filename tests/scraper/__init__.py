"""Tests of `scraper/`; they and what they use import nothing of the platform (tests/architecture/test_imports.py)."""
