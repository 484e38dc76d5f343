"""The first workload of the synthetic fleet, which is the worst, and a healthy pod of it."""

from __future__ import annotations

import math
from array import array
from dataclasses import replace

from fleet.model.frame import Column, Frame
from fleet.model.quantity import Quantity
from fleet.model.reading import State
from fleet.model.severity import Severity
from fleet.model.snapshot import Snapshot

WORST = "serving/Deployment/mixtral-8x22b"


def healthy(snapshot: Snapshot) -> str:
    """A pod of the worst workload that is well and measured."""
    return next(
        key
        for key in snapshot.pods_of[WORST]
        if snapshot.assessments[key].severity is Severity.OK and snapshot.by_pod.get(key, Quantity.RUNNING).known
    )


def with_readings(snapshot: Snapshot, **values: float) -> Snapshot:
    """Give a healthy pod and its engine these readings, fresh."""
    pod = healthy(snapshot)

    def frame(of: Frame, key: str) -> Frame:
        columns = dict(of.columns)
        row = of.index[key]
        for name, value in values.items():
            quantity = Quantity[name]
            before = columns.get(quantity, Column(array("d", [math.nan] * len(of.keys)))).values
            changed = array("d", before)
            changed[row] = value
            columns[quantity] = Column(changed)
        states = bytearray(of.states)
        states[row] = State.FRESH
        return replace(of, columns=columns, states=bytes(states))

    engine = snapshot.engines_of[pod][0]
    return replace(snapshot, by_pod=frame(snapshot.by_pod, pod), by_engine=frame(snapshot.by_engine, engine))
