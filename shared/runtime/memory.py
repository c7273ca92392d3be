"""What a process that lives long does about Python's garbage collector."""

from __future__ import annotations

import gc

EASY_GOING = 10_000
"""Objects made before the youngest are looked through; a poll of a thousand events makes more than the default 700."""


def freeze() -> None:
    """Take everything made so far for permanent: call it once all is imported and made, before the work begins.

    A full collection would walk these hundred thousand objects each time: it holds up some request in a hundred by
    80 ms, and costs a consumer half of its time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(EASY_GOING, *gc.get_threshold()[1:])
