"""The Services of a cluster that may be a monitoring product: which are trusted, and how they are reached.

Everything goes through the API server's service proxy, with the user's permissions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import orjson

from fleet.json_fields import mapping, mappings, text
from fleet.metrics.pod_roles import runs_engine
from fleet.model.problem import SourceProblem
from fleet.net.bodies import Limit
from fleet.sources.kube.client import ANY, JSON
from fleet.sources.kube.errors import ClusterError, KubeconfigError, KubeError
from fleet.sources.kube.state import KubeState
from fleet.sources.prometheus.discovery import candidates
from fleet.sources.prometheus.products import StoreProduct
from fleet.sources.prometheus.transport import PrometheusEndpoint, through_loop
from fleet.sources.prometheus.trust import OperatorResource, Sorted, Trust, sort
from fleet.sources.scrape.collector import Getter


class Services:
    """Finds a product among the Services. ``limit`` holds for each of its answers, ``timeout`` seconds for each."""

    def __init__(self, client: Getter, product: StoreProduct, trust: Trust, timeout: float, limit: Limit) -> None:
        self._client = client
        self._product = product
        self._trust = trust
        self._timeout = timeout
        self._limit = limit

    async def sort(self, state: KubeState) -> Sorted:
        """Return the candidates, by whether they may be contacted. Reads the operators' resources if necessary."""
        found = candidates(state.services.values(), self._product.known)
        engines = {pod.namespace for pod in state.pods.values() if runs_engine(pod)}
        sorted_services = sort(found, state.services, self._trust, with_engines=engines)
        if not sorted_services.offered:
            return sorted_services
        operated = [one for kind, path in self._product.operated.items() for one in await self._operated(kind, path)]
        return sort(found, state.services, self._trust, operated, engines)

    def endpoint(self, path: str) -> PrometheusEndpoint:
        """The endpoint at a path of the API server: the proxy of a Service or of a pod."""
        fetch = through_loop(self._get, asyncio.get_running_loop(), self._timeout + 1)
        return PrometheusEndpoint(url=path, timeout=self._timeout, proxy=fetch, product=self._product)

    async def _operated(self, kind: str, path: str) -> list[OperatorResource]:
        """The resources of an operator; none where there is no such operator, or they may not be listed."""
        try:
            answer = await self._client.get(path, accept=JSON, timeout=self._timeout, limit=self._limit)
            document = answer.json()
        except ClusterError:
            return []
        items = mappings(document if isinstance(document, dict) else {}, "items")
        every = (mapping(raw, "metadata") for raw in items)
        return [OperatorResource(kind, text(metadata, "namespace"), text(metadata, "name")) for metadata in every]

    async def _get(self, path: str) -> tuple[int, Mapping[str, str], bytes]:
        try:
            answer = await self._client.get(path, accept=ANY, timeout=self._timeout, limit=self._limit)
        except KubeconfigError as error:
            raise SourceProblem(error.message, error.remedy) from error
        except KubeError as error:
            if not error.status:
                raise SourceProblem(error.message, error.remedy) from error
            body = orjson.dumps({"status": "error", "error": error.message})
            return error.status, {"Content-Type": JSON}, body
        # Its date reveals a clock jump.
        dated = {name: answer.headers[name] for name in ("Date",) if name in answer.headers}
        return answer.status, {"Content-Type": answer.content_type} | dated, answer.body
