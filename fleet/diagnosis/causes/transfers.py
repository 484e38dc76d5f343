"""KV blocks that come from elsewhere: another engine (prefill and decode apart), a cache behind the engine.

Requests that wait for them do not wait for capacity, and are no queue: with prefill and decode apart each request does,
for a moment. It is a fault once they come to nothing: transfers fail, or everything waits and nothing is generated.
"""

from __future__ import annotations

from fleet.diagnosis import thresholds
from fleet.diagnosis.cause import EngineCause, Help, says
from fleet.diagnosis.causes.stuck import CERTAIN, NO_TOKENS, hung_words
from fleet.diagnosis.causes.symptoms import CANARY_SILENT, QUEUES
from fleet.diagnosis.signs.metrics_sign import Is, Level
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity

_LOGS = Help("read the end of its log", "logs")
_NOTHING_RUNS = Level(Quantity.RUNNING, Is.EXACTLY, 0)

STALLED = EngineCause(
    id="kv-transfer-stalled",
    severity=Severity.WARNING,
    sentence="Requests wait for KV blocks of another engine that do not come: none runs, and no tokens are generated.",
    words=hung_words("requests wait for KV blocks, none runs", "stuck: requests wait for KV blocks, none runs"),
    must=(Level(Quantity.KV_FETCHING, Is.ABOVE, 0), _NOTHING_RUNS, NO_TOKENS),
    serious=(CERTAIN,),
    explains=("errors", "engine-takes-nothing", "requests-wait-for-input", CANARY_SILENT, *QUEUES),
    peers=True,
    after=60,
    lookalikes=("engine-takes-nothing", "gpu-link-broken", "gpu-lost"),
    helps=(_LOGS, Help("restart its pods one after another", "restart")),
    avoid=(
        "Do not restart this engine alone: the one that computes its prompts may be the one that hangs.",
        "Do not add replicas here: what is missing is what another engine should send.",
    ),
    decides=(
        "the log of the engines that compute prompts (prefill): are they alive, and do they wait for this one",
        "whether one pair of nodes is concerned or all: one means their network, all the connector's settings",
    ),
)
"""vLLM issue 50719: "Timeout waiting for P side ready"."""
WAIT_FOR_INPUT = EngineCause(
    id="requests-wait-for-input",
    severity=Severity.WARNING,
    sentence="Requests wait for something other than capacity (KV blocks, an adapter, a grammar), and none runs.",
    words=hung_words("requests are deferred, none runs", "stuck: requests are deferred, none runs"),
    must=(
        Level(Quantity.WAITING_DEFERRED, Is.ABOVE, 0),
        Level(Quantity.WAITING_CAPACITY, Is.EXACTLY, 0),
        _NOTHING_RUNS,
        NO_TOKENS,
    ),
    must_not=(Level(Quantity.KV_FETCHING, Is.ABOVE, 0),),
    serious=(CERTAIN,),
    explains=("errors", CANARY_SILENT, *QUEUES),
    after=60,
    lookalikes=("kv-transfer-stalled", "engine-takes-nothing", "kv-cache-full"),
    helps=(_LOGS, Help("see how it is set up", "describe")),
    avoid=("Do not add replicas for it: there is room, and nothing to run.",),
    decides=(
        "its arguments: a KV connector means blocks of another engine, adapters that it may load those, else a grammar",
    ),
)
FAILS = EngineCause(
    id="kv-transfers-fail",
    severity=Severity.WARNING,
    sentence="Transfers of KV blocks between engines fail or expire: prompts are computed again, or requests fail.",
    words=says("KV transfers fail"),
    must=(Level(Quantity.KV_TRANSFER_FAILURES, Is.ABOVE, thresholds.TRANSFER_FAILURES),),
    explains=("errors", "kv-transfer-stalled", "requests-wait-for-input", *QUEUES),
    after=60,
    clears=300,
    lookalikes=("gpu-link-broken", "node-network-unavailable"),
    helps=(_LOGS, Help("see what happened before", "past")),
    avoid=("Do not judge by the latency of finished requests: those whose transfer failed are not among them.",),
    decides=(
        "which peers fail: one means that engine or its node, all mean the network or two versions of the connector",
    ),
)
TIER = EngineCause(
    id="kv-tier-unhealthy",
    severity=Severity.WARNING,
    sentence="The KV cache behind the engine is unhealthy: nothing is found in it, and prompts are computed again.",
    words=says("KV cache tier is unhealthy"),
    must=(Level(Quantity.KV_TIER_HEALTHY, Is.EXACTLY, 0),),
    explains=("prefix-cache-collapse", "long-prompts", *QUEUES),
    after=60,
    clears=120,
    lookalikes=("prefix-cache-collapse",),
    helps=(_LOGS, Help("see how it is set up", "describe")),
    avoid=("Do not restart the engine: it serves without the tier, and would start with an empty cache of its own.",),
    decides=("the log of the tier's server, and whether a ping from the engine's pod reaches it",),
)
TIER_FAILS = EngineCause(
    id="kv-tier-fails",
    severity=Severity.WARNING,
    sentence="Reads or writes of the KV cache behind the engine fail: what it should find is computed again.",
    words=says("KV cache tier fails"),
    must=(Level(Quantity.KV_TIER_FAILURES, Is.ABOVE, thresholds.TRANSFER_FAILURES),),
    must_not=(Level(Quantity.KV_TIER_HEALTHY, Is.EXACTLY, 0),),
    explains=("prefix-cache-collapse", "slower-than-usual", *QUEUES),
    after=60,
    clears=300,
    lookalikes=("kv-tier-unhealthy", "prefix-cache-collapse"),
    helps=(_LOGS, Help("see how it is set up", "describe"), Help("see what happened before", "past")),
    avoid=("Do not enlarge it before you know what fails: a tier without memory of its own fails at every size.",),
    decides=("the reason in its counters: out of memory means its size, not found its index, a ping its server",),
)
"""Field notes N09."""
RANK_DEAD = EngineCause(
    id="rank-unhealthy",
    severity=Severity.CRITICAL,
    sentence="The engine reports a rank as dead or unhealthy: what is routed there fails or hangs.",
    words=says("a rank is unhealthy"),
    must=(Level(Quantity.ENGINE_HEALTHY, Is.EXACTLY, 0),),
    explains=("errors", "rank-stuck", "engine-stuck", "engine-takes-nothing", CANARY_SILENT, *QUEUES),
    peers=True,
    after=30,
    clears=60,
    lookalikes=("gpu-lost", "gpu-link-broken"),
    helps=(_LOGS, Help("restart its pods one after another", "restart")),
    avoid=("Do not restart a single pod of an engine that spans several: its group must start together.",),
    decides=("the end of the log of that rank's process",),
)
TURNS_AWAY = EngineCause(
    id="engine-rejects-requests",
    severity=Severity.WARNING,
    sentence="The engine rejects requests (503) because its queue has reached its limit.",
    words=says("rejects requests"),
    must=(Level(Quantity.ENGINE_REJECTIONS, Is.ABOVE, thresholds.ENGINE_REJECTIONS),),
    explains=("errors", "requests-turned-away"),
    after=60,
    clears=180,
    lookalikes=("queue-deep", "kv-cache-full", "engine-stuck"),
    helps=(Help("add replicas", "scale"), Help("see what happened before", "past")),
    avoid=("Do not raise the limit while the queue is long: what is admitted then waits longer than users do.",),
    decides=("whether the limit is one of requests or of tokens: long prompts reach the second with a short queue",),
)
"""Findings catalogue F35."""
OF_ENGINES = (STALLED, WAIT_FOR_INPUT, FAILS, TIER, TIER_FAILS, RANK_DEAD, TURNS_AWAY)
