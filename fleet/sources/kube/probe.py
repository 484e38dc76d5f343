"""Finds out whether an API server is there and works, which version it is, and who we are to it.

Lists and watches tell most of it by themselves: the server is asked only until it has said who we are, and when nothing
was heard for a while.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from urllib.parse import quote

from fleet.json_fields import mapping, text, texts
from fleet.model.snapshot import Cluster
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
from fleet.sources.kube.health import Trouble
from fleet.sources.kube.pace import Pace

_REVIEW = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_VERSION = "/version"
_READY = "/readyz"
OLDEST = "/api/v1/namespaces/kube-system"
"""The namespace that is as old as its cluster."""
_NO_ETCD = "[-]etcd"
"""Beginning of a failing etcd check in the answer of /readyz."""


class ServerProbe:
    """Watches over one API server.

    ``attempted`` is called after each time that it was asked, ``recovered`` when it answers and did not before.
    """

    def __init__(
        self,
        client: KubeClient,
        cluster: Cluster,
        pace: Pace,
        *,
        attempted: Callable[[], None],
        recovered: Callable[[], None],
    ) -> None:
        self.cluster = cluster
        """The cluster, with what is known by now of the server, and of who we are to it."""
        self.trouble: Trouble | None = None
        """The reason why it did not answer, or does not work; None where it does, or was not asked yet."""
        self.asked = False
        """Whether an answer of any kind came."""
        self.absent = ""
        """The namespace in view, where the server says that there is none of this name."""
        self._client = client
        self._pace = pace
        self._attempted = attempted
        self._recovered = recovered
        self._identified = False
        """Whether the server has said who we are, or that it does not say."""
        self._uid_asked = False
        """Whether the server has said which cluster it is, or that it does not say."""
        self._storage_asked = 0.0
        """Unix time at which the server was asked whether its storage works."""
        self._look_about = asyncio.Event()
        """Set when another namespace is in view: there may be none of its name."""

    def look_at(self, namespace: str) -> None:
        """Another namespace is in view (empty: all)."""
        self.cluster = replace(self.cluster, namespace=namespace)
        self.absent = ""
        self._look_about.set()

    async def identify(self) -> Cluster:
        """The cluster with who we are to it, asked now where that is not known yet. Raises KubeError and
        KubeconfigError.
        """
        if not self._identified:
            await self._identify()
        return self.cluster

    async def run(self) -> None:
        """Find out who we are and which version answers; and, when all is quiet, whether it still does."""
        while True:
            quiet = _ago(self._client.last_ok) >= self._pace.quiet
            silent = _ago(self._client.last_event, self._storage_asked) >= self._pace.quiet
            moved = self._look_about.is_set()
            if moved or quiet or silent or self.trouble is not None or not self._identified or self.absent:
                # Before it is asked: what comes into view meanwhile is asked for in the next turn.
                self._look_about.clear()
                await self._ask_or_say()
                self._attempted()
                # Nobody waits for it. After a silence another cluster may be behind its address.
                if self.trouble is None and (self.cluster.uid or not self._uid_asked):
                    await self._look_at_uid()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pace.probe):
                    await self._look_about.wait()

    async def _ask_or_say(self) -> None:
        try:
            await self._ask()
        except Exception as error:  # noqa: BLE001 - whatever it is, it must be said, and not end the watching over
            self.trouble = DefectError(error)

    async def _ask(self) -> None:
        try:
            await self._look_at_version()
            await self._look_at_storage()
            if self.cluster.namespace:
                await self._look_for(self.cluster.namespace)
            if not self._identified:
                await self._identify()
        except (UnreachableError, UnauthorizedError, NotKubernetesError, KubeconfigError) as error:
            self.trouble = error
            return
        except KubeError as error:
            if error.reason == NO_STORAGE:
                self.trouble = error
                return
            # Overloaded: that the server answers is all that was asked. Who we are is asked again.
        self.asked = True
        if self.trouble is not None:
            self.trouble = None
            self._recovered()

    async def _look_at_version(self) -> None:
        try:
            answer = await self._client.probe(_VERSION, self._pace.answer)
        except (ForbiddenError, NotFoundError):
            # It may be closed to all who need not know.
            return
        self.cluster = replace(self.cluster, version=text(answer.json(), "gitVersion"))

    async def _look_at_uid(self) -> None:
        """Ask which cluster it is. Who may not read that namespace does without."""
        try:
            answer = await self._client.probe(OLDEST, self._pace.answer)
        except (KubeError, KubeconfigError) as error:
            self._uid_asked = isinstance(error, ForbiddenError | NotFoundError)
            return
        self._uid_asked = True
        self.cluster = replace(self.cluster, uid=text(mapping(answer.json(), "metadata"), "uid"))

    async def _look_at_storage(self) -> None:
        """Whether etcd works behind the server. Without it the server still answers, and watches are only silent.

        Raises ServerError where it does not. What cannot be asked (a proxy that has no such path) is taken for good.
        """
        self._storage_asked = time.time()
        try:
            await self._client.probe(_READY, self._pace.answer, ANY)
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
                f"{self._client.server} answers, and does not say within {self._pace.answer:g} s whether it is ready",
                reason=error.reason,
                remedy=f"Look at its storage (etcd), and at {_READY}?verbose of the API server.",
            ) from error
        except KubeError:
            return

    async def _look_for(self, namespace: str) -> None:
        """Whether it exists: a list of what is in a namespace that does not is empty, and no error."""
        try:
            await self._client.probe(f"/api/v1/namespaces/{quote(namespace, safe='')}", self._pace.answer)
        except NotFoundError:
            absent = namespace
        except ForbiddenError:
            # Who may not ask sees what there is, if anything.
            absent = ""
        else:
            absent = ""
        # Another one may be in view by now.
        if self.cluster.namespace == namespace:
            self.absent = absent

    async def _identify(self) -> None:
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        try:
            review = await self._client.review(_REVIEW, body)
        except KubeError as error:
            if not 400 <= error.status < 500 or isinstance(error, UnauthorizedError | ThrottledError):
                raise
            # Servers before 1.28 do not have it, and some proxies let no POST through: it will not be said, and the
            # kubeconfig's name for the user stays.
            self._identified = True
            return
        who = mapping(mapping(review, "status"), "userInfo") if isinstance(review, dict) else {}
        self._identified = True
        user = text(who, "username") or self.cluster.user
        self.cluster = replace(self.cluster, user=user, groups=tuple(texts(who, "groups")))


def _ago(*moments: float | None) -> float:
    """Seconds since the last of these Unix times; inf for none. One of the future is of a clock that was set back."""
    now = time.time()
    return min((now - moment for moment in moments if moment is not None and moment <= now), default=math.inf)
