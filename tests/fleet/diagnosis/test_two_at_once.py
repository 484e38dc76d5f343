"""Two failures at once, drawn at random: both are named at their objects, and neither hides or absorbs the other."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from itertools import combinations

import orjson
import pytest

from tests.fleet.diagnosis.cluster import Cluster, Failure, Raw
from tests.fleet.diagnosis.failures import agents, creating, nodes, placing, repeated, scaling, starting, volumes

DEPLOYED = [
    one
    for module in (agents, creating, nodes, placing, repeated, scaling, starting, volumes)
    for one in module.FAILURES
    if one.kind == "Deployment"
]
APART, BESIDE = 60, 60
"""Pairs that are drawn: at two workloads, and at two pods of one."""
_AT_A_POD = frozenset({"Pod", "Event", "PersistentVolumeClaim"})
Rename = Callable[[str], str]


def _elsewhere(text: str) -> str:
    """Another workload on other nodes."""
    text = re.sub(r"\bn(?=\d)", "m", text).replace("5d8f", "7c4e").replace("10.0.0.", "10.0.1.")
    return re.sub(r"\b(nvidia-|cilium|ebs-csi)", r"other-\1", text.replace("chat", "talk"))


def _next_pod(text: str) -> str:
    """Another pod of the workload, on its node."""
    swapped = {"n1": "n2", "n2": "n1", "chat-1": "chat-2", "chat-2": "chat-1"}
    return re.sub(r"\b(n[12]|chat-[12])\b", lambda found: swapped[found[0]], text)


def _renamed(raw: Raw, rename: Rename) -> Raw:
    found: Raw = json.loads(rename(json.dumps(raw)))
    if raw["kind"] == "Event":
        for name in ("name", "uid"):
            found["metadata"][name] += ".second"
    return found


def _changed(failure: Failure) -> tuple[Cluster, list[Raw]]:
    """A cluster with a failure, and the objects of it that differ from those of one that is well."""
    cluster = Cluster()
    before = {key: orjson.dumps(raw) for key, raw in cluster.raws.items()}
    failure.change(cluster)
    return cluster, [raw for key, raw in cluster.raws.items() if before.get(key) != orjson.dumps(raw)]


def _removes(failure: Failure) -> bool:
    """True if objects go: what is merged into another cluster are those that differ."""
    cluster = Cluster()
    before = set(cluster.raws)
    failure.change(cluster)
    return not before <= set(cluster.raws)


def _is_at_a_pod(failure: Failure) -> bool:
    return {raw["kind"] for raw in _changed(failure)[1]} <= _AT_A_POD


def _drawn(failures: list[Failure], count: int) -> list[tuple[Failure, Failure]]:
    pairs = [(a, b) for a, b in combinations(failures, 2) if a.cause != b.cause]
    return random.Random(20).sample(pairs, count)


def _found(cluster: Cluster) -> list[tuple[str, str]]:
    return [(one.root.cause, one.root.key) for one in cluster.diagnosed().incidents]


def _are_both_named(cluster: Cluster, first: Failure, second: Failure, rename: Rename) -> None:
    wanted = [(first.cause, first.about), (second.cause, rename(second.about))]
    found = _found(cluster)
    assert len(found) == len(wanted), found
    for cause, about in wanted:
        assert any(one == cause and key.startswith(about) for one, key in found), (cause, about, found)


def _named(pair: tuple[Failure, Failure]) -> str:
    return " + ".join(one.name for one in pair)


@pytest.mark.parametrize("pair", _drawn([one for one in DEPLOYED if not _removes(one)], APART), ids=_named)
def test_of_two_workloads_both_failures_are_named(pair: tuple[Failure, Failure]) -> None:
    first, second = pair
    cluster, other = Cluster(), Cluster()
    for raw in other.raws.values():
        cluster.put(_renamed(raw, _elsewhere))
    assert _found_before(cluster) == ()
    first.change(cluster)
    for raw in _changed(second)[1]:
        cluster.put(_renamed(raw, _elsewhere))
    _are_both_named(cluster, first, second, _elsewhere)


@pytest.mark.parametrize("pair", _drawn([one for one in DEPLOYED if _is_at_a_pod(one)], BESIDE), ids=_named)
def test_of_two_pods_of_one_workload_both_failures_are_named(pair: tuple[Failure, Failure]) -> None:
    first, second = pair
    cluster = Cluster()
    assert _found_before(cluster) == ()
    first.change(cluster)
    for raw in _changed(second)[1]:
        cluster.put(_renamed(raw, _next_pod))
    _are_both_named(cluster, first, second, _next_pod)


def test_what_takes_pods_away_does_not_hide_what_a_controller_reports_of_their_workload() -> None:
    names = {"autoscaler is not made", "evicted again and again"}
    first, second = [one for one in DEPLOYED if one.name in names]
    cluster = Cluster()
    first.change(cluster)
    for raw in _changed(second)[1]:
        cluster.put(_renamed(raw, lambda text: text))
    _are_both_named(cluster, first, second, lambda text: text)


def _found_before(cluster: Cluster) -> Sequence[object]:
    return cluster.at(-30).incidents
