"""Pauses that are over, from KEDA's objects and events."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fleet.timeline.history import DAY, briefly, clock, deployment, history_of, manager, owned


def scaled_object(*, paused: bool, reason: str) -> dict[str, Any]:
    """ScaledObject chat, made at 08:00."""
    condition = {"type": "Paused", "status": str(paused), "reason": reason}
    return {
        "metadata": {"name": "chat", "namespace": "serving", "creationTimestamp": f"{DAY}08:00:00Z"},
        "spec": {"scaleTargetRef": {"name": "chat"}},
        "status": {"conditions": [condition]},
    }


def its_autoscaler(at: str) -> dict[str, Any]:
    metadata = {"name": "keda-hpa-chat", "namespace": "serving", "creationTimestamp": f"{DAY}{at}Z"}
    return {"metadata": metadata | {"ownerReferences": owned("ScaledObject", "chat")}, "spec": {}, "status": {}}


@pytest.mark.parametrize(
    ("made", "paused", "reason", "told_of"),
    [
        ("12:00:00", False, "ScaledObjectUnpaused", True),
        ("08:00:02", False, "ScaledObjectUnpaused", False),
        ("12:00:00", False, "", False),
        ("12:00:00", True, "ScaledObjectPaused", False),
    ],
)
def test_a_pause_of_keda_that_was_lifted_is_told_by_the_autoscaler_that_it_made_then(
    made: str, paused: bool, reason: str, told_of: bool
) -> None:
    objects = {
        "ScaledObject": [scaled_object(paused=paused, reason=reason)],
        "HorizontalPodAutoscaler": [its_autoscaler(made)],
    }
    entries, _ = history_of(objects)
    found = [entry for entry in entries if entry.topic == "paused=False"]
    assert [(clock(one), one.within, one.what) for one in found] == (
        [("11:59:55", 6.0, "no longer paused: its autoscaler was recreated")] if told_of else []
    )
    assert all(one.unknown and len(one.evidence) == 2 for one in found)


def test_what_keda_reports_of_a_pause_is_a_change_that_somebody_made() -> None:
    about = {"kind": "ScaledObject", "namespace": "serving", "name": "chat"}
    events = [
        {
            "metadata": {"name": reason, "namespace": "serving"},
            "involvedObject": about,
            "reason": reason,
            "message": "ScaledObject is or is not paused",
            "source": {"component": "keda-operator"},
            "firstTimestamp": f"{DAY}{at}Z",
        }
        for reason, at in (("ScaledObjectPaused", "09:00:05"), ("ScaledObjectUnpaused", "10:00:05"))
    ]
    entries, _ = history_of({"Event": events})
    assert briefly(entries) == [("09:00:00", "autoscaling paused", ""), ("10:00:00", "no longer paused", "")]
    assert [entry.topic for entry in entries] == ["paused=True", "paused=False"]


def test_a_rollout_that_goes_on_is_one_with_what_others_saw_of_it() -> None:
    entries, _ = history_of({"Deployment": [deployment(manager("kubectl-rollout", "09:00:00", {"paused": {}}))]})
    (written,) = [entry for entry in entries if entry.topic == "paused=False"]
    assert written.what == "spec.paused set to false"
