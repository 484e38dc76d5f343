"""Probe of an API server: whether it works, its version, and the user's identity.

Lists and watches show most of it: the server is only queried until the identity is known, and after a period of
silence.
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
    ClusterError,
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
from fleet.sources.kube.pace import Pace

_REVIEW = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_VERSION = "/version"
_READY = "/readyz"
OLDEST = "/api/v1/namespaces/kube-system"
"""The namespace that is as old as its cluster."""
_NO_ETCD = "[-]etcd"
"""Beginning of a failing etcd check in the answer of /readyz."""


class ServerProbe:
    """Watches one API server.

    ``attempted`` is called after each probe, ``recovered`` when it answers again after a failure.
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
        """The cluster, with what is known so far of the server and the user's identity."""
        self.trouble: ClusterError | None = None
        """Reason why it does not answer or work; None if it does, or was not probed yet."""
        self.asked = False
        """True once any answer came."""
        self.absent = ""
        """The selected namespace, if the server reports that it does not exist."""
        self._client = client
        self._pace = pace
        self._attempted = attempted
        self._recovered = recovered
        self._identified = False
        """True once the server has reported the user's identity, or refused to."""
        self._uid_asked = False
        """True once the server has reported its cluster's uid, or refused to."""
        self._storage_asked = 0.0
        """Unix time of the last check of the server's storage."""
        self._look_about = asyncio.Event()
        """Set when another namespace is selected: it may not exist."""

    def select_namespace(self, namespace: str) -> None:
        """Select another namespace (empty: all)."""
        self.cluster = replace(self.cluster, namespace=namespace)
        self.absent = ""
        self._look_about.set()

    async def identify(self) -> Cluster:
        """Return the cluster with the user's identity, queried now if it is not known yet. Raises ClusterError."""
        if not self._identified:
            await self._identify()
        return self.cluster

    async def run(self) -> None:
        """Read the user's identity and the server's version, and check that a quiet server still answers."""
        while True:
            quiet = _ago(self._client.last_ok) >= self._pace.quiet
            silent = _ago(self._client.last_event, self._storage_asked) >= self._pace.quiet
            moved = self._look_about.is_set()
            if moved or quiet or silent or self.trouble is not None or not self._identified or self.absent:
                # Cleared before the request: later additions are requested in the next turn.
                self._look_about.clear()
                await self._ask_or_say()
                self._attempted()
                # Last, because nothing waits for it. After an outage another cluster may be behind the address.
                if self.trouble is None and (self.cluster.uid or not self._uid_asked):
                    await self._look_at_uid()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pace.probe):
                    await self._look_about.wait()

    async def _ask_or_say(self) -> None:
        try:
            await self._ask()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is reported, and does not end the watch
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
            # Overloaded, but it answers. The identity is requested again next time.
        self.asked = True
        if self.trouble is not None:
            self.trouble = None
            self._recovered()

    async def _look_at_version(self) -> None:
        try:
            answer = await self._client.probe(_VERSION, self._pace.answer)
        except (ForbiddenError, NotFoundError):
            # Some servers hide their version.
            return
        self.cluster = replace(self.cluster, version=text(answer.json(), "gitVersion"))

    async def _look_at_uid(self) -> None:
        """Read the cluster's uid; it stays unknown without permission to read that namespace."""
        try:
            answer = await self._client.probe(OLDEST, self._pace.answer)
        except ClusterError as error:
            self._uid_asked = isinstance(error, ForbiddenError | NotFoundError)
            return
        self._uid_asked = True
        self.cluster = replace(self.cluster, uid=text(mapping(answer.json(), "metadata"), "uid"))

    async def _look_at_storage(self) -> None:
        """Check etcd behind the server. Without it the server still answers, and watches are merely silent.

        Raises ServerError if it fails, and UnreachableError if it does not answer in time. If it cannot be checked (a
        proxy without that path), it is assumed to work.
        """
        self._storage_asked = time.time()
        try:
            await self._client.probe(_READY, self._pace.answer, ANY)
        except ServerError as error:
            if _NO_ETCD in error.message:
                raise ServerError(
                    "its storage (etcd) does not work: the data is out of date, and nothing can be changed",
                    status=error.status,
                    reason=NO_STORAGE,
                    remedy=f"Check etcd, and {_READY}?verbose of the API server: the rows show the last known state.",
                ) from error
        except UnreachableError as error:
            if error.reason != "timeout":
                raise
            raise UnreachableError(
                f"{self._client.server} answers, but did not report within {self._pace.answer:g} s that it is ready",
                reason=error.reason,
                remedy=f"Check its storage (etcd), and {_READY}?verbose of the API server.",
            ) from error
        except KubeError:
            return

    async def _look_for(self, namespace: str) -> None:
        """Check that the namespace exists: listing a missing one gives an empty list, not an error."""
        try:
            await self._client.probe(f"/api/v1/namespaces/{quote(namespace, safe='')}", self._pace.answer)
        except NotFoundError:
            absent = namespace
        except ForbiddenError:
            # Without permission to query it, the available facts are shown, if any.
            absent = ""
        else:
            absent = ""
        # Another one may be selected by now.
        if self.cluster.namespace == namespace:
            self.absent = absent

    async def _identify(self) -> None:
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        try:
            review = await self._client.review(_REVIEW, body)
        except KubeError as error:
            if not 400 <= error.status < 500 or isinstance(error, UnauthorizedError | ThrottledError):
                raise
            # Servers before 1.28 do not have it, and some proxies block POST: the kubeconfig's name of the user
            # remains.
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
