"""Questions about nodes and containers: a few queries, whose answers name their objects."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest

from fleet.metrics.dialect import Match, Op
from fleet.metrics.promql import LONGEST
from fleet.metrics.store_signals import QUESTIONS, questions, read
from fleet.model.store_signals import StoreSignal

OURS = (Match("cluster", Op.EQUAL, "eu"),)


def test_all_questions_fit_into_a_few_queries_of_one_cluster() -> None:
    texts = questions(OURS)
    assert len(texts) < 4
    assert all(len(quote(text)) < LONGEST for text in texts)
    together = " ".join(texts)
    assert all(f'"{one.signal}"' in together for one in QUESTIONS)
    # Each metric is selected in this cluster alone.
    assert not re.search(r"\b(?:node|container|kube|kubelet)_\w+(?:\[|\)| )(?!\{)", together), together
    assert "cluster" not in " ".join(questions())


@pytest.mark.parametrize(
    ("labels", "signal"),
    [
        (
            {"q": "cpu-throttled", "namespace": "serving", "pod": "chat-1", "container": "vllm"},
            StoreSignal("cpu-throttled", "serving", "chat-1", "vllm", 0.5),
        ),
        (
            {"q": "volume-full", "namespace": "serving", "persistentvolumeclaim": "cache"},
            StoreSignal("volume-full", "serving", "cache", "", 0.5),
        ),
        (
            {"q": "node-memory-low", "instance": "10.0.0.7:9100"},
            StoreSignal("node-memory-low", "", "10.0.0.7", "", 0.5),
        ),
        (
            {"q": "node-memory-low", "instance": "[fd00::7]:9100"},
            StoreSignal("node-memory-low", "", "fd00::7", "", 0.5),
        ),
        ({"q": "node-memory-low", "instance": "n1"}, StoreSignal("node-memory-low", "", "n1", "", 0.5)),
        (
            {"q": "fabric-link-flaps", "instance": "10.0.0.7:9100", "node": "n1", "device": "mlx5_0"},
            StoreSignal("fabric-link-flaps", "", "n1", "mlx5_0", 0.5),
        ),
        (
            {"q": "node-service-failed", "node": "n1", "name": "containerd.service"},
            StoreSignal("node-service-failed", "", "n1", "containerd.service", 0.5),
        ),
        (
            {"q": "container-oom", "namespace": "serving", "pod": "chat-1", "container": "vllm"},
            StoreSignal("container-oom", "serving", "chat-1", "vllm", 0.5),
        ),
        ({"q": "node-memory-low"}, None),
        ({"q": "volume-full", "namespace": "serving"}, None),
        ({"q": "of a later version", "instance": "n1"}, None),
        ({}, None),
    ],
)
def test_an_answer_names_its_object(labels: dict[str, str], signal: StoreSignal | None) -> None:
    assert read({"metric": labels, "value": [0, "0.5"]}) == signal


@pytest.mark.parametrize("value", ["+Inf", "-Inf", "NaN"])
def test_a_share_of_nothing_is_no_signal(value: str) -> None:
    """A limit of 0 means none: of it the store says +Inf, which is more than any share."""
    assert read({"metric": {"q": "node-connections-full", "node": "n1"}, "value": [0, value]}) is None
