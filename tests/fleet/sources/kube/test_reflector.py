"""List and watch, and their continuation: the rows equal the server's, and the wire shows how."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from aiohttp import web

from fleet.model.objects import Pod
from fleet.sources.kube.resources import PODS, Resource
from tests.fleet.sources.kube.api import PODS as PODS_PATH
from tests.fleet.sources.kube.api import Api, is_list, is_watch, pod, reply, status
from tests.fleet.sources.kube.conftest import QUICK
from tests.fleet.sources.kube.mirror import lists, mirror, watches
from tests.waiting import until


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
        # Restored from a backup: fewer objects, older versions, and no events for a watch from the future.
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
