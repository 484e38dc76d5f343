"""The basis of a plan: a Snapshot from after the cluster was listed.

With half a fleet, a target looks absent and a GPU free. Resources that may not be listed are not waited for: they are
"not known", and the checks say so.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from fleet.kinds.registry import listed
from fleet.model.snapshot import Health, Snapshot

_CHECKED = frozenset({"horizontalpodautoscalers.autoscaling", "poddisruptionbudgets.policy", "services"})
"""Further resources that checks read; a plan waits for them, and does without if they do not come."""
PATIENCE = 30.0
"""Seconds that a cluster may take to be listed."""
GIVE_UP = 3.0
"""Seconds of them for which the API server may be out of reach: a retry or two."""
GETS_ON = 4
"""Factor over the given seconds that a progressing list may take at most."""
LOOK = 0.5
"""Seconds between checks whether the API server is still out of reach."""


def targets() -> frozenset[str]:
    """Return the resources without which nothing can be planned: pods, their owners, and nodes."""
    return frozenset({"pods", "nodes", *(kind.qualified for kind in listed())})


def lacking(snapshot: Snapshot) -> str:
    """Return why no plan can be made on this Snapshot yet, in words; empty where one can."""
    return _pending(snapshot, targets())


async def wait_until_known(newest: Callable[[], Snapshot | None], arrived: asyncio.Event, seconds: float) -> str:
    """Wait until the newest Snapshot has the resources for plans; return what it still lacks after ``seconds``, in
    words.

    ``arrived`` is set with every new Snapshot. The seconds count from the last resource listed, so a list that
    progresses is waited for, up to ``GETS_ON`` times as long in all; an unreachable API server is not. On a busy
    machine, time in which this process did not run does not count.
    """
    checked = targets() | _CHECKED
    waited, last = 0.0, time.monotonic()
    left, whole = len(checked) + 1, 0.0
    down_since: float | None = None
    while (snapshot := newest()) is None or _pending(snapshot, checked):
        now = time.monotonic()
        turn = min(now - last, 2 * LOOK)
        waited, whole, last = waited + turn, whole + turn, now
        pending = len(snapshot.everything.coverage.pending & checked) if snapshot is not None else left
        if pending < left and whole < GETS_ON * seconds:
            left, waited = pending, 0.0
        source = snapshot.of_objects if snapshot is not None else None
        is_down = source is not None and source.health is Health.DOWN
        if not is_down:
            down_since = None
        elif down_since is None:
            down_since = whole
        if waited >= seconds or (down_since is not None and whole - down_since >= GIVE_UP):
            return lacking(snapshot) if snapshot is not None else "nothing is known about this cluster yet"
        arrived.clear()
        try:
            async with asyncio.timeout(min(LOOK, seconds - waited)):
                await arrived.wait()
        except TimeoutError:
            continue
    return ""


def _pending(snapshot: Snapshot, resources: frozenset[str]) -> str:
    pending = sorted(snapshot.everything.coverage.pending & resources)
    if not pending:
        return ""
    names = ", ".join(resource.partition(".")[0] for resource in pending[:3])
    more = f" and {len(pending) - 3} more" if len(pending) > 3 else ""
    return f"the cluster is not listed yet ({names}{more})"
