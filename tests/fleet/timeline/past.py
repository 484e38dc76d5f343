"""Two days of kube-state-metrics in a real Prometheus, made beforehand, with the list of what was done."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from fleet.model.objects import ObjectRef
from tests.fleet.metrics.servers import Prometheus, prometheus_on

SCRAPE = 60
DAYS = 2
NOW = int(time.time()) // SCRAPE * SCRAPE
BEGAN = NOW - DAYS * 86_400

OTHER = 'cluster="there"'
CHAT, POD, GONE = "chat", "chat-5b6d-1", "chat-4a4a-9"
SILENT = "chat-5b6d-2"
"""A pod whose process does not expose its start time."""


class Done(NamedTuple):
    """Something that was done, some seconds after a scrape."""

    at: int
    about: ObjectRef
    what: str
    within: float = 2 * SCRAPE + 1
    """Seconds; no entry may be vaguer."""


def at(hours: float, seconds: int = 17) -> int:
    return BEGAN + int(hours * 3600) // SCRAPE * SCRAPE + seconds


DEPLOYMENT = ObjectRef("Deployment", "llm", CHAT)
NODE = ObjectRef("Node", "", "gpu-1")
TRUTH = (
    Done(at(3), DEPLOYMENT, "replicas 4 → 6"),
    Done(at(5.5), ObjectRef("Pod", "llm", POD), "vllm restarted, 1 in all"),
    Done(at(5.6), ObjectRef("Pod", "llm", POD), "vllm restarted 3 times, 4 in all"),
    Done(at(9), NODE, "node not ready"),
    Done(at(9.4), NODE, "node ready"),
    Done(at(14), ObjectRef("Pod", "llm", GONE), "pod gone"),
    Done(at(20), ObjectRef("Node", "", "gpu-9"), "node gone"),
    Done(at(26), DEPLOYMENT, "replicas 6 → 3"),
    Done(at(27), ObjectRef("HorizontalPodAutoscaler", "llm", CHAT), "maxReplicas 8 → 12"),
    Done(at(30), NODE, "cordoned: accepts no new pods"),
    Done(at(31), NODE, "uncordoned: accepts pods again"),
    Done(at(6, 5), ObjectRef("Pod", "llm", POD), "server process restarted", 4),
    Done(at(12), ObjectRef("Pod", "llm", SILENT), "server process restarted"),
    Done(at(24), DEPLOYMENT, "vLLM started with gpu_memory_utilization 0.9 → 0.8 and 1 more"),
    Done(at(32), DEPLOYMENT, "vLLM started with gpu_memory_utilization 0.8 → 0.9 and 1 more"),
    Done(at(16), NODE, "GPU 2 is another card: GPU-c → GPU-e", 3600),
    Done(at(35), NODE, "GPU 3 gone (GPU-d)"),
    Done(at(36), ObjectRef("Node", "", "gpu-2"), "GPU 1 new (GPU-z)"),
    Done(at(40), DEPLOYMENT, "alert QueueGrows fires"),
    Done(at(40.5), DEPLOYMENT, "alert QueueGrows ended"),
)


def _stepped(*changes: tuple[float, float]) -> dict[int, float]:
    """Value by scrape, from (Unix time, value) of each change."""
    found: dict[int, float] = {}
    for scrape in range(BEGAN, NOW + 1, SCRAPE):
        value = next((value for since, value in reversed(changes) if since <= scrape), None)
        if value is not None:
            found[scrape] = value
    return found


def _between(start: float, end: float) -> dict[int, float]:
    return {scrape: 1.0 for scrape in range(BEGAN, NOW + 1, SCRAPE) if start <= scrape < end}


def _history() -> Iterator[tuple[str, str, dict[int, float]]]:
    """(metric, labels, samples)."""
    never = float(NOW + 10**6)
    yield (
        "kube_deployment_spec_replicas",
        'namespace="llm",deployment="chat"',
        _stepped((0, 4), (at(3), 6), (at(26), 3)),
    )
    yield "kube_deployment_spec_replicas", 'namespace="llm",deployment="calm"', _stepped((0, 2))
    restarts = 'namespace="llm",pod="chat-5b6d-1",container="vllm"'
    yield "kube_pod_container_status_restarts_total", restarts, _stepped((0, 0), (at(5.5), 1), (at(5.6), 4))
    ready = 'node="gpu-1",condition="Ready",status="true"'
    yield "kube_node_status_condition", ready, _stepped((0, 1), (at(9), 0), (at(9.4), 1))
    yield (
        "kube_node_status_condition",
        'node="gpu-1",condition="DiskPressure",status="true"',
        _stepped((0, 0), (at(9), 1)),
    )
    for pod, end in ((POD, never), (GONE, float(at(14)))):
        owner = f'namespace="llm",pod="{pod}",node="gpu-1",created_by_kind="ReplicaSet",created_by_name="chat-4a4a"'
        yield "kube_pod_info", owner, _between(0, end)
    yield "kube_node_info", 'node="gpu-1"', _between(0, never)
    yield "kube_node_info", 'node="gpu-9"', _between(0, at(20))
    most = 'namespace="llm",horizontalpodautoscaler="chat"'
    yield "kube_horizontalpodautoscaler_spec_max_replicas", most, _stepped((0, 8), (at(27), 12))
    yield "kube_node_spec_unschedulable", 'node="gpu-1"', _stepped((0, 0), (at(30), 1), (at(31), 0))
    alert = 'alertname="QueueGrows",alertstate="firing",namespace="llm",deployment="chat"'
    yield "ALERTS", alert, _between(at(40), at(40.5))
    yield "ALERTS", alert.replace("firing", "pending"), _between(at(39.9), at(40))
    yield from _of_servers()
    yield from _of_gpus()
    owned = 'namespace="llm",replicaset="chat-4a4a",owner_kind="Deployment",owner_name="chat"'
    yield "kube_replicaset_owner", owned, _between(0, at(15))
    # Another cluster of the same store, which has objects of the same names.
    yield "kube_deployment_spec_replicas", f'{OTHER},namespace="llm",deployment="chat"', _stepped((0, 1), (at(33), 9))
    yield "kube_node_info", f'{OTHER},node="gpu-1"', _between(0, never)


def _of_servers() -> Iterator[tuple[str, str, dict[int, float]]]:
    """Processes, counters and settings of engines, and of other programs."""
    always = _between(0, NOW + 1)
    chat = f'namespace="llm",pod="{POD}",container="vllm"'
    yield "vllm:num_requests_running", chat, always
    yield "process_start_time_seconds", chat, _stepped((0, BEGAN - 500), (at(6), at(6, 5)))
    # An exporter beside it, and another pod, began again too: they are no engines.
    beside = f'namespace="llm",pod="{POD}",container="proxy"'
    yield "process_start_time_seconds", beside, _stepped((0, BEGAN - 400), (at(7), at(7)))
    other = 'namespace="kube-system",pod="coredns-1",container="dns"'
    yield "process_start_time_seconds", other, _stepped((0, BEGAN - 300), (at(8), at(8)))
    silent = f'namespace="llm",pod="{SILENT}",container="vllm"'
    yield "vllm:num_requests_running", silent, always
    for whose, reset in ((silent, at(12)), (chat, at(6))):
        counted = {scrape: float(scrape - (BEGAN if scrape < reset else reset)) for scrape in always}
        yield "vllm:generation_tokens_total", whose, counted
    old = 'gpu_memory_utilization="0.9",block_size="16"'
    new = 'gpu_memory_utilization="0.8",block_size="32"'
    # A rollout with other settings (its pods begin one after the other), and later its way back. How many blocks fit is
    # measured at each start.
    for number, (pod, begin, end, settings) in enumerate(
        (
            ("chat-4a4a-7", 0, at(24, 30), old),
            ("chat-4a4a-8", 0, at(24.2), old),
            ("chat-7c7c-1", at(24), at(32.1), new),
            ("chat-7c7c-2", at(24.1), at(32.2), new),
            ("chat-4b4b-5", at(32), NOW + 1, old),
            ("chat-4b4b-6", at(32.1), NOW + 1, old),
        )
    ):
        labels = f'namespace="llm",pod="{pod}",container="vllm",{settings},num_gpu_blocks="{9000 + number}"'
        yield "vllm:cache_config_info", labels, _between(begin, end)
        made = f'namespace="llm",pod="{pod}",created_by_kind="ReplicaSet",created_by_name="{pod[:9]}"'
        # Its pods outlive what is told of them here: their end is another story.
        yield "kube_pod_info", made, always
    for made in ("chat-7c7c", "chat-4b4b"):
        owned = f'namespace="llm",replicaset="{made}",owner_kind="Deployment",owner_name="chat"'
        yield "kube_replicaset_owner", owned, always


def _of_gpus() -> Iterator[tuple[str, str, dict[int, float]]]:
    """Two nodes: a card is replaced, one falls off the bus, one is new; for half an hour there are no data."""
    silent = _between(at(10), at(10.5))
    for node, ordinal, uuid, begin, end in (
        ("gpu-1", 0, "GPU-a", 0, NOW + 1),
        ("gpu-1", 1, "GPU-b", 0, NOW + 1),
        ("gpu-1", 2, "GPU-c", 0, at(15.5)),
        ("gpu-1", 2, "GPU-e", at(16.25), NOW + 1),
        ("gpu-1", 3, "GPU-d", 0, at(35)),
        ("gpu-2", 0, "GPU-y", 0, NOW + 1),
        ("gpu-2", 1, "GPU-z", at(36), NOW + 1),
    ):
        held = {scrape: 50.0 for scrape in _between(begin, end) if scrape not in silent}
        # Who holds a card changes, and it is the same card.
        for pod, part in (("a", range(BEGAN, at(4))), ("b", range(at(4), NOW + 1))):
            labels = f'Hostname="{node}",gpu="{ordinal}",UUID="{uuid}",namespace="llm",pod="{pod}"'
            yield "DCGM_FI_DEV_GPU_TEMP", labels, {scrape: value for scrape, value in held.items() if scrape in part}


def _openmetrics() -> Iterator[str]:
    """Return lines in the order that promtool needs: by metric, one sample a line."""
    seen: set[str] = set()
    for metric, labels, samples in sorted(_history(), key=lambda one: one[0]):
        if metric not in seen:
            seen.add(metric)
            yield f"# TYPE {metric} gauge"
        for scrape, value in samples.items():
            where = "" if labels.startswith(OTHER) else ',cluster="here"'
            yield f'{metric}{{{labels}{where},instance="ksm",job="kube-state-metrics"}} {value:.12g} {scrape}'
    yield "# EOF"


@contextmanager
def two_days(folder: Path) -> Iterator[Prometheus]:
    """A Prometheus that holds them."""
    text = folder / "history.txt"
    text.write_text("\n".join(_openmetrics()) + "\n")
    blocks = [
        "promtool",
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        "--max-block-duration=64h",
        text,
        folder / "data",
    ]
    subprocess.run(list(map(str, blocks)), check=True, capture_output=True)
    configuration = folder / "prometheus.yml"
    configuration.write_text("global:\n  scrape_interval: 1m\n")
    with prometheus_on(configuration, folder) as running:
        yield running
