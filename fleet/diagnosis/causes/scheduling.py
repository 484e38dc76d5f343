"""Pods without a node: what the scheduler, and what admits pods to it, report."""

from __future__ import annotations

import re
from collections.abc import Callable

from fleet.diagnosis.cause import Help, PodCause, Stage, says
from fleet.diagnosis.causes.scheduler_reasons import Refused, decisive
from fleet.diagnosis.causes.symptoms import OVERLOAD
from fleet.diagnosis.families.overdue_cause import is_gated
from fleet.diagnosis.families.reported_cause import ReportedCause
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subjects.gist import gist
from fleet.diagnosis.subjects.pod_reports import Reported, quoting
from fleet.diagnosis.subjects.subject import PodSubject
from fleet.model.gpu_vendors import is_gpu
from fleet.model.objects import Condition
from fleet.model.severity import Severity

SCHEDULED = "PodScheduled"
_HOLDS_UP = (*OVERLOAD, "rollout-stuck")
_SEE_NODES = Help("read what the scheduler says about each node", "describe")


def unplaced(subject: PodSubject) -> Condition | None:
    """Return the condition in which the scheduler reports that no node fits; None if there is none."""
    found = (one for one in subject.pod.conditions if one.type == SCHEDULED and one.status == "False")
    return next(found, None)


def _message(subject: PodSubject) -> str:
    condition = unplaced(subject)
    return "" if condition is None else condition.message


def _asked(message: str) -> str:
    """Return what a message says of the nodes, without their number and without preemption."""
    return re.sub(r"^\d+/\d+ nodes are available: ", "", message.partition(" preemption:")[0])


def _refused(subject: PodSubject) -> Refused | None:
    return decisive(_message(subject))


def _what(subject: PodSubject) -> str:
    refused = _refused(subject)
    return "" if refused is None else refused.what


def _refused_for(name: str, *those: str) -> Fact[PodSubject]:
    """The scheduler's reason that counts is one of these of ``scheduler_reasons``."""

    def holds(subject: PodSubject) -> bool:
        refused = _refused(subject)
        return refused is not None and refused.by.id in those

    def shows(subject: PodSubject) -> str:
        refused = _refused(subject)
        if refused is None or refused.by.id in those:
            return _what(subject)
        return f"the scheduler's decisive reason is another: {refused.what or refused.by.id}"

    return Fact(name, "condition PodScheduled", holds, shows)


def _wants_gpu(subject: PodSubject) -> bool:
    """True if the missing device is a GPU: a node may also lack fabric adapters."""
    refused = _refused(subject)
    return refused is not None and refused.by.id == "device" and subject.pod.gpus > 0 and is_gpu(refused.what)


_PENDING: Fact[PodSubject] = Fact("it is pending", "status.phase", lambda subject: subject.pod.phase == "Pending")
_GATED: Fact[PodSubject] = Fact(
    "its scheduling is gated", "condition PodScheduled", lambda subject: is_gated(subject.pod)
)
_UNPLACED: Fact[PodSubject] = Fact(
    "no node fits it", "condition PodScheduled", lambda subject: unplaced(subject) is not None, _message
)
_NO_GPU: Fact[PodSubject] = Fact("GPUs are short", "condition PodScheduled", _wants_gpu, _what)
_NAMED: Fact[PodSubject] = Fact(
    "the scheduler's reason is a known one", "condition PodScheduled", lambda subject: _refused(subject) is not None
)

GATED = PodCause(
    id="waits-for-quota",
    stage=Stage.PLACING,
    severity=Severity.STARTING,
    sentence="The pod is not released to the scheduler yet: its queue has no quota for it.",
    words=says("waits for quota"),
    must=(_PENDING, _GATED),
)
NO_FREE_GPU = PodCause(
    id="no-free-gpu",
    stage=Stage.PLACING,
    severity=Severity.WARNING,
    sentence="No node has as many free GPUs as the pod requests.",
    words=says("no free GPU"),
    must=(_PENDING, _UNPLACED, _NO_GPU),
    must_not=(_GATED,),
    explains=_HOLDS_UP,
    peers=True,
    after=120,
    lookalikes=("node-selector-unmatched", "nodes-closed"),
    helps=(
        Help("see which GPUs are free, and where", "nodes"),
        _SEE_NODES,
        Help("scale down, so that a rollout can continue", "scale"),
    ),
    avoid=("Do not just wait for a new node: its GPUs do not count until their driver is installed.",),
    decides=("whether the free GPUs are on one node or scattered: an engine needs all of its GPUs on one node",),
)


def _cause(
    name: str,
    sign: Fact[PodSubject],
    *,
    sentence: str,
    words: Callable[[PodSubject], str],
    helps: tuple[Help, ...],
    avoid: tuple[str, ...] = (),
    decides: tuple[str, ...] = (),
    alike: tuple[str, ...] = ("no-free-gpu",),
    must_not: tuple[Fact[PodSubject], ...] = (),
) -> PodCause:
    """A reason of the scheduler other than GPUs: it keeps a replica away, as they do."""
    return PodCause(
        id=name,
        stage=Stage.PLACING,
        severity=Severity.WARNING,
        sentence=sentence,
        words=words,
        must=(_PENDING, _UNPLACED, sign),
        must_not=(_GATED, *must_not),
        explains=_HOLDS_UP,
        peers=True,
        after=120,
        lookalikes=alike,
        helps=helps,
        avoid=avoid,
        decides=decides,
    )


RESOURCES_SHORT = _cause(
    "node-resources-short",
    _refused_for("a node's resources are short", "resource", "device"),
    sentence="No node has enough of what the pod requests besides GPUs: CPU, memory, disk or another device.",
    words=lambda subject: f"no node has enough {_what(subject)}",
    must_not=(_NO_GPU,),
    helps=(_SEE_NODES, Help("see what is left on each node", "nodes"), Help("go back", "rollback")),
    avoid=("Do not lower a request below what the engine uses: its weights pass through the host's memory.",),
    decides=(
        "whether an empty node would have enough: if none would, the request is wrong, and waiting does not help",
    ),
)
SELECTOR_UNMATCHED = _cause(
    "node-selector-unmatched",
    _refused_for("no node matches its node selector or affinity", "selector", "node"),
    sentence="No node has the labels that the pod's node selector or affinity requires.",
    words=says("no node matches its selector"),
    helps=(_SEE_NODES, Help("see the nodes", "nodes"), Help("roll back to the previous revision", "rollback")),
    avoid=("Do not label a node by hand: feature discovery sets and removes such labels.",),
    decides=("whether the label was ever on a node: a misspelled one never was",),
)
TAINTED = _cause(
    "taint-not-tolerated",
    _refused_for("it does not tolerate a taint", "taint"),
    sentence="The nodes that would fit the pod have a taint that it does not tolerate.",
    words=lambda subject: f"taint {_what(subject)} not tolerated".replace("  ", " "),
    helps=(_SEE_NODES, Help("see the nodes", "nodes")),
    avoid=("Do not remove the taint: it keeps other pods off the GPUs.",),
)
NODES_CLOSED = _cause(
    "nodes-closed",
    _refused_for("the nodes that fit it accept no pods", "closed"),
    sentence="The nodes that would fit the pod accept no new pods: cordoned, not ready, or short of a resource.",
    words=lambda subject: f"nodes closed: {_what(subject).rpartition('/')[2]}",
    helps=(Help("see which nodes, and why", "nodes"), _SEE_NODES),
    alike=("no-free-gpu", "taint-not-tolerated"),
)
PORT_TAKEN = _cause(
    "host-port-taken",
    _refused_for("a port of the node is taken", "port"),
    sentence="The pod requests a host port that another pod uses on every node that would fit.",
    words=says("its host port is taken"),
    helps=(_SEE_NODES, Help("roll back to the previous revision", "rollback"), Help("see the nodes", "nodes")),
    avoid=("Do not surge in a rollout: on the node of the old pod the new one never gets the port.",),
    decides=("whether the pod that has the port is its own predecessor: then the rollout waits for itself",),
)
ANTI_AFFINITY = _cause(
    "anti-affinity",
    _refused_for("pods that must not share a node are on all of them", "apart"),
    sentence="Anti-affinity rules out every node: each already has a pod that this one must not share a node with.",
    words=says("kept apart by anti-affinity"),
    helps=(_SEE_NODES, Help("see which nodes are left", "nodes"), Help("scale down", "scale")),
    avoid=("Do not drain a node for it: the pod that leaves needs another node as well.",),
)
POD_AFFINITY = _cause(
    "pod-affinity-unmatched",
    _refused_for("the pods that it must run next to are nowhere", "together"),
    sentence="The pod's affinity requires other pods on its node, and no node that fits has them.",
    words=says("pod affinity unmatched"),
    helps=(_SEE_NODES, Help("see the nodes", "nodes")),
)
SPREAD = _cause(
    "spread-unsatisfied",
    _refused_for("the spread over zones or nodes would be violated", "spread"),
    sentence="On every node that has room, the pod would violate its topology spread constraint.",
    words=says("topology spread unsatisfied"),
    helps=(_SEE_NODES, Help("see the nodes of each zone", "nodes")),
    decides=("whether one zone has no room: the others wait for it",),
)
VOLUME_UNBOUND = _cause(
    "volume-not-bound",
    _refused_for("a claim has no volume", "unbound"),
    sentence="A PersistentVolumeClaim of the pod is not bound, and no volume is found for it.",
    words=says("its volume claim is not bound"),
    helps=(Help("see the claim and its events", "describe"), Help("see what changed before", "past")),
    avoid=("Do not delete the claim: the data on a volume that it had is lost with it.",),
    decides=("the events of the claim: no storage class, no provisioner, a quota, or no capacity",),
)
CLAIM_MISSING = _cause(
    "volume-claim-missing",
    _refused_for("its claim, or the claim's volume, does not exist", "claim"),
    sentence="The pod names a PersistentVolumeClaim that does not exist, or whose volume does not.",
    words=lambda subject: f"volume claim {_what(subject)} missing".replace("  ", " "),
    helps=(_SEE_NODES, Help("see what changed before", "past"), Help("go back", "rollback")),
)
VOLUME_ELSEWHERE = _cause(
    "volume-in-other-zone",
    _refused_for("its volume cannot be reached from any node that has room", "zone"),
    sentence="The pod's volume is tied to a zone or node in which nothing that fits the pod is free.",
    words=says("its volume is in another zone"),
    helps=(_SEE_NODES, Help("see the nodes of that zone", "nodes"), Help("see where it ran before", "past")),
    avoid=("Do not delete the claim to move the pod: the data on the volume is lost with it.",),
)
VOLUME_USED = _cause(
    "volume-in-use",
    _refused_for("another pod has its volume", "volume-used"),
    sentence="The pod's volume can be used by one pod at a time, and another pod uses it.",
    words=says("its volume is in use"),
    helps=(_SEE_NODES, Help("see which pod uses it", "past")),
    avoid=("Do not force-delete the other pod: two engines may then write to one volume.",),
)
VOLUME_LIMIT = _cause(
    "node-volume-limit",
    _refused_for("the nodes are at their volume limit", "volume-limit"),
    sentence="The nodes that would fit the pod are at their limit of attached volumes.",
    words=says("nodes at their volume limit"),
    helps=(_SEE_NODES, Help("see the nodes", "nodes")),
)
DEVICE_CLAIM = _cause(
    "device-claim-not-allocated",
    _refused_for("its resource claims are not allocated", "device-claim"),
    sentence="No node has the devices that the pod's resource claims request.",
    words=lambda subject: ": ".join(filter(None, ("device claim not allocated", _what(subject)))),
    helps=(_SEE_NODES, Help("see the nodes", "nodes")),
)
GANG = _cause(
    "gang-incomplete",
    _refused_for("its gang is not complete", "gang"),
    sentence="The pod waits for the other pods of its gang: all of them are placed at once, or none.",
    words=says("waits for the rest of its gang"),
    helps=(_SEE_NODES, Help("see what the others wait for", "past"), Help("see which GPUs are free", "nodes")),
    avoid=("Do not delete single pods of the gang: it is only placed as a whole.",),
    decides=("whether all pods of the gang exist: if not, what creates them is stuck, else room for all is short",),
)
UNSCHEDULABLE = PodCause(
    id="unschedulable",
    stage=Stage.PLACING,
    severity=Severity.WARNING,
    sentence="No node fits the pod, for one of the scheduler's less common reasons.",
    words=lambda subject: ": ".join(filter(None, ("unschedulable", gist(_asked(_message(subject)))))),
    must=(_PENDING, _UNPLACED),
    must_not=(_GATED, _NO_GPU, _NAMED),
    explains=_HOLDS_UP,
    peers=True,
    after=120,
    helps=(_SEE_NODES,),
    decides=("the scheduler's own words in the condition PodScheduled",),
)
PENDING = PodCause(
    id="pod-pending",
    stage=Stage.PLACING,
    severity=Severity.STARTING,
    sentence="The pod's containers are not running yet: it has just got a node, or waits for one.",
    words=lambda subject: subject.pod.status,
    must=(_PENDING,),
    must_not=(_UNPLACED,),
)
OF_SCHEDULER = (
    NO_FREE_GPU,
    RESOURCES_SHORT,
    SELECTOR_UNMATCHED,
    TAINTED,
    NODES_CLOSED,
    PORT_TAKEN,
    ANTI_AFFINITY,
    POD_AFFINITY,
    SPREAD,
    VOLUME_UNBOUND,
    CLAIM_MISSING,
    VOLUME_ELSEWHERE,
    VOLUME_USED,
    VOLUME_LIMIT,
    DEVICE_CLAIM,
    GANG,
    UNSCHEDULABLE,
)
"""Causes of a pod without a node: one of these holds, by the reason that counts."""
_NO_NODES = Reported("its nodes cannot be added", ("FailedScaleUp",), "", ("TriggeredScaleUp", "Scheduled"))
NODES_NOT_ADDED = ReportedCause(
    id="nodes-not-added",
    stage=Stage.PLACING,
    severity=Severity.WARNING,
    sentence="No node has room for the pod, and the autoscaler cannot add one: a limit, a quota, or no stock.",
    words=quoting("nodes cannot be added", _NO_NODES),
    must=(
        Fact("it has no node", "spec.nodeName", lambda of: of.pod.phase == "Pending" and not of.pod.node),
        _NO_NODES,
    ),
    explains=("no-free-gpu", "node-resources-short", "unschedulable", "gang-incomplete", *_HOLDS_UP),
    peers=True,
    after=120,
    lookalikes=("no-free-gpu",),
    helps=(
        Help("see what the autoscaler says", "describe"),
        Help("see which GPUs are free, and where", "nodes"),
        Help("scale down, so that a rollout can continue", "scale"),
    ),
    avoid=("Do not delete the pod to try again: the autoscaler asks the cloud again by itself.",),
    decides=("whether another zone or kind of node has stock, and what the cloud's quota for these GPUs is",),
)
"""Events of kubernetes/autoscaler; a pod for which it has no group of nodes gets NotTriggerScaleUp instead."""
