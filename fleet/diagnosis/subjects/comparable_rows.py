"""Replicas that can be compared with each other."""

from __future__ import annotations

from fleet.model.frame import Frame
from fleet.model.reading import State
from fleet.model.snapshot import Structure


def comparable_rows(fleet: Structure, frame: Frame, workload: str) -> list[int]:
    """Rows of a workload's pods that are ready, and fresh enough to be compared."""
    pods, states = fleet.pods, frame.states
    ready = [key for key in fleet.pods_of.get(workload, ()) if key in pods and pods[key].ready]
    return [row for row in frame.rows(ready) if row >= 0 and states[row] < State.STALE]
