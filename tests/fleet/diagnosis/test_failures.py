"""Each failure is named at its object with its evidence, and nothing else is."""

from __future__ import annotations

import re

import pytest

from tests.fleet.diagnosis.cluster import Cluster, Failure
from tests.fleet.diagnosis.failures import creating, nodes, placing, starting, volumes

FAILURES = (
    *creating.FAILURES,
    *placing.FAILURES,
    *volumes.FAILURES,
    *starting.FAILURES,
    *nodes.FAILURES,
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
