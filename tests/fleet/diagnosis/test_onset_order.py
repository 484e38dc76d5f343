"""A cause is not the root of what began well before it; where an onset is only roughly known it may be."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.model.finding import Incident
from fleet.model.objects import Condition
from tests.fleet.diagnosis.fleets import CHAT, COOL, DEEP, WELL, Fleet, Q, autoscaler, causes, crashing, unready
from tests.fleet.rows import NOW

NO_GPU = "0/2 nodes are available: 2 Insufficient nvidia.com/gpu."


def without_node(since: float) -> dict[str, Any]:
    """A replica that was added then, and for which no GPU is free."""
    waits = Condition("PodScheduled", "False", "Unschedulable", NO_GPU, since=since)
    fields = {"ready": False, "phase": "Pending", "status": "Pending", "node": "", "conditions": (waits,)}
    return fields | {"gpu_resource": "nvidia.com/gpu", "created": since}


def queue_from(fleet: Fleet, at: float) -> None:
    """A queue in all replicas but the last from then on."""
    fleet.at(at - 15)
    fleet.engines |= {"chat-0": DEEP, "chat-1": DEEP}
    fleet.at(at)


def ending_with(fleet: Fleet, **changed: Any) -> dict[str, Incident]:
    """Root → incident ten minutes after the beginning, when the last replica is like this."""
    fleet.of("chat-2", **changed)
    return {one.root.cause: one for one in fleet.incidents(600, 730)}


def test_a_replica_that_was_added_because_of_a_queue_and_finds_no_gpu_is_not_the_root_of_the_queue() -> None:
    fleet = Fleet(3)
    queue_from(fleet, 15)
    found = ending_with(fleet, **without_node(NOW + 590))
    assert found.keys() == {"no-free-gpu", "queue-deep"}
    assert found["queue-deep"].since == NOW + 15


def test_a_replica_that_found_no_gpu_before_the_queue_is_its_root() -> None:
    fleet = Fleet(3)
    fleet.of("chat-2", **without_node(NOW))
    queue_from(fleet, 200)
    (found,) = fleet.incidents(400)
    assert found.root.cause == "no-free-gpu"
    assert "queue-deep" in {one.cause for one in found.symptoms}


@pytest.mark.parametrize("late", [0, 45])
def test_what_an_object_reports_within_a_minute_may_have_begun_before(late: float) -> None:
    fleet = Fleet(3)
    queue_from(fleet, 555)
    assert ending_with(fleet, **without_node(NOW + 555 + late)).keys() == {"no-free-gpu"}


def test_a_pod_that_dies_again_and_again_has_done_so_before_its_last_death() -> None:
    fleet = Fleet(3)
    queue_from(fleet, 15)
    assert ending_with(fleet, **crashing(NOW + 590)).keys() == {"crash-loop"}


def test_a_pod_that_was_never_ready_has_the_trouble_of_now_since_now() -> None:
    """The condition Ready is older than what keeps it away at present, and does not rule out a later root."""
    fleet = Fleet(3)
    fleet.of("chat-1", **crashing(NOW - 3000))
    fleet.at(0)
    fleet.gpus["chat-1"] = COOL | {Q.XID: 79.0}
    fleet.of("chat-1", **crashing(NOW - 3000))
    (found,) = fleet.incidents(2000)
    assert (found.root.cause, found.symptoms[0].cause) == ("gpu-lost", "crash-loop")


def test_an_autoscaler_that_reaches_its_maximum_later_keeps_the_queue_from_ending() -> None:
    fleet = Fleet(3)
    queue_from(fleet, 15)
    limited = Condition("ScalingLimited", "True", "TooManyReplicas", since=NOW + 1990)
    fleet.at(1900)
    fleet.autoscaler = autoscaler(Condition("ScalingActive", "True"), limited)
    (found,) = fleet.incidents(2000, 2100)
    assert (found.root.cause, found.about) == ("autoscaler-at-maximum", CHAT)


def test_of_two_replicas_that_are_away_the_one_that_went_first_is_the_root_of_an_older_queue() -> None:
    fleet = Fleet(4)
    fleet.of("chat-3", **without_node(NOW + 5))
    queue_from(fleet, 30)
    fleet.of("chat-2", **without_node(NOW + 700))
    (found,) = fleet.incidents(700, 900)
    assert found.root.cause == "no-free-gpu"
    assert {one.key for one in found.symptoms if one.cause == "queue-deep"} == {"serving/chat-0", "serving/chat-1"}


def test_what_only_reports_the_state_of_its_parts_follows_from_any_of_them() -> None:
    fleet = Fleet(3)
    fleet.of("chat-0", **unready(NOW))
    fleet.at(600)
    fleet.of("chat-0")
    fleet.of("chat-2", **without_node(NOW + 900))
    found = fleet.incidents(920, 1100)
    assert causes(found) == ["no-free-gpu"]
    assert fleet.engines["chat-1"] == WELL
