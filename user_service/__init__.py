"""Accounts of people and machines: who may sign in, how they prove it, and the keys that sign their tokens."""
