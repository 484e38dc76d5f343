"""Thresholds of signs: each a row with its value in every profile, and its source.

``chat`` is the default profile. Values without a source are engineering defaults of this catalogue.
"""

from __future__ import annotations

from fleet.diagnosis.threshold import Threshold
from fleet.diagnosis.thresholds_of_answers import OF_ANSWERS

KV_FULL = Threshold(
    "kv-cache-full",
    "Share of KV-cache blocks in use at which waiting requests mean saturation.",
    "llm-d's alerts: 0.90 to 0.95. A batch is packed on purpose.",
    chat=0.95,
    autocomplete=0.90,
    batch=0.98,
)
KV_EASED = Threshold(
    "kv-cache-eased",
    "Share of KV-cache blocks in use below which a full cache has recovered.",
    "The target of llm-d's alerts.",
    chat=0.85,
)
PREEMPTIONS = Threshold(
    "preemptions",
    "Preemptions per second above which a pod is short of KV blocks, beyond a single event.",
    "Optimization guides of engines: continued preemption means a cache that is too small; a batch may tolerate some.",
    chat=0.1,
    batch=1.0,
)
QUEUE_DEEP = Threshold(
    "queue-deep",
    "Queued requests per pod that are a problem.",
    "llm-d's and the Gateway API inference extension's alerts: 50. Interactive users wait for none of them.",
    chat=50,
    autocomplete=10,
    batch=500,
)
QUEUE_SERIOUS = Threshold(
    "queue-serious",
    "Queued requests per pod from which users give up before they are served.",
    "Three times the limit.",
    chat=150,
    autocomplete=30,
    batch=5000,
)
QUEUE_EASED = Threshold(
    "queue-eased",
    "Queued requests per pod below which a deep queue has recovered.",
    "Half the limit, so that it does not flap.",
    chat=25,
    autocomplete=5,
    batch=250,
)
QUEUE_AT_MAXIMUM = Threshold(
    "queue-at-maximum",
    "Queued requests per replica that are a problem if the autoscaler may add none.",
    "A fifth of a deep queue: nothing is about to relieve this one.",
    chat=10,
    autocomplete=2,
    batch=500,
)
QUEUE_AT_MAXIMUM_EASED = Threshold(
    "queue-at-maximum-eased",
    "Queued requests per replica below which a workload at its maximum has enough.",
    "Half the limit, so that it does not flap.",
    chat=5,
    autocomplete=1,
    batch=250,
)
SIZE_AGAIN = Threshold(
    "size-again",
    "Times that an autoscaler returns to the same number of replicas within half an hour from which it flaps.",
    "A rise and a fall pass each number twice. The autoscaler's own stabilization window is 5 min.",
    chat=3,
)
ERROR_RATIO = Threshold(
    "error-ratio",
    "Share of requests answered with an error that is a problem.",
    "The Gateway API inference extension's alerts: 5 %.",
    chat=0.05,
)
GATEWAY_ERRORS_SERIOUS = Threshold(
    "gateway-errors-serious",
    "Share of requests answered with an error by gateways, from which most users notice.",
    "",
    chat=0.2,
)
RETRIED = Threshold(
    "retried",
    "Share of requests that gateways send a second time from which it is reported.",
    "SRE practice: retry budgets of gateways allow a tenth to a fifth.",
    chat=0.1,
)
TRANSFER_FAILURES = Threshold(
    "kv-transfer-failures",
    "Failed KV transfers per second above which they are more than a single accident.",
    "Two within a minute.",
    chat=0.02,
)
ENGINE_REJECTIONS = Threshold(
    "engine-rejections",
    "Requests per second above which an engine that rejects them is reported.",
    "Two within a minute.",
    chat=0.02,
    batch=1.0,
)
PCIE_REPLAYS = Threshold(
    "pcie-replays",
    "PCIe packets per second that a GPU sends again before its connection is called bad.",
    "SRE practice: 10 in a minute.",
    chat=10 / 60,
)
LINK_ERRORS = Threshold(
    "gpu-link-errors",
    "Errors of NVLink per second before a link is called bad.",
    "Two within a minute.",
    chat=0.02,
)
FRONTEND = Threshold(
    "frontend",
    "Seconds of the time to first token before the engine's queue that are a problem.",
    "SRE practice: 0.2 s above queue and prefill for interactive work.",
    chat=0.5,
    autocomplete=0.2,
    batch=10.0,
)
FRONTEND_REQUESTS = Threshold(
    "frontend-requests",
    "Minimum finished requests per second for a meaningful comparison of their times.",
    "",
    chat=0.5,
)
GPU_THROTTLED = Threshold(
    "gpu-throttled",
    "Share of the window spent throttled that is visible in latency.",
    "",
    chat=0.05,
)
GPU_HOT = Threshold(
    "gpu-hot",
    "°C above which a GPU needs attention; also distinguishes heat from the power cap if the exporter gives no reason.",
    "SRE practice: 85 °C; the slowdown temperature of a card is a few degrees above.",
    chat=85.0,
)
GPU_COOL = Threshold(
    "gpu-cool",
    "°C below which a hot GPU has recovered.",
    "The same practice: below 80 °C for five minutes.",
    chat=80.0,
)
REPLICA_SLOWER = Threshold(
    "replica-slower",
    "Times by which a replica's requests are slower than the median's before it is called slow.",
    "SRE practice: 1.5 times.",
    chat=1.5,
    batch=2.0,
)
REPLICA_BUSY = Threshold(
    "replica-busy",
    "Minimum requests of a replica to be compared: a single one only reflects the length of its prompt.",
    "",
    chat=2.0,
)
SHARE_TIMES = Threshold(
    "share-times",
    "Times the mean requests of its peers that a replica has before its share is called unfair.",
    "",
    chat=2.0,
)
SHARE_MORE = Threshold(
    "share-more",
    "Minimum requests beyond the mean of its peers for that.",
    "",
    chat=5.0,
)
SHARE_ROOM = Threshold(
    "share-room",
    "Share of KV-cache blocks in use below which another replica has room.",
    "production-stack's and the Gateway API inference extension's pickers count a replica as free below 0.6 to 0.8.",
    chat=0.6,
)
PEERS_BUSY = Threshold(
    "peers-busy",
    "Requests that the median replica runs before one without any is called unused.",
    "Of replicas with one or two requests each, one has none for minutes by chance.",
    chat=4.0,
)
GPU_LAGS = Threshold(
    "gpu-lags",
    "Times by which the clock of a GPU is lower than the fastest of its engine before it is called slow.",
    "SRE practice: a skew of 25 % within a group that works together.",
    chat=1.25,
)
GPU_BUSY = Threshold(
    "gpu-busy",
    "Utilisation of a GPU from which its clock is meaningful: an idle one saves power.",
    "",
    chat=0.3,
)
PROMPTS_LONGER = Threshold(
    "prompts-longer",
    "Times by which prompts are longer than usual before they are called long.",
    "SRE practice: twice what is usual.",
    chat=2.0,
)
PROMPTS_EASED = Threshold(
    "prompts-eased",
    "The same, below which they are no longer called long and do not explain slow tokens.",
    "",
    chat=1.3,
)
ITL_SLOWER = Threshold(
    "itl-slower",
    "Times by which the 95th percentile of the inter-token latency is above what is usual before tokens stall.",
    "SRE practice: 1.5 times.",
    chat=1.5,
    batch=3.0,
)
ITL_EASED = Threshold(
    "itl-eased",
    "The same, below which tokens no longer stall.",
    "",
    chat=1.2,
    batch=2.0,
)
PREFIX_SHARE = Threshold(
    "prefix-share",
    "Share of the usual hits below which the prefix cache has collapsed.",
    "SRE practice: half.",
    chat=0.5,
)
PREFIX_EASED = Threshold(
    "prefix-eased",
    "The same, above which the prefix cache has recovered.",
    "",
    chat=0.8,
)
PREFIX_WORTH = Threshold(
    "prefix-worth",
    "Usual hit rate of prompt tokens below which a collapse does not matter.",
    "",
    chat=0.2,
)
PREFIX_LOOKED_UP = Threshold(
    "prefix-looked-up",
    "Minimum prompt tokens per second looked up for a meaningful hit rate.",
    "50,000 in a quarter of an hour.",
    chat=55.0,
)
SPEC_SHARE = Threshold(
    "speculation-share",
    "Share of the usual acceptance rate below which speculative decoding is ineffective.",
    "SRE practice: 0.6 of what is usual.",
    chat=0.6,
)
SPEC_DRAFTED = Threshold(
    "speculation-drafted",
    "Minimum drafted tokens per second for a meaningful acceptance rate.",
    "10,000 in a quarter of an hour.",
    chat=11.0,
)
REJECTED = Threshold(
    "rejected",
    "Share of requests rejected by gateways from which it is reported.",
    "SRE practice: one in a thousand.",
    chat=0.001,
    batch=0.05,
)
REJECTED_SERIOUS = Threshold(
    "rejected-serious",
    "The same, from which users notice.",
    "SRE practice: one in a hundred.",
    chat=0.01,
    batch=0.5,
)
ASKED = Threshold(
    "asked",
    "Minimum requests per second at gateways for a meaningful share.",
    "",
    chat=1.0,
)
LATE_SERIOUS = Threshold(
    "late-serious",
    "Multiple of a latency objective from which missing it is critical.",
    "SRE practice: twice the objective.",
    chat=2.0,
)
BEHIND_SHARE = Threshold(
    "behind-share",
    "Share of engines with old numbers from which the metrics source is at fault, not the engines.",
    "",
    chat=0.9,
)
BEHIND_LEAST = Threshold(
    "behind-least",
    "Number of engines below which their silence is no evidence against the metrics source.",
    "",
    chat=3,
)
RESTARTS = Threshold(
    "restarts",
    "Restarts from which an unready pod is more than a single accident.",
    "",
    chat=2,
)

THRESHOLDS = (
    *OF_ANSWERS,
    QUEUE_DEEP,
    QUEUE_SERIOUS,
    QUEUE_EASED,
    QUEUE_AT_MAXIMUM,
    QUEUE_AT_MAXIMUM_EASED,
    SIZE_AGAIN,
    KV_FULL,
    KV_EASED,
    PREEMPTIONS,
    ERROR_RATIO,
    GATEWAY_ERRORS_SERIOUS,
    RETRIED,
    TRANSFER_FAILURES,
    ENGINE_REJECTIONS,
    FRONTEND,
    FRONTEND_REQUESTS,
    REPLICA_SLOWER,
    REPLICA_BUSY,
    SHARE_TIMES,
    SHARE_MORE,
    SHARE_ROOM,
    PEERS_BUSY,
    PROMPTS_LONGER,
    PROMPTS_EASED,
    ITL_SLOWER,
    ITL_EASED,
    PREFIX_SHARE,
    PREFIX_EASED,
    PREFIX_WORTH,
    PREFIX_LOOKED_UP,
    SPEC_SHARE,
    SPEC_DRAFTED,
    REJECTED,
    REJECTED_SERIOUS,
    ASKED,
    LATE_SERIOUS,
    BEHIND_SHARE,
    BEHIND_LEAST,
    RESTARTS,
    GPU_HOT,
    GPU_COOL,
    GPU_THROTTLED,
    GPU_LAGS,
    GPU_BUSY,
    PCIE_REPLAYS,
    LINK_ERRORS,
)
"""All of them; docs/configuration.md lists these."""
NAMES = tuple(one.name for one in THRESHOLDS)
