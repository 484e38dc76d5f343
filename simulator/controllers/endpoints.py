"""EndpointSlices: the pods behind each Service, and whether they may get requests."""

from __future__ import annotations

import math
from collections.abc import Sequence

from simulator import objects, templates
from simulator.cluster import Cluster
from simulator.objects import Object
from simulator.pods import Phase, Place, Pod
from simulator.selection import matches

PER_SLICE = 100
"""Endpoints in one EndpointSlice."""


class Endpoints:
    """All Services; `ready` has the pods that may get a Service's requests, for who routes them."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.ready: dict[Place, list[Pod]] = {}
        self._seen: dict[Place, int] = {}
        """The resourceVersion of each Service when its endpoints were made."""

    def reconcile(self, touched: dict[str, list[Pod]]) -> None:
        """Update Services that changed, and those of namespaces whose pods did (with all their pods)."""
        store = self._cluster.store
        services = store.table("v1", "Service").entries
        for place in self.ready.keys() - services.keys():
            del self.ready[place], self._seen[place]
        for place, entry in services.items():
            if place[0] not in touched and self._seen.get(place) == entry.version:
                continue
            self._seen[place] = entry.version
            selector = entry.obj["spec"].get("selector")
            if not selector:
                self.ready[place] = []
                continue
            pods = touched.get(place[0]) or self._cluster.pods_in(place[0])
            chosen = [pod for pod in pods if pod.started and matches({"matchLabels": selector}, pod.labels)]
            self.ready[place] = [pod for pod in chosen if pod.ready]
            self._write(entry.obj, chosen)

    def _write(self, service: Object, pods: Sequence[Pod]) -> None:
        store = self._cluster.store
        count = max(1, math.ceil(len(pods) / PER_SLICE))
        ports = [_port(port, pods) for port in service["spec"].get("ports") or ()]
        for number in range(count):
            part = [_endpoint(pod) for pod in pods[number * PER_SLICE : (number + 1) * PER_SLICE]]
            store.put(objects.endpoint_slice(service, number, part, ports))
        meta = service["metadata"]
        while store.get("discovery.k8s.io/v1", "EndpointSlice", meta["namespace"], objects.slice_name(service, count)):
            store.delete("discovery.k8s.io/v1", "EndpointSlice", meta["namespace"], objects.slice_name(service, count))
            count += 1


def _port(port: Object, pods: Sequence[Pod]) -> Object:
    """Return the port of the pods: the number that `targetPort` gives, or the container port that has its name."""
    number = port.get("targetPort", port["port"])
    if isinstance(number, str):
        number = next((found for pod in pods for found in [templates.named_port(pod.template, number)] if found), 0)
    return {"name": port.get("name", ""), "protocol": port.get("protocol", "TCP"), "port": number or port["port"]}


def _endpoint(pod: Pod) -> Object:
    return {
        "addresses": [pod.ip],
        "conditions": {"ready": pod.ready, "serving": pod.serving, "terminating": pod.phase is Phase.TERMINATING},
        "targetRef": {"kind": "Pod", "namespace": pod.namespace, "name": pod.name, "uid": pod.uid},
        "nodeName": pod.node,
    }
