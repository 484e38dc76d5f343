"""An engine that has requests and makes no progress: it hangs, even if /health succeeds."""

from __future__ import annotations

from fleet.diagnosis.cause import EngineCause, Help, says
from fleet.diagnosis.causes.symptoms import CANARY_SILENT, GPU_FAULTS, OVERLOAD
from fleet.diagnosis.metrics_sign import Is, Level
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity

_ALIKE = ("engine-asleep", *GPU_FAULTS, "gpu-throttled-by-hardware", "node-not-ready", "kubelet-silent")
_DECIDES = (
    "the last lines of its log: an NCCL watchdog, EngineDeadError, or nothing since it hung",
    "one request for one token: an engine that answers it had only stale gauges",
)
_HELPS = (
    Help("read the end of its log", "logs"),
    Help("restart its pods one after another", "restart"),
)
_AVOID = (
    "Do not trust /health: it answers 200 while the engine hangs.",
    "Do not restart a single pod of an engine that spans several: its group hangs with it.",
)
_NO_TOKENS = (Level(Quantity.GENERATION_TOKENS, Is.EXACTLY, 0), Level(Quantity.PROMPT_TOKENS, Is.EXACTLY, 0))

RUNNING = EngineCause(
    id="engine-stuck",
    severity=Severity.CRITICAL,
    sentence="The engine hangs: requests are running, but no tokens are generated.",
    words=says("stuck: requests running, no tokens"),
    must=(*_NO_TOKENS, Level(Quantity.RUNNING, Is.ABOVE, 0)),
    explains=(*OVERLOAD, "errors", CANARY_SILENT),
    peers=True,
    after=60,
    alike=_ALIKE,
    decides=_DECIDES,
    helps=_HELPS,
    avoid=_AVOID,
)
WAITING = EngineCause(
    id="engine-takes-nothing",
    severity=Severity.CRITICAL,
    sentence="The engine hangs: requests wait, none is started, and no tokens are generated.",
    words=says("stuck: requests wait, none runs, no tokens"),
    must=(*_NO_TOKENS, Level(Quantity.RUNNING, Is.EXACTLY, 0), Level(Quantity.WAITING, Is.ABOVE, 0)),
    # Requests that wait for an adapter, or for KV blocks of another engine, are not this engine's fault.
    must_not=(Level(Quantity.WAITING_CAPACITY, Is.EXACTLY, 0),),
    explains=(*OVERLOAD, "errors", CANARY_SILENT),
    peers=True,
    after=60,
    alike=_ALIKE,
    decides=_DECIDES,
    helps=_HELPS,
    avoid=_AVOID,
)
