"""The probe of an API server: available, version, and the current user."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import cast

import pytest

from fleet.model.snapshot import Cluster, Health
from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.errors import NotFoundError
from fleet.sources.kube.probe import ServerProbe
from fleet.sources.kube.resources import all_resources
from fleet.sources.kube.responses import Response
from tests.fleet.sources.kube.api import Api, Handler, pod, reply
from tests.fleet.sources.kube.conftest import QUICK
from tests.fleet.sources.kube.followed import following, health, status_when
from tests.waiting import PATIENCE, until


async def test_who_we_are_and_what_answers(cluster: Api) -> None:
    cluster.user = {"username": "jane", "groups": ["dev", "system:authenticated"]}
    async with following(cluster, access=cluster.access(namespace="team-a")) as source:
        assert health(source) is Health.STARTING
        await until(lambda: source.state().cluster.user == "jane")
        found = await status_when(source, Health.LIVE)
        seen = source.state().cluster
        assert (seen.context, seen.version, seen.groups) == ("test", "v1.36.0", ("dev", "system:authenticated"))
        assert seen.namespace == ""
        assert (found.problem, found.notes, found.endpoint) == ("", (), cluster.access().server)
        assert found.last_ok is not None
        assert time.time() - found.last_ok < 10


@pytest.mark.parametrize(
    ("code", "body"),
    [(403, "no"), (404, "404 page not found"), (405, "Method Not Allowed"), (405, "<html>POST is blocked</html>")],
)
async def test_a_server_that_does_not_say_who_we_are(cluster: Api, code: int, body: str) -> None:
    cluster.next(lambda r: r.path.endswith("/selfsubjectreviews"), reply(code, body), times=1000)
    async with following(cluster) as source:
        assert await source.wait_synced(PATIENCE)
        assert (await status_when(source, Health.LIVE)).problem == ""
        assert (await source.identify()).user == "tester"
    assert len([asked for asked in cluster.requests if asked.path.endswith("/selfsubjectreviews")]) == 1


@pytest.mark.parametrize("code", [403, 404, 429, 500, 503])
async def test_who_we_are_is_known_though_the_version_is_not(cluster: Api, code: int) -> None:
    cluster.user = {"username": "jane", "groups": []}
    cluster.next(lambda r: r.path == "/version", reply(code, "no"), times=2)
    async with following(cluster) as source:
        assert await source.wait_synced(PATIENCE)
        await until(lambda: source.cluster.user == "jane")


async def test_who_we_are_is_asked_until_the_server_says_it_and_no_longer(cluster: Api) -> None:
    cluster.user = {"username": "jane", "groups": []}
    cluster.next(lambda r: r.path.endswith("/selfsubjectreviews"), reply(503, "overloaded"), times=3)
    async with following(cluster) as source:
        assert await source.wait_synced(PATIENCE), "an overloaded server does not keep the screens empty"
        await until(lambda: source.cluster.user == "jane")
        assert (await source.identify()).user == "jane"
    assert len([asked for asked in cluster.requests if asked.path.endswith("/selfsubjectreviews")]) == 4


class Answering:
    """A server that answers, as its client sees it; ``gone`` is a namespace that it does not have."""

    def __init__(self, last_heard: float | None = None, gone: str = "") -> None:
        self.last_ok = self.last_event = last_heard
        self.paths: list[str] = []
        self.meanwhile: Callable[[], None] = lambda: None
        """Called once, while it is asked for that namespace."""
        self._gone = f"/api/v1/namespaces/{gone}"

    async def probe(self, path: str, *_: object) -> Response:
        self.paths.append(path)
        if path == self._gone:
            meanwhile, self.meanwhile = self.meanwhile, lambda: None
            meanwhile()
            raise NotFoundError("no such namespace")
        return Response(200, b"{}")

    async def review(self, *_: object) -> object:
        return {}


@asynccontextmanager
async def probing(client: Answering, namespace: str = "", *, pause: float) -> AsyncIterator[ServerProbe]:
    pace = replace(QUICK, probe=pause, quiet=3600.0)
    made = ServerProbe(
        cast("KubeClient", client), Cluster(namespace=namespace), pace, attempted=lambda: None, recovered=lambda: None
    )
    running = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_of_a_namespace_that_came_into_view_meanwhile_nothing_is_said_that_is_true_of_the_one_before() -> None:
    client = Answering(gone="gone")
    async with probing(client, "gone", pause=3600.0) as probe:
        client.meanwhile = lambda: probe.select_namespace("here")
        await until(lambda: "/api/v1/namespaces/here" in client.paths)
        assert probe.absent == ""
        probe.select_namespace("gone")
        await until(lambda: probe.absent == "gone")


async def test_a_clock_that_was_set_back_does_not_stop_the_asking() -> None:
    client = Answering(last_heard=time.time() + 3600)
    async with probing(client, pause=0.001):
        await until(lambda: client.paths.count("/readyz") > 2)


async def test_storage_that_died_behind_a_living_server_is_seen_though_the_watches_only_fall_silent(
    cluster: Api,
) -> None:
    async with following(cluster) as source:
        await source.wait_synced(PATIENCE)
        await status_when(source, Health.LIVE)
        checks = "[+]ping ok\n[+]log ok\n" + "[+]poststarthook/start-informers ok\n" * 40
        failing = reply(500, f"{checks}[-]etcd failed: reason withheld\nreadyz check failed\n")
        cluster.next(lambda request: request.path == "/readyz", failing, 10_000)
        down = await status_when(source, Health.DOWN)
        assert "etcd" in down.problem
        assert source.trouble is not None
        cluster.recover()
        assert (await status_when(source, Health.LIVE)).problem == ""


@pytest.mark.parametrize("answer", [reply(403, "no"), reply(404, "no"), reply(200, "ok"), reply(500, "[-]shutdown no")])
async def test_a_server_that_does_not_tell_of_its_storage_is_believed(cluster: Api, answer: Handler) -> None:
    cluster.next(lambda request: request.path == "/readyz", answer, 10_000)
    async with following(cluster) as source:
        await source.wait_synced(PATIENCE)
        await until(lambda: any(asked.path == "/readyz" for asked in cluster.requests))
        await status_when(source, Health.LIVE)


async def test_a_network_that_swallows_everything_is_noticed_without_a_broken_connection(cluster: Api) -> None:
    cluster.put(pod("a"))
    async with following(cluster, pace=replace(QUICK, answer=1.0)) as source:
        await until(lambda: cluster.watching == len(all_resources()) - 1 and source.state().cluster.version)
        await status_when(source, Health.LIVE)
        cluster.hang = True
        found = await status_when(source, Health.DOWN)
        assert "did not answer in time" in found.problem
        before = sum(asked.watch for asked in cluster.requests)
        cluster.hang = False
        await status_when(source, Health.LIVE)
        await until(lambda: sum(asked.watch for asked in cluster.requests) >= before + len(all_resources()) - 1)


async def test_which_cluster_it_is_is_known_by_its_oldest_namespace_and_asked_again_after_it_was_away(
    cluster: Api,
) -> None:
    def uid(text: str) -> None:
        body = {"kind": "Namespace", "metadata": {"name": "kube-system", "uid": text}}
        cluster.next(lambda r: r.path == "/api/v1/namespaces/kube-system", reply(200, body), times=1)

    uid("uid-1")
    async with following(cluster) as source:
        await until(lambda: source.cluster.uid == "uid-1")
        uid("uid-2")
        await cluster.down()
        await status_when(source, Health.DOWN)
        await cluster.up()
        await until(lambda: source.cluster.uid == "uid-2")


async def test_who_may_not_read_that_namespace_does_without_and_asks_once(cluster: Api) -> None:
    cluster.next(lambda r: r.path == "/api/v1/namespaces/kube-system", reply(403, "no"), times=1000)
    async with following(cluster) as source:
        assert await source.wait_synced(PATIENCE)
        assert (await status_when(source, Health.LIVE)).problem == ""
        await until(lambda: any(asked.path.endswith("/kube-system") for asked in cluster.requests))
        assert source.cluster.uid == ""
    assert len([asked for asked in cluster.requests if asked.path.endswith("/kube-system")]) == 1
