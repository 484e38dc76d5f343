"""Raw node → :class:`~fleet.model.objects.Node`."""

from __future__ import annotations

from fleet.json_fields import Raw, mapping, mappings, moment, text
from fleet.model.gpu_vendors import product_labels
from fleet.model.objects import Node
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.project.common_fields import conditions
from fleet.sources.kube.project.gpu import devices_of_resources, gpus_of_node, gpus_of_resources


def project_node(raw: Raw, interner: Interner) -> Node:
    """The row of a node."""
    metadata, spec, status = mapping(raw, "metadata"), mapping(raw, "spec"), mapping(raw, "status")
    share = interner.share
    found = conditions(status, interner)
    labels = interner.strings(metadata.get("labels"))
    addresses = {text(address, "type"): text(address, "address") for address in mappings(status, "addresses")}
    return Node(
        name=share(text(metadata, "name")),
        uid=text(metadata, "uid"),
        resource_version=text(metadata, "resourceVersion"),
        created=moment(metadata, "creationTimestamp") or 0.0,
        ready=next((condition.status for condition in found if condition.type == "Ready"), "Unknown"),
        unschedulable=spec.get("unschedulable") is True,
        labels=labels,
        taints=tuple(
            (share(text(taint, "key")), share(text(taint, "value")), share(text(taint, "effect")))
            for taint in mappings(spec, "taints")
        ),
        conditions=found,
        gpus=gpus_of_resources(mapping(status, "allocatable")),
        devices=devices_of_resources(mapping(status, "allocatable")),
        gpu_product=next((labels[name] for name in product_labels() if name in labels), ""),
        address=addresses.get("InternalIP", ""),
        kubelet=share(text(mapping(status, "nodeInfo"), "kubeletVersion")),
        gpu_capacity=gpus_of_node(status, labels),
    )
