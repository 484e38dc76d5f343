"""Whether an API server is there and works, which version it is, and who we are to it."""

from __future__ import annotations

import time

import pytest

from fleet.model.snapshot import Health
from fleet.sources.kube.resources import every
from tests.fleet.sources.kube.api import Api, Handler, pod, reply
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
    async with following(cluster) as source:
        await status_when(source, Health.LIVE)
        await until(lambda: cluster.watching == len(every()) - 1 and source.state().cluster.version)
        cluster.hang = True
        found = await status_when(source, Health.DOWN)
        assert "did not answer in time" in found.problem
        before = sum(asked.watch for asked in cluster.requests)
        cluster.hang = False
        await status_when(source, Health.LIVE)
        await until(lambda: sum(asked.watch for asked in cluster.requests) >= before + len(every()) - 1)
