"""Counting of ready replicas from raw pods."""

from __future__ import annotations

from typing import Any

import pytest

from actions.kubeobj import is_ready


def raw(phase: str = "Running", **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "p", **metadata},
        "status": {"phase": phase, "conditions": [{"type": "Ready", "status": "True"}]},
    }


def test_a_running_pod_with_its_condition_is_ready() -> None:
    assert is_ready(raw())


@pytest.mark.parametrize(
    "pod",
    [
        pytest.param(raw("Failed"), id="evicted by its node"),
        pytest.param(raw("Succeeded"), id="completed"),
        pytest.param(raw(deletionTimestamp="2026-11-28T10:00:00Z"), id="being deleted"),
        pytest.param({"metadata": {"name": "p"}, "status": {"phase": "Running"}}, id="without conditions"),
    ],
)
def test_none_that_goes_or_has_ended_counts_as_a_replacement(pod: dict[str, Any]) -> None:
    assert not is_ready(pod)
