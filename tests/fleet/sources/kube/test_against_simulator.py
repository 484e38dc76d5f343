"""The source against the simulated fleet's API server: another implementation of the protocol, over TLS, with RBAC."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fleet.model.snapshot import Health
from fleet.sources.kube.errors import ForbiddenError, NotFoundError
from fleet.sources.kube.kubeconfig import load_access
from fleet.sources.kube.owners import ownership
from fleet.sources.kube.source import KubernetesSource
from tests.fleet.sources.kube.conftest import QUICK
from tests.simulator.api_process import simulator as running
from tests.waiting import PATIENCE, until

Info = dict[str, Any]


@pytest.fixture(scope="module")
def simulator() -> Iterator[Info]:
    """A running simulator, which these tests only read: what it says of itself. It ends when its stdin is closed."""
    with running("--pods", "24") as process:
        yield process.said


async def started(info: Info, context: str) -> KubernetesSource:
    source = KubernetesSource(load_access(info["kubeconfig"], context), pace=QUICK)
    await source.start()
    assert await source.wait_synced(PATIENCE)
    return source


async def test_every_user_sees_what_the_roles_allow(simulator: Info) -> None:
    admin = await started(simulator, "demo")
    await until(lambda: admin.statuses()[0].health is Health.LIVE)
    state = admin.state()
    assert len(state.pods) == simulator["pods"]
    assert state.cluster.user == "admin"
    joined = ownership(state.pods, state.links, state.workloads)
    assert set(joined.workload_of) == set(state.pods)
    kinds = {"Deployment", "StatefulSet", "DaemonSet", "LeaderWorkerSet", "Pod"}
    assert {row.kind for row in joined.workloads.values()} <= kinds
    served = [row for row in joined.workloads.values() if row.version.served_name and row.gpus]
    assert served
    assert all(row.gpus for row in state.nodes.values() if row.gpu_product)

    auditor = await started(simulator, "demo-auditor")
    seen = auditor.state()
    assert (seen.cluster.user, set(seen.pods)) == ("auditor", set(state.pods))
    assert auditor.statuses()[0].health is Health.LIVE

    lead = await started(simulator, "demo-teamlead")
    part = lead.state()
    namespaces = {row.namespace for row in part.pods.values()}
    assert len(namespaces) == 1
    assert set(part.pods) == {key for key, row in state.pods.items() if row.namespace in namespaces}
    assert part.nodes == {}
    (status,) = lead.statuses()
    assert status.health is Health.DEGRADED
    assert any("only namespace" in note for note in status.notes)
    assert any(note.startswith("nodes: forbidden") for note in status.notes)
    for source in (admin, auditor, lead):
        await source.close()


async def test_reads_on_demand(simulator: Info) -> None:
    source = await started(simulator, "demo")
    pod = next(row for row in source.state().pods.values() if row.version.served_name and row.ready)
    raw = await source.reads.get_raw("Pod", pod.namespace, pod.name)
    assert raw["metadata"]["uid"] == pod.uid
    lines = [line async for line in source.reads.logs(pod.namespace, pod.name, tail_lines=3)]
    assert len(lines) == 3
    assert (await source.reads.can_i("get", "pods", namespace=pod.namespace)).allowed
    for name in ("svc", "Service", "services"):
        listing = await source.reads.listings.listing(name, pod.namespace)
        assert (listing.kind, listing.plural, listing.namespaced, listing.more) == ("Service", "services", True, 0)
        assert {one.namespace for one in listing.objects} == {pod.namespace}
        assert listing.columns[0].name == "Name"
        assert all(len(one.cells) == len(listing.columns) and one.cells[0] == one.name for one in listing.objects)
    scalers = await source.reads.listings.listing("hpa")
    assert scalers.plural == "horizontalpodautoscalers.autoscaling"
    assert (await source.reads.listings.listing("node")).namespaced is False
    with pytest.raises(NotFoundError):
        await source.reads.listings.listing("nothing-like-it")
    with pytest.raises(ForbiddenError):
        await source.reads.listings.listing("secrets")
    await source.close()
    auditor = await started(simulator, "demo-auditor")
    assert not (await auditor.reads.can_i("patch", "deployments", "apps", "scale", pod.namespace)).allowed
    await auditor.close()
