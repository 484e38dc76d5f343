"""Each failure is named at its object with its evidence, and nothing else is."""

from __future__ import annotations

import re

import pytest

from tests.fleet.diagnosis.cluster import SPACE, Cluster, Failure, crashing
from tests.fleet.diagnosis.failures import (
    agents,
    calm,
    creating,
    nodes,
    others,
    placing,
    repeated,
    scaling,
    starting,
    volumes,
)

FAILURES = (
    *agents.FAILURES,
    *creating.FAILURES,
    *placing.FAILURES,
    *volumes.FAILURES,
    *starting.FAILURES,
    *nodes.FAILURES,
    *scaling.FAILURES,
    *repeated.FAILURES,
    *others.FAILURES,
)


@pytest.mark.parametrize("failure", FAILURES, ids=lambda one: one.name)
def test_a_failure_is_named_at_its_object_with_its_evidence_and_nothing_else(failure: Failure) -> None:
    cluster = Cluster(failure.kind)
    assert cluster.at(-30).incidents == ()
    failure.change(cluster)
    found = cluster.diagnosed()
    assert found.causes == [failure.cause]
    assert found.incidents[0].root.key.startswith(failure.about)
    assert re.search(failure.says, found.told, re.IGNORECASE), found.told


@pytest.mark.parametrize(("change", "kind"), [one[1:] for one in calm.CALM], ids=[one[0] for one in calm.CALM])
def test_what_looks_like_a_failure_and_is_none_is_not_told(change: calm.Change, kind: str) -> None:
    cluster = Cluster(kind)
    change(cluster)
    assert cluster.diagnosed().causes == []


def test_an_agent_that_fails_explains_what_its_own_node_lacks_and_no_other() -> None:
    cluster = Cluster()
    agents.agent(cluster, agents.PLUGIN, "nvcr.io/nvidia/k8s-device-plugin:v0.18.0")
    crashing(cluster.raws["Pod", SPACE, f"{agents.PLUGIN}-0"], 1, name=agents.PLUGIN)
    agents.no_gpus(cluster)
    assert sorted(cluster.diagnosed(0, 640, 1000).causes) == ["crash-loop", "no-gpu-allocatable"]
    network = Cluster()
    crashing(agents.agent(network, "cilium", "quay.io/cilium/cilium:v1.18.2"), 1, name="cilium")
    agents.no_gpus(network)
    assert sorted(network.diagnosed(0, 640, 1000).causes) == ["crash-loop", "no-gpu-allocatable"]
