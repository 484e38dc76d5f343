"""The numbers of ``quarterdeck snapshot --json`` against PromQL written by hand and a real Prometheus."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.real.stage import prometheus, query, snapshot
from tests.simulator.api_process import simulator
from tests.waiting import block_until

pytestmark = pytest.mark.real("prometheus")

BY = "namespace, pod"
OF_POD = (
    'label_replace(label_replace({}{{exported_pod!=""}}, "pod", "$1", "exported_pod", "(.+)"),'
    ' "namespace", "$1", "exported_namespace", "(.+)")'
)
"""DCGM's series by the pod that holds the GPU: without honor_labels ``pod`` is the exporter's own."""
POD_QUERIES = {
    "requests_running": f"sum by ({BY}) (vllm:num_requests_running)",
    "requests_waiting": f"sum by ({BY}) (vllm:num_requests_waiting)",
    "requests_waiting_capacity": f'sum by ({BY}) (vllm:num_requests_waiting_by_reason{{reason="capacity"}})',
    "kv_cache_usage": f"max by ({BY}) (vllm:kv_cache_usage_perc or vllm:gpu_cache_usage_perc)",
    "generation_tokens_per_second": f"sum by ({BY}) (rate(vllm:generation_tokens_total[10s]))",
    "prompt_tokens_per_second": f"sum by ({BY}) (rate(vllm:prompt_tokens_total[10s]))",
    "preemptions_per_second": f"sum by ({BY}) (rate(vllm:num_preemptions_total[10s]))",
    "requests_per_second": f"sum by ({BY}) (rate(vllm:request_success_total[10s]))",
    "prefix_cache_hit_ratio": f"sum by ({BY}) (rate(vllm:prefix_cache_hits_total[10s]))"
    f" / (sum by ({BY}) (rate(vllm:prefix_cache_queries_total[10s])) > 0)"
    # What an engine without these counters tells itself.
    f" or max by ({BY}) (vllm:gpu_prefix_cache_hit_rate)",
    "queue_mean": f"sum by ({BY}) (rate(vllm:request_queue_time_seconds_sum[10s]))"
    f" / (sum by ({BY}) (rate(vllm:request_queue_time_seconds_count[10s])) > 0)",
    "gpu_utilisation": f"avg by ({BY}) ({OF_POD.format('DCGM_FI_DEV_GPU_UTIL')}) / 100",
    "gpu_memory_used": f"sum by ({BY}) ({OF_POD.format('DCGM_FI_DEV_FB_USED')}) * 1048576",
    "gpu_temperature": f"max by ({BY}) ({OF_POD.format('DCGM_FI_DEV_GPU_TEMP')})",
    # Each instance of a MIG card repeats the power of the card.
    "gpu_power": f"sum by ({BY}) (max by ({BY}, UUID) ({OF_POD.format('DCGM_FI_DEV_POWER_USAGE')}))",
}
OLD = "vllm:time_per_output_token_seconds"
"""Old name of inter_token_latency_seconds, before vLLM 0.10.2; one engine of the fleet is that old."""
for family, metric in {
    "ttft": "vllm:time_to_first_token_seconds",
    "itl": "vllm:inter_token_latency_seconds",
    "e2e": "vllm:e2e_request_latency_seconds",
    "queue": "vllm:request_queue_time_seconds",
}.items():
    for digits, q in (("50", 0.5), ("95", 0.95), ("99", 0.99)):
        renamed = f" or rate({OLD}_bucket[10s])" if family == "itl" else ""
        rates = f"rate({metric}_bucket[10s]){renamed}"
        POD_QUERIES[f"{family}_p{digits}"] = f"histogram_quantile({q}, sum by (le, {BY}) ({rates}))"


MODEL_QUERIES = {
    "requests_running": "sum by (namespace, model_name) (vllm:num_requests_running)",
    "kv_cache_usage": "avg by (namespace, model_name) (vllm:kv_cache_usage_perc or vllm:gpu_cache_usage_perc)",
    "generation_tokens_per_second": "sum by (namespace, model_name) (rate(vllm:generation_tokens_total[10s]))",
    "ttft_p95": "histogram_quantile(0.95, sum by (le, namespace, model_name)"
    " (rate(vllm:time_to_first_token_seconds_bucket[10s])))",
    "itl_p99": "histogram_quantile(0.99, sum by (le, namespace, model_name)"
    " (rate(vllm:inter_token_latency_seconds_bucket[10s]) or rate(vllm:time_per_output_token_seconds_bucket[10s])))",
}


@dataclass(frozen=True)
class Stage:
    url: str
    kubeconfig: str
    document: dict[str, Any]

    @property
    def at(self) -> float:
        return float(self.document["measured_at"])


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A simulated fleet, of old and new vLLM versions, scraped every second; one snapshot of it."""
    folder = tmp_path_factory.mktemp("numbers")
    with simulator("--scenario", "rush-hour", "--seed", "3") as fleet:
        config = yaml.safe_load(Path(fleet.said["prometheus_config"]).read_text())
        config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s"}
        with prometheus(folder, config) as url:
            wanted = fleet.said["endpoints"]["vllm"]
            block_until(lambda: len(query(url, 'up{job="vllm"} == 1')) >= wanted, "every engine to be scraped")
            # Every engine for longer than the window, and some seconds ago already: a snapshot is of a moment before it
            # was asked for, and of what is younger than the window no query of one line says the rate.
            rates = (
                "count(rate(vllm:generation_tokens_total[4s] offset 15s) > 0) > 4"
                f" and count(vllm:num_requests_running offset 15s) >= {wanted}"
                " and count(DCGM_FI_DEV_GPU_UTIL) > 3"
            )
            block_until(lambda: query(url, rates), "rates")
            kubeconfig = str(fleet.kubeconfig)
            config_file = folder / "config.toml"
            config_file.write_text("[prometheus]\nwindow = 10\n")
            flags = ("--kubeconfig", kubeconfig, "--prometheus", url, "--config", str(config_file))
            yield Stage(url, kubeconfig, snapshot(*flags))


def by_hand(stage: Stage, text: str, *labels: str) -> dict[str, float]:
    result = query(stage.url, text, stage.at)
    values = {"/".join(s["metric"].get(label, "") for label in labels): float(s["value"][1]) for s in result}
    return {key: value for key, value in values.items() if not math.isnan(value)}


def numbers_of(objects: list[dict[str, Any]], quantity: str) -> dict[str, float]:
    return {
        f"{o['namespace']}/{o['name']}": o["readings"][quantity]["value"]
        for o in objects
        if o["readings"].get(quantity, {}).get("value") is not None
    }


@pytest.mark.parametrize("quantity", POD_QUERIES)
def test_every_number_of_every_pod_is_what_a_query_by_hand_says(stage: Stage, quantity: str) -> None:
    expected = by_hand(stage, POD_QUERIES[quantity], "namespace", "pod")
    assert len(expected) >= 3, "the query by hand finds nothing to compare with"
    assert numbers_of(stage.document["pods"], quantity) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("quantity", MODEL_QUERIES)
def test_every_number_of_every_model_is_what_a_query_by_hand_says(stage: Stage, quantity: str) -> None:
    expected = by_hand(stage, MODEL_QUERIES[quantity], "namespace", "model_name")
    assert len(expected) >= 3
    assert numbers_of(stage.document["models"], quantity) == pytest.approx(expected, rel=1e-9)


@pytest.mark.real("kubectl")
def test_every_pod_that_kubernetes_knows_is_named(stage: Stage) -> None:
    # The fleet lives on: what was there before and after must be named, and nothing that was at neither moment.
    before = listed(stage.kubeconfig)
    names = {f"{p['namespace']}/{p['name']}" for p in snapshot("--kubeconfig", stage.kubeconfig)["pods"]}
    after = listed(stage.kubeconfig)
    assert len(before & after) > 20
    assert before & after <= names <= before | after


def listed(kubeconfig: str) -> set[str]:
    """Every pod by kubectl, as namespace/name."""
    command = ["kubectl", "--kubeconfig", kubeconfig, "get", "pods", "-A", "-o", "json"]
    pods = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["items"]
    return {f"{p['metadata']['namespace']}/{p['metadata']['name']}" for p in pods}


def test_the_document_says_how_and_when_it_was_measured(stage: Stage) -> None:
    assert stage.document["method"] == "prometheus"
    assert stage.document["window"] == 10.0
    health = {source["name"]: source["health"] for source in stage.document["sources"]}
    assert health["prometheus"] == "live"
    assert health["kubernetes"] == "live"
