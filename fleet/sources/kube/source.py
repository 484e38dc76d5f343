"""The Kubernetes source: everything the console knows of the cluster, followed in the background.

``start`` returns at once; ``state`` may be called on every tick and costs next to nothing where nothing changed.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from fleet.kinds.registry import listed
from fleet.model.coverage import Coverage
from fleet.model.snapshot import KUBERNETES, Cluster, Health, SourceStatus
from fleet.net.bodies import limits
from fleet.sources.kube.client import ANY, KubeClient
from fleet.sources.kube.errors import (
    NO_STORAGE,
    DefectError,
    ForbiddenError,
    KubeconfigError,
    KubeError,
    NotFoundError,
    NotKubernetesError,
    ServerError,
    ThrottledError,
    UnauthorizedError,
    UnreachableError,
)
from fleet.sources.kube.feed import Feed, Merged
from fleet.sources.kube.health import Trouble, Verdict, judge
from fleet.sources.kube.kubeconfig import Access
from fleet.sources.kube.pace import Pace
from fleet.sources.kube.project.fields import Interner, mapping, mappings, text, texts
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
from fleet.sources.kube.state import KubeState

_REVIEW = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_VERSION = "/version"
_READY = "/readyz"
_NO_ETCD = "[-]etcd"
"""How a check of etcd that fails begins in the answer of /readyz."""


class KubernetesSource:
    """One cluster, seen as one user: the whole of it where that is permitted, whatever is in view.

    ``namespace`` is the one in view, empty for all: where all at once is forbidden, it alone is read. ``namespaces``
    are tried one by one where none is in view and they may not be listed either (then also the context's own).
    """

    def __init__(
        self,
        access: Access,
        *,
        namespace: str = "",
        namespaces: Sequence[str] = (),
        pace: Pace | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.access = access
        self._pace = pace or Pace()
        self.client = KubeClient(access, environ=environ, renewal=self._pace.longest)
        self.reads = KubeReads(self.client)
        self._namespace = namespace
        self._visited = dict.fromkeys(filter(None, [namespace]))
        """The namespaces that were in view: what is read one by one is kept, so that nothing is lost by going back."""
        self._fallback = tuple(dict.fromkeys([*namespaces, access.namespace or "default"]))
        self._interner = Interner()
        self._attempted = asyncio.Event()
        self._pods = self._feed(PODS)
        self._nodes = self._feed(NODES)
        self._workloads = Merged([self._feed(workloads(kind)) for kind in listed() if not kind.link])
        self._links = Merged([self._feed(workloads(kind)) for kind in listed() if kind.link])
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
        self._cluster = Cluster(
            context=access.context,
            cluster=access.cluster,
            server=access.server,
            namespace=namespace,
            user=access.user,
        )
        self._probe: Trouble | None = None
        self._identified = False
        """Whether the server has said who we are, or that it does not say."""
        self._storage_asked = 0.0
        """Unix time at which the server was asked whether its storage works."""
        self._asked = False
        """Whether an answer of any kind came to that."""
        self._absent = ""
        """The namespace in view, where the server says that there is none of this name."""
        self._health = Health.STARTING
        self._since = time.time()
        self._before = self._counted = 0
        """Requests at the last two ticks."""
        self._scopes: tuple[float, tuple[str, ...]] = (float("-inf"), ())
        self._asking = asyncio.Lock()
        self._covered = Coverage()
        self._look_about = asyncio.Event()
        """Set when another namespace is in view: there may be none of its name."""

    async def start(self) -> None:
        """Begin to follow the cluster. Returns at once; troubles show in the state."""
        self._tasks = [
            asyncio.create_task(feed.keep_running(), name=f"follow {feed.resource.name}") for feed in self._feeds
        ]
        self._tasks.append(asyncio.create_task(self._watch_over(), name="watch over the API server"))

    async def close(self) -> None:
        """End all that runs and close the connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self.client.close()

    def look_at(self, namespace: str) -> None:
        """Another namespace is in view (empty: all). Nothing that is known is forgotten."""
        self._namespace = namespace
        self._cluster = replace(self._cluster, namespace=namespace)
        self._absent = ""
        if namespace:
            self._visited[namespace] = None
        for feed in self._feeds:
            feed.look_elsewhere()
        self._look_about.set()

    async def wait_synced(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 -- the answer is not an error
        """Wait until every resource is complete or known to be out of reach, and the server was asked who we are.

        False where that took longer.
        """
        try:
            async with asyncio.timeout(timeout):
                while not (self._asked and all(feed.settled for feed in self._feeds)):
                    self._attempted.clear()
                    await self._attempted.wait()
        except TimeoutError:
            return False
        return True

    @property
    def cluster(self) -> Cluster:
        """The cluster, with what is known by now of who we are to it: before ``state`` and all that is made of it."""
        return self._cluster

    async def identify(self) -> Cluster:
        """The cluster with who we are to it, asked now where that is not known yet.

        Whoever writes down who did something needs it: the kubeconfig's name for a user is a guess until then. Raises
        KubeError and KubeconfigError.
        """
        if not self._identified:
            await self._identify()
        return self._cluster

    @property
    def trouble(self) -> Trouble | None:
        """What keeps the API server from being of any use now; None where it works, or nothing is known yet."""
        return self._verdict().trouble

    def _verdict(self) -> Verdict:
        return judge(self._feeds, self.access, self._cluster.user, self._probe, self._absent, self._namespace)

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

    def hurry(self) -> None:
        """A person does not want to wait: whatever waits for a time is tried now, whoever asked for that time."""
        self.client.hurry()
        for feed in self._feeds:
            for reflector in feed.reflectors.values():
                reflector.wake()

    def statuses(self) -> tuple[SourceStatus, ...]:
        """How the API server is. Changes nothing, however often it is read."""
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
        )
        return (status,)

    def state(self) -> KubeState:
        """The rows now. Changes nothing, however often it is read."""
        return KubeState(
            generation=sum(feed.changes for feed in self._feeds),
            cluster=self._cluster,
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
            self._readable,
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
        # The same object as long as nothing changed: it tells whether joins must be made anew.
        if found != self._covered:
            self._covered = found
        return self._covered

    async def _readable(self) -> Sequence[str]:
        """The namespaces to read one by one: those that are or were in view; where all are, those that the server
        lists, else those configured. The server is asked once a minute.
        """
        if self._namespace:
            return tuple(self._visited)
        return tuple(dict.fromkeys([*self._visited, *await self._every_namespace()]))

    async def _every_namespace(self) -> Sequence[str]:
        async with self._asking:
            asked, scopes = self._scopes
            if time.monotonic() - asked < self._pace.denied * 0.9:
                return scopes
            try:
                answer = await self.client.get("/api/v1/namespaces", limit=limits().kubernetes_list)
                listed = [text(mapping(raw, "metadata"), "name") for raw in mappings(answer.json(), "items")]
                scopes = tuple(filter(None, listed)) or self._fallback
            except ForbiddenError:
                scopes = self._fallback
            except (KubeError, KubeconfigError):
                scopes = scopes or self._fallback
            self._scopes = (time.monotonic(), scopes)
            return scopes

    async def _watch_over(self) -> None:
        """Find out who we are and which version answers; and, when all is quiet, whether it still does."""
        while True:
            quiet = time.time() - (self.client.last_ok or 0.0) >= self._pace.quiet
            heard = max(self.client.last_event or 0.0, self._storage_asked)
            silent = time.time() - heard >= self._pace.quiet
            if quiet or silent or self._probe is not None or not self._identified or self._absent:
                await self._ask_or_say()
                self._note_attempt()
            self._look_about.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pace.probe):
                    await self._look_about.wait()
                await self._ask_or_say()

    async def _ask_or_say(self) -> None:
        try:
            await self._ask()
        except Exception as error:  # noqa: BLE001 - whatever it is, it must be said, and not end the watching over
            self._probe = DefectError(error)

    async def _ask(self) -> None:
        try:
            await self._look_at_version()
            await self._look_at_storage()
            if self._namespace:
                await self._look_for(self._namespace)
            if not self._identified:
                await self._identify()
        except (UnreachableError, UnauthorizedError, NotKubernetesError, KubeconfigError) as error:
            self._probe = error
            return
        except KubeError as error:
            if error.reason == NO_STORAGE:
                self._probe = error
                return
            # Overloaded: that the server answers is all that was asked. Who we are is asked again.
        self._asked = True
        self._recover()

    async def _look_at_version(self) -> None:
        try:
            answer = await self.client.probe(_VERSION, self._pace.probe)
        except (ForbiddenError, NotFoundError):
            # It may be closed to all who need not know.
            return
        self._cluster = replace(self._cluster, version=text(answer.json(), "gitVersion"))

    async def _look_at_storage(self) -> None:
        """Whether etcd works behind the server. Without it the server still answers, and watches are only silent.

        Raises ServerError where it does not. What cannot be asked (a proxy that has no such path) is taken for good.
        """
        self._storage_asked = time.time()
        try:
            await self.client.probe(_READY, self._pace.probe, ANY)
        except ServerError as error:
            if _NO_ETCD in error.message:
                raise ServerError(
                    "its storage (etcd) does not work: nothing new is known, and nothing can be changed",
                    status=error.status,
                    reason=NO_STORAGE,
                    remedy=f"Look at etcd, and at {_READY}?verbose of the API server: the rows are those from before.",
                ) from error
        except UnreachableError as error:
            if error.reason != "timeout":
                raise
            raise UnreachableError(
                f"{self.client.server} answers, and does not say within {self._pace.probe:g} s whether it is ready",
                reason=error.reason,
                remedy=f"Look at its storage (etcd), and at {_READY}?verbose of the API server.",
            ) from error
        except KubeError:
            return

    def _recover(self) -> None:
        """The server answers. Where it did not before, connections from then may be dead: make them anew."""
        if self._probe is None:
            return
        self._probe = None
        for feed in self._feeds:
            for reflector in feed.reflectors.values():
                reflector.sever()
                reflector.wake()

    def _catch_up(self) -> None:
        """The server works again: what waits after failures need not. What it refused or sheds keeps its time."""
        for feed in self._feeds:
            for reflector in feed.reflectors.values():
                if not isinstance(reflector.trouble, ForbiddenError | NotFoundError | ThrottledError):
                    reflector.wake()

    async def _look_for(self, namespace: str) -> None:
        """Whether it exists: a list of what is in a namespace that does not is empty, and no error."""
        try:
            await self.client.probe(f"/api/v1/namespaces/{quote(namespace, safe='')}", self._pace.probe)
        except NotFoundError:
            self._absent = namespace
            return
        except ForbiddenError:
            # Who may not ask sees what there is, if anything.
            pass
        self._absent = ""

    async def _identify(self) -> None:
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        try:
            review = await self.client.review(_REVIEW, body)
        except KubeError as error:
            if not 400 <= error.status < 500 or isinstance(error, UnauthorizedError | ThrottledError):
                raise
            # Servers before 1.28 do not have it, and some proxies let no POST through: it will not be said, and the
            # kubeconfig's name for the user stays.
            self._identified = True
            return
        who = mapping(mapping(review, "status"), "userInfo") if isinstance(review, dict) else {}
        self._identified = True
        user = text(who, "username") or self.access.user
        self._cluster = replace(self._cluster, user=user, groups=tuple(texts(who, "groups")))
