"""Agents of nodes: pods of DaemonSets on which the other pods of a node depend, and what is missing where one fails.

No field says what an agent is for. Their names and images do, by the words that their products have in common.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from fleet.kinds.registry import kind_of
from fleet.model.gpu_vendors import VENDORS
from fleet.model.objects import Pod

_MAKERS: Final = "|".join(vendor.name.lower() for vendor in VENDORS)
_GPUS: Final = re.compile(rf"\b(?:{_MAKERS})\b|device-plugin|gpu-operator|container-toolkit|rocm|\bgpu\b|dra-driver")
_NETWORK: Final = re.compile(
    r"cilium|calico|canal|flannel|antrea|weave|aws-node|amazon-k8s-cni|azure-cns|azure-vnet|kube-router|multus|ovn|ovs"
    r"|\bcni\b|node-network"
)
_VOLUMES: Final = re.compile(r"\bcsi\b|csi-node|longhorn|portworx|rook|ceph|weka|lustre|juicefs|openebs")
_MISSING: Final[Mapping[str, re.Pattern[str]]] = {
    "no-gpu-allocatable": _GPUS,
    "gpus-withdrawn": _GPUS,
    "device-claim-not-prepared": _GPUS,
    "no-gpu-in-pod": _GPUS,
    "sandbox-not-created": _NETWORK,
    "node-network-unavailable": _NETWORK,
    "node-not-ready": _NETWORK,
    "csi-driver-missing": _VOLUMES,
    "volume-not-mounted": _VOLUMES,
}
"""Cause → the agents for want of which it is found."""
DEPENDENT: Final = frozenset(_MISSING)
"""Causes that may follow from an agent of the same node that fails."""


def is_agent(pod: Pod) -> bool:
    """True if a pod is one of a DaemonSet's."""
    return pod.owner is not None and kind_of(pod.owner.kind).per_node


def provides(pod: Pod, cause: str) -> bool:
    """True if a node lacks what a cause is about where this agent of it fails."""
    words = _MISSING.get(cause)
    return words is not None and any(map(words.search, _names(pod)))


def _names(pod: Pod) -> Collection[str]:
    own = () if pod.owner is None else (pod.owner.name,)
    return (*own, *(container.image for container in pod.containers))
