"""All controllers together, each after those that its work depends on."""

from __future__ import annotations

from simulator.cluster import Cluster
from simulator.controllers.autoscalers import Autoscalers
from simulator.controllers.budgets import Budgets
from simulator.controllers.changes import Changes
from simulator.controllers.daemon_sets import DaemonSets
from simulator.controllers.deployments import Deployments
from simulator.controllers.endpoints import Endpoints
from simulator.controllers.garbage import collect
from simulator.controllers.leader_worker_sets import LeaderWorkerSets
from simulator.controllers.replica_sets import ReplicaSets
from simulator.controllers.scaled_objects import ScaledObjects
from simulator.controllers.stateful_sets import StatefulSets
from simulator.pods import Pod


class Controllers:
    """kube-controller-manager and the operators, run once a second."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._changes = Changes(cluster)
        self._deployments = Deployments(cluster)
        self._replica_sets = ReplicaSets(cluster)
        self._leader_worker_sets = LeaderWorkerSets(cluster)
        self._stateful_sets = StatefulSets(cluster)
        self._daemon_sets = DaemonSets(cluster)
        self._budgets = Budgets(cluster)
        self._scaled_objects = ScaledObjects(cluster)
        self.autoscalers = Autoscalers(cluster)
        self.endpoints = Endpoints(cluster)

    def run(self, now: float, *, autoscale: bool) -> None:
        """One look of each controller at its objects; of the autoscalers only where it is their time, and of those of
        workloads where something has changed.
        """
        self._scaled_objects.reconcile(now)
        if autoscale:
            self.autoscalers.reconcile(now)
        if self._changes.take(now):
            self._manage_workloads(now)
        self._daemon_sets.reconcile(now)
        self.follow_pods(now)

    def _manage_workloads(self, now: float) -> None:
        collect(self._cluster, now)
        self._deployments.roll(now)
        self._replica_sets.reconcile(now)
        self._deployments.report(now)
        self._leader_worker_sets.arrange(now)
        self._stateful_sets.reconcile(now)
        self._leader_worker_sets.report(now)

    def follow_pods(self, now: float) -> None:
        """Endpoints and budgets follow the pods that came, went or changed."""
        touched = self._changed_pods()
        self.endpoints.reconcile(touched)
        self._budgets.reconcile(touched, now)

    def _changed_pods(self) -> dict[str, list[Pod]]:
        """The pods of the namespaces where a pod came, went or changed since the last look."""
        pods = self._cluster.pods.values()
        touched: dict[str, list[Pod]] = {name: [] for name in self._cluster.owned.touched}
        for pod in pods:
            if pod.dirty:
                touched.setdefault(pod.namespace, [])
        if touched:
            for pod in pods:
                if pod.namespace in touched:
                    touched[pod.namespace].append(pod)
        return touched
