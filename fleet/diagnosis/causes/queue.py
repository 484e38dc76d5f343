"""More requests wait than can be served soon (F03)."""

from __future__ import annotations

from fleet.diagnosis.cause import Cause, Help, Numbers, Of
from fleet.diagnosis.sign import Is, Level, Row
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Severity

DEEP = 50
"""Waiting requests per ready pod that llm-d's alerts call a problem."""
SERIOUS = 3 * DEEP
"""Waiting requests per pod from which on users give up before they are served (three times the limit)."""

QUEUE_DEEP = Cause[Row](
    id="queue-deep",
    of=Of.ENGINE,
    severity=Severity.WARNING,
    sentence="More requests wait in the engine than it can serve soon.",
    words=Numbers("{:.0f} requests wait", (Quantity.WAITING,)),
    must=(Level(Quantity.WAITING, Is.AT_LEAST, DEEP),),
    explains=("errors",),
    serious=(Level(Quantity.WAITING, Is.AT_LEAST, SERIOUS),),
    after=60,
    still=(Level(Quantity.WAITING, Is.AT_LEAST, DEEP / 2),),
    clears=180,
    alike=("engine-stuck", "kv-cache-full", "gpu-throttled-by-hardware", "gpu-throttled-by-heat"),
    helps=(Help("add replicas", "scale"), Help("see what came before it", "past")),
    avoid=("Do not restart replicas that serve: what waits in them is lost, and comes back as retries.",),
    decides=("whether requests wait in one replica or in all: one is routing, all is capacity",),
)
