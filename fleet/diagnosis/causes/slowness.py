"""Workloads whose tokens arrive more slowly than before, at the same load: since a new revision, or for no reason that
their own numbers show.
"""

from __future__ import annotations

import math

from fleet.diagnosis.cause import Help, says
from fleet.diagnosis.causes.symptoms import GPU_FAULTS, OVERLOAD, QUEUES, SLOWNESS
from fleet.diagnosis.causes.traffic import LONGER, PREEMPTING, STALLS, STILL_STALLS
from fleet.diagnosis.families.traffic_cause import TrafficCause
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subjects.serving import ALIKE, TrafficSubject
from fleet.model.severity import Severity

_PAST = Help("see what happened before", "past")
_DESCRIBE = Help("see how it is set up", "describe")


_REVISED: Fact[TrafficSubject] = Fact(
    "it has a new revision",
    "creation and revision label of its pods",
    lambda subject: not math.isnan(subject.revised),
    lambda subject: f"since {subject.revised / 60:.0f} min" if not math.isnan(subject.revised) else "",
)

SLOW_AFTER_ROLLOUT = TrafficCause(
    id="slow-after-rollout",
    severity=Severity.WARNING,
    sentence="Tokens arrive more slowly than before the new revision, although prompts are not longer.",
    words=says("slower since its rollout"),
    must=(STALLS, _REVISED),
    must_not=(PREEMPTING, LONGER),
    explains=(*SLOWNESS, "replica-overloaded", *QUEUES),
    # New replicas compile and fill their caches first.
    after=600,
    clears=600,
    keeps_firing=(STILL_STALLS,),
    lookalikes=("long-prompts", "gpu-throttled-by-hardware", "gpu-throttled-by-heat", *GPU_FAULTS),
    helps=(
        Help("see what is different in it", "past"),
        Help("roll back to the previous revision", "rollback"),
        _DESCRIBE,
    ),
    avoid=("Do not judge in the first ten minutes: a new replica compiles, and its prefix cache is cold.",),
    decides=("whether only the pods of the new revision are slow: then it is the revision, else the traffic",),
)
"""Findings catalogue F36."""
_SAME_LOAD: Fact[TrafficSubject] = Fact(
    "it runs no more requests than usual, in as many replicas as it wants, all of which are measured",
    "requests_running, status.readyReplicas",
    lambda subject: (
        subject.now.running <= ALIKE * subject.usual.running and subject.is_complete
        if not math.isnan(subject.now.running + subject.usual.running)
        else None
    ),
    lambda subject: f"{subject.now.running:.0f} run, usually {subject.usual.running:.0f}",
)
SLOWER = TrafficCause(
    id="slower-than-usual",
    severity=Severity.WARNING,
    sentence="Tokens arrive much more slowly than usual, with neither more load, longer prompts nor a new revision.",
    words=says("slower than usual at the same load"),
    must=(STALLS, _SAME_LOAD),
    must_not=(PREEMPTING, LONGER, _REVISED),
    explains=OVERLOAD,
    after=600,
    clears=600,
    keeps_firing=(STILL_STALLS, _SAME_LOAD),
    lookalikes=("long-prompts", "slow-after-rollout", "gpu-throttled-by-heat", "gpu-power-brake", *GPU_FAULTS),
    helps=(Help("see where the time goes, and what slow replicas have in common", "why"), _PAST, _DESCRIBE),
    avoid=("Do not restart all replicas at once to see whether that helps: it takes what could show the reason.",),
    decides=(
        "the clocks and power of its GPUs against those of other nodes: all lower means power or cooling",
        "what requests ask for: several answers each (n), log probabilities or a grammar slow down every token",
        "the CPU of its containers: throttled ones feed their GPUs late",
    ),
)
"""Findings catalogue F05 and F33 where no peer is left to compare with: all replicas are slow, or there is one."""
OF_SLOWNESS = (SLOW_AFTER_ROLLOUT, SLOWER)
