"""The files that make containers, as far as they can be tested without an engine."""
