"""Pods that were rejected, evicted or ended as a whole: the kubelet's reason and message in the status of the pod.

The reasons are those of kubernetes/pkg/kubelet (lifecycle, eviction, nodeshutdown) and of the node controller.
"""

from __future__ import annotations

import re

from fleet.diagnosis.cause import Help, PodCause, Stage
from fleet.diagnosis.causes import container_signs as signs
from fleet.diagnosis.causes.container_signs import reason_is
from fleet.diagnosis.causes.symptoms import OVERLOAD
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subjects.gist import gist
from fleet.diagnosis.subjects.subject import PodSubject
from fleet.model.severity import Severity


def _status_words(subject: PodSubject) -> str:
    """Return the state that kubectl prints, with the gist of the kubelet's message."""
    return ": ".join(filter(None, (subject.pod.status, gist(subject.pod.message))))


def _last_message(subject: PodSubject) -> str:
    """Return what the kubelet or the container said of its end."""
    return next((one.message for one in subject.pod.containers if one.exit_code and one.message), "")


_EVICTED = reason_is("Evicted")
_OVER_LIMIT: Fact[PodSubject] = Fact(
    "it exceeded a limit of its own",
    "status.message",
    lambda subject: re.search(r"exceed(?:s|ed)\b.*\blimit", subject.pod.message) is not None,
    lambda subject: subject.pod.message,
)
_LOST = reason_is("NodeLost")
_SHUT_DOWN = reason_is("NodeShutdown", "Shutdown", "Terminated")
"""A pod that was ended in order with its node (kubernetes/pkg/kubelet/nodeshutdown)."""
_ENDED_OTHERWISE = frozenset({"Evicted", "NodeLost", "NodeShutdown", "Shutdown", "Terminated", "DeadlineExceeded"})


def _is_refused(subject: PodSubject) -> bool:
    """True if the kubelet gives a reason why it never ran any of its containers: there are more than can be listed."""
    pod = subject.pod
    if pod.phase != "Failed" or pod.status in _ENDED_OTHERWISE or pod.status == pod.phase:
        return False
    return not any(one.state for one in pod.containers)


_REFUSED: Fact[PodSubject] = Fact(
    "its kubelet rejects it",
    "status.reason",
    _is_refused,
    lambda subject: ": ".join(filter(None, (subject.pod.status, subject.pod.message))),
)
_ENDS = (_EVICTED, _LOST, _REFUSED, _SHUT_DOWN)
_DIED = frozenset({"Error", "Failed"})

EVICTED = PodCause(
    id="evicted",
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="The kubelet evicted the pod because its node ran short of a resource.",
    words=_status_words,
    must=(signs.STOPPED, _EVICTED),
    must_not=(_OVER_LIMIT,),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    helps=(Help("see what the node was short of", "describe"),),
)
OVER_LIMIT = PodCause(
    id="storage-limit-exceeded",
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="The kubelet evicted the pod because it wrote more to its local disk than its own limit allows.",
    words=_status_words,
    must=(signs.STOPPED, _EVICTED, _OVER_LIMIT),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    lookalikes=("evicted", "node-pressure"),
    helps=(
        Help("see the limits of its volumes and containers", "describe"),
        Help("see what changed before", "past"),
        Help("roll back to the previous revision", "rollback"),
    ),
    avoid=("Do not free the node's disk: it is not full.",),
    decides=(
        "what it writes there: weights in a cache (HF_HOME) without a volume of their own, compile caches, cores",
    ),
)
NODE_LOST = PodCause(
    id="node-lost",
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="The pod's node has been silent for so long that the pod is considered lost.",
    words=_status_words,
    must=(signs.STOPPED, _LOST),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    helps=(Help("see its node", "nodes"),),
)
REFUSED = PodCause(
    id="refused-by-node",
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="The kubelet rejected the pod: its node could not provide what the pod was scheduled for.",
    words=_status_words,
    must=(signs.STOPPED, _REFUSED),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    helps=(Help("read what the kubelet says", "describe"), Help("see the GPUs of its node", "nodes")),
)
NODE_SHUT_DOWN = PodCause(
    id="node-shut-down",
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="The pod was terminated by a graceful shutdown of its node.",
    words=_status_words,
    must=(signs.STOPPED, _SHUT_DOWN),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    helps=(Help("see its node", "nodes"), Help("see who shut it down, and when", "past")),
    avoid=("Do not restart the pod: this record of it stays until its replacement exists or somebody deletes it.",),
)
FAILED = PodCause(
    id="pod-failed",
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="A container of the pod ended with an error and was not replaced.",
    words=_status_words,
    must=(
        Fact(
            "it failed",
            "status.phase",
            lambda subject: subject.pod.phase == "Failed" or subject.stopped_by in _DIED,
            lambda subject: subject.pod.message or _last_message(subject),
        ),
    ),
    must_not=(signs.OOM, signs.LOOP, signs.INIT, signs.IMAGE, signs.CONFIG, signs.NOT_STARTED, *_ENDS),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    helps=(Help("read the end of its log", "logs"), Help("see what Kubernetes says", "describe")),
)
