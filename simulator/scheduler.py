"""The scheduler: binds pending pods to nodes on which they fit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from simulator.cluster import Cluster
from simulator.machines import CORDON, Machine
from simulator.objects import Object, node_address
from simulator.pods import Phase, Pod
from simulator.selection import tolerates


@dataclass(frozen=True, slots=True)
class _Candidates:
    """The nodes that pods of one template may use, and why they may not use the others."""

    open: tuple[Machine, ...]
    refused: Counter[str]


class Scheduler:
    """Considers unschedulable, taints, node selectors and free GPUs; other resources never run out."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def advance(self, now: float) -> None:
        """One look at every pod that waits, the oldest first."""
        known: dict[int, _Candidates] = {}
        for pod in list(self._cluster.pods.values()):
            if pod.phase is Phase.PENDING:
                found = known.get(id(pod.template))
                if found is None:
                    found = known[id(pod.template)] = self._candidates(pod.template)
                self._schedule(pod, found, now)

    def _candidates(self, template: Object) -> _Candidates:
        spec = template["spec"]
        tolerations = spec.get("tolerations")
        selector = spec.get("nodeSelector") or {}
        open_: list[Machine] = []
        refused: Counter[str] = Counter()
        for machine in self._cluster.machines.values():
            # In the order of the scheduler's plugins: a node counts under the first that rejects it.
            if not machine.registered:
                continue
            if machine.unschedulable and not tolerates(tolerations, CORDON):
                refused["node(s) were unschedulable"] += 1
            elif taint := machine.untolerated(tolerations):
                refused[f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value') or ''}}}"] += 1
            elif any(machine.labels.get(key) != value for key, value in selector.items()):
                refused["node(s) didn't match Pod's node affinity/selector"] += 1
            else:
                open_.append(machine)
        return _Candidates(tuple(open_), refused)

    def _schedule(self, pod: Pod, candidates: _Candidates, now: float) -> None:
        """Bind a pod to the fullest node on which it fits; an event if there is none."""
        if pod.pinned:
            fitting = [m for m in candidates.open if m.name == pod.pinned]
        else:
            wanted = sum(pod.gpu_requests.values())
            fitting = sorted(
                (m for m in candidates.open if self._fits(pod, m)), key=lambda m: (m.idle if wanted else 0, m.number)
            )
        if not fitting:
            self._unschedulable(pod, candidates, now)
            return
        self.bind(pod, fitting[0], now)

    @staticmethod
    def _fits(pod: Pod, machine: Machine) -> bool:
        return all(
            resource == machine.pool.resource and count <= machine.idle for resource, count in pod.gpu_requests.items()
        )

    def bind(self, pod: Pod, machine: Machine, now: float) -> None:
        """Assign a pod to a node and give it its GPUs."""
        pod.node = machine.name
        pod.host_ip = node_address(machine.number)
        pod.scheduled = now
        pod.gpus = machine.take(sum(pod.gpu_requests.values()), (pod.namespace, pod.name, pod.container))
        pod.enter(Phase.CREATING, now)
        message = f"Successfully assigned {pod.namespace}/{pod.name} to {machine.name}"
        self._cluster.events.record(pod, "Normal", "Scheduled", message, "default-scheduler", now)

    def _unschedulable(self, pod: Pod, candidates: _Candidates, now: float) -> None:
        short: Counter[str] = Counter()
        for machine in candidates.open:
            for resource, count in pod.gpu_requests.items():
                if resource != machine.pool.resource or count > machine.idle:
                    short[f"Insufficient {resource}"] += 1
        total = len(candidates.open) + candidates.refused.total()
        why = ", ".join(sorted(f"{count} {text}" for text, count in (candidates.refused + short).items()))
        preemption = [(len(candidates.open), "No preemption victims found for incoming pod")]
        preemption.append((candidates.refused.total(), "Preemption is not helpful for scheduling"))
        message = f"0/{total} nodes are available: {why}. no new claims to deallocate, preemption: "
        message += f"0/{total} nodes are available: "
        message += ", ".join(f"{count} {text}" for count, text in preemption if count) + "."
        if message != pod.pending_message:
            pod.pending_message = message
            pod.dirty = True
            self._cluster.events.record(pod, "Warning", "FailedScheduling", message, "default-scheduler", now)
