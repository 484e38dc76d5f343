"""The reach of a fault of one GPU: its pod, and not the others of the node."""

from __future__ import annotations

import pytest

from fleet.model.objects import Event, ObjectRef
from tests.fleet.diagnosis.fleets import COOL, Fleet, Q, causes
from tests.fleet.rows import NOW

KERNEL = Event(
    "default",
    "n0.1",
    "n0.1",
    "1",
    ObjectRef("Node", "", "n0"),
    "uid-n0",
    "Warning",
    "XIDError",
    "NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus.",
    1,
    NOW,
)


@pytest.mark.parametrize("events", [[], [KERNEL]], ids=["its exporter alone", "and the kernel's log"])
def test_a_broken_gpu_reaches_its_pod_whoever_reports_it(events: list[Event]) -> None:
    fleet = Fleet(4)
    fleet.gpus["chat-0"] = COOL | {Q.XID: 79.0}
    fleet.events = events
    found = fleet.incidents(0, 70)
    assert causes(found)[0] == "gpu-lost"
    assert (found[0].reach.replicas, found[0].reach.of) == (1, 4)


def test_a_gpu_that_is_listed_no_more_does_not_reach_the_others_of_its_node() -> None:
    fleet = Fleet(4)
    fleet.at(0)
    fleet.without_gpu = {"chat-0"}
    found = {one.root.cause: one for one in fleet.incidents(30, 60, 95, 130)}
    assert "gpu-vanished" in found
    assert found["gpu-vanished"].reach.replicas < 2
