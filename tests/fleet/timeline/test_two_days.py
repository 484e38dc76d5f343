"""Two days of a control plane and of a real Prometheus: all events are found, and nothing else."""

from __future__ import annotations

import re
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from actions.audit.redaction import redacted
from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.kubeconfig import Access
from fleet.sources.kube.resources import object_path
from fleet.sources.prometheus.source import PrometheusSource
from fleet.sources.prometheus.transport import PrometheusEndpoint
from fleet.timeline.cluster.registry import witnesses
from fleet.timeline.cluster.source import ClusterTimeline
from fleet.timeline.entry import Entry
from fleet.timeline.metrics.source import MetricsTimeline
from fleet.timeline.source import TimelineSource
from fleet.timeline.timeline import Timeline, ask
from tests.fleet.metrics.servers import Prometheus, prometheus_on
from tests.fleet.timeline.control_plane import SCRAPE, ControlPlane, Did

pytestmark = pytest.mark.real("prometheus", "promtool")

HOURS = 48
NOW = int(time.time()) // SCRAPE * SCRAPE
BEGAN = NOW - HOURS * 3600


def at(hours: float, seconds: int = 23) -> float:
    return BEGAN + int(hours * 3600) + seconds


def lived() -> ControlPlane:
    """Run two days of actions on top of an existing state."""
    plane = ControlPlane(BEGAN, NOW)
    for name in ("gpu-1", "gpu-2", "gpu-9"):
        plane.join(name, at(-200))
    plane.create("chat", at(-100), 4, "vllm/vllm-openai:v0.31.0", "--model", "llama")
    plane.bound("chat", at(-99), 8)
    plane.create("calm", at(-90), 2, "vllm/vllm-openai:v0.31.0")
    plane.scale("chat", at(2), 6)
    plane.crash(plane.pod_of("chat"), at(4))
    plane.lose("gpu-2", at(6))
    plane.find("gpu-2", at(6.3))
    plane.roll("chat", at(9), "vllm/vllm-openai:v0.32.0", "--model", "llama", manager="argocd-controller")
    plane.crash(plane.pod_of("chat"), at(11))
    plane.crash(plane.pod_of("chat"), at(11.2), "Error", 1)
    plane.create("trial", at(13), 2, "vllm/vllm-openai:v0.33.0rc1", "--model", "tiny")
    plane.bound("chat", at(15), 12)
    plane.scale("chat", at(16), 5)
    plane.delete("trial", at(18))
    plane.remove("gpu-9", at(20))
    plane.join("gpu-10", at(21))
    plane.cordon("gpu-1", at(23))
    plane.cordon("gpu-1", at(24), off=True)
    roll = ("vllm/vllm-openai:v0.32.0", "--model", "llama", "--max-num-seqs", "64")
    plane.roll("chat", at(27), *roll, manager="kubectl-rollout")
    plane.prune("chat-1111", at(27, 300))
    plane.scale("chat", at(31), 3)
    plane.lose("gpu-10", at(35))
    plane.remove("gpu-10", at(36))
    plane.roll("chat", at(40), "vllm/vllm-openai:v0.32.1", "--model", "llama", manager="argocd-controller")
    plane.bound("chat", at(44), 6)
    plane.scale("chat", at(47.5), 4)
    plane.crash(plane.pod_of("chat"), at(47.8))
    return plane


@pytest.fixture(scope="module")
def plane() -> ControlPlane:
    return lived()


@pytest.fixture(scope="module")
def store(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("two-days")
    (folder / "history.txt").write_text("\n".join(plane.samples()) + "\n")
    blocks = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=64h"]
    subprocess.run([*blocks, str(folder / "history.txt"), str(folder / "data")], check=True, capture_output=True)
    (folder / "prometheus.yml").write_text("global:\n  scrape_interval: 1m\n")
    with prometheus_on(folder / "prometheus.yml", folder) as running:
        yield running


@asynccontextmanager
async def api(plane: ControlPlane) -> AsyncIterator[KubeClient]:
    """An API server that lists the remaining objects, and nothing else."""
    kinds = {object_path(row.group, row.version, row.plural, ""): row.kind for row in witnesses()}

    async def answer(request: web.Request) -> web.Response:
        kind = kinds.get(request.path)
        if kind is None or (kind not in plane.objects and kind in ("Application", "HelmRelease", "Kustomization")):
            return web.json_response({"kind": "Status", "code": 404, "reason": "NotFound"}, status=404)
        return web.json_response({"kind": f"{kind}List", "metadata": {}, "items": plane.listed(kind)})

    app = web.Application()
    app.router.add_route("GET", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    client = KubeClient(Access("c", "c", "", "", site.name, {"server": site.name}, {}))
    try:
        yield client
    finally:
        await client.close()
        await runner.cleanup()


async def timeline_of(plane: ControlPlane, store: Prometheus | None, objects: bool = True) -> Timeline:
    prometheus = PrometheusSource(PrometheusEndpoint(store.url)) if store is not None else None

    async def find() -> PrometheusSource | None:
        return prometheus

    try:
        async with api(plane) as client:
            sources: list[TimelineSource] = [MetricsTimeline(find)]
            if objects:
                sources.append(ClusterTimeline(client, redacted))
            return await ask(sources, BEGAN, NOW)
    finally:
        if prometheus is not None:
            await prometheus.close()


def shows(entry: Entry, did: Did) -> bool:
    """True if an entry is of it: the object, the words, and a time that is no further off than the entry says."""
    return (
        entry.about == did.about
        and re.search(did.what, entry.what) is not None
        and entry.at - 1 <= did.at <= entry.at + entry.within + 1
    )


async def test_all_of_two_days_is_told_at_its_time_and_nothing_that_did_not_happen(
    plane: ControlPlane, store: Prometheus
) -> None:
    found = await timeline_of(plane, store)
    missed = [did for did in plane.did if not any(shows(entry, did) for entry in found.single)]
    recall = 1 - len(missed) / len(plane.did)
    assert recall >= 0.95, missed
    # Of what objects say of their own state now ("ready", "enough replicas"), the control plane did it, unasked.
    entries = [entry for entry in found.single if not any(shows(entry, did) for did in plane.did)]
    invented = [entry for entry in entries if entry.what != "ready"]
    assert invented == []
    assert all(entry.within <= 2 * SCRAPE for entry in found.single)
    assert all(entry.evidence and entry.evidence[0].value for entry in found.single)
    # Nothing twice.
    twice = [key for key, count in Counter((e.about, e.what, e.at) for e in found.single).items() if count > 1]
    assert twice == []
    # A field is of who wrote it last: of the rollouts, the last one.
    (last,) = [did for did in plane.did if did.who and did.at > at(28)]
    assert [entry.who for entry in found.single if shows(entry, last)] == [last.who]
    # What a pod says of its end and what was counted of it are one.
    crash = max((did for did in plane.did if "restarted" in did.what), key=lambda did: did.at)
    (entry,) = [entry for entry in found.single if shows(entry, crash)]
    assert entry.what == "vllm ended: OOMKilled (137)"
    assert len(entry.evidence) == 2


async def test_what_was_before_the_span_is_not_told(plane: ControlPlane, store: Prometheus) -> None:
    assert all(entry.ended >= BEGAN for entry in (await timeline_of(plane, store)).single)


async def test_without_a_store_what_the_objects_keep_is_told_and_what_is_lost_is_said(plane: ControlPlane) -> None:
    found = await timeline_of(plane, None)
    whats = [entry.what for entry in found.single]
    assert any(
        what.startswith("revision 4: image vllm/vllm-openai:v0.32.0 → vllm/vllm-openai:v0.32.1") for what in whats
    )
    assert [gap.what for gap in found.gaps] == ["deleted objects, and changes before the last, that no console saw"]
    assert not [e for e in found.single if not any(shows(e, did) for did in plane.did) and e.what != "ready"]


async def test_without_kubernetes_the_store_tells_nearly_all_of_it(plane: ControlPlane, store: Prometheus) -> None:
    found = await timeline_of(plane, store, objects=False)
    missed = [did for did in plane.did if not any(shows(entry, did) for entry in found.single)]
    assert 1 - len(missed) / len(plane.did) >= 0.95, missed
