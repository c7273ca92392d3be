"""Starts, watches and stops the platform's processes on one machine: the tool behind `make up`."""
