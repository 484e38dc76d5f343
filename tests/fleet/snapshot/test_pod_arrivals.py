"""Unmeasured pods come, go and move: everything that depends on them equals a join from nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.model.measurement import GpuId, Measurement
from fleet.model.objects import ModelVersion, Owner, Pod, Serving
from fleet.model.quantity import Quantity
from fleet.snapshot.builder import Builder
from fleet.sources.kube.state import KubeState
from tests.fleet.rows import LIVE, NOW, deployment, engine, kube, measurement, node, pod
from tests.fleet.snapshot.test_ticks import assert_same

LOAD = {Quantity.RUNNING: 2.0}
HEAT = {Quantity.GPU_TEMPERATURE: 60.0}
CHAT = [pod(f"chat-{i}", node="n1", gpus=1, ip=f"10.0.0.{i}") for i in range(2)]
WAITING = [pod(f"code-{i}", "code", ready=False, phase="Pending", gpus=1) for i in range(2)]
MEASURED = measurement(
    {engine(row.name): LOAD for row in CHAT},
    gpus={GpuId(f"GPU-{row.name}", "", "n1", "0", "serving", row.name): HEAT for row in CHAT},
)
ODD_CARD = {GpuId("GPU-odd", "", "n1", "7"): HEAT}


def of(*pods: Pod) -> KubeState:
    workloads = [*deployment("chat"), *deployment("code"), *deployment("empty", desired=0), *deployment("tools")]
    return kube(pods, workloads, [node("n1"), node("n2")])


def told_by(m: Measurement, *, engines: dict[str, str] | None = None, gpus: tuple[GpuId, ...] = ()) -> Measurement:
    """The measurement with these engines (pod → address) and GPUs as well."""
    more = {engine(name, instance=at): LOAD for name, at in (engines or {}).items()}
    known = dict.fromkeys(m.engines, LOAD)
    return measurement(known | more, gpus=dict.fromkeys((*m.gpus, *gpus), HEAT), unread=m.unread)


new = pod("code-9", "code", ready=False, phase="Pending", gpus=1)
bare = replace(new, name="bare", owner=None)
leads = Owner("StatefulSet", "unlisted", "uid-unlisted")
serves = replace(new, version=ModelVersion(served_name="other"))
odd = replace(new, serving=Serving(engine="TensorRT-LLM"))
exporter = replace(new, name="exporter", node="n2", gpus=0, labels={"app": "nvidia-dcgm-exporter"}, phase="Running")
tool = pod("tool", "tools")
exporting = replace(exporter, owner=tool.owner)
idle = replace(new, name="idle", gpus=0, owner=Owner("ReplicaSet", "empty-1", "uid-rs-empty"))
first = replace(new, name="first", owner=Owner("ReplicaSet", "empty-1", "uid-rs-empty"))
ready = replace(new, phase="Running", ready=True, node="n1")

CASES = {
    "comes": ([*CHAT, *WAITING], [*CHAT, *WAITING, new], MEASURED),
    "goes": ([*CHAT, *WAITING], [*CHAT, WAITING[1]], MEASURED),
    "the first of all goes": ([WAITING[0], *CHAT, WAITING[1]], [*CHAT, WAITING[1]], MEASURED),
    "the last of its workload goes": ([*CHAT, WAITING[0]], CHAT, MEASURED),
    "the first of its workload comes": ([*CHAT, *WAITING], [*CHAT, *WAITING, first], MEASURED),
    "the first of a workload that serves nothing comes": ([*CHAT, *WAITING], [*CHAT, *WAITING, idle], MEASURED),
    "the last of a workload that serves nothing goes": ([*CHAT, *WAITING, idle], [*CHAT, *WAITING], MEASURED),
    "tells a node's name beside others": (
        [*CHAT, *WAITING, tool],
        [*CHAT, *WAITING, tool, exporting],
        told_by(MEASURED, gpus=(GpuId("GPU-odd", "", "exporter", "7"),)),
    ),
    "comes before the others": ([*CHAT, *WAITING], [new, *CHAT, *WAITING], MEASURED),
    "gets a node": ([*CHAT, *WAITING], [*CHAT, replace(WAITING[0], node="n2"), WAITING[1]], MEASURED),
    "is ready and not measured": ([*CHAT, *WAITING, new], [*CHAT, *WAITING, ready], MEASURED),
    "has failed": ([*CHAT, *WAITING, new], [*CHAT, *WAITING, replace(new, phase="Failed")], MEASURED),
    "belongs to nobody": ([*CHAT, *WAITING], [*CHAT, *WAITING, bare], MEASURED),
    "belongs to somebody who is not listed": (
        [*CHAT, *WAITING],
        [*CHAT, *WAITING, replace(new, owner=leads)],
        MEASURED,
    ),
    "changes its workload": ([*CHAT, *WAITING, new], [*CHAT, *WAITING, replace(new, owner=CHAT[0].owner)], MEASURED),
    "says what it serves": ([*CHAT, *WAITING, new], [*CHAT, *WAITING, serves], MEASURED),
    "runs what is not read": (
        [*CHAT, *WAITING],
        [*CHAT, *WAITING, replace(odd, phase="Running", ready=True)],
        MEASURED,
    ),
    "tells a node's name": (
        [*CHAT, *WAITING],
        [*CHAT, *WAITING, exporter],
        told_by(MEASURED, gpus=(GpuId("GPU-odd", "", "exporter", "7"),)),
    ),
    "is named on a GPU": (
        [*CHAT, *WAITING],
        [*CHAT, *WAITING, new],
        told_by(MEASURED, gpus=(GpuId("GPU-odd", "", "n1", "7", "serving", new.name),)),
    ),
    "shares a GPU": (
        [*CHAT, *WAITING],
        [*CHAT, *WAITING, new],
        told_by(MEASURED, gpus=(GpuId("GPU-odd", "", "n1", "7", "serving", "a", sharers=(("serving", new.name),)),)),
    ),
    "takes the GPUs of a node": (
        [*CHAT, *WAITING, new],
        [*CHAT, *WAITING, replace(new, node="n1", gpus=6)],
        told_by(MEASURED, gpus=tuple(ODD_CARD)),
    ),
    "is an engine that nobody saw": (
        [*CHAT, *WAITING],
        [*CHAT, *WAITING, new],
        told_by(MEASURED, engines={new.name: ""}),
    ),
    "comes beside an engine that nobody sees": (
        [*CHAT, *WAITING],
        [*CHAT, *WAITING, new],
        told_by(MEASURED, engines={"nobody": ""}),
    ),
    "gets the address of an engine": (
        [*CHAT, *WAITING, new],
        [*CHAT, *WAITING, replace(new, ip="10.0.0.7")],
        told_by(MEASURED, engines={"": "10.0.0.7:8000"}),
    ),
    "takes the address of an engine from its pod": (
        [*CHAT, *WAITING, new],
        [*CHAT, *WAITING, replace(new, ip="10.0.0.1")],
        measurement({engine("", instance="10.0.0.1:8000"): LOAD, engine("chat-0"): LOAD}),
    ),
    "is measured and moves": ([*CHAT, *WAITING], [replace(CHAT[0], node="n2"), CHAT[1], *WAITING], MEASURED),
    "is measured and goes": ([*CHAT, *WAITING], [CHAT[1], *WAITING], MEASURED),
    "is another of the same name": ([*CHAT, *WAITING], [*CHAT, replace(WAITING[0], uid="b"), WAITING[1]], MEASURED),
}
JOINED_ANEW = {
    "the last of its workload goes",
    "the first of its workload comes",
    "the first of a workload that serves nothing comes",
    "the last of a workload that serves nothing goes",
    "tells a node's name beside others",
    "comes before the others",
    "belongs to nobody",
    "belongs to somebody who is not listed",
    "changes its workload",
    "says what it serves",
    "tells a node's name",
    "is named on a GPU",
    "shares a GPU",
    "is an engine that nobody saw",
    "comes beside an engine that nobody sees",
    "gets the address of an engine",
    "takes the address of an engine from its pod",
    "is measured and moves",
    "is measured and goes",
}


@pytest.mark.parametrize("what", CASES)
def test_a_pod_that(what: str) -> None:
    before, after, m = CASES[what]
    builder, now = Builder(), replace(of(*after), generation=2)
    builder.build(of(*before), m, [LIVE], NOW)
    kept, anew = builder.build(now, m, [LIVE], NOW + 2), Builder().build(now, m, [LIVE], NOW + 2)
    assert_same(kept, anew)
    assert builder.joined == (2 if what in JOINED_ANEW else 1)


def test_a_leader_of_a_group_is_joined_with_what_it_owns() -> None:
    owned = deployment("below", owner=Owner("Pod", new.name, new.uid))
    state = of(*CHAT, *WAITING)
    state = replace(state, workloads={**state.workloads, owned[0].key: owned[0]})
    builder, now = Builder(), replace(state, generation=2, pods={**state.pods, new.key: new})
    builder.build(state, MEASURED, [LIVE], NOW)
    assert_same(builder.build(now, MEASURED, [LIVE], NOW), Builder().build(now, MEASURED, [LIVE], NOW))
    assert builder.joined == 2
