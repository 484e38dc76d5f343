"""GPUs that a pod template asks for, and that a node offers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from fleet.kube.project.fields import Raw, mapping, mappings, text

_NAMES = frozenset({"nvidia.com/gpu", "nvidia.com/gpu.shared", "amd.com/gpu"})
_PREFIXES = ("nvidia.com/mig-", "gpu.intel.com/")
# The Intel plugin also counts things that are not devices (memory, millicores, tiles, access to monitoring).
_NOT_DEVICES = ("gpu.intel.com/memory", "gpu.intel.com/millicores", "gpu.intel.com/tiles", "gpu.intel.com/monitoring")


def is_gpu(resource: str) -> bool:
    """Whether an extended resource is a GPU or a slice of one."""
    if resource in _NAMES:
        return True
    if not resource.startswith(_PREFIXES):
        return False
    return not resource.startswith(_NOT_DEVICES) and not resource.endswith("_monitoring")


def gpus_of_resources(quantities: Raw) -> dict[str, int]:
    """The GPU entries of a resource list; extended resources are whole numbers, written as text."""
    found = {}
    for name, quantity in quantities.items():
        if not is_gpu(name):
            continue
        try:
            count = int(quantity)
        except (TypeError, ValueError):
            continue
        if count > 0:
            found[name] = count
    return found


def container_gpus(container: Raw) -> dict[str, int]:
    """GPUs of one container. Limits decide: for extended resources requests equal them, and may be left out."""
    resources = mapping(container, "resources")
    return gpus_of_resources(mapping(resources, "limits")) or gpus_of_resources(mapping(resources, "requests"))


def pod_gpus(spec: Raw) -> tuple[int, str]:
    """The GPUs that a pod of this spec holds, and the resource that most of them are of (empty for none).

    As the scheduler counts: the larger of what runs together (containers and sidecars) and of each init container
    with the sidecars started before it.
    """
    sidecars: Counter[str] = Counter()
    peak: dict[str, int] = {}
    for container in mappings(spec, "initContainers"):
        gpus = container_gpus(container)
        if text(container, "restartPolicy") == "Always":
            sidecars.update(gpus)
            gpus = {}
        _raise_to(peak, sidecars + Counter(gpus))
    running = Counter(sidecars)
    for container in mappings(spec, "containers"):
        running.update(container_gpus(container))
    _raise_to(peak, running)
    if not peak:
        return 0, ""
    return sum(peak.values()), max(peak, key=lambda name: peak[name])


def _raise_to(peak: dict[str, int], gpus: Mapping[str, int]) -> None:
    for name, count in gpus.items():
        peak[name] = max(peak.get(name, 0), count)
