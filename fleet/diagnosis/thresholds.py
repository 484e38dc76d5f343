"""Thresholds of signs: each a row with its value in every profile, and its source.

``chat`` is the default profile. Values without a source are engineering defaults of this catalogue.
"""

from __future__ import annotations

from typing import TypeAlias

from fleet.dataclass import dataclass
from fleet.model.profile import Profile


@dataclass(frozen=True, slots=True)
class Threshold:
    """One limit, by its name in the configuration."""

    name: str
    about: str
    """Meaning of the limit, and its unit."""
    source: str
    chat: float
    autocomplete: float | None = None
    """None: as for a chat."""
    batch: float | None = None

    def at(self, profile: Profile) -> float:
        """Return the limit for a workload with this profile."""
        return profile.limits.get(self.name, self.chat)


Limit: TypeAlias = float | Threshold
"""A number that is the same for everybody, or a threshold that a profile may set."""


def limit_at(limit: Limit, profile: Profile) -> float:
    """Return the number of a limit for a profile."""
    return limit.at(profile) if isinstance(limit, Threshold) else limit


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
GPU_APART = Threshold(
    "gpu-apart",
    "Share by which the power of one GPU differs from all others of its engine before it is called uneven.",
    "SRE practice: a skew of 25 % within a group that works together.",
    chat=0.25,
)
GPU_ALIKE = Threshold(
    "gpu-alike",
    "Share by which the power of those others differs among themselves at most: else all of them are uneven by design.",
    "SRE practice: 5 to 10 % within a group is normal.",
    chat=0.10,
)
CACHE_SMALLER = Threshold(
    "cache-smaller",
    "Share of the KV cache of its peers below which that of a replica is too small.",
    "Replicas of one revision on the same GPUs differ by less than a hundredth.",
    chat=0.85,
)
REFUSED = Threshold(
    "refused",
    "Share of requests that engines refuse as invalid (4xx) from which it is reported.",
    "Clients make mistakes all the time; half of all requests at once is one mistake of many.",
    chat=0.5,
)
ANSWERED = Threshold(
    "answered",
    "Minimum finished requests per second for a meaningful mean of their answers.",
    "Thirty within a minute.",
    chat=0.5,
)
ANSWERS_TIMES = Threshold(
    "answers-times",
    "Times the usual answers per request from which they explain slow tokens.",
    "",
    chat=1.5,
)
ANSWER_SHORT = Threshold(
    "answer-short",
    "Share of the usual tokens of an answer below which answers are almost empty.",
    "",
    chat=0.2,
)
ANSWER_LONG = Threshold(
    "answer-long",
    "Times the usual tokens of an answer from which answers run on.",
    "",
    chat=1.5,
)
ANSWER_WORTH = Threshold(
    "answer-worth",
    "Usual tokens of an answer below which it cannot become almost empty: classifiers and rankers answer with one.",
    "",
    chat=20.0,
)
CUT_OFF = Threshold(
    "cut-off",
    "Share of answers that reach their limit from which they run on without an end.",
    "",
    chat=0.5,
)
ABORTED = Threshold(
    "aborted",
    "Share of requests that their clients give up from which it is reported, if it is three times the usual.",
    "SRE practice: a tenth, and three times what is usual.",
    chat=0.1,
    batch=0.5,
)
POOL_FULL = Threshold(
    "pool-full",
    "Saturation of one half of a pool (prefill or decode) from which it holds up the other.",
    "llm-d's flow control stops sending at 1.0.",
    chat=0.95,
)
POOL_ROOM = Threshold(
    "pool-room",
    "Saturation of the other half below which it has room.",
    "",
    chat=0.6,
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
    GPU_APART,
    GPU_ALIKE,
    CACHE_SMALLER,
    REFUSED,
    ANSWERED,
    ANSWERS_TIMES,
    ANSWER_SHORT,
    ANSWER_LONG,
    ANSWER_WORTH,
    CUT_OFF,
    ABORTED,
    POOL_FULL,
    POOL_ROOM,
    GPU_BUSY,
    PCIE_REPLAYS,
    LINK_ERRORS,
)
"""All of them; docs/configuration.md lists these."""
NAMES = tuple(one.name for one in THRESHOLDS)
