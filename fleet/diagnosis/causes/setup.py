"""Workloads whose setup makes the next fault visible to users, or that do not run what they claim to.

A single replica for a model, or no spare GPU, is a choice. It is only reported if the model's availability is promised:
a fleet that promises nothing gets no such finding.
"""

from __future__ import annotations

from fleet.diagnosis import thresholds
from fleet.diagnosis.cause import Help, says
from fleet.diagnosis.families.setup_cause import SetupCause
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subjects.setup_subject import SetupSubject
from fleet.model.counting import count
from fleet.model.severity import Severity

HALTED: float = 1800.0
"""Seconds without a new pod after which two coexisting revisions no longer count as a rollout (findings catalogue F38).
Ten replicas that load for five minutes each need longer as a whole, and bring a new pod every five.
"""

_PROMISED: Fact[SetupSubject] = Fact(
    "its availability was promised",
    "objectives.availability",
    lambda of: of.promised.availability > 0,
    lambda of: (
        f"{of.promised.availability * 100:.6g} % of the time" if of.promised.availability else "nobody promised it"
    ),
)
_SCALE = Help("add a replica", "scale")
_NODES = Help("see which nodes have room", "nodes")

SINGLE_REPLICA = SetupCause(
    id="single-replica",
    severity=Severity.WARNING,
    sentence="A single replica serves a model whose availability was promised: nothing answers while it restarts.",
    words=lambda of: f"one replica of {of.model}, {of.promised.availability * 100:.6g} % promised",
    must=(
        _PROMISED,
        Fact[SetupSubject](
            "one replica of the model is wanted",
            "spec.replicas of all that serve it",
            lambda of: of.wanted == 1,
            lambda of: f"{of.wanted} wanted",
        ),
        Fact("it is ready", "condition Ready of the pods", lambda of: bool(of.pods)),
    ),
    runs_on=True,
    after=300,
    helps=(_SCALE, Help("see its bounds, if it has an autoscaler", "describe")),
    avoid=("Do not restart, drain or roll it out while users need it: add a second replica first.",),
    decides=("whether another pool or a gateway's fallback serves it: then the promise is kept elsewhere",),
)
"""Findings catalogue F44. Pods of one replica that spans several nodes count as one."""
ONE_NODE = SetupCause(
    id="replicas-on-one-node",
    severity=Severity.WARNING,
    sentence="All replicas of a model whose availability was promised are on one node: if it fails, all of them do.",
    words=lambda of: f"all {count(len(of.pods), 'replica')} on {next(iter(of.nodes), '')}",
    must=(
        _PROMISED,
        Fact("several replicas are ready", "condition Ready of the pods", lambda of: len(of.pods) > 1),
        Fact[SetupSubject](
            "they are all on one node",
            "spec.nodeName of the pods",
            lambda of: len(of.nodes) == 1 if all(pod.node for pod in of.pods) else None,
            lambda of: ", ".join(f"{count} on {node}" for node, count in of.nodes.items()),
        ),
        Fact(
            "nothing else serves the model",
            "spec.replicas of all that serve it",
            lambda of: of.wanted <= of.workload.desired,
        ),
    ),
    # The pods of one replica may well be on one node: it needs all of them anyway.
    must_not=(Fact("a replica is a group of pods", "the kind of the workload", lambda of: of.is_grouped),),
    began=lambda of: (max(pod.created for pod in of.pods), "when the last of them was created"),
    runs_on=True,
    after=300,
    helps=(
        _NODES,
        Help("spread them (topologySpreadConstraints over kubernetes.io/hostname)"),
        Help("see how it is set up", "describe"),
    ),
    avoid=("Do not drain that node before replicas run elsewhere.",),
    decides=("whether another node has GPUs of that kind at all: without one, only more hardware helps",),
)
"""Findings catalogue F44."""


def _no_room(of: SetupSubject) -> bool | None:
    return None if of.loss is None else of.loss.room < of.loss.replicas


def _too_full(of: SetupSubject) -> bool | None:
    if of.loss is None or of.loss.kv_usage != of.loss.kv_usage:
        return None
    return of.loss.kv_usage > thresholds.KV_FULL.at(of.profile)


def _still_full(of: SetupSubject) -> bool | None:
    if of.loss is None or of.loss.kv_usage != of.loss.kv_usage:
        return None
    return of.loss.kv_usage > thresholds.KV_EASED.at(of.profile)


def _room(of: SetupSubject) -> str:
    loss = of.loss
    return "" if loss is None else f"{loss.replicas} on {loss.node}, room for {loss.room} elsewhere"


def _fullness(of: SetupSubject) -> str:
    known = of.loss is not None and of.loss.kv_usage == of.loss.kv_usage
    return f"{of.loss.kv_usage:.0%} of their KV cache" if of.loss is not None and known else ""


NO_SPARE = SetupCause(
    id="no-spare-capacity",
    severity=Severity.WARNING,
    sentence="If the node with most of its replicas fails, the others cannot carry the load, and no GPU is spare.",
    words=lambda of: f"without {of.loss.node if of.loss else 'a node'}: {_fullness(of)} of the rest",
    must=(
        _PROMISED,
        Fact("several replicas are ready", "condition Ready of the pods", lambda of: len(of.pods) > 1),
        Fact("other nodes have too little room", "free GPUs of the same product", _no_room, _room),
        Fact("the others would be full", "kv_cache_usage of the replicas", _too_full, _fullness),
    ),
    keeps_firing=(Fact("the others would be full", "kv_cache_usage of the replicas", _still_full, _fullness),),
    runs_on=True,
    after=600,
    clears=600,
    lookalikes=("kv-cache-full", "no-free-gpu"),
    helps=(_SCALE, _NODES, Help("see how much each model holds, and what it would need", "slo")),
    avoid=("Do not cordon or drain one of its nodes now: the rest is too small.",),
    decides=("whether pods that may be preempted hold such GPUs: those are spare, too",),
)
"""Findings catalogue F46: N+1. A replica's capacity is derived from the KV-cache blocks that its requests hold now."""


def _moved(of: SetupSubject) -> str:
    found = [(image, digests) for (image, _), digests in of.images.items() if len(digests) > 1]
    return "; ".join(f"{image} is {' and '.join(one[-12:] for one in digests[:3])}" for image, digests in found)


def _newest_of_rarest(of: SetupSubject) -> tuple[float, str] | None:
    rare = [digests[-1] for digests in of.images.values() if len(digests) > 1]
    made = [pod.created for pod in of.pods if pod.version.digest in rare]
    return (min(made), "when the first pod of the other image was created") if made else None


IMAGE_DIFFERS = SetupCause(
    id="image-differs",
    severity=Severity.WARNING,
    sentence="Replicas of one revision run different images: the tag was moved between their starts.",
    words=says("replicas of one tag run different images"),
    must=(
        Fact[SetupSubject](
            "one tag has several digests",
            "status.containerStatuses.imageID",
            lambda of: any(len(digests) > 1 for digests in of.images.values()) if of.images else None,
            _moved,
        ),
    ),
    began=_newest_of_rarest,
    after=1800,
    helps=(
        Help("see which pods run which", "describe"),
        Help("restart it, so that all run the same", "restart"),
        Help("name the image by its digest (repository@sha256:…)"),
    ),
    avoid=(
        "Do not restart before you know which of the two is right: all replicas then get whatever the tag points to.",
    ),
    decides=("which digest was tested: the registry says when the tag was moved",),
)
"""Findings catalogue F38. Digests are compared: a tag like ``latest`` hides differences."""


def _halted(of: SetupSubject) -> bool | None:
    if not of.revisions:
        return None
    newest = max((pod.created for pod in of.pods), default=of.now)
    return len(of.revisions) > 1 and of.now - newest > HALTED


def _beside_each_other(of: SetupSubject) -> str:
    return ", ".join(f"{len(pods)} of {revision}" for revision, pods in of.revisions.items())


HALF_ROLLED_OUT = SetupCause(
    id="revisions-differ",
    severity=Severity.WARNING,
    sentence="Two revisions of a workload serve side by side, and no rollout is in progress.",
    words=lambda of: "half rolled out" + (", paused" if of.workload.paused else ""),
    must=(
        Fact("pods of several revisions are ready", "revision label of the pods", _halted, _beside_each_other),
        Fact(
            "all its replicas are ready",
            "condition Ready of the pods",
            lambda of: len(of.pods) >= of.workload.desired,
        ),
        # A large model loads for longer than any pause between two pods: while one loads, the rollout is in progress.
        Fact(
            "none of its pods is starting or ending",
            "condition Ready, deletionTimestamp of the pods",
            lambda of: not of.others,
        ),
    ),
    # A partition is a canary on purpose, and its field is not read.
    must_not=(Fact("it may be a canary by partition", "the kind of the workload", lambda of: of.may_be_partitioned),),
    began=lambda of: (max(pod.created for pod in of.pods), "when its newest pod was created"),
    lookalikes=("rollout-stuck",),
    helps=(
        Help("see what is different", "past"),
        Help("roll back to the previous revision", "rollback"),
        Help("finish it (kubectl rollout resume, or delete the old pods of OnDelete)"),
    ),
    avoid=("Do not judge the latencies of the whole workload meanwhile: they mix two revisions.",),
    decides=("whether somebody stopped it on purpose: ask who made the last change",),
)
"""Findings catalogue F38."""


OF_SETUP = (SINGLE_REPLICA, ONE_NODE, NO_SPARE, IMAGE_DIFFERS, HALF_ROLLED_OUT)
