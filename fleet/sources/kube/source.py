"""The Kubernetes source: everything the console knows of the cluster, followed in the background.

``start`` returns at once; ``state`` may be called on every tick and costs next to nothing if nothing changed.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from fleet.kinds.registry import listed
from fleet.model.counting import count
from fleet.model.coverage import Coverage
from fleet.model.snapshot import KUBERNETES, Cluster, Health, SourceStatus
from fleet.net.early_requests import EarlyRequests
from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.errors import ClusterError, ForbiddenError, NotFoundError, ThrottledError
from fleet.sources.kube.feed import Feed, MergedFeed
from fleet.sources.kube.health import SourceHealth, judge
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.kubeconfig import Access
from fleet.sources.kube.pace import Pace
from fleet.sources.kube.probe import ServerProbe
from fleet.sources.kube.reads import KubeReads
from fleet.sources.kube.resources import (
    AUTOSCALERS,
    BUDGETS,
    EVENTS,
    NODES,
    PODS,
    SERVICES,
    R,
    Resource,
    workloads,
)
from fleet.sources.kube.scopes import Scopes
from fleet.sources.kube.state import KubeState


class KubernetesSource:
    """One cluster, as seen by one user: the whole of it if permitted, whatever namespace is selected.

    ``namespace`` is the selected one, empty for all: if reading all at once is forbidden, only it is read.
    ``namespaces`` are tried one by one if none is selected and they cannot be listed either (and the context's own).
    """

    def __init__(
        self,
        access: Access,
        *,
        namespace: str = "",
        namespaces: Sequence[str] = (),
        pace: Pace | None = None,
        environ: Mapping[str, str] = os.environ,
        early: EarlyRequests | None = None,
    ) -> None:
        self.access = access
        self._pace = pace or Pace()
        self.client = KubeClient(access, environ=environ, renewal=self._pace.longest, early=early)
        self.reads = KubeReads(self.client)
        fallback = [*namespaces, access.namespace or "default"]
        self._scopes = Scopes(self.client, namespace, fallback, fresh=self._pace.denied * 0.9)
        self._interner = Interner()
        self._attempted = asyncio.Event()
        self._pods = self._feed(PODS)
        self._nodes = self._feed(NODES)
        self._workloads = MergedFeed([self._feed(workloads(kind)) for kind in listed() if not kind.link])
        self._links = MergedFeed([self._feed(workloads(kind)) for kind in listed() if kind.link])
        self._autoscalers = self._feed(AUTOSCALERS)
        self._budgets = self._feed(BUDGETS)
        self._services = self._feed(SERVICES)
        self._events = self._feed(EVENTS)
        # The pods come first: their list is the longest, and the first screen is made of it.
        self._feeds: tuple[Feed[Any], ...] = (
            self._pods,
            self._nodes,
            *self._workloads.feeds,
            *self._links.feeds,
            self._autoscalers,
            self._budgets,
            self._services,
            self._events,
        )
        self._tasks: list[asyncio.Task[None]] = []
        cluster = Cluster(access.context, access.cluster, access.server, namespace=namespace, user=access.user)
        self._probe = ServerProbe(
            self.client, cluster, self._pace, attempted=self._note_attempt, recovered=self._recover
        )
        self._health = Health.STARTING
        self._since = time.time()
        self._before = self._counted = 0
        """Requests at the last two ticks."""
        self._covered = Coverage()

    async def start(self) -> None:
        """Begin to follow the cluster. Returns at once; troubles show in the state."""
        self._tasks = [
            asyncio.create_task(feed.keep_running(), name=f"follow {feed.resource.name}") for feed in self._feeds
        ]
        self._tasks.append(asyncio.create_task(self._probe.run(), name="watch over the API server"))

    async def close(self) -> None:
        """End all that runs and close the connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self.client.close()

    def select_namespace(self, namespace: str) -> None:
        """Select another namespace (empty: all). Known rows are kept."""
        self._scopes.select_namespace(namespace)
        for feed in self._feeds:
            feed.rescope()
        self._probe.select_namespace(namespace)

    async def wait_synced(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 -- the answer is not an error
        """Wait until every resource is complete or known to be unreadable, and the user's identity was queried.

        False if that took longer.
        """
        try:
            async with asyncio.timeout(timeout):
                while not (self._probe.asked and all(feed.settled for feed in self._feeds)):
                    self._attempted.clear()
                    await self._attempted.wait()
        except TimeoutError:
            return False
        return True

    @property
    def cluster(self) -> Cluster:
        """The cluster, with what is known so far of the user's identity: before ``state`` and its derivatives."""
        return self._probe.cluster

    async def identify(self) -> Cluster:
        """Return the cluster with the user's identity, queried now if it is not known yet.

        Needed for records of who did something: until then, the kubeconfig's name for a user is a guess. Raises
        ClusterError.
        """
        return await self._probe.identify()

    @property
    def trouble(self) -> ClusterError | None:
        """The failure that makes the API server unusable; None if it works, or nothing is known yet."""
        return self._verdict().trouble

    def _verdict(self) -> SourceHealth:
        cluster = self._probe.cluster
        return judge(self._feeds, self.access, cluster.user, self._probe.trouble, self._probe.absent, cluster.namespace)

    def tick(self) -> None:
        """A new look begins: requests are counted from here."""
        self._note_health()
        self._before, self._counted = self._counted, self.client.requests

    def _note_health(self) -> None:
        """A change of health is dated and acted upon, whether or not anybody reads it."""
        verdict = self._verdict()
        if verdict.health is not self._health:
            if self._health is Health.DOWN:
                self._catch_up()
            self._health, self._since = verdict.health, verdict.since or time.time()

    def _note_attempt(self) -> None:
        """A list or a watch has worked or failed."""
        self._note_health()
        self._attempted.set()

    def refresh(self) -> None:
        """End all waits at the user's request, including those that the server requested."""
        self.client.refresh()
        for feed in self._feeds:
            for reflector in feed.reflectors.values():
                reflector.wake()

    def statuses(self) -> tuple[SourceStatus, ...]:
        """Return the status of the API server. Has no side effects."""
        verdict = self._verdict()
        status = SourceStatus(
            name=KUBERNETES,
            health=verdict.health,
            since=self._since if verdict.health is self._health else verdict.since or time.time(),
            last_ok=self.client.last_ok,
            problem=verdict.problem,
            remedy=verdict.remedy,
            endpoint=self.client.server,
            notes=verdict.notes,
            requests=self._counted - self._before,
            certificates=self.client.certificates,
            progress=self._progress() if verdict.health is Health.STARTING else "",
        )
        return (status,)

    def _progress(self) -> str:
        """Return the number of pods listed so far: the first screen shows them before the list is complete."""
        listed, expected = self._pods.listed
        if self._pods.settled or not listed:
            return ""
        return f"{listed:,} of ~{expected:,} pods" if expected > listed else f"{count(listed, 'pod')} so far"

    def state(self) -> KubeState:
        """Return the current rows. Has no side effects."""
        return KubeState(
            generation=sum(feed.changes for feed in self._feeds),
            cluster=self._probe.cluster,
            synced=frozenset(feed.resource.qualified for feed in self._feeds if feed.synced),
            coverage=self._coverage(),
            pods=self._pods.rows(),
            nodes=self._nodes.rows(),
            workloads=self._workloads.rows(),
            links=self._links.rows(),
            autoscalers=self._autoscalers.rows(),
            budgets=self._budgets.rows(),
            services=self._services.rows(),
            events=self._events.rows(),
        )

    def _feed(self, resource: Resource[R]) -> Feed[R]:
        return Feed(
            self.client,
            resource,
            self._scopes.readable,
            pace=self._pace,
            interner=self._interner,
            attempted=self._note_attempt,
        )

    def _coverage(self) -> Coverage:
        limits = {feed.resource.qualified: feed.readable for feed in self._feeds if feed.settled}
        found = Coverage(
            frozenset(feed.resource.qualified for feed in self._feeds if not feed.settled),
            {name: scopes for name, scopes in limits.items() if scopes is not None},
        )
        # The same object while nothing changes: identity decides whether joins must be rebuilt.
        if found != self._covered:
            self._covered = found
        return self._covered

    def _recover(self) -> None:
        """Reconnect after the server answers again: earlier connections may be dead."""
        for feed in self._feeds:
            for reflector in feed.reflectors.values():
                reflector.sever()
                reflector.wake()

    def _catch_up(self) -> None:
        """Retry at once after the server works again. Refused and throttled requests keep their delay."""
        for feed in self._feeds:
            for reflector in feed.reflectors.values():
                if not isinstance(reflector.trouble, ForbiddenError | NotFoundError | ThrottledError):
                    reflector.wake()
