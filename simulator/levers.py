"""Levers on the simulated fleet from outside its API: the causes that scenarios are made of."""

from __future__ import annotations

from collections.abc import Mapping

from simulator import logs, templates
from simulator.blueprint import WorkloadSpec
from simulator.cluster import Cluster
from simulator.inventory import CHANGE_CAUSE, cause
from simulator.kubelet import Fate, Kubelet
from simulator.nodes import lose_gpu
from simulator.objects import Object, annotated
from simulator.pods import Pod
from simulator.traffic import Traffic
from simulator.writes import put_spec


class Levers:
    """Acts on workloads by name; names are unique across namespaces. Raises KeyError for an unknown one."""

    def __init__(
        self,
        cluster: Cluster,
        kubelet: Kubelet,
        workloads: Mapping[tuple[str, str], WorkloadSpec],
        traffic: Mapping[tuple[str, str], Traffic],
    ) -> None:
        self._cluster = cluster
        self._kubelet = kubelet
        self._places = {name: (namespace, name) for namespace, name in workloads}
        self._workloads = workloads
        self._traffic = traffic

    def demand(self, workload: str, factor: float, longer_prompts: float = 1.0, longer_answers: float = 1.0) -> None:
        """Users ask `factor` times as often, with prompts and answers so many times as long."""
        traffic = self._traffic[self._places[workload]]
        traffic.factor, traffic.longer_prompts, traffic.longer_answers = factor, longer_prompts, longer_answers

    def demand_all(self, factor: float) -> None:
        """The same for everybody's rate."""
        for traffic in self._traffic.values():
            traffic.factor = factor

    def block_cooling(self, workload: str, cooling: float) -> None:
        """The GPUs of the first pod lose their cooling but for a share."""
        for pod in self._first(workload):
            for gpu in pod.gpus:
                gpu.cooling = cooling

    def hang(self, workload: str) -> None:
        """Hang the engine loop of the first pod; its HTTP server continues."""
        for pod in self._first(workload):
            if pod.server:
                pod.server.engine.stuck = True

    def lose_gpu(self, workload: str, xid: int, now: float) -> None:
        """A GPU falls off the bus; the engine on it dies and finds no device when it starts again.

        It is one of a pod on the node with the most free GPUs, where a replacement finds others.
        """
        ready = [pod for pod in self._pods(workload) if pod.ready]
        for pod in sorted(ready, key=lambda pod: -self._cluster.machines[pod.node].idle)[:1]:
            lose_gpu(self._cluster, pod.gpus[-1], xid, now)
            self._kubelet.kill(pod, now, Fate(0.0, 1, "Error", logs.GPU_FELL_OFF))

    def fail_starts(self, workload: str, fate: Fate, revision: str = "") -> None:
        """Make containers of a workload (of one revision, if given) end with `fate`."""
        self._kubelet.fates[workload, revision] = fate

    def slow_down(self, workload: str, revision: str, factor: float) -> None:
        """A revision of a model runs slower by `factor`."""
        self._kubelet.slow[workload, revision] = factor

    def crash(self, workload: str, now: float) -> None:
        """End the process of the first pod with its revision's fate."""
        for pod in self._first(workload):
            self._kubelet.kill(pod, now, self._kubelet.fates[workload, templates.revision(pod.template)])

    def delete_pods(self, workload: str, now: float) -> None:
        """All pods of a workload are deleted by force; its controller starts new ones."""
        for pod in self._pods(workload):
            self._cluster.terminate(pod, now, grace=0.0)

    def scale(self, workload: str, replicas: int) -> None:
        """Scale a workload as a user would."""
        obj = self._object(workload)
        put_spec(self._cluster.store, obj, {"replicas": replicas})

    def crowd(self, workload: str, waiting: int) -> None:
        """Scale a workload so far that this many replicas find no free GPU."""
        spec = self._workloads[self._places[workload]]
        fit = sum(m.idle // spec.gpus for m in self._cluster.machines.values() if m.pool.name == spec.pool)
        self.scale(workload, len(self._pods(workload)) + fit + waiting)

    def roll_out(self, workload: str, revision: str) -> None:
        """Change the model's revision in the pod template as a user would."""
        obj = self._object(workload)
        template = obj["spec"]["template"]
        container = template["spec"]["containers"][0]
        args = list(container["args"])
        args[args.index("--revision") + 1] = revision
        containers = [container | {"args": args}]
        why = cause(container["image"].partition(":v")[2], revision)
        change = {"template": template | {"spec": template["spec"] | {"containers": containers}}}
        put_spec(self._cluster.store, annotated(obj, CHANGE_CAUSE, why), change)

    def _object(self, workload: str) -> Object:
        place = self._places[workload]
        obj = self._cluster.store.get("apps/v1", self._workloads[place].kind, *place)
        if obj is None:
            raise KeyError(workload)
        return obj

    def _pods(self, workload: str) -> list[Pod]:
        place = self._places[workload]
        return sorted(
            (
                pod
                for pod in self._cluster.pods.values()
                if pod.workload and (pod.workload.namespace, pod.workload.name) == place and pod.alive
            ),
            key=lambda pod: pod.name,
        )

    def _first(self, workload: str) -> list[Pod]:
        """The first ready pod, or none if there is none."""
        return [pod for pod in self._pods(workload) if pod.ready][:1]
