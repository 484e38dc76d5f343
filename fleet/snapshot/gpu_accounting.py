"""Free GPUs by the cluster's own accounting: a node's capacity less what its pods hold.

An exporter that names no pod does not show that a GPU is free: often it is not configured to. A GPU is called free only
if the accounting says that no pod can hold it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from fleet.model.objects import FINISHED
from fleet.model.snapshot import GpuUse
from fleet.sources.kube.state import KubeState


def free_gpus(kube: KubeState) -> dict[str, tuple[int, int]]:
    """(free, allocatable) per node. Empty unless all pods are known: an unseen one may hold any of them."""
    if not kube.coverage.knows_all("pods"):
        return {}
    held: Counter[str] = Counter()
    for pod in kube.pods.values():
        if pod.gpus and pod.node and pod.phase not in FINISHED:
            held[pod.node] += pod.gpus
    return {
        name: (max(0, sum(node.gpus.values()) - held[name]), sum(node.gpus.values()))
        for name, node in kube.nodes.items()
        if node.gpus
    }


def uses(
    kube: KubeState,
    free: Mapping[str, tuple[int, int]],
    gpus_on: Mapping[str, Sequence[str]],
    holders: Mapping[str, Sequence[str]],
) -> dict[str, GpuUse]:
    """Return GPU key → its use. ``holders``: GPU key → keys of the known pods named for it."""
    unnamed = _held_without_a_name(kube, Counter(pod for pods in holders.values() for pod in pods))
    found: dict[str, GpuUse] = {}
    for node, keys in gpus_on.items():
        alone = [key for key in keys if not holders[key]]
        found.update(dict.fromkeys(keys, GpuUse.HELD))
        found.update(dict.fromkeys(alone, _use(free.get(node), unnamed[node], len(alone))))
    return found


def _use(accounted: tuple[int, int] | None, unnamed: int, alone: int) -> GpuUse:
    """Return the use of ``alone`` GPUs of a node on which no pod is named, while ``unnamed`` are held by its pods."""
    if accounted is None:
        return GpuUse.UNKNOWN
    left, _ = accounted
    if unnamed == 0 and left >= alone:
        return GpuUse.FREE
    # Fewer are free than GPUs without a pod: some are held, or not offered (unhealthy, shared, another plugin's).
    return GpuUse.UNNAMED if left == 0 and unnamed else GpuUse.UNKNOWN


def _held_without_a_name(kube: KubeState, named: Mapping[str, int]) -> Mapping[str, int]:
    """Return node → GPUs that its pods hold beyond those that exporters attribute to them."""
    found: dict[str, int] = defaultdict(int)
    for key, pod in kube.pods.items():
        if pod.gpus and pod.node and pod.phase not in FINISHED:
            found[pod.node] += max(0, pod.gpus - named.get(key, 0))
    return found
