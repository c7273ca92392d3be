"""Reads the public directory of psychotherapists and writes files for the import; knows nothing of the platform."""
