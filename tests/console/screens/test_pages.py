"""Pages of a pod and of a workload."""

from __future__ import annotations

import re
from dataclasses import replace

from console.views.versions import differences, running
from fleet.kinds.leaderworkerset import GROUP
from fleet.model.objects import (
    REVISION_HASH,
    Condition,
    Container,
    Event,
    HorizontalPodAutoscaler,
    ObjectRef,
    PodDisruptionBudget,
)
from fleet.model.severity import Severity
from fleet.model.snapshot import Assessment
from tests.console.screens.desk import desk
from tests.console.screens.worst import WORST, healthy, with_readings
from tests.fleet.diagnosis.fleets import STUCK, Fleet
from tests.fleets import NOW, make_snapshot, without
from themes.glyphs import UNICODE


async def test_a_pod_page_has_every_number_with_its_window_and_method() -> None:
    snapshot = with_readings(
        make_snapshot(),
        KV_USAGE=0.5,
        KV_CAPACITY=200_000,
        PREFIX_HIT_RATIO=0.63,
        SPEC_ACCEPTANCE=0.71,
        TTFT_P50=0.2,
        TTFT_P95=1.9,
        TTFT_P99=4.0,
        QUEUE_MEAN=1.0,
        PREFILL_MEAN=0.5,
        DECODE_MEAN=2.5,
    )
    async with desk(snapshot, size=(160, 60)) as d:
        await d.open(healthy(snapshot))
        assert "100k of 200k tokens" in d.line_with("KV cache")
        assert "prefix hits 63%" in d.text
        assert "drafts accepted 71%" in d.text
        assert "over 1m, by Prometheus, from merged histogram buckets" in d.line_with("LATENCY")
        assert d.line_with("time to first token").split()[-3:] == ["200ms", "1.90s", "4.00s"]
        bar = d.lines[d.lines.index(d.line_with("WHERE THE TIME GOES")) + 1]
        queue, prefill, decode = (len(part) for part in re.findall(r"[qpd]━*", bar))
        assert abs(queue / (queue + prefill + decode) - 0.25) < 0.02
        assert abs(prefill / (queue + prefill + decode) - 0.125) < 0.02
        assert "queue 1.00s   prefill 500ms   decode 2.50s" in d.text


async def test_a_pod_page_tells_what_kubernetes_knows() -> None:
    snapshot = make_snapshot()
    key = next(
        k for k, a in snapshot.assessments.items() if a.reason == "OOMKilled ×17" and k in snapshot.pods_of[WORST]
    )
    pod = snapshot.pods[key]
    container = Container(
        "vllm",
        "vllm/vllm-openai:v0.32.0",
        restarts=17,
        state="waiting",
        reason="CrashLoopBackOff",
        last_reason="OOMKilled",
        last_exit_code=137,
        last_finished=NOW - 40,
        command=("vllm", "serve", "acme/mixtral", "--max-num-seqs", "64"),
    )
    conditions = (
        Condition("PodScheduled", "True"),
        Condition("Ready", "False", "ContainersNotReady", "containers with unready status: [vllm]", NOW - 600),
        Condition(
            "ContainersReady", "False", "ContainersNotReady", "containers with unready status: [vllm]", NOW - 600
        ),
    )
    event = Event(
        pod.namespace,
        "e1",
        "uid-e1",
        "1",
        ObjectRef("Pod", pod.namespace, pod.name),
        pod.uid,
        "Warning",
        "BackOff",
        "Back-off restarting failed container",
        12,
        NOW - 30,
    )
    unpinned = replace(pod.version, revision="")
    changed = replace(pod, containers=(container,), conditions=conditions, version=unpinned)
    snapshot = replace(snapshot, pods={**snapshot.pods, key: changed}, events=(event,))
    async with desk(snapshot, size=(160, 60)) as d:
        await d.open(key)
        line = d.line_with("waiting   CrashLoopBackOff")
        assert "restarts 17" in line
        assert "last OOMKilled (137) 40s ago" in line
        assert "vllm serve acme/mixtral --max-num-seqs 64" in d.text
        assert "▲ Ready, ContainersReady False 10m  ContainersNotReady containers with unready" in d.text
        assert "● PodScheduled" in d.text
        assert "30s BackOff ×12 Back-off restarting failed container" in " ".join(d.text.split())
        assert "unpinned" in d.line_with("model  ")
        assert "sha256:0a1b" in d.text


async def test_a_page_scrolls_and_is_searched() -> None:
    async with desk(make_snapshot(), size=(80, 16)) as d:
        await d.press("enter")
        assert "LATENCY" not in d.text
        await d.press("slash")
        await d.type("first token")
        await d.press("enter")
        assert "LATENCY" in d.text
        await d.press("escape", "g")
        assert "mixtral-8x22b" in d.lines[1]


async def test_the_page_of_a_pod_that_goes_says_so() -> None:
    snapshot = make_snapshot()
    key = healthy(snapshot)
    async with desk(snapshot) as d:
        await d.open(key)
        await d.deliver(without(snapshot, key))
        assert f"{key} is gone" in d.text
        await d.press("escape")
        assert "MODEL · WORKLOAD" in d.text


async def test_a_workload_page_has_its_scaler_its_budget_and_the_versions_side_by_side() -> None:
    snapshot = make_snapshot()
    first = snapshot.pods_of[WORST][0]
    newer = replace(snapshot.pods[first].version, image="vllm/vllm-openai:v0.33.0")
    pods = {**snapshot.pods, first: replace(snapshot.pods[first], version=newer, created=NOW)}
    scaler = HorizontalPodAutoscaler(
        "serving", "mixtral", "u", "1", ObjectRef("Deployment", "serving", "mixtral-8x22b"), 2, 6, 6, 9
    )
    budget = PodDisruptionBudget("serving", "keep-mixtral", "u", "1", {"app": "mixtral-8x22b"}, 0, 4, 4, 6)
    snapshot = replace(snapshot, pods=pods, autoscalers={WORST: scaler}, budgets=(budget,))
    async with desk(snapshot, size=(120, 60)) as d:
        await d.press("enter")
        assert "ready 5/6" in d.lines[1]
        versions = d.lines.index(d.line_with("VERSIONS  2 run side by side, newest first"))
        assert "ready 1/1   image vllm-openai:v0.33.0" in d.text
        assert "ready 1/4   image vllm-openai:v0.32.0" in d.text
        change = d.line_with("differs")
        assert "image vllm/vllm-openai:v0.32.0 → vllm/vllm-openai:v0.33.0" in change
        assert d.lines.index(change) > versions
        assert "6 of 2 to 6, wants 9" in d.line_with("autoscaler")
        assert "0 may be disrupted (4 healthy, needs 4)" in d.line_with("budget")


def _page(lines: list[str], title: str) -> int:
    """The number of the line with the head of a section."""
    return next(i for i, line in enumerate(lines) if line.startswith(f" {title}"))


async def test_of_a_pod_that_is_not_ready_the_page_says_why_first_and_whole() -> None:
    snapshot = make_snapshot()
    key = next(key for key, pod in snapshot.pods.items() if pod.phase == "Pending")
    message = (
        "0/12 nodes are available: 2 Insufficient nvidia.com/gpu, 10 node(s) didn't match Pod's node affinity/selector."
        " preemption: 0/12 nodes are available: 12 Preemption is not helpful for scheduling."
    )
    unscheduled = Condition("PodScheduled", "False", "Unschedulable", message, NOW - 30)
    namespace, name = key.split("/")
    event = Event(
        "serving", "e", "u", "1", ObjectRef("Pod", namespace, name), snapshot.pods[key].uid, "Warning",
        "FailedScheduling", 3 * f"{message} ", 1, NOW,
    )  # fmt: skip
    pods = {**snapshot.pods, key: replace(snapshot.pods[key], conditions=(unscheduled,))}
    async with desk(replace(snapshot, pods=pods, events=(event,)), size=(80, 60)) as d:
        await d.open(key)
        assert _page(d.lines, "CONDITIONS") < _page(d.lines, "CONTAINERS") < _page(d.lines, "ENGINE")
        words = " ".join(d.text.split())
        assert f"Unschedulable {message}" in words
        assert " ".join(3 * [message]) in words
        assert f"GPUS requests {snapshot.pods[key].gpus}, and has none until it is on a node" in words
        assert "LAST 15 MINUTES" not in words


async def test_of_a_pod_that_serves_the_page_has_its_load_first() -> None:
    snapshot = make_snapshot()
    async with desk(snapshot, size=(120, 60)) as d:
        await d.open(healthy(snapshot))
        assert _page(d.lines, "ENGINE") < _page(d.lines, "CONTAINERS")


async def test_the_card_of_a_pod_that_hangs_is_as_sick_as_the_pod_and_sections_without_content_are_gone() -> None:
    fleet = Fleet(3)
    fleet.engines["chat-1"] = STUCK
    fleet.at(0)
    snapshot = fleet.at(70)
    (gpu,) = snapshot.gpus_of["serving/chat-1"]
    async with desk(snapshot, size=(120, 60)) as d:
        await d.open("serving/chat-1")
        card = snapshot.gpus[gpu]
        assert d.line_with(f"{card.node} {card.ordinal}").split()[0] == UNICODE.critical
        assert "EVENTS" not in d.text


async def test_at_80_columns_a_page_folds_instead_of_cutting() -> None:
    snapshot = with_readings(make_snapshot(), WAITING_CAPACITY=3, WAITING_DEFERRED=2, THROTTLE=0.5)
    key = healthy(snapshot)
    gpu = snapshot.gpus_of[key][0]
    hot = {gpu: Assessment(Severity.CRITICAL, "throttled: thermal (hardware)")}
    snapshot = replace(snapshot, assessments={**snapshot.assessments, **hot})
    async with desk(snapshot, size=(80, 60)) as d:
        await d.open(key)
        pod = snapshot.pods[key]
        assert f"on {pod.node}   age 3d   restarts 0   ip {pod.ip}" in d.text
        assert "errors" in d.text
        assert "throttled  XID" in d.line_with(" GPUS ")
        assert "throttled: thermal (hardware)" in d.text
        assert "merged histogram buckets, interpolated within a bucket" in " ".join(d.text.split())


async def test_a_workload_page_proves_its_version_by_the_digests_of_its_pods() -> None:
    snapshot = make_snapshot()
    key = next(key for key in snapshot.model_of if key != WORST)
    async with desk(snapshot, size=(120, 80)) as d:
        await d.open(key)
        assert "sha256:0a1b" in d.line_with("digest")
        moved = snapshot.pods_of[key][0]
        newer = replace(snapshot.pods[moved].version, digest="sha256:ffff")
        pods = {**snapshot.pods, moved: replace(snapshot.pods[moved], version=newer)}
        await d.deliver(replace(snapshot, pods=pods, sequence=2))
        assert "one tag, several images" in d.text


def test_versions_are_told_by_their_template_and_differ_in_their_arguments() -> None:
    old, new = (
        replace(
            next(iter(make_snapshot().pods.values())),
            name=f"chat-{i}",
            uid=f"u{i}",
            created=NOW - 100 / (i + 1),
            deleted=None,
            labels={"pod-template-hash": f"hash{i}"},
            containers=(
                Container("wait", "busybox", init=True, command=("sleep", str(i))),
                Container("vllm", "vllm", command=("vllm", "serve", *arguments)),
            ),
        )
        for i, arguments in enumerate((("--a=1", "--b", "2", "--c"), ("--a=1", "--b", "3", "--d")))
    )
    assert [version.template for version in running([old, new])] == ["hash1", "hash0"]
    assert list(differences(new, old)) == [("--b", "2", "3"), ("--c", "set", ""), ("--d", "", "set")]


async def test_the_same_event_of_several_pods_is_said_once() -> None:
    snapshot = make_snapshot()
    text = "Startup probe failed: Get http://10.0.0.{}:8000/health: connection refused"
    pods = [snapshot.pods[key] for key in snapshot.pods_of[WORST]]
    probes = tuple(
        Event("serving", f"e{n}", f"u{n}", "1", ObjectRef("Pod", "serving", pod.name), pod.uid, "Warning", "Unhealthy",
              text.format(n), 3, NOW - n)
        for n, pod in enumerate(pods)
    )  # fmt: skip
    async with desk(replace(snapshot, events=probes), size=(160, 80)) as d:
        await d.open(WORST)
        (line,) = [line for line in d.lines if "Unhealthy" in line]
        assert f"Unhealthy ×3 {pods[0].name} and {len(pods) - 1} more Startup probe failed" in " ".join(line.split())
        assert "10.0.0" not in line
        await d.press("escape")
        await d.open(pods[1].key)
        assert "10.0.0.1:8000" in d.line_with("Unhealthy"), "its own page has its own words"


async def test_events_of_a_workload_say_whose_they_are() -> None:
    snapshot = make_snapshot()
    pod = snapshot.pods[snapshot.pods_of[WORST][0]]
    event = Event("serving", "e", "u", "1", ObjectRef("Pod", "serving", pod.name), pod.uid, "Normal", "Started", "go",
                  1, NOW)  # fmt: skip
    async with desk(replace(snapshot, events=(event,)), size=(120, 80)) as d:
        await d.open(WORST)
        assert f"Started {pod.name} go" in " ".join(d.text.split())
        await d.press("escape")
        await d.open(pod.key)
        assert "Started go" in " ".join(d.text.split())


def test_the_leader_and_the_workers_of_a_group_are_one_version() -> None:
    pods = make_snapshot().pods
    first, second = list(pods.values())[:2]
    group = {GROUP.revision: "a1", GROUP.workload: "chat"}
    worker = replace(first, labels={**group, REVISION_HASH: "workers-1"}, version=replace(first.version, model=""))
    leader = replace(second, labels={**group, REVISION_HASH: "leader-1"})
    (only,) = running([worker, leader])
    assert only.version.model == second.version.model != ""
    another = replace(leader, labels={**leader.labels, GROUP.revision: "b2"})
    assert len(running([worker, another])) == 2


async def test_the_title_of_a_page_has_the_words_of_the_row_and_says_nothing_twice() -> None:
    snapshot = make_snapshot()
    key = healthy(snapshot)
    crashed = replace(snapshot.pods[key], status="CrashLoopBackOff")
    values = {**snapshot.assessments, key: Assessment(Severity.CRITICAL, "OOMKilled, CrashLoopBackOff")}
    found = replace(snapshot, pods={**snapshot.pods, key: crashed}, assessments=values)
    async with desk(found, size=(160, 40)) as d:
        await d.open(key)
        assert d.lines[1].count("CrashLoopBackOff") == 1
        assert "OOMKilled" in d.lines[1]
