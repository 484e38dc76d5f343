"""The part of a cluster that is read, whatever is selected; and the part that is reported as known."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from fleet.model.coverage import Coverage
from fleet.model.snapshot import Health
from fleet.sources.kube.resources import all_resources
from fleet.sources.kube.source import KubernetesSource
from tests.fleet.sources.kube.api import PODS, Api, is_list, pod
from tests.fleet.sources.kube.followed import following, status_when, thing
from tests.waiting import PATIENCE, until


def asked(cluster: Api) -> set[str]:
    return {request.path for request in cluster.requests}


async def test_the_whole_cluster_is_read_though_one_namespace_is_in_view(cluster: Api) -> None:
    cluster.put(pod("a", "one"))
    cluster.put(pod("b", "two"))
    async with following(cluster, namespace="one") as source:
        assert await source.wait_synced(PATIENCE)
        state = source.state()
        assert set(state.pods) == {"one/a", "two/b"}
        assert state.cluster.namespace == "one"
        assert state.coverage == Coverage()
        lists = len([r for r in cluster.requests if not r.watch])
        source.select_namespace("two")
        assert source.state().cluster.namespace == "two"
        assert set(source.state().pods) == {"one/a", "two/b"}
        again = [r.path for r in cluster.requests if not r.watch][lists:]
        assert not [path for path in again if path.endswith("/pods")], "another view is no other list"


async def test_where_the_whole_is_forbidden_the_namespace_in_view_is_read_and_the_others_are_not_known(
    cluster: Api,
) -> None:
    cluster.put(pod("a", "one"))
    cluster.put(pod("b", "two"))
    cluster.denied |= {r.path() for r in all_resources() if r.namespaced}
    async with following(cluster, namespace="one") as source:
        assert await source.wait_synced(PATIENCE)
        state = source.state()
        assert set(state.pods) == {"one/a"}
        assert state.coverage.sees("pods", "one")
        assert not state.coverage.sees("pods", "two")
        assert not state.coverage.knows_all("pods")
        assert state.coverage.knows_all("nodes")
        assert "/api/v1/namespaces/two/pods" not in asked(cluster)
        status = await status_when(source, Health.LIVE)
        assert "only namespace one" in status.notes[0], "nothing in view is missing, and that is said all the same"


async def test_going_to_another_namespace_reads_that_too_and_keeps_the_first(cluster: Api) -> None:
    for name in ("one", "two", "three"):
        cluster.put(pod("p", name))
    cluster.denied |= {PODS, "/api/v1/namespaces"}
    async with following(cluster, namespace="one") as source:
        assert await source.wait_synced(PATIENCE)
        source.select_namespace("two")
        await until(lambda: set(source.state().pods) == {"one/p", "two/p"})
        assert source.state().coverage.limited["pods"] == ("one", "two")


async def test_what_may_not_be_listed_at_all_is_settled_and_not_known(cluster: Api) -> None:
    cluster.denied |= {"/api/v1/nodes", PODS, "/api/v1/namespaces/one/pods"}
    async with following(cluster, namespace="one") as source:
        assert await source.wait_synced(PATIENCE)
        coverage = source.state().coverage
        assert coverage.pending == frozenset()
        assert coverage.limited["nodes"] == ()
        assert not coverage.sees("pods", "one")
        assert coverage.lack("nodes", "pods") == "you may not list nodes"


async def test_a_list_that_is_on_its_way_is_pending_and_so_is_one_that_fails(cluster: Api) -> None:
    cluster.put(thing("chat"), "/apis/apps/v1/deployments")
    release = asyncio.Event()

    async def late(request: web.Request) -> web.StreamResponse:
        await release.wait()
        return await cluster._handle(request)

    async def broken(request: web.Request) -> web.StreamResponse:
        del request
        return web.Response(status=500, text="etcd is on fire")

    cluster.next(is_list(PODS), late)
    cluster.next(is_list("/apis/apps/v1/deployments"), broken, times=10_000)
    async with following(cluster) as source:
        await until(lambda: source.state().coverage.pending == {"pods", "deployments.apps"})
        assert "not listed yet" in source.state().coverage.lack("pods")
        release.set()
        await until(lambda: source.state().coverage.pending == {"deployments.apps"})
        cluster.recover()
        await until(lambda: source.state().coverage == Coverage())


@pytest.mark.parametrize(
    ("coverage", "words"),
    [
        (Coverage(), ""),
        (Coverage(pending=frozenset({"pods"})), "the pods of this cluster are not listed yet"),
        (Coverage(limited={"pods": ("a", "b", "c", "d", "e")}), "you may not list pods beyond a, b, c and 2 more"),
        (Coverage(limited={"pods": ()}), "you may not list pods"),
    ],
)
def test_what_is_lacking_is_said_in_words(coverage: Coverage, words: str) -> None:
    assert coverage.lack("nodes", "pods") == words


async def test_a_view_of_a_namespace_that_does_not_exist_is_said_at_once_and_taken_back(cluster: Api) -> None:
    cluster.absent = {"nowhere"}
    async with following(cluster) as source:
        assert await source.wait_synced(PATIENCE)

        def problem(source: KubernetesSource) -> str:
            return source.statuses()[0].problem

        source.select_namespace("nowhere")
        await until(lambda: "no namespace 'nowhere'" in problem(source))
        source.select_namespace("")
        assert problem(source) == ""
