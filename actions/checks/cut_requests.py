"""Running requests cut by a pod's end. A rollout and a DELETE only give them the grace period."""

from __future__ import annotations

import math
from collections.abc import Collection

from actions.drain.requests import measured
from actions.number_words import count, span
from actions.planning.plan import Check, Verdict
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot

ABOUT = "running requests"


def check_cut(snapshot: Snapshot, pods: Collection[str], grace: float) -> Check:
    """Check the requests of the pods (by key) that end, each with ``grace`` seconds for them."""
    if not pods:
        return Check(ABOUT, Verdict.PASS, "it has no pods")
    seen = [found.requests for pod in pods if (found := measured(snapshot, pod)) is not None]
    if not seen:
        return Check(ABOUT, Verdict.WARN, f"not measured: what takes longer than {span(grace)} is aborted")
    running = math.fsum(seen)
    if not running and len(seen) == len(pods):
        return Check(ABOUT, Verdict.PASS, "none now")
    known = [seconds for pod in pods if not math.isnan(seconds := _slow(snapshot, pod))]
    text = f"{count(running, 'request')} now; each pod has {span(grace)} to finish its requests"
    if not known:
        return Check(ABOUT, Verdict.WARN, f"{text}, what takes longer is aborted", "drain instead: it waits for them")
    last = max(known)
    if last > grace:
        return Check(
            ABOUT,
            Verdict.WARN,
            f"{text}, and 1 in 20 takes longer than {span(last)}: those are aborted",
            "drain instead: it waits for them",
        )
    return Check(ABOUT, Verdict.PASS, f"{text}; 19 of 20 take less than {span(last)}")


def _slow(snapshot: Snapshot, pod: str) -> float:
    """Seconds that 19 of 20 requests stay below: of the pod, else of its workload or its model."""
    workload = snapshot.workload_of.get(pod, "")
    for frame, key in (
        (snapshot.by_pod, pod),
        (snapshot.by_workload, workload),
        (snapshot.by_model, snapshot.model_of.get(workload, "")),
    ):
        reading = frame.get(key, Quantity.E2E_P95)
        if reading.known:
            return reading.value
    return math.nan
