"""More requests wait than can be served soon (F03)."""

from __future__ import annotations

from fleet.diagnosis.cause import Cause, Numbers, Of
from fleet.diagnosis.sign import Is, Level, Row
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Severity

DEEP = 50
"""Waiting requests per ready pod that llm-d's alerts call a problem."""

QUEUE_DEEP = Cause[Row](
    id="queue-deep",
    of=Of.ENGINE,
    severity=Severity.WARNING,
    sentence="More requests wait in the engine than it can serve soon.",
    words=Numbers("{:.0f} requests wait", (Quantity.WAITING,)),
    must=(Level(Quantity.WAITING, Is.AT_LEAST, DEEP),),
    explains=("errors",),
)
