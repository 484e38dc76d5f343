"""Pages of a pod and a workload, of sources, joins, nodes and GPUs."""

from __future__ import annotations

import math
import re
from array import array
from dataclasses import replace

from console.views.versions import differences, running
from fleet.model.frame import Column, Frame
from fleet.model.objects import (
    Condition,
    Container,
    Event,
    HorizontalPodAutoscaler,
    ObjectRef,
    PodDisruptionBudget,
)
from fleet.model.quantity import Quantity
from fleet.model.reading import State
from fleet.model.snapshot import Assessment, Health, Join, Loose, Severity, Snapshot, SourceStatus
from tests.console.screens.desk import Desk, desk
from tests.fleets import NOW, make_snapshot, ticked, without

WORST = "serving/Deployment/mixtral-8x22b"


def _with(snapshot: Snapshot, **values: float) -> Snapshot:
    """The first pod of the worst workload's healthy ones with these readings, fresh, on its engine and itself."""
    pod = healthy(snapshot)

    def frame(of: Frame, key: str) -> Frame:
        columns = dict(of.columns)
        row = of.index[key]
        for name, value in values.items():
            quantity = Quantity[name]
            before = columns.get(quantity, Column(array("d", [math.nan] * len(of.keys)))).values
            changed = array("d", before)
            changed[row] = value
            columns[quantity] = Column(changed)
        states = bytearray(of.states)
        states[row] = State.FRESH
        return replace(of, columns=columns, states=bytes(states))

    engine = snapshot.engines_of[pod][0]
    return replace(snapshot, by_pod=frame(snapshot.by_pod, pod), by_engine=frame(snapshot.by_engine, engine))


def healthy(snapshot: Snapshot) -> str:
    """A pod of the worst workload that is well and measured."""
    return next(
        key
        for key in snapshot.pods_of[WORST]
        if snapshot.assessments[key].severity is Severity.OK and snapshot.by_pod.get(key, Quantity.RUNNING).known
    )


async def _open(d: Desk, key: str) -> None:
    d.grid.move_to(key)
    await d.press("enter")


async def test_a_pod_page_has_every_number_with_its_window_and_method() -> None:
    snapshot = _with(
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
        await _open(d, healthy(snapshot))
        assert "100k of 200k tokens" in d.line_with("KV cache")
        assert "prefix hits 63%" in d.text
        assert "drafts accepted 71%" in d.text
        assert "over 1m, by Prometheus, from merged histogram buckets" in d.line_with("LATENCY")
        assert d.line_with("time to first token").split()[-3:] == ["200ms", "1.90s", "4.00s"]
        bar = d.lines[d.lines.index(d.line_with("WHERE THE TIME GOES")) + 1]
        queue, prefill, decode = (len(part) for part in re.findall(r"[qpd]█*", bar))
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
        await _open(d, key)
        line = d.line_with("waiting   CrashLoopBackOff")
        assert "restarts 17" in line
        assert "last OOMKilled (137) 40s ago" in line
        assert "vllm serve acme/mixtral --max-num-seqs 64" in d.text
        assert "▲ Ready, ContainersReady False 10m  ContainersNotReady containers with unready" in d.text
        assert "● PodScheduled" in d.text
        assert "30s  BackOff ×12  Back-off restarting failed container" in d.text
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
        await _open(d, key)
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
        versions = d.lines.index(d.line_with("VERSIONS  2 run side by side, the newest first"))
        assert "ready 1/1   image vllm-openai:v0.33.0" in d.text
        assert "ready 1/4   image vllm-openai:v0.32.0" in d.text
        change = d.line_with("differs")
        assert "image vllm/vllm-openai:v0.32.0 → vllm/vllm-openai:v0.33.0" in change
        assert d.lines.index(change) > versions
        assert "6 of 2 to 6, wants 9" in d.line_with("autoscaler")
        assert "0 may go (4 healthy, needs 4)" in d.line_with("budget")


async def test_nodes_show_every_gpu_under_its_node() -> None:
    snapshot = make_snapshot()
    async with desk(snapshot, size=(160, 60)) as d:
        pod = healthy(snapshot)
        d.grid.move_to(pod)
        await d.press("o")
        assert d.grid.cursor == snapshot.gpus_of[pod][0]
        row = next(line for line in d.lines if pod[-9:] in line)
        heat = snapshot.by_gpu.value(snapshot.gpus_of[pod][0], Quantity.GPU_TEMPERATURE)
        assert f" {heat:.0f} " in row
        node = snapshot.pods[pod].node
        assert "0/8" in d.line_with(f" {node} ")
        await d.press("enter")
        assert pod.rpartition("/")[2] in d.lines[1]
        await d.press("escape", "escape")
        assert d.grid.cursor == pod


async def test_nodes_in_trouble_come_first_and_mig_instances_have_their_profile() -> None:
    snapshot = make_snapshot()
    gpu = snapshot.gpus_on["node-9"][3]
    mig = {gpu: snapshot.gpus[gpu]._replace(profile="1g.10gb", pod="", namespace="")}
    sick = {gpu: Assessment(Severity.CRITICAL, "XID 79")}
    rest = {key: Assessment(Severity.OK) for key in (*snapshot.gpus, *snapshot.nodes) if key != gpu}
    snapshot = replace(snapshot, gpus={**snapshot.gpus, **mig}, assessments={**snapshot.assessments, **sick, **rest})
    async with desk(snapshot, size=(160, 60)) as d:
        await d.command("gpus")
        await d.press("g")
        assert "■ node-9" in d.lines[2]
        row = d.line_with("1g.10gb")
        assert "free" in row
        assert "XID 79" in row


async def test_sources_tell_since_when_what_is_wrong_and_what_to_do() -> None:
    down = SourceStatus(
        "prometheus",
        Health.DOWN,
        NOW - 300,
        NOW - 300,
        "401 Unauthorized",
        "write a new token to the file of bearer_token_file",
        "https://prometheus.example.com",
        ("3 targets do not answer",),
    )
    snapshot = make_snapshot()
    async with desk(replace(snapshot, sources=(snapshot.sources[0], down))) as d:
        await d.command("sources")
        assert "since 14:08" in d.line_with("■ prometheus  down")
        assert "14:08, 5m ago" in d.line_with("last answer")
        assert "401 Unauthorized" in d.line_with("problem")
        assert "bearer_token_file" in d.line_with("what to do")
        assert "3 targets do not answer" in d.text
        assert await d.deliver(replace(snapshot, sources=(snapshot.sources[0], down), sequence=2)) == 0


async def test_joins_that_could_not_be_made_are_listed() -> None:
    snapshot = make_snapshot()
    pod = healthy(snapshot)
    loose = (*snapshot.loose, Loose(Join.POD_WITHOUT_METRICS, pod, "port 8000 is closed"))
    async with desk(replace(snapshot, loose=loose), size=(190, 40)) as d:
        assert "3 could not be joined" in d.lines[2]
        assert "pod without metrics" in d.line_with(pod[-9:])
        await d.command("joins")
        assert "instance 10.0.9.9:8000 is no pod's address" in d.line_with("metrics without a pod")
        assert "port 8000 is closed" in d.line_with("pod without metrics")


async def test_hidden_screens_draw_nothing_and_catch_up_when_they_come_back() -> None:
    snapshot = make_snapshot()
    async with desk(snapshot) as d:
        grid = d.fleet.grid
        await d.command("sources")
        drawn = grid.lines_drawn
        for i in range(5):
            await d.deliver(ticked(snapshot, seed=i))
        assert grid.lines_drawn == drawn
        await d.press("escape")
        assert grid.lines_drawn > drawn


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
    event = Event(
        "serving", "e", "u", "1", ObjectRef("Pod", *key.split("/")), snapshot.pods[key].uid, "Warning",
        "FailedScheduling", 3 * f"{message} ", 1, NOW,
    )  # fmt: skip
    pods = {**snapshot.pods, key: replace(snapshot.pods[key], conditions=(unscheduled,))}
    async with desk(replace(snapshot, pods=pods, events=(event,)), size=(80, 60)) as d:
        await _open(d, key)
        assert _page(d.lines, "CONDITIONS") < _page(d.lines, "CONTAINERS") < _page(d.lines, "ENGINE")
        words = " ".join(d.text.split())
        assert f"Unschedulable {message}" in words
        assert " ".join(3 * [message]) in words
        assert f"GPUS asks for {snapshot.pods[key].gpus}, and has none before it is on a node" in words
        assert "LAST 15 MINUTES nothing measured" in words


async def test_of_a_pod_that_serves_the_page_has_its_load_first() -> None:
    snapshot = make_snapshot()
    async with desk(snapshot, size=(120, 60)) as d:
        await _open(d, healthy(snapshot))
        assert _page(d.lines, "ENGINE") < _page(d.lines, "CONTAINERS")


async def test_at_80_columns_a_page_folds_instead_of_cutting() -> None:
    snapshot = _with(make_snapshot(), WAITING_CAPACITY=3, WAITING_DEFERRED=2, THROTTLE=0.5)
    key = healthy(snapshot)
    gpu = snapshot.gpus_of[key][0]
    hot = {gpu: Assessment(Severity.CRITICAL, "throttled: thermal (hardware)")}
    snapshot = replace(snapshot, assessments={**snapshot.assessments, **hot})
    async with desk(snapshot, size=(80, 60)) as d:
        await _open(d, key)
        pod = snapshot.pods[key]
        assert f"on {pod.node}   age 3d   restarts 0   ip {pod.ip}" in d.text
        assert "errors" in d.text
        assert "throttled  XID" in d.line_with(" GPUS ")
        assert "throttled: thermal (hardware)" in d.text
        assert "merged histogram buckets, interpolated within a bucket" in " ".join(d.text.split())


async def test_a_workload_page_proves_its_version_by_the_digests_of_its_pods() -> None:
    snapshot = make_snapshot()
    model = "serving/Deployment/llama-3.1-8b"
    key = model if model in snapshot.workloads else next(k for k in snapshot.model_of if k != WORST)
    async with desk(snapshot, size=(120, 80)) as d:
        await _open(d, key)
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


async def test_events_of_a_workload_say_whose_they_are() -> None:
    snapshot = make_snapshot()
    pod = snapshot.pods[snapshot.pods_of[WORST][0]]
    event = Event("serving", "e", "u", "1", ObjectRef("Pod", "serving", pod.name), pod.uid, "Normal", "Started", "go",
                  1, NOW)  # fmt: skip
    async with desk(replace(snapshot, events=(event,)), size=(120, 80)) as d:
        await _open(d, WORST)
        assert f"Started  {pod.name}  go" in d.text
        await d.press("escape")
        await _open(d, pod.key)
        assert "Started  go" in d.text


async def test_a_mig_slice_has_the_activity_of_its_sms_in_place_of_its_utilisation() -> None:
    snapshot = make_snapshot()
    key = healthy(snapshot)
    snapshot = _with(snapshot, GPU_UTIL=math.nan, SM_ACTIVE=0.17)
    async with desk(snapshot, size=(120, 40)) as d:
        d.grid.move_to(key)
        await d.settle()
        assert " ~17 " in d.line_with(key[-9:])


async def test_the_taint_that_every_gpu_node_has_is_not_told() -> None:
    snapshot = make_snapshot()
    taints = (("nvidia.com/gpu", "present", "NoSchedule"), ("maintenance", "", "NoExecute"))
    nodes = {**snapshot.nodes, "node-0": replace(snapshot.nodes["node-0"], taints=taints)}
    async with desk(replace(snapshot, nodes=nodes), size=(200, 60)) as d:
        await d.command("nodes")
        await d.press("slash")
        await d.type("node-0")
        await d.press("enter")
        assert "maintenance:NoExecute" in d.text
        assert "present" not in d.text


async def test_a_free_gpu_is_no_trouble() -> None:
    snapshot = make_snapshot()
    gpu = next(iter(snapshot.gpus))
    free = {**snapshot.gpus, gpu: snapshot.gpus[gpu]._replace(pod="", namespace="")}
    loose = (Loose(Join.GPU_WITHOUT_POD, gpu, "free"),)
    async with desk(replace(snapshot, gpus=free, loose=loose)) as d:
        assert "joined" not in d.text


async def test_nodes_open_with_the_gpu_and_the_node_that_holds_it_in_view() -> None:
    snapshot = make_snapshot()
    async with desk(snapshot, size=(80, 24)) as d:
        for pod in snapshot.pods_of[WORST]:
            if gpus := snapshot.gpus_of.get(pod):
                d.grid.move_to(pod)
                await d.press("o")
                assert d.grid.cursor == gpus[0]
                node = snapshot.pods[pod].node
                shown = d.grid.visible_keys
                assert shown.index(node) < shown.index(gpus[0])
                await d.press("escape")


async def test_the_fault_of_a_gpu_stands_before_what_it_made_of_its_pod() -> None:
    snapshot = make_snapshot()
    key = next(k for k in snapshot.pods_of[WORST] if snapshot.assessments[k].reason == "OOMKilled ×17")
    faulty = {snapshot.gpus_of[key][1]: Assessment(Severity.CRITICAL, "XID 79")}
    async with desk(replace(snapshot, assessments={**snapshot.assessments, **faulty}), size=(160, 40)) as d:
        assert "XID 79, OOMKilled ×17" in d.line_with(key[-9:])
        await _open(d, key)
        assert "XID 79, OOMKilled ×17" in d.lines[1]
        assert "XID 79" in d.text
