"""A KV cache that is too small for what is asked of it (F01)."""

from __future__ import annotations

from fleet.diagnosis.cause import Cause, Help, Numbers, Of, says
from fleet.diagnosis.sign import Is, Level, Row
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Severity

FULL = 0.95
"""KV usage at which waiting requests mean saturation. llm-d's alerts have 0.90 to 0.95."""
PREEMPTING = 0.1
"""Preemptions/s above which a pod is short of KV blocks and not merely unlucky once."""
EASED = 0.85
"""KV usage below which a cache that was full is not any more: the target that the same alerts keep to."""
_STILL = (Level(Quantity.KV_USAGE, Is.AT_LEAST, EASED), Level(Quantity.WAITING, Is.ABOVE, 0))
_HELPS = (
    Help("add a replica", "scale"),
    Help("see what else changed", "past"),
    Help("allow fewer requests at a time (--max-num-seqs), or an fp8 KV cache", ""),
)
_AVOID = (
    "Do not take a full cache alone for it: 95 % without preemptions and without a queue is good packing.",
    "Do not judge by the mean latency or by GPU utilisation: both look well while some requests begin again.",
)

PREEMPTS = Cause[Row](
    id="kv-cache-preempts",
    of=Of.ENGINE,
    severity=Severity.WARNING,
    sentence="The KV cache is too small for what runs: requests are put out of it and begin again.",
    words=Numbers("preempts {:.1f}/s", (Quantity.PREEMPTIONS,)),
    must=(Level(Quantity.PREEMPTIONS, Is.ABOVE, PREEMPTING),),
    may=(Level(Quantity.KV_USAGE, Is.AT_LEAST, FULL), Level(Quantity.WAITING, Is.ABOVE, 0)),
    explains=("kv-cache-full", "queue-deep"),
    after=180,
    still=_STILL,
    clears=300,
    alike=("engine-stuck", "gpu-throttled-by-hardware", "gpu-throttled-by-heat"),
    helps=_HELPS,
    avoid=_AVOID,
)
KV_FULL = Cause[Row](
    id="kv-cache-full",
    of=Of.ENGINE,
    severity=Severity.WARNING,
    sentence="The KV cache is full, and requests wait for room in it.",
    words=says("KV cache full, requests wait"),
    must=(Level(Quantity.KV_USAGE, Is.AT_LEAST, FULL), Level(Quantity.WAITING, Is.ABOVE, 0)),
    explains=("queue-deep",),
    after=180,
    still=_STILL,
    clears=300,
    alike=("engine-stuck", "gpu-throttled-by-hardware", "gpu-throttled-by-heat"),
    helps=_HELPS,
    avoid=_AVOID,
)
