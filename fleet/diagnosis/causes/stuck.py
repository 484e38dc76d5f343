"""An engine that has requests and makes no progress: it hangs, even if /health succeeds.

Seen first between two scrapes, while the rates over the window still fall; certain once the window has no token in it.
A request alone in an engine proves nothing until then: while its prompt is read, however long it is, no counter moves.
Beside others that decode, prompts are read in parts, and tokens come with each step.

Some engines count tokens when a request ends: of them an empty window proves nothing while requests run, and only what
moves with each step (``latest_tokens_per_second``) shows that they stand still.
"""

from __future__ import annotations

from fleet.diagnosis.cause import EngineCause, Help, MetricsText, says
from fleet.diagnosis.causes.symptoms import CANARY_SILENT, GPU_FAULTS, OVERLOAD, SLOWNESS
from fleet.diagnosis.families.rank_cause import RankCause, RankedPod
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.signs.metrics_sign import Either, Is, Level
from fleet.model.counting import count
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
_STANDS_STILL = Level(Quantity.LATEST_TOKENS, Is.EXACTLY, 0)
_WINDOW_EMPTY = (Level(Quantity.GENERATION_TOKENS, Is.EXACTLY, 0), Level(Quantity.PROMPT_TOKENS, Is.EXACTLY, 0))
_STOOD_STILL = (*_WINDOW_EMPTY, _STANDS_STILL)
"""The first number is the one whose past is kept."""
NO_TOKENS = Either(((_STANDS_STILL,), _WINDOW_EMPTY), "no tokens are generated")
"""Sign of an engine in which nothing runs."""
CERTAIN = Either((_WINDOW_EMPTY,), "no tokens in the whole window")


def hung_words(still: str, certain: str) -> MetricsText:
    """Return the words: those of the last scrape until the window is empty, since a rate beside them is not 0 yet."""
    return MetricsText(
        lambda row: certain if row.value(Quantity.GENERATION_TOKENS) == 0 else still, (Quantity.GENERATION_TOKENS,)
    )


RUNNING = EngineCause(
    id="engine-stuck",
    severity=Severity.WARNING,
    sentence="The engine hangs: requests are running, but no tokens are generated.",
    words=hung_words("requests running, no tokens since the last scrape", "stuck: requests running, no tokens"),
    must=(
        Either(((_STANDS_STILL, Level(Quantity.RUNNING, Is.AT_LEAST, 2)), _STOOD_STILL), "no tokens are generated"),
        Level(Quantity.RUNNING, Is.ABOVE, 0),
    ),
    serious=(CERTAIN,),
    explains=(*OVERLOAD, "errors", *SLOWNESS, "replica-overloaded", CANARY_SILENT),
    peers=True,
    after=60,
    lookalikes=_ALIKE,
    decides=_DECIDES,
    helps=_HELPS,
    avoid=_AVOID,
)
"""Findings catalogue F06. It takes up to two scrapes to be seen, and up to the window where a request is alone: with
that, it fires after one and a half to two minutes without a token.
"""
WAITING = EngineCause(
    id="engine-takes-nothing",
    severity=Severity.WARNING,
    sentence="The engine hangs: requests wait, none is started, and no tokens are generated.",
    words=hung_words(
        "requests wait, none runs, no tokens since the last scrape", "stuck: requests wait, none runs, no tokens"
    ),
    must=(
        NO_TOKENS,
        Level(Quantity.RUNNING, Is.EXACTLY, 0),
        Level(Quantity.WAITING, Is.ABOVE, 0),
    ),
    # Requests that wait for an adapter, or for KV blocks of another engine, are not this engine's fault.
    must_not=(Level(Quantity.WAITING_CAPACITY, Is.EXACTLY, 0),),
    serious=(CERTAIN,),
    explains=(*OVERLOAD, "errors", *SLOWNESS, "replica-overloaded", CANARY_SILENT),
    peers=True,
    after=60,
    lookalikes=_ALIKE,
    decides=_DECIDES,
    helps=_HELPS,
    avoid=_AVOID,
)
RANK = RankCause(
    id="rank-stuck",
    severity=Severity.CRITICAL,
    sentence="A data-parallel rank of the engine hangs: its requests are running, but only others generate tokens.",
    words=says("a rank is stuck: requests running, no tokens"),
    must=(
        Fact[RankedPod](
            "a rank runs requests and generates no tokens between two scrapes, while another does",
            "latest_tokens_per_second, requests_running of each rank",
            lambda of: bool(of.hung),
            lambda of: (
                f"{len(of.hung)} of {count(len(of.rows), 'rank')}, {count(int(of.hung_requests), 'request')} there"
            ),
        ),
    ),
    explains=("errors", CANARY_SILENT, *SLOWNESS),
    peers=True,
    after=60,
    lookalikes=("engine-stuck", *GPU_FAULTS),
    decides=("the end of the log of that rank's process",),
    helps=_HELPS,
    avoid=(
        "Do not wait for the router: it sees one engine, and goes on sending requests to all of its ranks.",
        *_AVOID,
    ),
)
"""Findings catalogue F06: rates are compared by engine, since the sums of a pod hide one that stands still."""
