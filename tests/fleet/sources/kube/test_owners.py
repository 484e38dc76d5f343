"""Pods find the workload at the top of their chain, whatever part of it is visible."""

from __future__ import annotations

from collections.abc import Sequence

from fleet.model.objects import ModelVersion, Owner, Pod, Workload
from fleet.sources.kube.owners import Ownership, ownership


def pod(name: str, owner: Owner | None = None, *, ready: bool = True, phase: str = "Running", gpus: int = 1) -> Pod:
    labels = {"pod-template-hash": "abc"}
    return Pod(
        "n", name, f"uid-{name}", "1", 100.0, phase, phase, ready, 0,
        owner=owner, labels=labels, gpus=gpus, version=ModelVersion(model="m"),
    )  # fmt: skip


def workload(kind: str, name: str, owner: Owner | None = None, desired: int = 1, ready: int = 1) -> Workload:
    return Workload(kind, "n", name, f"uid-{name}", "1", 50.0, desired, ready, owner=owner, gpus=2)


def of(kind: str, name: str) -> Owner:
    return Owner(kind, name, f"uid-{name}")


def join(pods: Sequence[Pod], replica_sets: Sequence[Workload] = (), workloads: Sequence[Workload] = ()) -> Ownership:
    return ownership(
        {row.key: row for row in pods}, {row.key: row for row in replica_sets}, {row.key: row for row in workloads}
    )


def test_deployment() -> None:
    joined = join(
        [
            pod("p1", of("ReplicaSet", "d-abc")),
            pod("p0", of("ReplicaSet", "d-abc")),
            pod("q", of("ReplicaSet", "d-old")),
        ],
        [
            workload("ReplicaSet", "d-abc", of("Deployment", "d")),
            workload("ReplicaSet", "d-old", of("Deployment", "d"), desired=0),
        ],
        [workload("Deployment", "d", desired=3)],
    )
    assert set(joined.workloads) == {"n/Deployment/d"}
    assert joined.pods_of == {"n/Deployment/d": ("n/p0", "n/p1", "n/q")}
    assert joined.workload_of["n/q"] == "n/Deployment/d"
    assert joined.workloads["n/Deployment/d"].desired == 3


def test_a_workload_without_pods_is_there() -> None:
    joined = join([], [], [workload("StatefulSet", "s", desired=0)])
    assert joined.pods_of == {"n/StatefulSet/s": ()}


def test_a_bare_pod_is_its_own_workload() -> None:
    joined = join([pod("p", ready=False)])
    row = joined.workloads["n/Pod/p"]
    assert (row.kind, row.name, row.uid, row.desired, row.ready, row.version.model) == ("Pod", "p", "uid-p", 1, 0, "m")


def test_a_mirror_pod_is_not_owned_by_its_node() -> None:
    assert join([pod("p", of("Node", "node-1"))]).workload_of == {"n/p": "n/Pod/p"}


def test_a_bare_replica_set() -> None:
    joined = join([pod("p", of("ReplicaSet", "r"))], [workload("ReplicaSet", "r", desired=4)])
    assert joined.workloads["n/ReplicaSet/r"].desired == 4


def test_workers_of_a_group_belong_to_the_leader_worker_set() -> None:
    pods = [
        pod("lws-0", of("StatefulSet", "lws")),
        pod("lws-0-1", of("StatefulSet", "lws-0-workers")),
    ]
    sets = [
        workload("StatefulSet", "lws", of("LeaderWorkerSet", "top"), desired=2, ready=1),
        workload("StatefulSet", "lws-0-workers", of("Pod", "lws-0")),
    ]
    known = join(pods, [], [*sets, workload("LeaderWorkerSet", "top", desired=2)])
    assert set(known.workloads) == {"n/LeaderWorkerSet/top"}
    assert known.pods_of["n/LeaderWorkerSet/top"] == ("n/lws-0", "n/lws-0-1")
    unknown = join(pods, [], sets)
    assert unknown.pods_of == known.pods_of
    made = unknown.workloads["n/LeaderWorkerSet/top"]
    assert (made.kind, made.uid, made.desired, made.ready) == ("LeaderWorkerSet", "uid-top", 2, 1)


def test_two_children_of_an_unlisted_owner_add_up() -> None:
    joined = join(
        [pod("p", of("ReplicaSet", "a-abc"))],
        [workload("ReplicaSet", "a-abc", of("Deployment", "a"))],
        [
            workload("Deployment", "a", of("InferenceService", "isvc"), desired=3, ready=1),
            workload("Deployment", "b", of("InferenceService", "isvc"), desired=2, ready=2),
        ],
    )
    row = joined.workloads["n/InferenceService/isvc"]
    assert set(joined.parts) == {"n/Deployment/a", "n/Deployment/b"}
    assert set(joined.part_of.values()) == {"n/InferenceService/isvc"}
    assert set(joined.workloads) == {"n/InferenceService/isvc"}
    assert (row.desired, row.ready, row.version.model) == (5, 3, "m")


def test_pods_of_an_unlisted_owner_are_counted() -> None:
    job = of("Job", "bench")
    joined = join([pod("a", job), pod("b", job, ready=False), pod("c", job, phase="Succeeded", ready=False, gpus=8)])
    row = joined.workloads["n/Job/bench"]
    assert (row.desired, row.ready, row.gpus) == (2, 1, 8)


def test_replica_sets_out_of_reach() -> None:
    joined = join([pod("p", of("ReplicaSet", "d-abc"))], [], [workload("Deployment", "d")])
    assert joined.workload_of == {"n/p": "n/Deployment/d"}
    alone = join([pod("p", of("ReplicaSet", "d-abc"))])
    assert alone.workload_of == {"n/p": "n/ReplicaSet/d-abc"}


def test_an_owner_of_the_same_name_made_anew_is_another() -> None:
    joined = join([pod("p", Owner("StatefulSet", "s", "old-uid"))], [], [workload("StatefulSet", "s")])
    assert joined.workload_of == {"n/p": "n/StatefulSet/s"}
    assert joined.workloads["n/StatefulSet/s"].uid == "uid-s"


def test_a_circle_of_owners_ends() -> None:
    joined = join(
        [pod("p", of("StatefulSet", "a"))],
        [],
        [workload("StatefulSet", "a", of("StatefulSet", "b")), workload("StatefulSet", "b", of("StatefulSet", "a"))],
    )
    assert set(joined.workload_of) == {"n/p"}
    assert joined.workload_of["n/p"] in joined.workloads
