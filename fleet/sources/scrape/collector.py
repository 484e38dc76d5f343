"""Scrapes in a cluster: how the pods are reached, which are scraped, and what is reported if they do not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import field, replace
from enum import StrEnum
from typing import NamedTuple, Protocol, cast

from fleet.dataclass import dataclass
from fleet.metrics.pod_roles import gateway_or_exporter, runs_engine, unread
from fleet.metrics.products import exports_gpus
from fleet.model.addresses import Addresses, pod_of_engine
from fleet.model.counting import share
from fleet.model.measurement import EngineId, Measurement
from fleet.model.objects import Pod
from fleet.model.problem import ClearTextError, NoMetricsError, SourceProblem
from fleet.model.snapshot import Health
from fleet.net.bodies import Limit, limits
from fleet.net.redirect import RedirectError
from fleet.sources.kube.client import TEXT
from fleet.sources.kube.errors import ClusterError, ForbiddenError, NotFoundError, NotKubernetesError
from fleet.sources.kube.responses import Response
from fleet.sources.kube.state import KubeState
from fleet.sources.scrape.fetch import wants_tls
from fleet.sources.scrape.pod_access import PodAccess, PodCredentials
from fleet.sources.scrape.source import ScrapeLimits, ScrapeSource
from fleet.sources.scrape.target import ScrapeTarget
from fleet.sources.scrape.targets import Endpoint, Via, endpoints, split_ambiguous
from fleet.sources.status import StatusKeeper, unforeseen

SCRAPE = "scrape"
"""Name of this source."""
PROBE = 1.5
"""Seconds to a TCP connection with a pod before its IP counts as out of reach."""
PROBES = 3
"""Pods that are tried: one may be down, three of three are a network that does not reach the console."""
RECONSIDER = 60.0
"""Seconds after which a failed way to the pods is tried again."""
NAMED = 5
"""Targets that a status names one by one; the rest are counted."""


class ScrapedPart(StrEnum):
    """A part of a fleet that may be scraped where no Prometheus has it."""

    ENGINES = "engines"
    GPUS = "GPUs"
    GATEWAYS = "gateways"


class ScrapeScope(NamedTuple):
    """The parts of a fleet that no store of metrics has, and that are to be scraped."""

    parts: frozenset[ScrapedPart]
    """Gateways or GPUs, if the stores have none at all."""
    engines: tuple[EngineId, ...]
    """The engines that the stores have: other pods' engines are missing."""

    @classmethod
    def of(cls, asked: Measurement) -> ScrapeScope:
        """Return what is missing from a measurement."""
        have = {ScrapedPart.GPUS: asked.gpus, ScrapedPart.GATEWAYS: asked.gateways}
        return cls(frozenset(part for part, rows in have.items() if not rows), asked.engines)


def _part(pod: Pod) -> ScrapedPart | None:
    """Return the role of a pod; None if it has no metrics to scrape."""
    if exports_gpus(pod):
        return ScrapedPart.GPUS
    if runs_engine(pod):
        return ScrapedPart.ENGINES
    return ScrapedPart.GATEWAYS if gateway_or_exporter(pod) is not None else None


def _unread(pod: Pod) -> str:
    return unread(pod) if pod.phase == "Running" else ""


class _Role(NamedTuple):
    """The part of the fleet that a pod is, and why the metrics of its engine are not read."""

    pod: Pod
    part: ScrapedPart | None
    unread: str

    @classmethod
    def of(cls, pod: Pod) -> _Role:
        return cls(pod, _part(pod), _unread(pod))


class _Endpoints(NamedTuple):
    """The endpoints of a pod, and why the metrics of its engine are not read."""

    pod: Pod
    endpoints: list[Endpoint]
    unread: str


class Getter(Protocol):
    """The part of the Kubernetes client that is used here."""

    async def get(
        self,
        path: str,
        *,
        accept: str,
        timeout: float,  # noqa: ASYNC109 -- handed on
        limit: Limit | None = None,
    ) -> Response:
        """One GET on the API server. Raises ClusterError."""
        ...


@dataclass(frozen=True, slots=True)
class ScrapeCollectorSettings:
    """``via`` None: the pod IP where it can be reached, else the API server's proxy."""

    ports: tuple[int, ...] = (8000,)
    path: str = "/metrics"
    via: Via | None = None
    scrape: ScrapeLimits = field(default_factory=ScrapeLimits)
    access: PodAccess = field(default_factory=PodAccess)


class ScrapeCollector:
    """Direct scrapes of the pods of one cluster."""

    def __init__(self, client: Getter, settings: ScrapeCollectorSettings, now: float) -> None:
        self._client = client
        self._settings = settings
        self._source = ScrapeSource(settings.scrape)
        self._credentials = PodCredentials(settings.access)
        self._via = settings.via
        self._tried = float("-inf")
        self._one_was_ready = False
        """True if a pod was ready at the last look for a way."""
        self._unreached = ""
        self._found_in: object = None
        self._endpoints: list[Endpoint] = []
        self._asked: dict[str, _Endpoints] = {}
        """Endpoints of each pod."""
        self._what: dict[str, _Role] = {}
        """Role of each pod."""
        self._made: dict[int, tuple[Endpoint, ScrapeTarget]] = {}
        """The target of each endpoint, by the identity of the endpoint."""
        self._made_for: tuple[object, ...] = ()
        self._lacking_in: tuple[object, ScrapeScope] | None = None
        self._lacked: list[Endpoint] = []
        self._unclear: dict[str, str] = {}
        self._unread: dict[str, str] = {}
        self.keeper = StatusKeeper(SCRAPE, Health.STARTING, now)

    async def measure_or_say(self, state: KubeState, now: float, only: ScrapeScope | None = None) -> Measurement | None:
        """Measure as ``measure`` does; an unexpected error becomes a failure of this source only."""
        try:
            return await self.measure(state, now, only)
        except Exception as error:  # noqa: BLE001 - whatever it is, the source must say so and be asked again
            found = unforeseen(error)
            self.keeper.report(Health.DOWN, now, problem=found.message, remedy=found.remedy)
            return None

    async def measure(self, state: KubeState, now: float, only: ScrapeScope | None = None) -> Measurement | None:
        """Scrape every engine, gateway and GPU exporter once; None if there are no targets, or no way to them.

        ``only``: the missing parts, if the rest is measured otherwise. A failure is then not an outage.
        """
        found = self._find_lacking(state, only) if only is not None else self._find(state)
        if not found:
            nobody = "no pod names a model to serve, so there is nothing to scrape"
            silent = self._unclear | self._unread
            why = next((f"{target}: {reason}" for target, reason in sorted(silent.items())), nobody)
            self._rest(now, "" if only else why)
            return None
        via = await self._way(found, now)
        if via is None and not self._one_was_ready:
            # Pods that do not run answer nowhere: that is no outage of this source.
            self._rest(now, "" if only else _NONE_READY)
            return None
        if via is None:
            self._source.pause()
            health = Health.OFF if only else Health.DOWN
            self.keeper.report(health, now, problem=self._unreached, remedy=_NO_WAY)
            return None
        self._credentials.read()
        measurement = await self._source.measure(self._targets(found, via), now)
        self._judge(measurement, found, via, now, only)
        return measurement

    def switch_off(self, now: float) -> None:
        """Stop while not needed."""
        self._forget_all_endpoints()
        self._rest(now)

    def _rest(self, now: float, why: str = "") -> None:
        """Drop earlier scrapes: they would be old when the next one begins."""
        self._source.forget()
        if self.keeper.status.health is not Health.OFF or self.keeper.status.problem != why:
            self.keeper.report(Health.OFF, now, problem=why)

    @property
    def works(self) -> bool:
        """The last scrape brought something."""
        return self.keeper.status.health in (Health.LIVE, Health.DEGRADED)

    def refresh(self) -> None:
        """Look for a way at the next measurement, whenever the last look was, and ask every target."""
        self._tried = float("-inf")
        self._source.refresh()

    async def close(self) -> None:
        """Close the connections."""
        await self._source.close()

    def _targets(self, found: Sequence[Endpoint], via: Via) -> list[ScrapeTarget]:
        """Return the targets of endpoints, each made again for another endpoint, way or credentials alone."""
        made_for = via, self._credentials.used
        before = self._made if made_for == self._made_for else {}
        self._made_for = made_for
        self._made = {id(one): before.get(id(one)) or (one, self._target(one, via)) for one in found}
        return [target for _, target in self._made.values()]

    def _target(self, endpoint: Endpoint, via: Via) -> ScrapeTarget:
        target = endpoint.target(via, self._fetch)
        if via is Via.POD_IP and not exports_gpus(endpoint.pod):
            target = self._credentials.of_engine(target)
        if endpoint.tls:
            return target
        return replace(target, over_tls=self._target(replace(endpoint, tls=True), via))

    def _find(self, state: KubeState) -> list[Endpoint]:
        """Return the endpoints of all pods. Unchanged pods are not examined again."""
        if self._found_in is not state.pods:
            self._found_in = state.pods
            before, self._asked = self._asked, {}
            for key, pod in state.pods.items():
                known = before.get(key)
                self._asked[key] = known if known is not None and known.pod is pod else self._endpoints_of(pod)
            self._unread = {key: asked.unread for key, asked in self._asked.items() if asked.unread}
            every = (endpoint for asked in self._asked.values() for endpoint in asked.endpoints)
            self._endpoints, self._unclear = split_ambiguous(every)
        return self._endpoints

    def _forget_all_endpoints(self) -> None:
        """Forget the endpoints of all pods: while a store has the engines, they are a kilobyte for each pod."""
        self._found_in, self._asked, self._endpoints, self._made = None, {}, [], {}

    def _endpoints_of(self, pod: Pod) -> _Endpoints:
        return _Endpoints(pod, endpoints((pod,), self._settings.ports, self._settings.path), _unread(pod))

    def _find_lacking(self, state: KubeState, lacking: ScrapeScope) -> list[Endpoint]:
        """Return the endpoints of what the stores do not have. Unchanged pods are not examined again. An engine is
        scraped once it is ready: a loading one has no metrics yet.
        """
        if self._lacking_in is not None and self._lacking_in[0] is state.pods and self._lacking_in[1] == lacking:
            return self._lacked
        self._lacking_in = state.pods, lacking
        self._forget_all_endpoints()
        before, self._what = self._what, {}
        for key, pod in state.pods.items():
            known = before.get(key)
            self._what[key] = known if known is not None and known.pod is pod else _Role.of(pod)
        self._unread = {key: what.unread for key, what in self._what.items() if what.unread}
        addresses = Addresses.of(state.pods)
        measured = {pod_of_engine(engine, state.pods, addresses) for engine in lacking.engines}
        pods = [
            what.pod
            for key, what in self._what.items()
            if what.part in lacking.parts
            or (what.part is ScrapedPart.ENGINES and what.pod.ready and key not in measured)
        ]
        self._lacked, self._unclear = split_ambiguous(endpoints(pods, self._settings.ports, self._settings.path))
        return self._lacked

    async def _way(self, found: Sequence[Endpoint], now: float) -> Via | None:
        one_is_ready = any(one.pod.ready for one in found)
        # Where none was ready, the first that is may be reached though the others were not.
        is_due = now - self._tried >= RECONSIDER or (one_is_ready and not self._one_was_ready)
        self._one_was_ready = one_is_ready
        if self._via is None and is_due:
            self._tried = now
            self._via = await self._choose(found)
        return self._via

    async def _choose(self, found: Sequence[Endpoint]) -> Via | None:
        ready = [e for e in found if e.pod.ready] or list(found)
        step = max(1, len(ready) // PROBES)
        tried = ready[::step][:PROBES]
        if any(await asyncio.gather(*(_connects(endpoint) for endpoint in tried))):
            return Via.POD_IP
        try:
            await self._get(tried[0].target(Via.PROXY, None).url)
        except ForbiddenError as error:
            self._unreached = f"pod IPs do not answer, and the API server's proxy is denied: {error.message}"
            return None
        except ClusterError as error:
            if isinstance(error, NotKubernetesError) and error.location:
                return Via.PROXY
            self._unreached = f"neither the pod IPs nor the API server's proxy answer: {error.message}"
            return None
        return Via.PROXY

    def _judge(
        self, measurement: Measurement, asked: Sequence[Endpoint], via: Via, now: float, only: ScrapeScope | None
    ) -> None:
        """A pod that is not ready, or is being deleted, owes no answer: it is named, and is no trouble of the source.
        Nor does an engine where Prometheus has the others: it is among the pods without metrics.
        """
        serving = [e for e in asked if e.pod.ready and e.pod.deleted is None]
        owing = [e for e in serving if only is None or self._part_of(e) is not ScrapedPart.ENGINES]
        ready = {e.key for e in owing}
        by_key = {e.key: e for e in asked}
        silent = {target: why for target, why in sorted(measurement.unreachable.items()) if target in ready}
        where = "pod IPs" if via is Via.POD_IP else "the API server's proxy"
        notes = [f"{target}: {by_key[target].target(via, None).url} {why}" for target, why in silent.items()]
        others = sorted(measurement.unreachable.keys() - silent.keys())
        notes += [f"{t}: {measurement.unreachable[t] if by_key[t].pod.ready else 'not ready yet'}" for t in others]
        notes += [f"{target}: {why}" for target, why in sorted(self._unclear.items())]
        notes += [f"{target}: {why}" for target, why in sorted({**self._unread, **measurement.unread}.items())]
        if len(notes) > NAMED:
            notes[NAMED:] = [f"and {len(notes) - NAMED} more"]
        if self._credentials.problem:
            notes.append(self._credentials.problem)
        if only is not None:
            parts = [part for e in asked if (part := self._part_of(e)) is not None]
            what = ", ".join(f"{part} ({parts.count(part)})" for part in sorted(set(parts)))
            notes.append(f"only what no Prometheus has is scraped: {what}")
        everybody = bool(silent) and len(silent) == len(ready - measurement.unread.keys())
        if everybody and self._settings.via is None:
            self._via = None
        health = Health.DOWN if everybody else Health.DEGRADED if silent else Health.LIVE
        self.keeper.report(
            health,
            now,
            problem=f"no answer from {share(len(silent), len(ready), 'target')}: {notes[0]}" if silent else "",
            remedy="check the pods named here; their numbers are missing or old until they answer" if silent else "",
            endpoint=where,
            notes=tuple(notes),
            requests=measurement.requests,
        )

    def _part_of(self, endpoint: Endpoint) -> ScrapedPart | None:
        role = self._what.get(endpoint.pod.key)
        return role.part if role is not None else None

    async def _fetch(self, path: str) -> bytes:
        try:
            return await self._get(path)
        except ClusterError as error:
            if isinstance(error, NotKubernetesError) and error.location:
                raise RedirectError(error.location) from error
            if isinstance(error, NotFoundError):
                raise NoMetricsError(error.message, error.remedy) from error
            problem = ClearTextError if wants_tls(error.message.encode()) else SourceProblem
            raise problem(error.message, error.remedy) from error

    async def _get(self, path: str) -> bytes:
        timeout = self._settings.scrape.timeout
        return (await self._client.get(path, accept=TEXT, timeout=timeout, limit=limits().scrape)).body


_NONE_READY = "no engine is ready, so there is nothing to scrape yet"
_NO_WAY = (
    "give the console a Prometheus (--prometheus URL), run it where pod IPs are reachable, or grant `get` on pods/proxy"
)


class _Probe(asyncio.Protocol):
    """A connection that is closed once it is open, whether somebody still waits for it or not."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).abort()


async def _connects(endpoint: Endpoint) -> bool:
    try:
        async with asyncio.timeout(PROBE):
            await asyncio.get_running_loop().create_connection(_Probe, endpoint.pod.ip, endpoint.port)
    except (OSError, TimeoutError):
        return False
    return True
