"""List and watch against faults played exactly: after each, the rows equal the server's, and the wire shows how."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleet.kube.client import KubeClient
from fleet.kube.errors import ForbiddenError, NotKubernetesError, ServerError, ThrottledError, UnreachableError
from fleet.kube.pace import Pace
from fleet.kube.project.fields import Interner
from fleet.kube.reflector import Reflector
from fleet.kube.resources import PODS, Resource
from fleet.model.objects import Pod
from tests.fleet.kube.api import PODS as PODS_PATH
from tests.fleet.kube.api import Api, Asked, is_list, is_watch, pod, reply, status
from tests.fleet.kube.conftest import QUICK
from tests.waiting import until

SMALL_PAGES = Resource("pods", "", "v1", "Pod", PODS.project, "pods", page=2)


class Mirror:
    """A reflector that runs, and how often it said that something changed."""

    def __init__(self, api: Api, scope: str = "", resource: Resource[Pod] = SMALL_PAGES, pace: Pace = QUICK) -> None:
        self.client = KubeClient(api.access())
        self.changes = 0
        self.reflector = Reflector(
            self.client,
            resource,
            scope,
            interner=Interner(),
            pace=pace,
            changed=self._count,
            attempted=lambda: None,
        )

    def _count(self) -> None:
        self.changes += 1

    @property
    def versions(self) -> dict[str, str]:
        return {key: row.resource_version for key, row in self.reflector.rows.items()}


@asynccontextmanager
async def mirror(
    api: Api, scope: str = "", resource: Resource[Pod] = SMALL_PAGES, pace: Pace = QUICK
) -> AsyncIterator[Mirror]:
    """A running reflector."""
    made = Mirror(api, scope, resource, pace)
    task = asyncio.create_task(made.reflector.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await made.client.close()


def lists(api: Api) -> list[Asked]:
    return [asked for asked in api.requests if asked.path == PODS_PATH and not asked.watch]


def watches(api: Api) -> list[Asked]:
    return [asked for asked in api.requests if asked.path == PODS_PATH and asked.watch]


async def test_lists_in_pages_then_watches_from_the_version_of_the_list(api: Api) -> None:
    for name in "abcde":
        api.put(pod(name))
    async with mirror(api) as m:
        await until(lambda: api.watching)
        assert m.versions == api.names()
    assert [asked.query.get("limit") for asked in lists(api)] == ["2", "2", "2"]
    assert ["continue" in asked.query for asked in lists(api)] == [False, True, True]
    (watch,) = watches(api)
    assert watch.query["resourceVersion"] == str(api.version)
    assert watch.query["allowWatchBookmarks"] == "true"
    assert 240 <= int(watch.query["timeoutSeconds"]) <= 290
    assert watch.headers["Accept"] == "application/json"


async def test_follows_what_is_added_modified_and_deleted(api: Api) -> None:
    api.put(pod("a"))
    async with mirror(api) as m:
        await until(lambda: api.watching)
        api.put(pod("b"))
        api.put(pod("a", phase="Failed"))
        await until(lambda: m.versions == api.names())
        assert m.reflector.rows["serving/a"].phase == "Failed"
        api.delete("a")
        await until(lambda: m.versions == api.names())
        assert set(m.versions) == {"serving/b"}


async def test_first_pages_are_there_before_the_last(api: Api) -> None:
    for name in "abc":
        api.put(pod(name))
    gate = asyncio.Event()

    async def held(request: web.Request) -> web.StreamResponse:
        await gate.wait()
        return api._list(request, PODS_PATH, "")

    api.next(is_list(page=1), held)
    async with mirror(api) as m:
        await until(lambda: len(m.versions) == 2)
        assert not m.reflector.synced
        gate.set()
        await until(lambda: m.reflector.synced)
        assert m.versions == api.names()


async def test_dropped_connection_resumes_where_it_was_without_a_list(api: Api) -> None:
    api.put(pod("a"))
    async with mirror(api) as m:
        await until(lambda: api.watching)
        api.put(pod("b"))
        await until(lambda: len(m.versions) == 2)
        seen, changes = str(api.version), m.changes
        api.drop_watches()
        await until(lambda: len(watches(api)) == 2 and api.watching == 1)
        assert watches(api)[1].query["resourceVersion"] == seen
        api.put(pod("c"))
        await until(lambda: m.versions == api.names())
        assert m.changes == changes + 1, "what was seen before the drop came a second time"
    assert len(lists(api)) == 1


async def test_changes_while_disconnected_are_not_missed(api: Api) -> None:
    api.put(pod("a"))
    api.put(pod("b"))
    async with mirror(api) as m:
        await until(lambda: api.watching)
        api.drop_watches()
        api.delete("a")
        api.put(pod("c"))
        await until(lambda: m.versions == api.names())
    assert len(lists(api)) == 1


async def test_a_bookmark_moves_the_version_and_makes_no_row(api: Api) -> None:
    api.put(pod("a"))
    async with mirror(api) as m:
        await until(lambda: api.watching)
        api.version += 50
        api.bookmark()
        api.end_watches()
        await until(lambda: len(watches(api)) == 2)
        assert watches(api)[1].query["resourceVersion"] == str(api.version)
        assert set(m.versions) == {"serving/a"}
    assert len(lists(api)) == 1


async def test_a_watch_silent_to_its_end_is_not_believed(api: Api) -> None:
    api.put(pod("a"))
    async with mirror(api, pace=replace(QUICK, watch=(0, 0))) as m:
        await until(lambda: api.watching)
        api.bookmark()
        api.end_watches()
        await until(lambda: len(watches(api)) == 2 and api.watching)
        assert len(lists(api)) == 1, "a bookmark is a sign of life"
        # Restored from a backup: fewer objects, older versions, and nothing to say to who comes from the future.
        api.restore(50)
        api.put(pod("b"))
        api.end_watches()
        await until(lambda: m.versions == api.names())
    assert len(lists(api)) >= 2


async def test_expired_version_in_the_watch_lists_again_and_drops_what_vanished(api: Api) -> None:
    api.put(pod("a"))
    api.put(pod("b"))
    async with mirror(api) as m:
        await until(lambda: api.watching)
        await api.down()
        api.delete("a")
        api.put(pod("c"))
        api.compact()
        await api.up()
        await until(lambda: m.versions == api.names())
        assert set(m.versions) == {"serving/b", "serving/c"}
        await until(lambda: m.reflector.trouble is None and api.watching)
    # One page at the start; after the 410 of the watch one whole list more.
    assert [asked.query.get("continue") for asked in lists(api)] == [None, None]


async def test_expired_as_http_status_lists_again(api: Api) -> None:
    api.put(pod("a"))
    api.next(is_watch(), reply(410, status(410, "Gone", "too old")))
    async with mirror(api) as m:
        await until(lambda: api.watching)
        assert m.versions == api.names()
    assert len(lists(api)) == 2


async def test_expired_in_the_middle_of_the_pages_asks_for_all_at_once(api: Api) -> None:
    for name in "abcde":
        api.put(pod(name))
    expired = status(410, "Expired", "The provided continue parameter is too old", metadata={"continue": "rest"})
    api.next(is_list(page=1), reply(410, expired))
    async with mirror(api) as m:
        await until(lambda: api.watching)
        assert m.versions == api.names()
    first, second, third = lists(api)
    assert (first.query, second.query["limit"]) == ({"limit": "2"}, "2")
    assert third.query == {}, "a remainder of another version would leave a gap"


async def test_overload_waits_as_long_as_the_server_asks(api: Api) -> None:
    api.put(pod("a"))
    api.next(is_list(), reply(429, "Too many requests, please try again later.", {"Retry-After": "1"}))
    loop = asyncio.get_running_loop()
    async with mirror(api) as m:
        await until(lambda: m.reflector.trouble)
        assert isinstance(m.reflector.trouble, ThrottledError)
        began = loop.time()
        await until(lambda: m.reflector.synced)
        assert loop.time() - began > 0.9
        assert m.reflector.trouble is None


async def test_server_errors_are_retried_until_they_end(api: Api) -> None:
    api.put(pod("a"))
    api.next(is_list(), reply(500, status(500, "InternalError", "etcdserver: leader changed")), times=3)
    api.next(is_watch(), reply(503, "no backend"), times=2)
    async with mirror(api) as m:
        await until(lambda: isinstance(m.reflector.trouble, ServerError))
        await until(lambda: api.watching)
        assert m.versions == api.names()
        assert m.reflector.trouble is None
    assert len(lists(api)) == 4, "a watch that cannot be opened is no reason to list again"


async def test_restart_of_the_server_is_survived(api: Api) -> None:
    api.put(pod("a"))
    async with mirror(api) as m:
        await until(lambda: api.watching)
        await api.down()
        await until(lambda: isinstance(m.reflector.trouble, UnreachableError))
        assert m.reflector.troubled_since is not None
        assert set(m.versions) == {"serving/a"}, "rows stay while the server is away"
        api.put(pod("b"))
        await api.up()
        await until(lambda: m.versions == api.names())
        assert m.reflector.trouble is None
    assert len(lists(api)) == 1


async def test_garbage_in_the_watch_resumes_from_before_it(api: Api) -> None:
    api.put(pod("a"))
    async with mirror(api) as m:
        await until(lambda: api.watching)
        seen = str(api.version)
        api.send_raw(b'{"type": "ADDED", "object": {"metad\n')
        await until(lambda: len(watches(api)) == 2 and api.watching == 1)
        assert watches(api)[1].query["resourceVersion"] == seen
        api.put(pod("b"))
        await until(lambda: m.versions == api.names())


async def test_garbage_that_stays_leads_to_a_list(api: Api) -> None:
    api.put(pod("a"))

    async def garbage(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"\x00\x01 not json\n", content_type="application/json")

    api.next(is_watch(), garbage, times=3)
    async with mirror(api) as m:
        await until(lambda: api.watching)
        assert m.versions == api.names()
    assert len(lists(api)) == 2


async def test_an_event_cut_in_half_is_no_event(api: Api) -> None:
    api.put(pod("a"))
    async with mirror(api) as m:
        await until(lambda: api.watching)
        api.send_raw(b'{"type": "DELETED", "object": {"metadata": {"name": "a", "namespace": "serving"}}}')
        api.end_watches()
        await until(lambda: len(watches(api)) == 2)
        assert set(m.versions) == {"serving/a"}


async def test_an_event_in_many_chunks_is_one_event(api: Api) -> None:
    async with mirror(api) as m:
        await until(lambda: api.watching)
        line = (
            b'{"type":"ADDED","object":{"metadata":{"name":"z","namespace":"n","uid":"u","resourceVersion":"999"}}}\n'
        )
        for start in range(0, len(line), 7):
            api.send_raw(line[start : start + 7])
        await until(lambda: set(m.versions) == {"n/z"})


async def test_objects_that_make_no_sense_are_counted_and_left_out(api: Api) -> None:
    api.put(pod("a"))
    good = api.objects[PODS_PATH]["serving", "a"]
    body = {"metadata": {"resourceVersion": "101"}, "items": [None, 7, {"metadata": "x"}, good]}
    api.next(is_list(), reply(200, body))
    async with mirror(api) as m:
        await until(lambda: api.watching)
        assert m.versions == api.names()
        assert m.reflector.skipped == 3


@pytest.mark.parametrize("body", ["<html>log in</html>", "plain text"])
async def test_a_proxy_that_answers_200_is_not_taken_for_a_server(api: Api, body: str) -> None:
    api.next(is_list(), reply(200, body))
    async with mirror(api) as m:
        await until(lambda: isinstance(m.reflector.trouble, NotKubernetesError))
        await until(lambda: m.reflector.synced)


async def test_forbidden_watch_polls_the_list(api: Api) -> None:
    api.put(pod("a"))
    api.next(is_watch(), reply(403, status(403, "Forbidden", "cannot watch")), times=100)
    async with mirror(api) as m:
        await until(lambda: isinstance(m.reflector.trouble, ForbiddenError))
        assert m.versions == api.names()
        api.put(pod("b"))
        await until(lambda: m.versions == api.names())


async def test_rows_go_when_the_list_becomes_forbidden(api: Api) -> None:
    api.put(pod("a"))
    async with mirror(api) as m:
        await until(lambda: api.watching)
        api.denied.add(PODS_PATH)
        api.compact()
        api.drop_watches()
        await until(lambda: not m.versions)
        assert isinstance(m.reflector.trouble, ForbiddenError)
        assert not m.reflector.synced
        api.denied.clear()
        await until(lambda: m.versions == api.names())


async def test_one_namespace_asks_for_that_namespace(api: Api) -> None:
    api.put(pod("a", "one"))
    api.put(pod("b", "two"))
    async with mirror(api, "one") as m:
        await until(lambda: api.watching)
        assert set(m.versions) == {"one/a"}
    assert {asked.path for asked in api.requests} == {"/api/v1/namespaces/one/pods"}


async def test_a_severed_watch_is_opened_again(api: Api) -> None:
    api.put(pod("a"))
    async with mirror(api) as m:
        await until(lambda: api.watching)
        m.reflector.sever()
        await until(lambda: len(watches(api)) == 2)
        api.put(pod("b"))
        await until(lambda: m.versions == api.names())
    assert len(lists(api)) == 1


async def test_a_relist_that_finds_nothing_new_changes_nothing(api: Api) -> None:
    api.put(pod("a"))
    async with mirror(api) as m:
        await until(lambda: api.watching)
        rows, changes = m.reflector.rows, m.changes
        api.next(is_watch(), reply(410, status(410, "Expired", "too old")))
        api.end_watches()
        await until(lambda: len(lists(api)) == 2 and api.watching)
        assert m.reflector.rows is rows
        assert m.changes == changes


async def test_bounded_rows_keep_the_newest(api: Api) -> None:
    def by_number(row: Pod) -> float:
        return float(row.name.removeprefix("p"))

    bounded = Resource("pods", "", "v1", "Pod", PODS.project, "pods", bound=4, newest=by_number)
    for number in range(10):
        api.put(pod(f"p{number}"))
    async with mirror(api, resource=bounded) as m:
        await until(lambda: api.watching)
        assert set(m.versions) == {f"serving/p{n}" for n in (6, 7, 8, 9)}
        api.put(pod("p10"))
        api.put(pod("p11"))
        await until(lambda: set(m.versions) == {f"serving/p{n}" for n in (8, 9, 10, 11)})


FAULTS = ["drop", "end", "compact", "restart", "bookmark", "garbage", "gone page", "busy", "let run"]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from("abcdef")),
        st.tuples(st.just("delete"), st.sampled_from("abcdef")),
        st.tuples(st.sampled_from(FAULTS), st.just("")),
    ),
    min_size=3,
    max_size=25,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
def test_any_interleaving_of_changes_and_faults_ends_equal(steps: list[tuple[str, str]]) -> None:
    asyncio.run(_interleave(steps))


async def _interleave(steps: list[tuple[str, str]]) -> None:
    async with Api() as api, mirror(api) as m:
        for step, name in steps:
            if step == "put":
                api.put(pod(name))
            elif step == "delete":
                if ("serving", name) in api.objects[PODS_PATH]:
                    api.delete(name)
            elif step == "drop":
                api.drop_watches()
            elif step == "end":
                api.end_watches()
            elif step == "compact":
                api.compact()
                api.drop_watches()
            elif step == "restart":
                await api.down()
                await api.up()
            elif step == "bookmark":
                api.bookmark()
            elif step == "garbage":
                api.send_raw(b"}{\n")
            elif step == "gone page":
                api.next(is_list(page=1), reply(410, status(410, "Expired", "too old")))
            elif step == "busy":
                api.next(lambda _: True, reply(503, "overloaded"))
            else:
                await until(lambda: m.versions == api.names())
        await until(lambda: m.versions == api.names() and api.watching)
        uids = {key: row.uid for key, row in m.reflector.rows.items()}
        assert uids == {key: f"uid-{key.replace('/', '-')}" for key in api.names()}
