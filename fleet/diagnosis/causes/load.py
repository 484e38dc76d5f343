"""Engines under more load than they can carry: the KV cache is too small, the queue too long, or answers are errors.

The words contain no numbers: a workload repeats the words of its worst pod, whose numbers are not the workload's. The
numbers are in the columns, in the reach of the incident and in its evidence.
"""

from __future__ import annotations

from fleet.diagnosis import thresholds
from fleet.diagnosis import thresholds_of_answers as limits
from fleet.diagnosis.cause import EngineCause, Help, says
from fleet.diagnosis.causes.symptoms import CANARY_SILENT, GATEWAY_QUEUE, GATEWAYS, GPU_FAULTS, QUEUES
from fleet.diagnosis.signs.metrics_sign import Either, Is, Level, Portion
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity

_STILL = (Level(Quantity.KV_USAGE, Is.AT_LEAST, thresholds.KV_EASED), Level(Quantity.WAITING, Is.ABOVE, 0))
_NOT_FOR_ROOM = Level(Quantity.WAITING_CAPACITY, Is.EXACTLY, 0)
"""Requests waiting for adapters, or for KV blocks of another engine, do not wait for capacity here. Unknown for engines
that do not report why requests wait.
"""
_HELPS = (
    Help("add a replica", "scale"),
    Help("see what else changed", "past"),
    Help("allow fewer concurrent requests, or use an fp8 KV cache", ""),
)
_AVOID = (
    "Do not act on a full cache alone: 95 % without preemptions and without a queue is good packing.",
    "Do not judge by mean latency or GPU utilisation: both look fine while some requests start over.",
)

PREEMPTS = EngineCause(
    id="kv-cache-preempts",
    severity=Severity.WARNING,
    sentence="The KV cache is too small for the running requests: some are preempted and start over.",
    words=says("preempts requests"),
    must=(Level(Quantity.PREEMPTIONS, Is.ABOVE, thresholds.PREEMPTIONS),),
    may=(Level(Quantity.KV_USAGE, Is.AT_LEAST, thresholds.KV_FULL), Level(Quantity.WAITING, Is.ABOVE, 0)),
    explains=(
        "kv-cache-full",
        "engine-rejects-requests",
        "requests-turned-away",
        "autoscaler-at-maximum",
        CANARY_SILENT,
        *QUEUES,
    ),
    after=180,
    keeps_firing=_STILL,
    clears=300,
    lookalikes=("engine-stuck", "gpu-throttled-by-hardware", "gpu-throttled-by-heat"),
    helps=_HELPS,
    avoid=_AVOID,
)
KV_FULL = EngineCause(
    id="kv-cache-full",
    severity=Severity.WARNING,
    sentence="The KV cache is full, and requests wait for room in it.",
    words=says("KV cache full, requests wait"),
    must=(Level(Quantity.KV_USAGE, Is.AT_LEAST, thresholds.KV_FULL), Level(Quantity.WAITING, Is.ABOVE, 0)),
    must_not=(_NOT_FOR_ROOM,),
    explains=("engine-rejects-requests", "requests-turned-away", CANARY_SILENT, *QUEUES),
    after=180,
    keeps_firing=_STILL,
    clears=300,
    lookalikes=("engine-stuck", "gpu-throttled-by-hardware", "gpu-throttled-by-heat"),
    helps=_HELPS,
    avoid=_AVOID,
)

QUEUE_DEEP = EngineCause(
    id="queue-deep",
    severity=Severity.WARNING,
    sentence="More requests wait in the engine than it can serve soon.",
    words=says("long queue"),
    must=(Level(Quantity.WAITING, Is.AT_LEAST, thresholds.QUEUE_DEEP),),
    must_not=(Level(Quantity.WAITING_CAPACITY, Is.BELOW, thresholds.QUEUE_EASED),),
    explains=(
        "errors",
        "engine-rejects-requests",
        "queue-grows",
        GATEWAY_QUEUE,
        "requests-turned-away",
        *GATEWAYS,
        CANARY_SILENT,
    ),
    serious=(Level(Quantity.WAITING, Is.AT_LEAST, thresholds.QUEUE_SERIOUS),),
    after=60,
    keeps_firing=(Level(Quantity.WAITING, Is.AT_LEAST, thresholds.QUEUE_EASED),),
    clears=180,
    lookalikes=(
        "engine-stuck",
        "kv-cache-full",
        "autoscaler-at-maximum",
        "gpu-throttled-by-hardware",
        "gpu-throttled-by-heat",
    ),
    helps=(Help("add replicas", "scale"), Help("see what happened before", "past")),
    avoid=("Do not restart replicas that serve: the requests waiting in them are lost and come back as retries.",),
    decides=("whether requests wait in one replica or in all: one means routing, all means capacity",),
)

ERRORS = EngineCause(
    id="errors",
    severity=Severity.WARNING,
    sentence="The engine answers requests with errors.",
    words=says("answers with errors"),
    must=(
        Either(
            (
                (Level(Quantity.ERROR_RATIO, Is.AT_LEAST, thresholds.ERROR_RATIO),),
                (Portion(Quantity.REQUEST_ERRORS, Quantity.REQUESTS, thresholds.ERROR_RATIO),),
            ),
            "requests end with errors",
        ),
    ),
    explains=GATEWAYS,
    after=120,
    clears=300,
    lookalikes=("queue-deep", *GPU_FAULTS),
    helps=(Help("read its log", "logs"), Help("see whether a rollout preceded it", "past")),
    decides=("which status codes: 503 means a full queue, 500 the engine",),
)
REFUSED = EngineCause(
    id="clients-refused",
    severity=Severity.WARNING,
    sentence="The engine refuses most requests as invalid (4xx): a wrong model name, a wrong key, or prompts too long.",
    words=says("refuses most requests (4xx)"),
    must=(
        Portion(Quantity.HTTP_REFUSALS, Quantity.HTTP_REQUESTS, limits.REFUSED),
        Level(Quantity.HTTP_REQUESTS, Is.AT_LEAST, limits.ANSWERED),
    ),
    # The clients are the same for all replicas.
    peers=True,
    after=120,
    clears=300,
    lookalikes=("errors", "engine-rejects-requests"),
    helps=(
        Help("read its log", "logs"),
        Help("see whether its name, its key or its limits changed", "past"),
        Help("see its arguments", "describe"),
    ),
    avoid=("Do not restart it: it answers, and will answer the same.",),
    decides=("which status: 404 means the name of the model, 401 the key, 400 the parameters or the prompt's length",),
)
"""Findings catalogue F48: what is routed here is not what it serves."""
