"""What comes from outside, at every boundary: HTTP, events, import files, settings, the command line."""
