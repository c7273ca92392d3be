"""Benchmarks: each figure is compared with a baseline of the same run, since the speed of the machine varies."""
