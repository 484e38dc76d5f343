"""A server that is overloaded, restarts, forbids or talks nonsense: after each fault the rows equal the server's."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleet.sources.kube.errors import (
    ExpiredError,
    ForbiddenError,
    NotKubernetesError,
    ServerError,
    ThrottledError,
    UnreachableError,
)
from fleet.sources.kube.pace import Pace
from tests.fleet.sources.kube.api import PODS as PODS_PATH
from tests.fleet.sources.kube.api import Api, is_list, is_watch, pod, reply, status
from tests.fleet.sources.kube.mirror import lists, mirror, watches
from tests.waiting import until


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
        # The server has the watch open a moment before the reflector knows it.
        await until(lambda: api.watching and m.reflector.trouble is None)
        assert m.versions == api.names()
    assert len(lists(api)) == 4, "a watch that cannot be opened is no reason to list again"


async def test_who_is_woken_during_an_attempt_that_fails_does_not_wait_after_it(api: Api) -> None:
    api.put(pod("a"))
    asked, answer = asyncio.Event(), asyncio.Event()

    async def fail(_: web.Request) -> web.StreamResponse:
        asked.set()
        await answer.wait()
        return web.json_response(status(500, "InternalError", "etcd is on fire"), status=500)

    api.next(is_list(), fail)
    async with mirror(api, pace=Pace(first=3600.0, longest=3600.0)) as m:
        await asked.wait()
        m.reflector.wake()
        answer.set()
        await until(lambda: m.reflector.synced)
    assert len(lists(api)) == 2


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
        await until(lambda: isinstance(m.reflector.unwatched, ForbiddenError))
        assert m.reflector.trouble is None, "what is shown is true, only late"
        assert m.versions == api.names()
        api.put(pod("b"))
        await until(lambda: m.versions == api.names())
        api.recover()
        await until(lambda: m.reflector.unwatched is None)


@pytest.mark.parametrize("code", [405, 501])
async def test_a_server_that_does_not_watch_at_all_is_listed(api: Api, code: int) -> None:
    api.next(is_watch(), reply(code, "no watch here"), times=1000)
    async with mirror(api) as m:
        await until(lambda: m.reflector.unwatched is not None)
        api.put(pod("b"))
        await until(lambda: m.versions == api.names())


async def test_410_again_and_again_is_said_and_what_is_listed_is_shown(api: Api) -> None:
    api.put(pod("a"))
    api.next(is_watch(), reply(410, status(410, "Expired", "too old")), times=10_000)
    async with mirror(api) as m:
        await until(lambda: isinstance(m.reflector.unwatched, ExpiredError))
        api.put(pod("b"))
        await until(lambda: m.versions == api.names())
        api.recover()
        await until(lambda: api.watching)
        api.put(pod("c"))
        await until(lambda: m.versions == api.names() and m.reflector.unwatched is None)


async def test_410_to_every_list_is_a_trouble_that_is_said(api: Api) -> None:
    api.next(is_list(), reply(410, status(410, "Expired", "too old")), times=10_000)
    async with mirror(api) as m:
        await until(lambda: isinstance(m.reflector.trouble, ExpiredError))
        api.recover()
        await until(lambda: m.reflector.synced)
        assert m.reflector.trouble is None


async def test_a_continue_token_that_is_refused_makes_it_ask_for_all_at_once(api: Api) -> None:
    for number in range(1200):
        api.put(pod(f"p{number}"))
    refused = status(400, "BadRequest", "continue key is not valid")
    api.next(is_list(page=1), reply(400, refused), times=10_000)
    async with mirror(api) as m:
        await until(lambda: m.versions == api.names())


async def test_a_list_that_never_ends_is_a_trouble_that_is_said(api: Api) -> None:
    endless = {"kind": "List", "metadata": {"resourceVersion": "1", "continue": "again"}, "items": [pod("a")]}
    api.next(is_list(), reply(200, endless), times=10_000)
    async with mirror(api) as m:
        await until(lambda: isinstance(m.reflector.trouble, NotKubernetesError))


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
