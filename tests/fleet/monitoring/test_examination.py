"""Faulty monitoring is detected: with a real Prometheus, and in a bounded number of queries."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fleet.metrics.engines.vllm import VLLM
from fleet.model.alerts import MonitoringRule
from fleet.model.problem import SourceProblem
from fleet.monitoring.examination import examine
from fleet.monitoring.faults import FaultKind
from fleet.monitoring.selector_queries import AT_ONCE, MOST
from fleet.sources.prometheus.source import PrometheusSource
from fleet.sources.prometheus.transport import PrometheusEndpoint
from tests.fleet.metrics.servers import exporters
from tests.fleet.sources.alerts.servers import prometheus_with_rules
from tests.waiting import block_until

PAGE = """\
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{model_name="llama",engine="0"} 3
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{model_name="llama",engine="0"} 0.5
# TYPE vllm:prompt_tokens_total counter
vllm:prompt_tokens_total{model_name="llama",engine="0"} 12
# TYPE vllm:time_to_first_token_seconds histogram
vllm:time_to_first_token_seconds_bucket{model_name="llama",engine="0",le="0.5"} 1
vllm:time_to_first_token_seconds_bucket{model_name="llama",engine="0",le="2.5"} 2
vllm:time_to_first_token_seconds_bucket{model_name="llama",engine="0",le="+Inf"} 2
vllm:time_to_first_token_seconds_sum{model_name="llama",engine="0"} 1
vllm:time_to_first_token_seconds_count{model_name="llama",engine="0"} 2
"""


def rule(name: str, expression: str, **more: Any) -> MonitoringRule:
    return MonitoringRule("serving", name, expression, **({"health": "ok"} | more))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusSource]:
    def job(name: str, address: str, **labels: str) -> Mapping[str, Any]:
        return {"job_name": name, "static_configs": [{"targets": [address], "labels": labels}]}

    with exporters() as server:
        server.pages["/metrics"] = lambda: PAGE
        pod = {"namespace": "serving", "pod": "chat-1"}
        jobs = [
            job("engines", server.address, **pod),
            job("annotated", server.address, **pod),
            # Two pods: clusters whose series go into one store have names in common.
            *(job(name, server.address, namespace="serving", pod="chat-2", cluster=name) for name in ("eu", "us")),
            job("gone", "127.0.0.1:1"),
        ]
        folder: Path = tmp_path_factory.mktemp("prometheus")
        with prometheus_with_rules(folder, [], jobs=jobs) as running:
            # The query is for a moment slightly before now.
            seen = "count(up offset 2s) == 5 and on() count(vllm:num_requests_running offset 2s) == 4"
            block_until(lambda: running.get("/api/v1/query", query=seen)["result"])
            yield PrometheusSource(PrometheusEndpoint(running.url))


async def found(store: PrometheusSource, *rules: MonitoringRule) -> dict[str, tuple[FaultKind, str]]:
    examined = await examine(store, rules, time.time())
    assert examined.gaps == (() if rules else examined.gaps)
    return {fault.about: (fault.kind, fault.what) for fault in examined.faults}


@pytest.mark.real("prometheus")
async def test_rules_are_held_against_the_series_that_there_are(store: PrometheusSource) -> None:
    ttft = "vllm:time_to_first_token_seconds_bucket"
    values = await found(
        store,
        rule("Live", "vllm:num_requests_running > 1"),
        rule("NoTotal", "rate(vllm:prompt_tokens[5m]) > 1"),
        rule("OldName", "vllm:gpu_cache_usage_perc > 0.9"),
        rule("Colon", "vllm_num_requests_running > 1"),
        rule("WrongLe", f'rate({ttft}{{le="2.0"}}[5m]) > 1'),
        rule("WrongModel", 'vllm:num_requests_running{model_name="gpt",engine="0"} > 1'),
        rule("OptIn", "rate(vllm:kv_block_lifetime_seconds_sum[5m]) > 1"),
        rule("Either", "vllm:gpu_cache_usage_perc > 1 or vllm:kv_cache_usage_perc > 1"),
        rule("MeantToBeAbsent", 'absent(up{job="nowhere"})'),
        rule("Recorded", "sum(nothing_of_the_kind)", alerting=False),
    )
    rules = {name.removeprefix("serving/"): seen for name, seen in values.items() if name.startswith("serving/")}
    assert rules == {
        "NoTotal": (FaultKind.DEAD, "vllm:prompt_tokens: no such metric; there is vllm:prompt_tokens_total"),
        "OldName": (FaultKind.DEAD, "vllm:gpu_cache_usage_perc: no such metric; there is vllm:kv_cache_usage_perc"),
        "Colon": (FaultKind.DEAD, "vllm_num_requests_running: no such metric; there is vllm:num_requests_running"),
        "WrongLe": (FaultKind.DEAD, f'{ttft}{{le="2.0"}}: no bucket has le="2.0"; there are 0.5, 2.5, +Inf'),
        "WrongModel": (
            FaultKind.DEAD,
            'vllm:num_requests_running{model_name="gpt",engine="0"}: no series has model_name="gpt"',
        ),
        "OptIn": (
            FaultKind.DEAD,
            f"vllm:kv_block_lifetime_seconds_sum: no such metric; it is there only if {VLLM.opt_in['vllm:kv_block_']}",
        ),
        "Either": (
            FaultKind.PARTLY,
            "vllm:gpu_cache_usage_perc: no such metric; there is vllm:kv_cache_usage_perc",
        ),
        "Recorded": (FaultKind.DEAD, "nothing_of_the_kind: no such metric"),
    }


@pytest.mark.real("prometheus")
async def test_targets_that_are_down_and_engines_that_are_scraped_twice(store: PrometheusSource) -> None:
    values = await found(store)
    assert values["gone"] == (FaultKind.DOWN, "1 down: 127.0.0.1:1")
    assert values["vLLM"] == (FaultKind.TWICE, "serving/chat-1: job is annotated and engines")
    assert set(values) == {"gone", "vLLM"}


async def test_rules_that_fail_or_stand_still_say_nothing() -> None:
    now = 10_000.0
    rules = [
        rule("Broken", "x", health="err", problem="many-to-many"),
        rule("Late", "x", interval=30.0, evaluated=now - 200),
        rule("Fine", "x", interval=30.0, evaluated=now - 40),
        rule("Never", "x", interval=30.0),
    ]
    examined = await examine(None, rules, now)
    assert [(fault.kind, fault.about, fault.what) for fault in examined.faults] == [
        (FaultKind.NOT_EVALUATED, "serving/Broken", "many-to-many"),
        (FaultKind.NOT_EVALUATED, "serving/Late", "it was not evaluated for 200 s, and is due every 30 s"),
    ]
    assert examined.gaps == ("no metrics store answers: neither series nor targets could be checked",)


class Counting:
    """A store in which everything has a series, and that refuses as told."""

    def __init__(self, refused: str = "\0") -> None:
        self.asked: list[str] = []
        self._refused = refused

    async def query(self, text: str, at: float | None = None) -> list[Any]:
        del at
        self.asked.append(text)
        if self._refused in text:
            raise SourceProblem("it may not be asked that")
        marks = [part.split('"')[1] for part in text.split('"quarterdeck_asked",')[1:]]
        return [{"metric": {"quarterdeck_asked": mark}, "value": [0, "1"]} for mark in marks]

    async def range(self, text: str, start: float, end: float, step: float) -> list[Any]:
        raise NotImplementedError

    async def now(self) -> float:
        return 0.0


async def test_the_number_of_queries_has_a_bound_and_what_is_left_is_said() -> None:
    store = Counting()
    examined = await examine(store, [rule(f"R{i}", f"metric_{i} > 0") for i in range(MOST * AT_ONCE)], 0.0)
    assert len(store.asked) == examined.queries == MOST
    assert examined.faults == ()
    (gap,) = examined.gaps
    assert "not checked" in gap


async def test_one_selector_that_is_refused_hides_no_other_and_is_no_fault() -> None:
    store = Counting("forbidden")
    rules = [rule("A", "forbidden > 0"), rule("B", "fine > 0")]
    examined = await examine(store, rules, 0.0)
    assert examined.faults == ()
    assert any("count(fine)" in text and "forbidden" not in text for text in store.asked)


async def test_a_store_that_is_down_is_a_gap() -> None:
    examined = await examine(Counting(""), [], 0.0)
    assert [gap.partition(":")[0] for gap in examined.gaps] == [
        "no rules are known",
        "targets",
        "engines that are scraped twice",
    ]
