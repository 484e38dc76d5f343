"""No sentence of a plan contradicts another, or the objects behind it, in any state of a workload."""

from __future__ import annotations

import asyncio
import re
from array import array
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from actions.follow.cold_starts import starting
from actions.follow.rollout import state_of
from actions.kinds.drain import Drain
from actions.kinds.restart import Restart
from actions.kinds.scale import Scale
from actions.planning.plan import Plan, Verdict
from actions.request import Request, Target
from fleet.model.frame import Column, Frame
from fleet.model.quantity import Quantity
from fleet.model.reading import State
from tests.actions.plans import make_plan
from tests.actions.rolled import CHAT, CODER, chat, coder
from tests.actions.stage import FakeCluster

OWNER = {"StatefulSet": CODER, "Deployment": CHAT}


@dataclass(frozen=True, slots=True)
class Case:
    """One state of a workload."""

    kind: str
    replicas: int
    ready: int
    updated: int
    total: int
    strategy: dict[str, Any]
    waiting: float
    ttft: float
    model: bool
    hung: bool


@st.composite
def cases(draw: st.DrawFn) -> Case:
    kind = draw(st.sampled_from(["Deployment", "StatefulSet"]))
    replicas = draw(st.integers(1, 4))
    total = draw(st.integers(0, replicas + (2 if kind == "Deployment" else 0)))
    ready = draw(st.integers(0, total))
    updated = draw(st.integers(0, total))
    if kind == "Deployment":
        surge, away = draw(st.sampled_from([(0, 1), (1, 0), (1, 1), (2, 0)]))
        rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": away}}
        strategy = {"strategy": draw(st.sampled_from([rolling, {"type": "Recreate"}]))}
    else:
        partition = {"type": "RollingUpdate", "rollingUpdate": {"partition": draw(st.integers(0, 4))}}
        strategy = {"updateStrategy": draw(st.sampled_from([partition, {"type": "OnDelete"}]))}
    return Case(
        kind,
        replicas,
        ready,
        updated,
        total,
        strategy,
        draw(st.sampled_from([0.0, 0.3, 30.0, 1600.0])),
        draw(st.sampled_from([0.4, 75.0])),
        draw(st.booleans()),
        draw(st.booleans()),
    )


def built(case: Case) -> FakeCluster:
    """The workload with its pods and their measurements."""
    cluster = chat(gpus=16, replicas=2, **case.strategy) if case.kind == "Deployment" else coder(**case.strategy)
    target = OWNER[case.kind]
    obj = cluster.get(case.kind, "serving", target.name)
    obj["spec"]["replicas"] = case.replicas
    counts = {"replicas": case.total, "readyReplicas": case.ready, "updatedReplicas": case.updated}
    obj["status"] |= {**counts, "availableReplicas": case.ready}
    cluster.add(obj)
    sample = next(o for (kind, _, _), o in cluster.objects.items() if kind == "Pod")
    row = next(iter(cluster.snapshot.pods.values()))
    for key in [key for key in cluster.objects if key[0] == "Pod"]:
        del cluster.objects[key]
    rows = []
    for i in range(case.total):
        name, ready = f"{target.name}-{i}", i < case.ready
        status = {**sample["status"], "conditions": [{"type": "Ready", "status": "True" if ready else "False"}]}
        cluster.add(
            {**sample, "metadata": {**sample["metadata"], "name": name, "uid": f"uid-{name}"}, "status": status}
        )
        rows.append(replace(row, name=name, uid=f"uid-{name}", ready=ready))
    pods = {row.key: row for row in rows}
    workload = f"serving/{case.kind}/{target.name}"
    load = {
        Quantity.RUNNING: 4.0,
        Quantity.WAITING: case.waiting,
        Quantity.KV_USAGE: 0.2,
        Quantity.REQUESTS: 0.0 if case.hung else 2.0,
        Quantity.TTFT_P95: case.ttft,
        Quantity.GENERATION_TOKENS: 0.0 if case.hung else 90.0,
        Quantity.PROMPT_TOKENS: 0.0 if case.hung else 90.0,
    }
    columns = {quantity: Column(array("d", [value] * len(rows))) for quantity, value in load.items()}
    by_pod = Frame.of(tuple(pods), columns, array("d", [0.0] * len(rows)), bytes([State.FRESH]) * len(rows))
    cluster.snapshot = replace(
        cluster.snapshot,
        pods=pods,
        pods_of={workload: tuple(pods)},
        workload_of=dict.fromkeys(pods, workload),
        model_of=cluster.snapshot.model_of if case.model else {},
        models=cluster.snapshot.models if case.model else {},
        by_pod=by_pod,
    )
    return cluster


def planned(cluster: FakeCluster, request: Request) -> Plan:
    return asyncio.run(make_plan(request, cluster.context()))


def hold(case: Case, plan: Plan) -> None:
    """Check the properties that all sentences of a plan must have together."""
    by_about: dict[str, list[str]] = {}
    for check in plan.checks:
        by_about.setdefault(check.about, []).append(check.text)
    lines = [*(check.text for check in plan.checks), *(f"{step.title} {step.detail}" for step in plan.steps)]
    everything = "\n".join(lines)
    by_hand = case.strategy.get("updateStrategy", {}).get("type") == "OnDelete"
    partition = (case.strategy.get("updateStrategy", {}).get("rollingUpdate") or {}).get("partition", 0)
    held = by_hand or partition >= case.replicas
    old = case.total - case.updated
    if "a rollout is under way" in everything:
        assert old > 0, "some pod has an older template"
        assert not by_hand, "and something replaces it"
    for number, whole in re.findall(r"(\d+) of (\d+) available", everything):
        assert "under way" not in everything or old > 0 or number != whole
    if "could start first" in everything or any("replacement first" in a.title for a in plan.alternatives):
        assert case.kind == "Deployment", "a StatefulSet keeps the name"
    if "it has no pods" in everything:
        assert case.total == 0
    replaced = bool(re.search(r"[1-9]\d* taken away first", everything))
    if replaced and case.ready and case.total:
        assert "no ready replica is removed" not in everything
        assert "no ready replica ends before" not in everything
    if held and isinstance(plan.request, Restart) and plan.request.target.kind != "Pod":
        assert "take the GPUs" not in everything
        assert not replaced
        assert "are replaced" not in plan.steps[1].title
    capacity = next((check for check in plan.checks if check.about == "capacity"), None)
    loses = capacity is not None and capacity.text != "no ready replica is removed" and case.model
    if capacity is not None and loses and (case.waiting >= 30.0 or case.ttft > 5.0):
        assert capacity.verdict is Verdict.WARN, "users wait"
        assert plan.verdict is not Verdict.PASS
    if case.hung and "hangs" not in everything:
        assert "at the current rate" not in everything


SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SOME
@given(cases())
def test_a_restart_contradicts_nothing(case: Case) -> None:
    hold(case, planned(built(case), Restart(OWNER[case.kind])))


@SOME
@given(cases(), st.integers(0, 4))
def test_a_scale_contradicts_nothing(case: Case, wanted: int) -> None:
    hold(case, planned(built(case), Scale(OWNER[case.kind], wanted)))


@SOME
@given(cases(), st.integers(0, 3))
def test_a_drain_contradicts_nothing(case: Case, which: int) -> None:
    assume(which < case.total)
    pod = Target("Pod", "serving", f"{OWNER[case.kind].name}-{which}")
    plan = planned(built(case), Drain(pod))
    hold(case, plan)
    ready = which < case.ready
    text = next(check.text for check in plan.checks if check.about == "capacity")
    assert (text == "no ready replica is removed") is not ready
    last = next(check.text for check in plan.checks if check.about == "last replica")
    if case.model and ready and case.ready == 1:
        assert "nothing answers" in last


@pytest.mark.parametrize(
    ("counts", "rolling", "words"),
    [
        ({"replicas": 3, "updatedReplicas": 3, "availableReplicas": 2}, False, "2 of 3 available"),
        ({"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}, False, "2 of 3 pods made, 2 available"),
        ({"replicas": 5, "updatedReplicas": 5, "availableReplicas": 3}, False, "2 pods too many: still ending"),
        ({"replicas": 4, "updatedReplicas": 1, "availableReplicas": 3}, True, "1 of 3 pods on the new template"),
        ({"replicas": 4, "updatedReplicas": 3, "availableReplicas": 3}, True, "1 pod too many: still ending"),
    ],
)
def test_what_is_merely_not_complete_is_no_rollout(counts: dict[str, int], rolling: bool, words: str) -> None:
    obj = {"kind": "Deployment", "metadata": {}, "spec": {"replicas": 3}, "status": counts}
    state = state_of(obj)
    assert (state.rolling, state.settled) == (rolling, False)
    assert words in state.words


def test_of_more_pods_than_can_be_on_their_way_nothing_is_said() -> None:
    case = Case("Deployment", 4, 1, 4, 4, {}, 0.0, 0.4, True, False)
    snapshot = built(case).snapshot
    assert starting(snapshot, CHAT, snapshot.at, most=3).words
    assert not starting(snapshot, CHAT, snapshot.at, most=0).words
