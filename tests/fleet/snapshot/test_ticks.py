"""The cost of a tick, counted: unchanged parts are the same objects, and changed parts are rebuilt.

Whatever is reused from one tick to the next, a Snapshot equals the one that would be built from nothing.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from dataclasses import replace

import pytest

from fleet.model.frame import Frame
from fleet.model.objects import Event, ObjectRef
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity
from fleet.model.snapshot import Snapshot
from fleet.snapshot import frames
from fleet.snapshot.builder import Builder
from fleet.snapshot.namespace_view import Viewer
from tests.fleet.rows import LIVE, NOW, deployment, kube, pod
from tests.fleet.snapshot.life import PODS, WELL, Life, Rollout, cluster, measured, with_pod

FRAMES = ("by_engine", "by_pod", "by_workload", "by_model", "by_gateway", "before_models", "by_gpu")


@pytest.fixture
def builder() -> Builder:
    return Builder()


def counted(builder: Builder) -> tuple[int, int, int]:
    return builder.joined, builder.measured, builder.assessed


def test_a_tick_in_which_nothing_came_makes_nothing(builder: Builder) -> None:
    state, m = cluster(), measured(lambda: WELL, NOW)
    first = builder.build(state, m, [LIVE], NOW)
    made = counted(builder)
    second = builder.build(state, m, [LIVE], NOW + 2)
    assert counted(builder) == made
    assert all(a is b for a, b in zip(first.structure().values(), second.structure().values(), strict=True))
    assert second.assessments is first.assessments
    for name in FRAMES:
        before, now = getattr(first, name), getattr(second, name)
        assert (now.columns is before.columns, now.index is before.index, now.states is before.states) == (True,) * 3
    assert second.by_pod.get("serving/chat-0", Quantity.RUNNING).age == 2


def test_a_pod_that_only_has_another_version_joins_nothing_and_is_assessed_with_its_workload(builder: Builder) -> None:
    state, m = cluster(), measured(lambda: WELL, NOW)
    first = builder.build(state, m, [LIVE], NOW)
    joined, frames, assessed = counted(builder)
    second = builder.build(with_pod(state, "serving/chat-0"), m, [LIVE], NOW + 2)
    assert counted(builder) == (joined, frames, assessed + 2)
    assert second.pods["serving/chat-0"].resource_version == "2"
    assert [key for key in second.pods if second.pods[key] is not first.pods[key]] == ["serving/chat-0"]
    assert second.assessments is first.assessments
    others = [name for name, rows in second.structure().items() if rows is not getattr(first, name)]
    assert others == ["pods"]


def test_of_a_pod_that_is_not_ready_any_more_its_workload_and_nobody_else_hears(builder: Builder) -> None:
    state, m = cluster(), measured(lambda: WELL, NOW)
    first = builder.build(state, m, [LIVE], NOW)
    joined, frames, assessed = counted(builder)
    second = builder.build(with_pod(state, "serving/chat-0", ready=False, restarts=2), m, [LIVE], NOW + 2)
    assert counted(builder) == (joined, frames, assessed + 2)
    others = {key for key, stands in second.assessments.items() if stands is not first.assessments[key]}
    assert others == {"serving/chat-0", "serving/Deployment/chat"}
    assert second.assessments["serving/chat-0"].severity is Severity.CRITICAL


def test_a_new_measurement_assesses_those_of_which_it_says_something_else(builder: Builder) -> None:
    state = cluster()
    first = builder.build(state, measured(lambda: WELL, NOW), [LIVE], NOW)
    joined, frames, assessed = counted(builder)
    other = WELL | {Quantity.RUNNING: 7.0}
    second = builder.build(state, measured(lambda: other, NOW + 5), [LIVE], NOW + 5)
    assert counted(builder) == (joined, frames + 1, assessed)
    assert second.by_workload.value("serving/Deployment/chat", Quantity.RUNNING) == 7 * PODS
    assert second.assessments is first.assessments
    assert second.by_pod.index is first.by_pod.index
    m = measured(lambda: other, NOW + 10)
    m.engine_table.columns[Quantity.WAITING][0] = 70.0
    third = builder.build(state, m, [LIVE], NOW + 10)
    assert counted(builder) == (joined, frames + 2, assessed + 2)
    assert third.assessments["serving/chat-0"] == (Severity.WARNING, "long queue")


def test_of_numbers_that_are_the_same_the_columns_are_too(builder: Builder) -> None:
    state, m = cluster(), measured(lambda: WELL, NOW)
    first = builder.build(state, m, [LIVE], NOW)
    looked_at = [column for name in FRAMES for column in getattr(first, name).columns.values()]
    running = array("d", [3.0]) * len(m.engines)
    table = replace(m.engine_table, columns={**m.engine_table.columns, Quantity.RUNNING: running})
    second = builder.build(state, replace(m, at=NOW + 5, engine_table=table), [LIVE], NOW + 5)
    for frame in ("by_engine", "by_pod", "by_workload", "by_model", "by_gpu"):
        before, now = getattr(first, frame).columns, getattr(second, frame).columns
        others = {quantity for quantity in now if now[quantity] is not before[quantity]}
        assert others == (set() if frame == "by_gpu" else {Quantity.RUNNING})
    assert len(looked_at) > len(FRAMES)


def test_of_a_pod_that_comes_and_is_not_measured_nothing_is_folded_and_its_workload_hears(builder: Builder) -> None:
    state, m = cluster(), measured(lambda: WELL, NOW)
    first = builder.build(state, m, [LIVE], NOW)
    joined, frames, assessed = counted(builder)
    one = pod("chat-9", "chat", phase="Pending", status="Pending", ready=False)
    second = builder.build(replace(state, generation=2, pods={**state.pods, one.key: one}), m, [LIVE], NOW + 2)
    assert counted(builder) == (joined, frames, assessed + 2)
    assert second.by_pod.columns is first.by_pod.columns
    others = {name for name, rows in second.structure().items() if rows is not getattr(first, name)}
    assert others == {"pods", "workload_of", "pods_of"}
    assert second.assessments[one.key].severity is Severity.STARTING
    gone = builder.build(replace(state, generation=3), m, [LIVE], NOW + 4)
    assert gone.assessments == first.assessments


def test_a_pod_that_starts_and_ends_and_is_never_measured_joins_nothing(builder: Builder) -> None:
    state, m = cluster(), measured(lambda: WELL, NOW)
    before = builder.build(state, m, [LIVE], NOW)
    joined, frames, _ = counted(builder)
    one = pod("chat-9", "chat", phase="Pending", status="Pending", ready=False, gpus=1)
    life = (
        one,
        replace(one, node="n1", status="ContainerCreating"),
        replace(one, node="n1", ip="10.0.0.77", phase="Running", status="Running"),
        replace(one, node="n1", ip="10.0.0.77", phase="Running", status="Running", ready=True),
        replace(one, node="n1", phase="Failed", status="Evicted"),
    )
    for step, row in enumerate(life):
        kube_state = replace(state, generation=2 + step, pods={**state.pods, one.key: row})
        kept = builder.build(kube_state, m, [LIVE], NOW + step)
        assert_same(kept, Builder().build(kube_state, m, [LIVE], NOW + step))
        assert kept.pods_of["serving/Deployment/chat"][-1] == one.key
    unmeasured = [entry.key for entry in kept.unmatched]
    assert unmeasured == []
    last = builder.build(replace(state, generation=9), m, [LIVE], NOW + 9)
    assert_same(last, Builder().build(replace(state, generation=9), m, [LIVE], NOW + 9))
    assert counted(builder)[:2] == (joined, frames)
    assert last.by_pod.index is before.by_pod.index


def test_a_pod_that_the_metrics_know_is_joined_when_it_comes(builder: Builder) -> None:
    whole, m = cluster(), measured(lambda: WELL, NOW)
    less = replace(whole, pods={key: row for key, row in whole.pods.items() if key != "serving/chat-0"})
    builder.build(less, m, [LIVE], NOW)
    joined, *_ = counted(builder)
    found = builder.build(replace(whole, generation=2), m, [LIVE], NOW + 2)
    assert counted(builder)[0] == joined + 1
    assert_same(found, Builder().build(replace(whole, generation=2), m, [LIVE], NOW + 2))


def test_an_event_joins_nothing(builder: Builder) -> None:
    state, m = cluster(), measured(lambda: WELL, NOW)
    first = builder.build(state, m, [LIVE], NOW)
    made = counted(builder)
    of = ObjectRef("Pod", "serving", "chat-0")
    event = Event("serving", "e", "uid-e", "9", of, "uid-chat-0", "Warning", "Unhealthy", "probe failed", 1, NOW)
    second = builder.build(replace(state, generation=2, events={event.key: event}), m, [LIVE], NOW + 2)
    assert second.events == (event,)
    assert counted(builder) == made
    assert second.pods is first.pods


def test_columns_that_nobody_reads_are_not_folded_and_those_that_were_read_are_folded_ahead(builder: Builder) -> None:
    state = cluster()
    first = builder.build(state, measured(lambda: WELL, NOW), [LIVE], NOW)
    folded = first.by_pod.columns.made  # type: ignore[attr-defined]
    assert folded < len(first.by_pod.columns)
    assert first.by_pod.value("serving/chat-0", Quantity.PROMPT_TOKENS) == 9.0
    assert first.by_pod.value("serving/chat-0", Quantity.GPU_TEMPERATURE) == 60.0
    second = builder.build(state, measured(lambda: WELL, NOW + 5), [LIVE], NOW + 5)
    assert second.by_pod.columns.made == folded + 1  # type: ignore[attr-defined]


def same(a: Frame, b: Frame) -> bool:
    def number(x: float, y: float) -> bool:
        return math.isclose(x, y, rel_tol=1e-9) or (math.isnan(x) and math.isnan(y))

    return (
        (a.keys, a.states, dict(a.index), set(a.columns)) == (b.keys, b.states, dict(b.index), set(b.columns))
        and all(number(a.age(row), b.age(row)) for row in range(len(a.keys)))
        and all(
            all(map(number, a.columns[name].values, b.columns[name].values))
            and a.columns[name].bounds == b.columns[name].bounds
            for name in a.columns
        )
    )


def assert_same(kept: Snapshot, anew: Snapshot) -> None:
    for name, rows in anew.structure().items():
        assert getattr(kept, name) == rows, name
        if isinstance(rows, Mapping):
            assert list(getattr(kept, name)) == list(rows), f"the order of {name}"
    assert kept.assessments == anew.assessments
    assert (kept.events, kept.throttle_reasons) == (anew.events, anew.throttle_reasons)
    for name in FRAMES:
        assert same(getattr(kept, name), getattr(anew, name)), name


def assert_aligned(snapshot: Snapshot) -> None:
    """A row is one object's, and none is left without an object."""
    for name in FRAMES:
        frame: Frame = getattr(snapshot, name)
        columns = (column.values for column in frame.columns.values())
        assert {len(rows) for rows in (frame.ages, frame.states, frame.index, *columns)} == {len(frame.keys)}, name


@pytest.mark.parametrize("seed", range(12))
def test_what_is_kept_is_what_would_be_made_from_nothing(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "FOCUS_ALL_BELOW", 3)
    builder, viewer, life = Builder(), Viewer(), Life(seed)
    for _ in range(40):
        life.live()
        focus = frozenset(life.random.sample(sorted(life.state.pods), 2))
        kept = builder.build(life.state, life.measurement, [LIVE], life.now, focus)
        anew = Builder().build(life.state, life.measurement, [LIVE], life.now, focus)
        assert_same(kept, anew)
        assert_aligned(kept)
        assert_same(in_view(viewer, kept), in_view(Viewer(), anew))


@pytest.mark.parametrize("seed", range(12))
def test_of_a_rollout_is_kept_what_would_be_made_from_nothing(seed: int) -> None:
    builder, rollout = Builder(), Rollout(seed)
    for _ in range(40):
        rollout.live()
        kept = builder.build(rollout.state, rollout.measurement, [LIVE], rollout.now, frozenset())
        assert_same(kept, Builder().build(rollout.state, rollout.measurement, [LIVE], rollout.now, frozenset()))
    assert builder.joined < 25


def in_view(viewer: Viewer, snapshot: Snapshot, namespace: str = "serving") -> Snapshot:
    return viewer.view(replace(snapshot, cluster=replace(snapshot.cluster, namespace=namespace)))


def test_of_a_pod_out_of_view_the_view_hears_nothing(builder: Builder) -> None:
    here, jobs = cluster(), deployment("jobs", namespace="batch")
    state = replace(
        here,
        pods={**here.pods, "batch/b": pod("b", "jobs", namespace="batch")},
        workloads={**here.workloads, jobs[0].key: jobs[0]},
        links={**here.links, jobs[1].key: jobs[1]},
    )
    viewer, m = Viewer(), measured(lambda: WELL, NOW)
    first = in_view(viewer, builder.build(state, m, [LIVE], NOW))
    state = with_pod(state, "batch/b", ready=False)
    second = in_view(viewer, builder.build(state, m, [LIVE], NOW + 2))
    assert all(a is b for a, b in zip(first.structure().values(), second.structure().values(), strict=True))
    third = in_view(viewer, builder.build(with_pod(state, "serving/chat-0", ready=False), m, [LIVE], NOW + 4))
    others = [name for name, rows in third.structure().items() if rows is not getattr(first, name)]
    assert others == ["pods"]
    assert not third.pods["serving/chat-0"].ready


def test_a_failed_pod_becomes_left_over_without_anybody_saying_so(builder: Builder) -> None:
    dead = pod("dead", phase="Failed", status="Evicted", ready=False, created=NOW - 30)
    loading = pod("a", ready=False, phase="Pending", status="ContainerCreating")
    state = kube([dead, loading], deployment())
    assert builder.build(state, None, [LIVE], NOW).assessments["serving/dead"].severity is Severity.CRITICAL
    later = builder.build(state, None, [LIVE], NOW + 700).assessments
    assert later["serving/dead"] == (Severity.GONE, "left over: Evicted")
    assert later["serving/Deployment/chat"].severity is Severity.STARTING
