"""Pods that run and are not ready: they load, or they have been loading too often."""

from __future__ import annotations

from collections.abc import Iterator

from fleet.diagnosis.cause import Cause, Help, Of, Stage, says
from fleet.diagnosis.causes.symptoms import OVERLOAD
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subject import PodSeen
from fleet.model.objects import Container
from fleet.model.snapshot import Severity

AGAIN = 2
"""Restarts from which on a pod that is not ready is more than unlucky once."""


def _main(seen: PodSeen) -> Iterator[Container]:
    return (one for one in seen.pod.containers if not one.init)


_UNREADY: Fact[PodSeen] = Fact("it is not ready", "condition Ready", lambda seen: not seen.pod.ready)
_KILLED: Fact[PodSeen] = Fact(
    "a container was killed for its memory",
    "lastState.terminated.reason",
    lambda seen: any(one.last_reason == "OOMKilled" for one in _main(seen)),
)
_AGAIN: Fact[PodSeen] = Fact(
    f"it was restarted {AGAIN} times or more", "restartCount", lambda seen: seen.pod.restarts >= AGAIN
)
_LOADING: Fact[PodSeen] = Fact(
    "a container has not started up",
    "containerStatuses.started",
    lambda seen: any(not one.started for one in _main(seen)),
)

KILLED = Cause[PodSeen](
    id="out-of-memory-again",
    of=Of.POD,
    stage=Stage.STARTING,
    severity=Severity.CRITICAL,
    sentence="A container was killed because it took more memory of the host than its limit, and is not ready again.",
    words=lambda seen: f"OOMKilled, {seen.pod.restarts} restarts",
    must=(_UNREADY, _KILLED),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    helps=(Help("see the limit, and what was asked for", "describe"), Help("see what it did last", "previous")),
    avoid=("Do not raise the limit beyond what the node has: the kernel then kills whom it likes.",),
)
RESTARTED = Cause[PodSeen](
    id="restarts-and-not-ready",
    of=Of.POD,
    stage=Stage.STARTING,
    severity=Severity.CRITICAL,
    sentence="The pod was restarted several times and is not ready.",
    words=lambda seen: f"not ready, {seen.pod.restarts} restarts",
    must=(_UNREADY, _AGAIN),
    must_not=(_KILLED,),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    alike=("gpu-hardware-xid",),
    helps=(Help("read the end of the log before it died", "previous"), Help("see what changed before it", "past")),
    avoid=("Do not restart it: it does that by itself.",),
    decides=("the last lines of the log before it died, and whether a probe killed it",),
)
LOADING = Cause[PodSeen](
    id="pod-loading",
    of=Of.POD,
    stage=Stage.STARTING,
    severity=Severity.STARTING,
    sentence="The engine loads its model.",
    words=says("loading"),
    must=(_UNREADY, _LOADING),
    must_not=(_KILLED, _AGAIN),
)
NOT_READY = Cause[PodSeen](
    id="pod-not-ready",
    of=Of.POD,
    stage=Stage.STARTING,
    severity=Severity.WARNING,
    sentence="The pod runs, has started up, and is not ready.",
    words=says("not ready"),
    must=(_UNREADY,),
    must_not=(_KILLED, _AGAIN, _LOADING),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    after=60,
    alike=("node-not-ready", "kubelet-silent", "gpu-hardware-xid"),
    helps=(Help("see what its probe says", "describe"), Help("read its log", "logs")),
)
