"""The pods of a workload on its page: the sick first and named, with how they ended and how far they load."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.screens.loading_progress import PhasePace
from console.views.detail import detail_lines
from console.views.workload_pods import Loading
from fleet.local.phases import StageReader
from fleet.model.objects import Condition, Container, Pod
from fleet.model.severity import Severity
from fleet.model.snapshot import Assessment, Snapshot
from tests.fleets import NOW, make_snapshot
from themes.glyphs import UNICODE

WORKLOAD = "serving/Deployment/llama-70b"


def _with(snapshot: Snapshot, sick: Pod, *others: Pod) -> Snapshot:
    pods = {**snapshot.pods, **{pod.key: pod for pod in (sick, *others)}}
    values = {**snapshot.assessments, sick.key: Assessment(Severity.CRITICAL, "OOMKilled, CrashLoopBackOff")}
    return replace(snapshot, pods=pods, assessments=values)


def _text(snapshot: Snapshot, width: int, starts: dict[str, Loading] | None = None) -> list[str]:
    lines = detail_lines(snapshot, WORKLOAD, width, UNICODE, None, starts or {})
    return ["".join(span.text for span in line.spans) for line in lines]


def test_the_sick_pod_is_first_and_named_with_its_last_end() -> None:
    snapshot = make_snapshot()
    *_, last = snapshot.pods_of[WORKLOAD]
    crashed = Container(
        "vllm", "i", state="waiting", reason="CrashLoopBackOff", restarts=5,
        last_reason="OOMKilled", last_exit_code=137, last_finished=NOW - 20,
    )  # fmt: skip
    found = _with(snapshot, replace(snapshot.pods[last], ready=False, containers=(crashed,)))
    for width in (40, 80, 160):
        lines = _text(found, width)
        at = next(i for i, line in enumerate(lines) if line.startswith(" PODS"))
        assert snapshot.pods[last].name[-8:] in lines[at + 1]
        assert at <= 5, "below the title, before all else"
        words = " ".join(" ".join(lines[at : at + 6]).split())
        assert "OOMKilled, CrashLoopBackOff" in words
        assert "vllm ended last: OOMKilled (137) 20s ago, 5 restarts" in words
        assert all(len(line) <= width for line in lines[at : at + 4])


def test_of_a_pod_that_loads_the_phase_of_its_log_and_when_its_peers_were_ready() -> None:
    snapshot = make_snapshot()
    first, second, *_ = (snapshot.pods[key] for key in snapshot.pods_of[WORKLOAD])
    runs = Container("vllm", "i", state="running", since=NOW - 50)
    loading = replace(first, ready=False, containers=(runs,))
    peer = replace(
        second,
        ready=True,
        containers=(replace(runs, since=NOW - 4000),),
        conditions=(Condition("Ready", "True", since=NOW - 3880),),
    )
    others = tuple(replace(snapshot.pods[key], conditions=()) for key in snapshot.pods_of[WORKLOAD][2:])
    found = _with(snapshot, loading, peer, *others)
    text = " ".join(_text(found, 160, {loading.key: Loading("reading weights", "shard 17 of 30")}))
    assert "reading weights, shard 17 of 30, for 50s; ready in ~1m10s (peers took 2m)" in text
    late = _with(snapshot, replace(loading, containers=(replace(runs, since=NOW - 300),)), peer, *others)
    assert "starting, for 5m; late: peers took 2m" in " ".join(_text(late, 160))


def test_where_no_peer_is_ready_the_pace_of_the_log_says_how_long_the_phase_takes() -> None:
    snapshot = make_snapshot()
    keys = snapshot.pods_of[WORKLOAD]
    runs = Container("vllm", "i", state="running", since=NOW - 50)
    found = _with(snapshot, *(replace(snapshot.pods[key], ready=False, containers=(runs,)) for key in keys))
    text = " ".join(_text(found, 160, {keys[0]: Loading("reading weights", "shard 14 of 28", NOW + 28)}))
    assert "reading weights, shard 14 of 28, for 50s; this phase takes ~28s more" in text
    over = " ".join(_text(found, 160, {keys[0]: Loading("reading weights", "shard 14 of 28", NOW - 5)}))
    assert "shard 14 of 28, for 50s" in over
    assert "more" not in over, "slower than before: the pace is no longer known"


def test_the_pace_is_that_of_the_phase_under_way() -> None:
    reader, pace = StageReader(0.0), PhasePace()
    shards = "Loading safetensors checkpoint shards: {0}% Completed | {1}/28"
    ends = []
    for at, line in (
        (100.0, "Starting to load model m..."),
        (101.0, shards.format(0, 0)),
        (129.0, shards.format(50, 14)),
        (157.0, shards.format(100, 28)),
        (160.0, "Capturing CUDA graphs: 0/10"),
        (161.0, "Capturing CUDA graphs: 1/10"),
    ):
        reader.feed(line, at)
        pace.feed(reader.stages[-1], at)
        ends.append(pace.ends)
    assert ends == [None, None, 157.0, None, None, 170.0]


def test_pods_with_the_same_to_report_are_said_once() -> None:
    snapshot = make_snapshot(workloads=1, pods_per=54)

    def starts(pod: Pod, number: int) -> Pod:
        runs = Container("vllm", "i", state="running", since=NOW - 30 - number)
        return replace(pod, ready=False, deleted=None, containers=(runs,))

    pods = {key: starts(pod, number) for number, (key, pod) in enumerate(snapshot.pods.items())}
    values = {key: Assessment(Severity.STARTING, "loading") for key in pods}
    loading = replace(snapshot, pods=pods, assessments={**snapshot.assessments, **values})
    first, *_, read = pods
    lines = _text(loading, 120, {read: Loading("reading weights", "shard 3 of 30")})
    at = next(i for i, line in enumerate(lines) if line.startswith(" PODS"))
    assert lines[at + 7].strip() == "+51 alike"
    assert pods[read].name in lines[at + 1], "the one whose log was read is among those shown"
    # One that died is not like the others.
    died = Container("vllm", "i", state="waiting", last_reason="OOMKilled", last_exit_code=137, restarts=1)
    lines = _text(replace(loading, pods={**pods, first: replace(pods[first], containers=(died,))}), 120)
    assert any("OOMKilled (137)" in line for line in lines)
    assert any(line.strip() == "+50 alike" for line in lines)


@pytest.mark.parametrize(("node", "whole"), [("n1", True), ("pool-h100-eu-west-1-node-17", False)])
def test_names_get_the_room_that_short_places_leave(node: str, *, whole: bool) -> None:
    snapshot = make_snapshot()
    name = "chat-70b-q96rw4lfgd-dm9rf-long"
    pods = {key: replace(snapshot.pods[key], name=name, node=node) for key in snapshot.pods_of[WORKLOAD]}
    rows = [line for line in _text(replace(snapshot, pods={**snapshot.pods, **pods}), 80) if name[-9:] in line]
    assert rows
    assert all((name in row) is whole and node[-9:] in row and len(row) <= 80 for row in rows)
