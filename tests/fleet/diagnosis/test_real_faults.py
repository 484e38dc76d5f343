"""A real Prometheus scrapes exporters that show faults: the first line names cause and object, nothing else is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from fleet.diagnosis.incidents.evidence import explain
from fleet.model.finding import Incident
from fleet.model.measurement import Measurement
from fleet.model.objects import ModelVersion, Pod
from fleet.model.snapshot import Snapshot
from fleet.snapshot.builder import Builder
from fleet.sources.prometheus.source import PrometheusSource
from fleet.sources.prometheus.transport import PrometheusEndpoint
from tests.fleet.diagnosis import fault_pages
from tests.fleet.diagnosis.fault_guises import GUISES
from tests.fleet.diagnosis.fault_pages import Fault, gpus_of, page
from tests.fleet.metrics.servers import Job, Prometheus, exporters, prometheus
from tests.fleet.rows import LIVE, deployment, kube, node, pod
from tests.waiting import block_until

pytestmark = pytest.mark.real("prometheus")

FAULTS = {**fault_pages.FAULTS, **GUISES}
WINDOW = 5.0
REPLICAS = range(3)


def _engine(fault: Fault, model: str, replica: int, since: float) -> Callable[[], str]:
    own = fault.engine if replica == 0 else fault.others
    return lambda: (own or page)(time.time() - since, model)


def _exporter(name: str, fault: Fault, since: float) -> str:
    return gpus_of(name, fault, time.time() - since)


def _gateway(answer: Callable[[float, str], str], model: str, address: str, since: float) -> Callable[[], str]:
    return lambda: answer(time.time() - since, model).replace("ADDRESS", address)


def _jobs(pages: dict[str, Callable[[], str]], since: float) -> list[Job]:
    jobs = []
    for at, (name, fault) in enumerate(FAULTS.items()):
        for replica in REPLICAS:
            path = f"/{name}-{replica}"
            pages[path] = _engine(fault, name, replica, since)
            address = f"10.{at}.0.{replica}:8000"
            jobs.append(Job("engines", path, {"namespace": "serving", "pod": f"{name}-{replica}", "instance": address}))
        pages[f"/gpus-{name}"] = partial(_exporter, name, fault, since)
        exporter = {"namespace": "gpu-operator", "pod": f"exporter-{name}", "instance": f"10.{at}.1.0:9400"}
        jobs.append(Job("dcgm", f"/gpus-{name}", exporter, honor_labels=at % 2 == 0))
        if fault.gateway is not None:
            pages[f"/gateway-{name}"] = _gateway(fault.gateway, name, f"10.{at}.0.0", since)
            gateway = {"namespace": "gateways", "pod": f"gateway-{name}", "instance": f"10.{at}.2.0:80"}
            jobs.append(Job("gateways", f"/gateway-{name}", gateway))
    return jobs


def _pod(at: int, name: str, replica: int) -> Pod:
    fields: dict[str, Any] = {
        "ip": f"10.{at}.0.{replica}",
        "version": ModelVersion(model=name, served_name=name),
        "node": f"node-{name}",
        "gpus": 1,
    }
    return pod(f"{name}-{replica}", name, **fields)


def _scrapes(real: Prometheus) -> float:
    found = real.query("min(count_over_time(up[60s]))", time.time())
    return found[0][1] if found else 0.0


async def _measured(url: str) -> Measurement:
    source = PrometheusSource(PrometheusEndpoint(url), window=WINDOW)
    try:
        # The first answer says what there is, the second is asked for that.
        await source.measure()
        return await source.measure()
    finally:
        await source.close()


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snapshot]:
    """The fleet once its window is full, from what the Prometheus answers."""
    since = time.time() - 600
    state = kube(
        [_pod(at, name, replica) for at, name in enumerate(FAULTS) for replica in REPLICAS],
        [row for name in FAULTS for row in deployment(name, 3)],
        [node(f"node-{name}", 3) for name in FAULTS],
    )
    with exporters() as server:
        jobs = _jobs(server.pages, since)
        with prometheus(tmp_path_factory.mktemp("faults"), server.address, jobs) as real:
            block_until(lambda: _scrapes(real) >= WINDOW + 2)
            looks: list[Snapshot] = []

            def are_measured() -> bool:
                measurement = asyncio.run(_measured(real.url))
                looks.append(Builder().build(state, measurement, [LIVE], time.time()))
                return not any(one.root.cause == "no-metrics" for one in looks[-1].incidents)

            # On a busy machine a scrape may come late: then numbers are missing, and the fleet is looked at again.
            block_until(are_measured, "numbers of every engine")
            yield looks[-1]


def _of(seen: Snapshot, name: str) -> list[Incident]:
    """The incidents at the objects of one fault's workload."""
    own = f"serving/Deployment/{name}"
    return [
        one
        for one in seen.incidents
        if one.about in (own, f"node-{name}")
        or one.about.startswith(f"{name}-GPU-")
        or seen.workload_of.get(one.about) == own
    ]


def _object(name: str, fault: Fault) -> str:
    keys = {"pod": f"serving/{name}-0", "gpu": f"{name}-GPU-00000000", "workload": f"serving/Deployment/{name}"}
    return keys[fault.about]


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.cause])
def test_the_first_line_names_cause_and_object_with_evidence(seen: Snapshot, name: str) -> None:
    fault = FAULTS[name]
    found = _of(seen, name)
    assert [(one.root.cause, one.about) for one in found] == [(fault.cause, _object(name, fault))]
    assert explain(seen, found[0].root).evidence


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if not fault.cause])
def test_what_only_looks_alarming_is_not_told(seen: Snapshot, name: str) -> None:
    assert [(one.root.cause, one.about) for one in _of(seen, name)] == []


def test_nothing_is_told_of_what_is_no_fault(seen: Snapshot) -> None:
    assert len(seen.incidents) == sum(len(_of(seen, name)) for name in FAULTS)
