"""The names of counters and histograms are looked for rarely, and never too late."""

from __future__ import annotations

from collections.abc import Iterable

import orjson
import pytest

from fleet.metrics.dialect_set import DialectSet
from fleet.metrics.queries import names
from fleet.metrics.registry import ENGINES, GPUS
from fleet.sources.prometheus.answer import Answer
from fleet.sources.prometheus.metric_names import LOOK_EVERY, MetricNames

VLLM = ENGINES.of_products({"vLLM"})
BOTH = ENGINES.of_products({"vLLM", "SGLang"})
NO_GPUS, DCGM = GPUS.of_products(()), GPUS.of_products({"dcgm-exporter"})


class Store:
    """Answers with the names that it has at the moment, and counts the looks."""

    def __init__(self) -> None:
        self.has = ["vllm:prompt_tokens_total"]
        self.odd = 0
        """GPUs that are named otherwise by some of their metrics."""
        self.looks = 0
        self.asked: list[str] = []
        self.now = 1000.0
        self.names = MetricNames(lambda: self.now)

    def answers(self, texts: Iterable[str]) -> list[Answer]:
        self.looks += 1
        self.asked = list(texts)
        result = [{"metric": {"__name__": name, "q": "present/0"}, "value": [0, "1"]} for name in self.has]
        result += [{"metric": {"q": "odd"}, "value": [0, f"{self.odd}"]}] if self.odd else []
        return [Answer(orjson.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}))]

    def look(self, dialects: DialectSet = VLLM, gpus: DialectSet = NO_GPUS, *, changed: bool = False) -> set[str]:
        if self.names.may_differ(dialects, gpus, changed=changed):
            self.names.read(dialects, gpus, self.answers(names(dialects, gpus)))
        return set(self.names.seen)


def test_the_same_engines_are_looked_at_once() -> None:
    store = Store()
    assert store.look() == store.look() == {"vllm:prompt_tokens_total"}
    assert store.looks == 1


@pytest.mark.parametrize(("dialects", "changed"), [(VLLM, True), (BOTH, False)])
def test_other_engines_are_looked_at_at_once(dialects: DialectSet, *, changed: bool) -> None:
    store = Store()
    store.look()
    store.has.append("vllm:time_to_first_token_seconds_count")
    assert "vllm:time_to_first_token_seconds_count" in store.look(dialects, changed=changed)


def test_a_histogram_that_appears_with_the_first_request_is_found_within_a_minute() -> None:
    store = Store()
    store.look()
    store.has.append("vllm:time_to_first_token_seconds_count")
    store.now += LOOK_EVERY - 0.1
    assert "vllm:time_to_first_token_seconds_count" not in store.look()
    store.now += 0.1
    assert "vllm:time_to_first_token_seconds_count" in store.look()
    assert store.looks == 2


def test_gpus_are_looked_at_once_their_exporter_is_there_and_are_alike_while_none_is_odd() -> None:
    store = Store()
    store.look()
    assert not any("DCGM" in text for text in store.asked)
    store.odd = 1
    store.look(gpus=DCGM)
    assert any("DCGM" in text for text in store.asked)
    assert not store.names.gpus_are_alike
    store.odd = 0
    store.now += LOOK_EVERY
    store.look(gpus=DCGM)
    assert store.names.gpus_are_alike
    assert store.looks == 3
