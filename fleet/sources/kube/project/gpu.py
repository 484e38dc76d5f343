"""GPUs and other devices that a pod template requests, and that a node offers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from fleet.json_fields import Raw, mapping, mappings, text
from fleet.model.gpu_vendors import counted_cards, is_gpu


def is_extended(resource: str) -> bool:
    """True if a device plugin offers it: a name with a domain that is not Kubernetes' own.

    TPUs, NPUs, Gaudi, Neuron, MIG slices, network cards for RDMA: the scheduler counts all of them alike.
    """
    domain, slash, _ = resource.partition("/")
    ours = domain == "kubernetes.io" or domain.endswith(".kubernetes.io") or domain.startswith("requests.")
    return bool(slash) and not ours


def gpus_of_resources(quantities: Raw) -> dict[str, int]:
    """The GPU entries of a resource list."""
    return _count(quantities, is_gpu)


def gpus_of_node(status: Raw, labels: Mapping[str, str]) -> dict[str, int]:
    """Return the GPUs that a node has, allocatable or not.

    The kubelet sets the capacity of a device plugin that has been gone for five minutes to 0, and a plugin that has
    started anew counts only the cards that its driver still finds: the labels of the feature discovery count them all.
    """
    capacity = mapping(status, "capacity")
    found, cards = gpus_of_resources(capacity), counted_cards(labels)
    if not found:
        return {name: count for name, count in cards.items() if capacity.get(name) == "0"}
    # Cards that are split are counted by their parts.
    return {name: max(count, cards.get(name, 0)) for name, count in found.items()} if len(found) == 1 else found


def devices_of_resources(quantities: Raw) -> dict[str, int]:
    """The extended resources of a resource list, GPUs among them."""
    return _count(quantities, is_extended)


def container_gpus(container: Raw) -> dict[str, int]:
    """GPUs of one container. Limits decide: for extended resources requests equal them, and may be left out."""
    return _demand(container, gpus_of_resources)


def pod_gpus(spec: Raw) -> tuple[int, str]:
    """The GPUs that a pod of this spec holds, and the resource that most of them are of (empty for none)."""
    peak = _peak(spec, gpus_of_resources)
    if not peak:
        return 0, ""
    return sum(peak.values()), max(peak, key=lambda name: peak[name])


def pod_devices(spec: Raw) -> dict[str, int]:
    """Return every extended resource that a pod of this spec holds, the principal one first.

    That is a GPU if it has one, else the most numerous: accelerators outnumber network cards.
    """
    peak = _peak(spec, devices_of_resources)
    return dict(sorted(peak.items(), key=lambda item: (not is_gpu(item[0]), -item[1], item[0])))


def claims_devices(spec: Raw) -> bool:
    """True if it gets devices by resource claims (dynamic resource allocation): their number is not in its spec."""
    return any(True for _ in mappings(spec, "resourceClaims"))


def _count(quantities: Raw, wanted: Callable[[str], bool]) -> dict[str, int]:
    """Extended resources are whole numbers, written as text; thousands may be written as ``2k``."""
    found = {}
    for name, quantity in quantities.items():
        if not wanted(name):
            continue
        written = str(quantity)
        digits = written.removesuffix("k")
        if digits.isdigit() and (count := int(digits) * (1 if digits == written else 1000)):
            found[name] = count
    return found


def _demand(container: Raw, of: Callable[[Raw], dict[str, int]]) -> dict[str, int]:
    resources = mapping(container, "resources")
    return of(mapping(resources, "limits")) or of(mapping(resources, "requests"))


def _peak(spec: Raw, of: Callable[[Raw], dict[str, int]]) -> dict[str, int]:
    """Return the peak, as the scheduler counts: the larger of all that runs together and of each init container
    with the sidecars started before it.
    """
    sidecars: Counter[str] = Counter()
    peak: dict[str, int] = {}
    for container in mappings(spec, "initContainers"):
        asked = _demand(container, of)
        if text(container, "restartPolicy") == "Always":
            sidecars.update(asked)
            asked = {}
        _raise_to(peak, sidecars + Counter(asked))
    running = Counter(sidecars)
    for container in mappings(spec, "containers"):
        running.update(_demand(container, of))
    _raise_to(peak, running)
    return peak


def _raise_to(peak: dict[str, int], gpus: Mapping[str, int]) -> None:
    for name, count in gpus.items():
        peak[name] = max(peak.get(name, 0), count)
