"""Discovery of a Prometheus API among the cluster's Services, if none is configured.

Well-known installations are recognised by the names and labels of their charts; a match is only a candidate until it
has answered a query, and one that has engines is preferred.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from fleet.dataclass import dataclass
from fleet.metrics.registry import ENGINES
from fleet.model.objects import Service
from fleet.model.problem import SourceProblem
from fleet.net.plain_url import segment
from fleet.sources.prometheus.products import PROMETHEUS, ChartService
from fleet.workers import Workers

if TYPE_CHECKING:
    from fleet.sources.prometheus.transport import PrometheusEndpoint

_TIMEOUT = 5.0
"""Seconds for one candidate to answer."""


_TLS_PORTS = (443, 9091, 9094)
"""OpenShift's monitoring answers TLS on 9091, its Alertmanager on 9094."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A Service that may be a Prometheus API."""

    product: str
    namespace: str
    name: str
    port: int
    path: str = ""

    @property
    def proxy_path(self) -> str:
        """Path at the API server's service proxy: the ``url`` of a proxied PrometheusEndpoint."""
        scheme = "https:" if self.port in _TLS_PORTS else ""
        where = f"/api/v1/namespaces/{segment(self.namespace)}/services/{scheme}{segment(self.name)}"
        return f"{where}:{self.port}/proxy{self.path}"

    def __str__(self) -> str:
        return f"{self.product} {self.namespace}/{self.name}:{self.port}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """The result of trying one candidate: the number of ``engines`` in it, or what is wrong."""

    candidate: Candidate
    engines: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Discovery:
    """The endpoint to use, None where no candidate answers, and everything that was tried."""

    endpoint: PrometheusEndpoint | None
    attempts: tuple[Attempt, ...]


def candidates(services: Iterable[Service], known: Sequence[ChartService] = PROMETHEUS.known) -> list[Candidate]:
    """The Services that look like one of the known products, the likeliest first."""
    found: list[tuple[tuple[int, int, str], Candidate]] = []
    for service in services:
        for rank, product in enumerate(known):
            named = re.fullmatch(product.name, service.name) is not None
            labelled = any(service.labels.get(label) == value for label, value in product.labels)
            port = _port(service, product)
            if (named or labelled) and port:
                order = (rank, 0 if named else 1, service.key)
                found.append((order, Candidate(product.product, service.namespace, service.name, port, product.path)))
                break
    return [candidate for _, candidate in sorted(found, key=lambda pair: pair[0])]


def _port(service: Service, known: ChartService) -> int:
    numbers = [number for _, number in service.ports]
    return next((port for port in known.ports if port in numbers), 0)


async def find(
    among: Iterable[Candidate],
    endpoint_of: Callable[[Candidate], PrometheusEndpoint],
) -> Discovery:
    """Try the candidates in turn; take the first that has engines, else the first that answers.

    ``endpoint_of`` returns how a candidate is reached (through the API server's proxy, or from inside the cluster).
    """
    attempts: list[Attempt] = []
    answered: PrometheusEndpoint | None = None
    loop = asyncio.get_running_loop()
    worker = Workers(1, "find-prometheus")
    try:
        for candidate in among:
            endpoint = endpoint_of(candidate)
            attempt = await loop.run_in_executor(worker, _try, candidate, endpoint)
            attempts.append(attempt)
            if attempt.engines:
                return Discovery(endpoint, tuple(attempts))
            if not attempt.problem and answered is None:
                answered = endpoint
    finally:
        worker.shutdown(wait=False, cancel_futures=True)
    return Discovery(answered, tuple(attempts))


def _try(candidate: Candidate, endpoint: PrometheusEndpoint) -> Attempt:
    from fleet.metrics.promql import selector
    from fleet.metrics.queries import running_names
    from fleet.sources.prometheus.api import PrometheusApi

    api = PrometheusApi(replace(endpoint, timeout=min(endpoint.timeout, _TIMEOUT)))
    # By exact names, which every store supports.
    running = " or ".join(selector(name, member.where) for member in ENGINES for name in running_names(member))
    try:
        result = api.query(f"count({running})", api.now())
    except SourceProblem as problem:
        return Attempt(candidate, problem=problem.message)
    finally:
        api.close()
    return Attempt(candidate, engines=int(float(result[0]["value"][1])) if result else 0)
