"""The scheduler's reasons for refusing nodes, read from the message of a pod's condition PodScheduled.

``0/6 nodes are available: 4 node(s) didn't match Pod's node affinity/selector, 2 Insufficient memory. preemption: …``:
the number of nodes that each filter refused, in the words of kubernetes/pkg/scheduler (framework/plugins and
framework/types.go).

Filters run in a fixed order, and the first that rejects a node ends its evaluation. So a later filter's message is the
more useful one: the nodes that reached it passed all earlier filters.
"""

from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple


class SchedulerFilter(IntEnum):
    """The filters of the scheduler, in their order by default (apis/config/v1/default_plugins)."""

    GANG = -1
    """No filter of nodes: the pod waits until all of its gang can be placed."""
    NODE_UNSCHEDULABLE = 0
    NODE_NAME = 1
    TAINT_TOLERATION = 2
    NODE_AFFINITY = 3
    NODE_PORTS = 4
    NODE_RESOURCES = 5
    VOLUME_RESTRICTIONS = 6
    VOLUME_LIMITS = 7
    VOLUME_BINDING = 8
    VOLUME_ZONE = 9
    TOPOLOGY_SPREAD = 10
    POD_AFFINITY = 11
    RESOURCE_CLAIMS = 12


class SchedulerReason(NamedTuple):
    """One reason: its meaning, the filter that gives it, and the scheduler's words for it."""

    id: str
    filter: SchedulerFilter
    words: str
    """Regular expression; its group captures what the reason names: a resource, a taint, a claim."""


_CLOSED = (
    r"node(?:\.cloudprovider)?\.kubernetes\.io/[\w-]+|ToBeDeletedByClusterAutoscaler|"
    r"[\w.-]+/(?:[\w.-]*not-ready|uninitialized|unregistered|disrupted|disruption|impending-node-termination)"
)
"""Taints that controllers set while a node takes no pods: not ready, short of something, cordoned, not set up yet by
the cloud or the network plugin, about to be removed by an autoscaler.
"""
REFUSALS = (
    SchedulerReason("gang", SchedulerFilter.GANG, r"(?:cannot find enough sibling pods|pod group is not ready)"),
    SchedulerReason("gang", SchedulerFilter.GANG, r"waiting for (?:minCount )?pods from a gang"),
    SchedulerReason("closed", SchedulerFilter.NODE_UNSCHEDULABLE, r"node\(s\) were (unschedulable)"),
    SchedulerReason("node", SchedulerFilter.NODE_NAME, r"node\(s\) didn't match the requested node name"),
    SchedulerReason(
        "closed", SchedulerFilter.TAINT_TOLERATION, rf"node\(s\) had (?:untolerated )?taint \{{({_CLOSED})"
    ),
    SchedulerReason(
        "taint", SchedulerFilter.TAINT_TOLERATION, rf"node\(s\) had (?:untolerated )?taint \{{(?!{_CLOSED})([^}}:]+)"
    ),
    SchedulerReason("taint", SchedulerFilter.TAINT_TOLERATION, r"node\(s\) had untolerated taint\(s\)"),
    SchedulerReason("selector", SchedulerFilter.NODE_AFFINITY, r"node\(s\) didn't match Pod's node affinity"),
    SchedulerReason(
        "selector", SchedulerFilter.NODE_AFFINITY, r"node\(s\) didn't match scheduler-enforced node affinity"
    ),
    SchedulerReason("selector", SchedulerFilter.NODE_AFFINITY, r"node\(s\) didn't match node selector"),
    SchedulerReason(
        "port", SchedulerFilter.NODE_PORTS, r"node\(s\) didn't have free ports for the requested pod ports"
    ),
    SchedulerReason("device", SchedulerFilter.NODE_RESOURCES, r"Insufficient ([\w.-]+/[\w.-]*[\w-])"),
    SchedulerReason("resource", SchedulerFilter.NODE_RESOURCES, r"Insufficient ([\w-]+)(?![\w.-]*/)"),
    SchedulerReason("resource", SchedulerFilter.NODE_RESOURCES, r"Too many (pods)"),
    SchedulerReason("volume-used", SchedulerFilter.VOLUME_RESTRICTIONS, r"node has pod using PersistentVolumeClaim"),
    SchedulerReason("volume-used", SchedulerFilter.VOLUME_RESTRICTIONS, r"node\(s\) had no available disk"),
    SchedulerReason("volume-limit", SchedulerFilter.VOLUME_LIMITS, r"node\(s\) exceed max volume count"),
    SchedulerReason("unbound", SchedulerFilter.VOLUME_BINDING, r"pod has unbound immediate PersistentVolumeClaims"),
    SchedulerReason(
        "unbound", SchedulerFilter.VOLUME_BINDING, r"node\(s\) didn't find available persistent volumes to bind"
    ),
    SchedulerReason("unbound", SchedulerFilter.VOLUME_BINDING, r"node\(s\) did not have enough free storage"),
    SchedulerReason("unbound", SchedulerFilter.VOLUME_BINDING, r"waiting for ephemeral volume controller to create"),
    SchedulerReason(
        "claim",
        SchedulerFilter.VOLUME_BINDING,
        r'persistentvolumeclaim "([^"]+)" (?:not found|bound to non-existent|is being deleted)',
    ),
    SchedulerReason(
        "claim",
        SchedulerFilter.VOLUME_BINDING,
        r"node\(s\) unavailable due to one or more pvc\(s\) bound to non-existent",
    ),
    SchedulerReason("zone", SchedulerFilter.VOLUME_BINDING, r"node\(s\) had volume node affinity conflict"),
    SchedulerReason("zone", SchedulerFilter.VOLUME_ZONE, r"node\(s\) had no available volume zone"),
    SchedulerReason(
        "spread", SchedulerFilter.TOPOLOGY_SPREAD, r"node\(s\) didn't match pod topology spread constraints"
    ),
    SchedulerReason("apart", SchedulerFilter.POD_AFFINITY, r"node\(s\) didn't match pod anti-affinity rules"),
    SchedulerReason(
        "apart", SchedulerFilter.POD_AFFINITY, r"node\(s\) didn't satisfy existing pods anti-affinity rules"
    ),
    SchedulerReason("together", SchedulerFilter.POD_AFFINITY, r"node\(s\) didn't match pod affinity rules"),
    SchedulerReason("device-claim", SchedulerFilter.RESOURCE_CLAIMS, r"cannot allocate all claims"),
    SchedulerReason("device-claim", SchedulerFilter.RESOURCE_CLAIMS, r"resourceclaim not available on the node"),
    SchedulerReason("device-claim", SchedulerFilter.RESOURCE_CLAIMS, r"waiting for (?:dynamic )?resource ?claim"),
    SchedulerReason("device-claim", SchedulerFilter.RESOURCE_CLAIMS, r"(device class \S+) does not exist"),
)
_COMPILED = tuple((one, re.compile(rf"(?:(\d+) )?{one.words}")) for one in REFUSALS)


class Refused(NamedTuple):
    """A reason as a message gives it."""

    by: SchedulerReason
    nodes: int
    """Number of nodes refused for it; 0 if it applies to the pod as a whole."""
    what: str = ""
    """The resource, taint or claim that it names; empty for none."""


def refusals_in(message: str) -> list[Refused]:
    """Return the reasons in a message, in the order of the table. The part about preemption is ignored."""
    asked = message.partition("preemption:")[0]
    found: list[Refused] = []
    for refusal, pattern in _COMPILED:
        for match in pattern.finditer(asked):
            count, *what = match.groups()
            found.append(Refused(refusal, int(count or 0), next((one for one in what if one), "").strip()))
    return found


@lru_cache(maxsize=512)
def decisive(message: str) -> Refused | None:
    """Return the decisive reason: the latest filter's, and within a filter the one for the most nodes."""
    return max(refusals_in(message), key=lambda one: (one.by.filter, one.nodes), default=None)
