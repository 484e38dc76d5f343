"""Ends of logs: the selected containers, the requests on the wire, and the kept part."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest
from aiohttp import web

from fleet import guard
from fleet.model.ending import Ending
from fleet.model.objects import Container, Pod
from fleet.model.problem import NothingToAskError
from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.crash_logs import AT_ONCE, BYTES, LINES, CrashLogs
from fleet.sources.kube.reads import KubeReads
from tests.fleet.rows import pod
from tests.fleet.sources.kube.api import Api, reply, status

CUDA = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB token=hf_secret"
ENDED = Container(
    "vllm", "vllm:1", restarts=3, state="waiting", reason="CrashLoopBackOff", last_reason="Error", last_exit_code=1
)
REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def crashed(name: str, *containers: Container) -> Pod:
    return pod(name, ready=False, uid=f"uid-{name}", containers=containers or (ENDED,))


@pytest.fixture
async def reads(api: Api) -> AsyncIterator[KubeReads]:
    client = KubeClient(api.access())
    yield KubeReads(client)
    await client.close()


def source(reads: KubeReads, pods: Sequence[Pod]) -> CrashLogs:
    return CrashLogs(reads, lambda: pods, lambda line: line.replace("hf_secret", "***"))


def may(api: Api, *, allowed: bool = True) -> None:
    api.next(lambda request: request.path == REVIEW, reply(201, {"status": {"allowed": allowed}}))


def log(api: Api, text: str, times: int = 1) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(text=text)

    api.next(lambda request: request.path.endswith("/log"), handle, times=times)


def asked_logs(api: Api) -> list[dict[str, str]]:
    return [dict(one.query) for one in api.requests if one.path.endswith("/log")]


async def test_the_tail_of_the_previous_container_is_read_once_for_each_end(api: Api, reads: KubeReads) -> None:
    may(api)
    log(api, f"loads\n{CUDA}\n", times=2)
    pods = [crashed("chat-1")]
    logs = source(reads, pods)
    found = await logs.ask()
    (row,) = found.rows
    assert row == Ending("uid-chat-1", "vllm", 3, "cuda-oom", CUDA.replace("hf_secret", "***"))
    (query,) = asked_logs(api)
    assert query == {"container": "vllm", "previous": "true", "tailLines": str(LINES), "limitBytes": str(BYTES)}
    assert await logs.ask() == found
    assert len(asked_logs(api)) == 1, "the same end is not read again"
    pods[0] = crashed("chat-1", replace(ENDED, restarts=4))
    assert [one.restarts for one in (await logs.ask()).rows] == [4]
    assert len(asked_logs(api)) == 2


@pytest.mark.parametrize(
    "other",
    [
        pod("chat-1"),
        pod("chat-1", ready=False, containers=(Container("vllm", "vllm:1", state="running"),)),
        crashed("chat-1", replace(ENDED, last_reason="OOMKilled", last_exit_code=137)),
        crashed("chat-1", replace(ENDED, last_message=CUDA)),
        replace(crashed("chat-1"), deleted=1.0),
    ],
    ids=["well", "loads", "killed for its memory", "told by the kubelet", "leaves"],
)
async def test_no_log_is_read_of_a_pod_of_which_it_would_say_nothing_more(
    api: Api, reads: KubeReads, other: Pod
) -> None:
    assert (await source(reads, [other]).ask()).rows == ()
    assert api.requests == []


async def test_where_logs_may_not_be_read_none_is_asked_for_and_that_is_said(api: Api, reads: KubeReads) -> None:
    may(api, allowed=False)
    logs = source(reads, [crashed("chat-1"), crashed("chat-2")])
    assert (await logs.ask()).rows == ()
    assert (await logs.ask()).rows == ()
    assert [one.path for one in api.requests] == [REVIEW], "and it is not asked again at once"
    assert logs.notes == ("serving: logs may not be read, so the reasons why containers end are not known",)


async def test_an_auditor_reads_none_unless_the_policy_says_so(api: Api, reads: KubeReads) -> None:
    guard.lock()
    with pytest.raises(NothingToAskError, match="read-only"):
        await source(reads, [crashed("chat-1")]).ask()
    assert api.requests == []


async def test_an_auditor_whom_the_policy_lets_reads_them(api: Api, reads: KubeReads) -> None:
    guard.lock({guard.LOGS})
    may(api)
    log(api, CUDA)
    assert [one.reason for one in (await source(reads, [crashed("chat-1")]).ask()).rows] == ["cuda-oom"]


async def test_of_a_hundred_that_end_at_once_a_few_are_read_in_a_look(api: Api, reads: KubeReads) -> None:
    may(api)
    log(api, CUDA, times=100)
    logs = source(reads, [crashed(f"chat-{number}") for number in range(100)])
    assert len((await logs.ask()).rows) == AT_ONCE
    assert len((await logs.ask()).rows) == 2 * AT_ONCE


async def test_a_log_that_is_gone_is_not_asked_for_again(api: Api, reads: KubeReads) -> None:
    may(api)
    gone = status(400, "BadRequest", 'previous terminated container "vllm" in pod "chat-1" not found')
    api.next(lambda request: request.path.endswith("/log"), reply(400, gone))
    logs = source(reads, [crashed("chat-1")])
    for _ in range(2):
        assert [one.reason for one in (await logs.ask()).rows] == [""]
    assert len(asked_logs(api)) == 1
