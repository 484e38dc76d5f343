"""Settings of the cycle collector.

The objects decoded for a measurement are large, short-lived and without cycles: reference counts free them at once.
Python's defaults look for cycles after every few hundred objects, and one full collection over the objects of a fleet
of five thousand pods stops every thread, the screens' too, for 130 to 190 ms, several times per measurement.
"""

from __future__ import annotations

import gc

NEW = 50_000
"""Containers created, less those freed, between two collections of the youngest generation; one takes some 10 ms."""
YOUNG = 20
"""Collections of the youngest generation before one of the next: screens that were open during one, and closed."""
OLD = 100
"""Collections of the middle generation before a full one."""
FIRST = 5.0
"""Seconds from the first frame to the first collection: objects made before it, modules included, stay to the end."""


def not_yet() -> None:
    """No look while the console starts: each would find that everything is still needed."""
    gc.disable()


def collect_rarely() -> None:
    """Collect rarely: cycles are few and small here (closed screens, failed requests).

    Existing objects are exempt from further collections.
    """
    # Not before the first frame: it imports a library.
    from fleet.net.decoding import collect

    gc.freeze()
    gc.set_threshold(NEW, YOUNG, OLD)
    collect()
