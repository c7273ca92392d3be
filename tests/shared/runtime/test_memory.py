"""Garbage is collected rarely while modules are loaded, and as often as a long-running process needs afterwards."""

from __future__ import annotations

import gc

from shared.runtime import memory


def test_collections_are_rare_until_everything_is_loaded() -> None:
    before = gc.get_threshold()
    try:
        memory.load_quickly()
        assert gc.get_threshold()[0] == memory.LOADING_THRESHOLD > memory.YOUNGEST_THRESHOLD
        memory.freeze()
        assert gc.get_threshold()[0] == memory.YOUNGEST_THRESHOLD
    finally:
        gc.set_threshold(*before)
