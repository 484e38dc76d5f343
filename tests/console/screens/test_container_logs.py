"""The container whose log is opened, and the message while it has not started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from console.views.pod_logs import lack_of_log, worth_reading
from fleet.model.objects import Condition, Container, Pod
from fleet.model.snapshot import Snapshot
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.project.pods import project_pod
from tests.console.screens.desk import desk
from tests.console.screens.scripted import ScriptedSession
from tests.fleets import make_snapshot
from widgets.log_view import LogView

PROXY = {"name": "istio-proxy", "image": "istio/proxyv2:1.27"}
VLLM = {"name": "server", "image": "vllm/vllm-openai:v0.11.0", "args": ["--model", "org/chat"]}
TOOL = {"name": "tool", "image": "busybox"}
INIT = {"name": "download", "image": "busybox"}


def pod(containers: list[dict[str, Any]], annotations: Mapping[str, str] | None = None, **status: Any) -> Pod:
    raw = {
        "metadata": {"name": "chat-0", "namespace": "serving", "uid": "u1", "annotations": dict(annotations or {})},
        "spec": {"containers": containers, "initContainers": [INIT]},
        "status": {"phase": "Running", **status},
    }
    return project_pod(raw, Interner())


@pytest.mark.parametrize(
    ("containers", "default", "first"),
    [
        ([PROXY, VLLM], None, "server"),
        ([PROXY, VLLM | {"resources": {"claims": [{"name": "gpu"}]}}], None, "server"),
        ([PROXY, VLLM, TOOL], "tool", "tool"),
        ([PROXY, VLLM], "download", "download"),
        ([PROXY, VLLM], "not-there", "server"),
        ([PROXY, VLLM], "", "server"),
        ([PROXY, TOOL], None, "istio-proxy"),
    ],
)
def test_the_default_container_is_the_annotated_one_else_the_engine_else_the_first(
    containers: list[dict[str, Any]], default: str | None, first: str
) -> None:
    annotations = {} if default is None else {"kubectl.kubernetes.io/default-container": default}
    found = worth_reading(pod(containers, annotations))
    assert found[0] == first
    assert sorted(found) == sorted([*(c["name"] for c in containers), "download"]), "each can be turned to"


def test_of_the_time_before_a_restart_it_is_one_that_restarted() -> None:
    restarted = [{"name": "istio-proxy", "restartCount": 2, "state": {"running": {}}}]
    assert worth_reading(pod([VLLM, PROXY], containerStatuses=restarted), previous=True)[0] == "istio-proxy"
    both = [*restarted, {"name": "server", "restartCount": 1, "state": {"running": {}}}]
    assert worth_reading(pod([PROXY, VLLM], containerStatuses=both), previous=True)[0] == "server"


@pytest.mark.parametrize(
    ("status", "lack"),
    [
        ({"state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}, ""),
        ({"state": {"terminated": {"exitCode": 1}}}, ""),
        ({"state": {"waiting": {"reason": "ImagePullBackOff"}}}, "ImagePullBackOff"),
        ({"state": {"waiting": {}}}, "waiting"),
        (
            {
                "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                "lastState": {"terminated": {"exitCode": 1, "finishedAt": "2026-01-01T00:00:00Z"}},
            },
            "",
        ),
    ],
)
def test_a_container_has_a_log_from_its_first_start_on(status: dict[str, Any], lack: str) -> None:
    assert lack_of_log(pod([VLLM], containerStatuses=[{"name": "server", **status}]), "server") == lack


def test_a_pod_that_nobody_could_place_has_no_log_and_the_scheduler_says_why() -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
    assert lack_of_log(pod([VLLM], phase="Pending", conditions=[condition]), "server") == "Unschedulable"
    assert lack_of_log(pod([VLLM], phase="Pending"), "server") != ""
    assert lack_of_log(pod([VLLM]), "server") == "", "where nobody says that there is none it is asked for"


def with_state(snapshot: Snapshot, key: str, state: str, reason: str = "", message: str = "") -> Snapshot:
    container = Container("vllm", "vllm", state=state, reason=reason, message=message)
    row = replace(snapshot.pods[key], containers=(container,), conditions=(Condition("Ready", "False"),))
    return replace(snapshot, sequence=snapshot.sequence + 1, pods={**snapshot.pods, key: row})


async def test_a_container_that_has_not_started_is_waited_for_and_says_why() -> None:
    session = ScriptedSession(log_lines=("INFO it serves",))
    whole = make_snapshot()
    key = next(iter(whole.pods))
    pulling = with_state(whole, key, "waiting", "ErrImagePull", "no such tag: v9")
    async with desk(pulling, session=session) as d:
        d.grid.move_to(key)
        await d.press("l")
        assert "not started yet: ErrImagePull" in d.lines[1]
        assert "no such tag: v9" in d.screen.message_text
        assert session.asked == [], "nothing is asked that the server would refuse"
        await d.deliver(with_state(pulling, key, "waiting", "ContainerCreating"))
        assert "not started yet: ContainerCreating" in d.lines[1]
        await d.deliver(with_state(pulling, key, "running"))
        await d.until(lambda: "INFO it serves" in d.text)
        assert "following" in d.lines[1]
        assert "not started" not in d.text


async def test_a_pod_that_goes_before_its_container_has_started_is_not_waited_for_in_silence() -> None:
    whole = make_snapshot()
    key = next(iter(whole.pods))
    waiting = with_state(whole, key, "waiting", "ContainerCreating")
    async with desk(waiting) as d:
        d.grid.move_to(key)
        await d.press("l")
        assert "ContainerCreating" in d.lines[1]
        left = {k: row for k, row in waiting.pods.items() if k != key}
        await d.deliver(replace(waiting, sequence=waiting.sequence + 1, pods=left))
        assert "the pod is gone" in d.screen.message_text


async def test_lines_that_were_cleared_away_were_not_dropped() -> None:
    session = ScriptedSession(log_lines=tuple(str(i) for i in range(1000)))
    async with desk(make_snapshot(), session=session, size=(80, 20)) as d:
        await d.press("l")
        await d.until(lambda: "999" in d.text)
        await d.press("C")
        assert "dropped" not in d.lines[1]
        for i in range(10_001):
            session.more.put_nowait(f"later {i}")
        await d.until(lambda: "later 10000" in d.text)
        await d.until(lambda: "1 line dropped" in d.lines[1])
        await d.press("3")
        await d.until(lambda: d.screen.query_one(LogView).end - d.screen.query_one(LogView).first == 1000)
        assert "dropped" not in d.lines[1], "another range begins anew"
