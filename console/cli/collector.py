"""Runs of the collector of cycles.

What a measurement decodes is large, short-lived and without cycles: reference counts free it at once. Python's defaults
look for cycles after every few hundred objects, and a look at all that a fleet of five thousand pods needs stops every
thread, the screens' too, for 130 to 190 ms, several times per measurement.
"""

from __future__ import annotations

import gc

NEW = 50_000
"""Containers that come to be, less those that go, between two looks at the new ones; a look takes some 10 ms."""
YOUNG = 20
"""Looks at the new ones before one at those that have outlived a look: screens that were open during one, and left."""
OLD = 100
"""Looks at those before one at everything."""
FIRST = 5.0
"""Seconds from the first frame to the first look: what is made until then, modules and all, stays to the end."""


def not_yet() -> None:
    """No look while the console starts: each would find that everything is still needed."""
    gc.disable()


def collect_rarely() -> None:
    """Cycles are few and small here (screens that were left, failed requests): let them wait.

    What there is by now is looked at no more.
    """
    # Not before the first frame: it brings a library with it.
    from fleet.net.decoding import collect

    gc.freeze()
    gc.set_threshold(NEW, YOUNG, OLD)
    collect()
