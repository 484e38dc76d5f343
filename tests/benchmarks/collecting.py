"""The cycle collector as the console sets it, around what is measured in the benchmarks' own process."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from console.cli.garbage_collector import collect_rarely


@contextmanager
def collected_rarely() -> Iterator[None]:
    """Collect cycles as rarely as the console does: with Python's thresholds, collections among the objects of a fleet
    would dominate, and be charged to whoever allocates.
    """
    before = gc.get_threshold()
    collect_rarely()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
