"""An engine that has requests and does nothing (F06): it hangs, whatever its /health says."""

from __future__ import annotations

from fleet.diagnosis.cause import Cause, Of, says
from fleet.diagnosis.sign import Is, Level, Row
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Severity

_NO_TOKENS = (Level(Quantity.GENERATION_TOKENS, Is.EXACTLY, 0), Level(Quantity.PROMPT_TOKENS, Is.EXACTLY, 0))

RUNNING = Cause[Row](
    id="engine-stuck",
    of=Of.ENGINE,
    severity=Severity.CRITICAL,
    sentence="The engine hangs: requests run and no token comes of it.",
    words=says("stuck: requests running, no tokens"),
    must=(*_NO_TOKENS, Level(Quantity.RUNNING, Is.ABOVE, 0)),
    explains=("kv-cache-full", "queue-deep", "errors"),
)
WAITING = Cause[Row](
    id="engine-takes-nothing",
    of=Of.ENGINE,
    severity=Severity.CRITICAL,
    sentence="The engine hangs: requests wait, none is taken up, and no token is made.",
    words=says("stuck: requests wait, none runs, no tokens"),
    must=(*_NO_TOKENS, Level(Quantity.RUNNING, Is.EXACTLY, 0), Level(Quantity.WAITING, Is.ABOVE, 0)),
    explains=("kv-cache-full", "queue-deep", "errors"),
)
