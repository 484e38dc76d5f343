"""The source as a whole: from an empty console to rows, and through the troubles of a cluster."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import pytest

from fleet.json_fields import Raw
from fleet.model.objects import Node
from fleet.model.snapshot import Health
from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.resources import NODES, all_resources
from tests.fleet.sources.kube.api import PODS, Api, is_list, is_watch, pod, reply, status
from tests.fleet.sources.kube.followed import following, health, status_when, thing
from tests.waiting import PATIENCE, until

DEPLOYMENTS = "/apis/apps/v1/deployments"


async def test_every_resource_is_followed_with_one_watch_each(cluster: Api) -> None:
    for resource in all_resources():
        if not resource.optional:
            cluster.put(thing(f"a-{resource.name}", "serving" if resource.namespaced else ""), resource.path())
    async with following(cluster) as source:
        assert await source.wait_synced(PATIENCE)
        state = source.state()
        assert set(state.pods) == {"serving/a-pods"}
        assert set(state.nodes) == {"a-nodes"}
        assert set(state.workloads) == {
            "serving/Deployment/a-deployments",
            "serving/StatefulSet/a-statefulsets",
            "serving/DaemonSet/a-daemonsets",
        }
        assert set(state.links) == {"serving/ReplicaSet/a-replicasets"}
        assert set(state.autoscalers) == {"serving/a-horizontalpodautoscalers"}
        assert set(state.budgets) == {"serving/a-poddisruptionbudgets"}
        assert set(state.services) == {"serving/a-services"}
        assert set(state.events) == {"serving/a-events"}
        assert len(state.synced) == len(all_resources()) - 1
        await until(lambda: cluster.watching == len(all_resources()) - 1)
        cluster.put(thing("late"), DEPLOYMENTS)
        await until(lambda: "serving/Deployment/late" in source.state().workloads)
    watched = [asked.path for asked in cluster.requests if asked.watch]
    assert len(watched) == len(set(watched))


async def test_nothing_is_copied_while_nothing_changes(cluster: Api) -> None:
    cluster.put(pod("a"))
    async with following(cluster) as source:
        assert await source.wait_synced(PATIENCE)
        first, second = source.state(), source.state()
        assert first.pods is second.pods
        assert first.workloads is second.workloads
        assert first.generation == second.generation
        cluster.put(pod("b"))
        await until(lambda: source.state().generation > first.generation)
        third = source.state()
        assert set(first.pods) == {"serving/a"}, "a state that was given does not change"
        assert set(third.pods) == {"serving/a", "serving/b"}
        assert third.workloads is first.workloads


async def test_requests_are_counted_per_tick(cluster: Api) -> None:
    async with following(cluster) as source:
        assert await source.wait_synced(PATIENCE)
        await until(lambda: cluster.watching == len(all_resources()) - 1 and source.state().cluster.version)
        source.tick()
        before = len(cluster.requests)
        cluster.end_watches()
        await until(lambda: cluster.watching == len(all_resources()) - 1 and len(cluster.requests) > before)
        source.tick()
        counted = source.statuses()[0].requests
        assert counted >= len(all_resources()) - 1
        assert source.statuses()[0].requests == counted, "reading it changes nothing"


async def test_a_missing_resource_is_a_note_and_the_rest_works(cluster: Api) -> None:
    del cluster.objects["/apis/policy/v1/poddisruptionbudgets"]
    async with following(cluster) as source:
        assert await source.wait_synced(PATIENCE)
        found = await status_when(source, Health.DEGRADED)
        assert "no poddisruptionbudgets.policy" in found.problem
        assert "disrupted at once" in found.problem
        cluster.objects["/apis/policy/v1/poddisruptionbudgets"] = {}
        await status_when(source, Health.LIVE)


async def test_a_custom_resource_is_followed_once_it_is_there(cluster: Api) -> None:
    (optional,) = (resource for resource in all_resources() if resource.optional)
    # For a user who may not list it, what is not there is forbidden.
    cluster.denied.add(optional.path())
    async with following(cluster) as source:
        assert await source.wait_synced(PATIENCE)
        assert (await status_when(source, Health.LIVE)).notes == ()
        assert all(asked.path != optional.path() for asked in cluster.requests)
        cluster.denied.clear()
        cluster.objects[optional.path()] = {}
        cluster.put(thing("group"), optional.path())
        await until(lambda: "serving/LeaderWorkerSet/group" in source.state().workloads)


async def test_forbidden_nodes_are_a_note_that_says_who_can_grant_them(cluster: Api) -> None:
    cluster.denied.add("/api/v1/nodes")
    async with following(cluster) as source:
        assert await source.wait_synced(PATIENCE)
        found = await status_when(source, Health.DEGRADED)
        (note,) = found.notes
        assert "free GPUs" in note
        assert "administrator must grant tester get, list and watch on nodes" in note
        assert "quarterdeck doctor" in found.remedy
        cluster.denied.clear()
        await status_when(source, Health.LIVE)


async def test_forbidden_everywhere_falls_back_to_the_namespaces(cluster: Api) -> None:
    cluster.objects["/api/v1/namespaces"] = {("", n): thing(n, "") for n in ("one", "two", "three")}
    for name in ("one", "two", "three"):
        cluster.put(pod("p", name))
    cluster.denied |= {PODS, "/api/v1/namespaces/three/pods"}
    async with following(cluster) as source:
        assert await source.wait_synced(PATIENCE)
        assert set(source.state().pods) == {"one/p", "two/p"}
        found = await status_when(source, Health.DEGRADED)
        assert "only namespace one, two" in found.problem
        assert "--namespace" in found.remedy
        assert "pods" in found.problem
        cluster.put(pod("q", "two"))
        await until(lambda: "two/q" in source.state().pods)
        cluster.denied.clear()
        await status_when(source, Health.LIVE)
        assert set(source.state().pods) == {"one/p", "two/p", "two/q", "three/p"}
        await until(lambda: cluster.watching == len(all_resources()) - 1)


async def test_namespaces_that_may_not_be_listed_are_those_of_the_configuration_and_the_context(cluster: Api) -> None:
    for name in ("mine", "configured", "other"):
        cluster.put(pod("p", name))
    cluster.denied |= {PODS, "/api/v1/namespaces"}
    async with following(cluster, access=cluster.access(namespace="mine"), namespaces=["configured"]) as source:
        assert await source.wait_synced(PATIENCE)
        assert set(source.state().pods) == {"mine/p", "configured/p"}


async def test_a_user_who_may_nothing(cluster: Api) -> None:
    cluster.denied |= set(cluster.objects) | {"/api/v1/namespaces", "/version"}
    cluster.denied |= {path.replace("v1/", "v1/namespaces/default/") for path in cluster.objects}
    cluster.denied |= {path.replace("v2/", "v2/namespaces/default/") for path in cluster.objects}
    async with following(cluster) as source:
        assert await source.wait_synced(PATIENCE)
        found = await status_when(source, Health.DEGRADED)
        assert len(found.notes) == len(all_resources()) - 1
        assert "forbidden" in found.problem


async def test_server_down_at_the_start_and_up_later(cluster: Api) -> None:
    cluster.put(pod("a"))
    await cluster.down()
    async with following(cluster) as source:
        found = await status_when(source, Health.DOWN)
        assert "connection refused" in found.problem
        assert found.remedy
        assert found.last_ok is None
        await cluster.up()
        await status_when(source, Health.LIVE)
        assert set(source.state().pods) == {"serving/a"}


async def test_server_lost_and_found_again(cluster: Api) -> None:
    cluster.put(pod("a"))
    async with following(cluster) as source:
        await status_when(source, Health.LIVE)
        lost = time.time()
        await cluster.down()
        found = await status_when(source, Health.DOWN)
        assert lost - 1 < found.since <= time.time()
        assert found.last_ok is not None
        assert found.last_ok <= time.time()
        assert set(source.state().pods) == {"serving/a"}, "what was known stays on the screen"
        cluster.put(pod("b"))
        await cluster.up()
        back = await status_when(source, Health.LIVE)
        assert back.since > found.since
        await until(lambda: set(source.state().pods) == {"serving/a", "serving/b"})


async def test_an_expired_token_names_the_user_and_what_to_do(cluster: Api) -> None:
    cluster.tokens = {"good"}
    async with following(cluster, access=cluster.access({"token": "old"})) as source:
        found = await status_when(source, Health.DOWN)
        assert "does not accept the credentials of user 'tester'" in found.problem
        assert "log in again" in found.remedy
        assert "old" not in found.problem + found.remedy.replace("old in", "")
        cluster.tokens = None
        await status_when(source, Health.LIVE)


async def test_a_missing_exec_plugin_is_the_problem_and_its_hint_the_remedy(cluster: Api) -> None:
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-plugin", "installHint": "Get it."}
    async with following(cluster, access=cluster.access({"exec": plugin})) as source:
        found = await status_when(source, Health.DOWN)
        assert "not installed: no-such-plugin" in found.problem
        assert found.remedy == "Get it."


async def test_a_login_page_instead_of_a_server(cluster: Api) -> None:
    cluster.next(lambda _: True, reply(200, "<html>Sign in</html>"), times=10_000)
    async with following(cluster) as source:
        found = await status_when(source, Health.DOWN)
        assert "login page" in found.problem
        assert "HTTPS_PROXY" in found.remedy


async def test_one_failing_resource_degrades_and_does_not_bring_down(cluster: Api) -> None:
    broken = reply(500, status(500, "InternalError", "etcd is sad"))
    cluster.next(is_list("/api/v1/events"), broken, times=10_000)
    async with following(cluster) as source:
        found = await status_when(source, Health.DEGRADED)
        assert found.notes == ("events: etcd is sad",)
        assert not await source.wait_synced(0.05)


async def test_a_defect_of_ours_costs_one_resource_and_is_said(cluster: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(raw: Raw, interner: Interner) -> Node:
        raise ZeroDivisionError("how could this happen")

    monkeypatch.setattr("fleet.sources.kube.source.NODES", replace(NODES, project=broken))
    cluster.put(thing("n", ""), NODES.path())
    cluster.put(pod("a"))
    async with following(cluster) as source:
        assert await source.wait_synced(PATIENCE)
        found = await status_when(source, Health.DEGRADED)
        assert "nodes: a defect of Quarterdeck" in found.problem
        assert "how could this happen" in found.problem
        assert set(source.state().pods) == {"serving/a"}


async def test_a_dropped_watch_is_no_trouble(cluster: Api) -> None:
    async with following(cluster) as source:
        await status_when(source, Health.LIVE)
        await until(lambda: cluster.watching == len(all_resources()) - 1)
        for _ in range(3):
            cluster.drop_watches()
            await until(lambda: cluster.watching == len(all_resources()) - 1 or health(source) is not Health.LIVE)
            assert health(source) is Health.LIVE


async def test_watch_errors_of_all_kinds_keep_the_rows(cluster: Api) -> None:
    cluster.put(pod("a"))
    cluster.next(is_watch(), reply(429, "slow down", {"Retry-After": "0"}), times=2)
    cluster.next(is_watch(), reply(503, "no backend"), times=2)
    async with following(cluster) as source:
        assert await source.wait_synced(PATIENCE)
        await status_when(source, Health.LIVE)
        cluster.put(pod("b"))
        await until(lambda: set(source.state().pods) == {"serving/a", "serving/b"})


async def test_stopping_leaves_nothing_behind(cluster: Api) -> None:
    async with following(cluster) as source:
        await until(lambda: cluster.watching == len(all_resources()) - 1)
    await until(lambda: cluster.watching == 0)
    count = len(cluster.requests)
    assert source.state().pods is not None
    assert len(cluster.requests) == count


def test_importing_the_source_imports_nothing_heavy() -> None:
    code = (
        "import sys, fleet.sources.kube.source, fleet.sources.kube.describe, fleet.sources.kube.owners\n"
        "print([m for m in ('kubernetes', 'aiohttp', 'textual', 'pydantic') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


async def test_who_may_list_and_not_watch_sees_everything_and_is_told_that_it_comes_late(cluster: Api) -> None:
    cluster.put(pod("a"))
    cluster.next(
        lambda request: request.query.get("watch") == "1", reply(403, status(403, "Forbidden", "no watch")), 10_000
    )
    async with following(cluster) as source:
        assert await source.wait_synced(PATIENCE)
        found = await status_when(source, Health.DEGRADED)
        assert "instead of watched" in found.problem
        assert "not shown" not in " ".join(found.notes)
        assert "pods" in source.state().synced
        cluster.put(pod("b"))
        await until(lambda: set(source.state().pods) == {"serving/a", "serving/b"})


async def test_reading_the_state_changes_nothing(cluster: Api) -> None:
    async with following(cluster) as source:
        assert await source.wait_synced(PATIENCE)
        source.tick()
        await cluster.down()
        await until(lambda: health(source) is Health.DOWN)
        waiting = [r for feed in source._feeds for r in feed.reflectors.values()]
        for _ in range(3):
            source.state()
        assert not any(reflector._woken.is_set() for reflector in waiting)
        assert source.statuses()[0].requests == source.statuses()[0].requests


async def test_a_person_who_does_not_want_to_wait_overrules_what_a_server_asks_for(cluster: Api) -> None:
    busy = reply(429, "too many requests", {"Retry-After": "86400"})
    cluster.next(is_list(PODS), busy)
    async with following(cluster) as source:
        await until(lambda: any(r.trouble for feed in source._feeds for r in feed.reflectors.values()))
        source.refresh()
        assert await source.wait_synced(PATIENCE / 4), "in less than the server asked for"


async def test_what_nobody_foresaw_is_said_and_tried_again(cluster: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(self: KubeClient, *arguments: Any, **options: Any) -> Any:
        raise ZeroDivisionError("how could this happen")

    with monkeypatch.context() as patched:
        for name in ("get", "probe", "review", "stream"):
            patched.setattr(KubeClient, name, broken)
        async with following(cluster) as source:
            found = await status_when(source, Health.DOWN)
            assert "a defect of Quarterdeck" in found.problem
            assert found.remedy
            patched.undo()
            await status_when(source, Health.LIVE)
