"""Pods that take too long: to be scheduled, to be created, to load, to go."""

from __future__ import annotations

import math
import re

from fleet.diagnosis.cause import Help, Stage, says
from fleet.diagnosis.causes.symptoms import OVERLOAD
from fleet.diagnosis.families.overdue_cause import ENDS, OverdueCause, TimedPod, is_gated
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subjects.gist import gist
from fleet.model.severity import Severity

SCHEDULES = 15.0
"""Seconds within which a scheduler says something of any pod: it places it, or writes why it cannot."""
CREATES = 60.0
"""Seconds within which most containers are created where the image is on the node."""
GATED = 900.0
"""Seconds after which a pod that waits for quota no longer just waits for its turn."""
DRAINED = 120.0
"""Seconds after which a deleted pod should get no requests any more: a minute for routers to notice, and one that the
rates look back.
"""
LOADS = 1200.0
"""Seconds after which a model that loads takes too long: ten minutes are usual for hundreds of GB."""


def _finalizers(of: TimedPod) -> str:
    return ", ".join(of.pod.finalizers)


STAYS = OverdueCause(
    id="pod-stuck-terminating",
    stage=Stage.GOING,
    severity=Severity.WARNING,
    sentence="The deleted pod does not go away: its node does not respond, or a finalizer or volume holds it.",
    words=lambda of: (
        f"terminating for {of.overdue / 60:.0f} min beyond its grace period"
        + (f", finalizer {_finalizers(of)}" if of.pod.finalizers else "")
    ),
    must=(
        Fact[TimedPod](
            "its grace period is over",
            "metadata.deletionTimestamp",
            lambda of: of.pod.deleted is not None and of.overdue > ENDS,
            lambda of: f"for {of.overdue:.0f} s",
        ),
    ),
    may=(
        Fact("a finalizer holds it", "metadata.finalizers", lambda of: bool(of.pod.finalizers), _finalizers),
        Fact("its kubelet cannot end it", "events", lambda of: bool(of.message), lambda of: of.message),
    ),
    began=lambda of: (of.began, "the end of its grace period"),
    after=300,
    lookalikes=("node-not-ready", "kubelet-silent"),
    helps=(Help("see its finalizers, and what its kubelet says", "describe"), Help("see its node", "nodes")),
    avoid=("Do not force-delete it while its node may still be alive: it would keep writing to its volumes.",),
    decides=("whether its node answers: if it does, the end of the kubelet's log names the volume or the hook",),
)
NOT_SCHEDULED = OverdueCause(
    id="not-scheduled",
    stage=Stage.PLACING,
    severity=Severity.WARNING,
    sentence="No scheduler has looked at the pod: it has no node, and nobody says why.",
    words=says("no scheduler looks at it"),
    must=(
        Fact[TimedPod](
            "it has no node, and the scheduler has written nothing about it",
            "spec.nodeName, condition PodScheduled",
            lambda of: (
                of.pod.deleted is None
                and of.pod.phase == "Pending"
                and not of.pod.node
                and all(one.type != "PodScheduled" for one in of.pod.conditions)
            ),
        ),
        Fact[TimedPod](
            "a scheduler would have by now",
            "metadata.creationTimestamp",
            lambda of: of.overdue > SCHEDULES,
            lambda of: f"created {of.overdue:.0f} s ago",
        ),
    ),
    began=lambda of: (of.began, "when it was created"),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    after=120,
    lookalikes=("no-free-gpu",),
    helps=(Help("see which scheduler it names (schedulerName)", "describe"), Help("see what changed before", "past")),
    avoid=("Do not look for free GPUs: nobody has looked at any node for it.",),
    decides=("whether other pods are scheduled: if so, its schedulerName is wrong, else the scheduler is down",),
)


GATED_LONG = OverdueCause(
    id="gated-for-long",
    stage=Stage.PLACING,
    severity=Severity.WARNING,
    sentence="The pod has long not been released to the scheduler: its queue has no quota for it, or nobody admits it.",
    words=lambda of: f"gated for {of.overdue / 60:.0f} min" + (f": {gist(of.message)}" if of.message else ""),
    must=(
        Fact[TimedPod](
            "its scheduling is gated",
            "condition PodScheduled",
            lambda of: of.pod.deleted is None and of.pod.phase == "Pending" and is_gated(of.pod),
        ),
        Fact[TimedPod](
            "it has been so for long",
            "metadata.creationTimestamp",
            lambda of: of.overdue > GATED,
            lambda of: f"created {of.overdue:.0f} s ago",
        ),
    ),
    may=(Fact("its queue says why", "events of its Workload", lambda of: bool(of.message), lambda of: of.message),),
    began=lambda of: (of.began, "when it was created"),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    lookalikes=("no-free-gpu", "not-scheduled"),
    helps=(
        Help("see what its queue says", "describe"),
        Help("see which GPUs are free", "nodes"),
        Help("run fewer replicas", "scale"),
    ),
    avoid=("Do not remove the gate by hand: others wait in that queue, too.",),
    decides=("whether other pods of that queue are admitted: if none is, the queue is stopped or its controller down",),
)
_PLAIN = re.compile(r"Pending|ContainerCreating|PodInitializing|Init:\d+/\d+")
"""Statuses that give no reason for a container that does not run."""


def _is_late(of: TimedPod) -> bool:
    """True if its containers do not run for longer than creating them takes, for no reason that its status gives."""
    pod = of.pod
    if pod.deleted is not None or pod.phase != "Pending" or not pod.node or pod.restarts:
        return False
    # An init container that runs may fetch weights for as long as an engine loads them.
    fetches = any(one.init and one.state == "running" for one in pod.containers)
    return _PLAIN.fullmatch(pod.status) is not None and of.overdue > (LOADS if fetches else CREATES)


def _sandbox(of: TimedPod) -> str:
    """Return whether its volumes and its network are there, as the kubelet says; empty where it says nothing."""
    return next((one.status for one in of.pod.conditions if one.type == "PodReadyToStartContainers"), "")


CREATED_LATE = OverdueCause(
    id="containers-created-late",
    stage=Stage.STARTING,
    severity=Severity.WARNING,
    sentence="The pod has long had a node and its containers do not run: an image, a volume or the network hangs.",
    words=lambda of: f"{of.pod.status} for {of.overdue / 60:.0f} min",
    must=(
        Fact[TimedPod](
            "it has a node, and its containers are not created for longer than that takes",
            "status.phase, containerStatuses",
            _is_late,
            lambda of: f"{of.pod.status} for {of.overdue:.0f} s",
        ),
    ),
    may=(
        Fact(
            "its sandbox is not made: a volume or the network hangs, not an image",
            "condition PodReadyToStartContainers",
            lambda of: _sandbox(of) == "False",
        ),
        Fact(
            "its sandbox is made: an image hangs, not a volume or the network",
            "condition PodReadyToStartContainers",
            lambda of: _sandbox(of) == "True",
        ),
    ),
    began=lambda of: (of.began, "its condition Ready"),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    after=300,
    lookalikes=("image-pull-slow", "volume-not-mounted", "volume-not-attached", "sandbox-not-created"),
    helps=(
        Help("see what the kubelet reports", "describe"),
        Help("see its node", "nodes"),
        Help("roll back to the previous revision", "rollback"),
    ),
    avoid=("Do not force-delete it: what hangs on the node hangs for its successor.",),
    decides=("the events of the pod: Pulling without Pulled is the image, FailedMount a volume, nothing the kubelet",),
)
LOADS_LONG = OverdueCause(
    id="loading-takes-long",
    stage=Stage.STARTING,
    severity=Severity.WARNING,
    sentence="The engine has been starting for much longer than models take to load.",
    words=lambda of: f"loading for {of.overdue / 60:.0f} min",
    must=(
        Fact[TimedPod](
            "it is running, has not started up and was not restarted",
            "containerStatuses.started, restartCount",
            lambda of: (
                of.pod.deleted is None
                and of.pod.phase == "Running"
                and not of.pod.ready
                and not of.pod.restarts
                and any(not one.started for one in of.pod.containers if not one.init)
            ),
        ),
        Fact[TimedPod](
            "it has been so for long",
            "condition Ready",
            lambda of: of.overdue > LOADS,
            lambda of: f"{of.overdue:.0f} s",
        ),
    ),
    began=lambda of: (of.began, "its condition Ready"),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    lookalikes=("image-pull-slow",),
    helps=(
        Help("see how far it has got", "logs"),
        Help("see where its weights come from", "describe"),
        Help("roll back to the previous revision", "rollback"),
    ),
    avoid=("Do not restart it: loading would start over.",),
    decides=("whether the log still counts shards: then the storage or the network is slow",),
)
STILL_ASKED = OverdueCause(
    id="terminating-gets-requests",
    stage=Stage.GOING,
    severity=Severity.WARNING,
    sentence="The pod is being deleted and still gets requests: those are cut when it ends.",
    words=says("terminating, and gets requests"),
    must=(
        Fact[TimedPod](
            "it has been being deleted for longer than the rates look back",
            "metadata.deletionTimestamp, deletionGracePeriodSeconds",
            lambda of: of.pod.deleted is not None and of.overdue + of.pod.grace > DRAINED,
            lambda of: f"for {of.overdue + of.pod.grace:.0f} s",
        ),
        Fact[TimedPod](
            "it goes on reading prompts",
            "prompt_tokens_per_second",
            lambda of: None if math.isnan(of.reads) else of.reads > 0,
            lambda of: "" if math.isnan(of.reads) else f"{of.reads:.0f} prompt tokens/s",
        ),
    ),
    after=30,
    clears=30,
    lookalikes=("pod-stuck-terminating",),
    helps=(
        Help("see which Services and routers lead to it", "describe"),
        Help("let it wait before it stops (preStop), for longer than the router takes to notice"),
    ),
    avoid=("Do not shorten its grace period: the requests that it has would be cut, too.",),
    decides=("where they come from: a router that watches pods or a list of its own is later than the Service",),
)
"""Field notes N16."""
OF_TIME = (STAYS, STILL_ASKED, NOT_SCHEDULED, GATED_LONG, CREATED_LATE, LOADS_LONG)
