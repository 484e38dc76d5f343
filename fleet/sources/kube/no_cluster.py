"""Placeholder for a cluster that cannot be addressed: no kubeconfig, a broken one, an unknown context.

The console starts all the same: it shows the error as the cluster's status, shows what Prometheus knows, and lets the
user choose another context.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import NoReturn

from fleet.model.snapshot import Cluster, Health, SourceStatus
from fleet.net.bodies import Limit
from fleet.sources.kube.client import JSON, READ_TIMEOUT
from fleet.sources.kube.errors import KubeconfigError
from fleet.sources.kube.state import KubeState


class AbsentKubernetes:
    """Has the interface of a KubernetesSource and of its client; every request fails with the same error."""

    def __init__(self, error: KubeconfigError, context: str = "", namespace: str = "") -> None:
        self._error = error
        status = SourceStatus("kubernetes", Health.DOWN, since=time.time(), problem=error.message, remedy=error.remedy)
        self._status = status
        self._state = KubeState(0, Cluster(context=context, namespace=namespace))

    @property
    def client(self) -> AbsentKubernetes:
        """Return itself: there is no client."""
        return self

    async def start(self) -> None:
        """Do nothing: there is nothing to start."""

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""

    async def wait_synced(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 -- as KubernetesSource has it
        """Return False at once: it never syncs."""
        del timeout
        return False

    def select_namespace(self, namespace: str) -> None:
        """Select another namespace, for Prometheus' data."""
        self._state = replace(self._state, cluster=replace(self._state.cluster, namespace=namespace))

    def tick(self) -> None:
        """Do nothing: nothing is counted."""

    def refresh(self) -> None:
        """Do nothing: there is nothing to refresh."""

    def state(self) -> KubeState:
        """No objects."""
        return self._state

    def statuses(self) -> tuple[SourceStatus, ...]:
        """Return why there are no objects."""
        return (self._status,)

    async def get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        accept: str = JSON,
        timeout: float = READ_TIMEOUT,  # noqa: ASYNC109 -- as KubeClient has it
        limit: Limit | None = None,
    ) -> NoReturn:
        """Raises the KubeconfigError."""
        del path, query, accept, timeout, limit
        raise KubeconfigError(self._error.message, self._error.remedy)
