"""Waiting until a pod has left its endpoints, and until its requests have ended."""

from __future__ import annotations

import math
from typing import NamedTuple

from actions.drain.eviction import expect_planned, pause_for
from actions.drain.options import AtDeadline
from actions.drain.requests import DrainRate, RequestReader, RequestReading
from actions.drain.unit import DrainUnit
from actions.kubeobj import labels_of
from actions.number_words import count, span
from actions.planning.plan_context import Reads
from actions.running.execution_context import ClusterExecution
from actions.running.progress import Outcome, Result
from fleet.dataclass import dataclass
from fleet.sources.kube.errors import ForbiddenError, NotFoundError

LEAVING = 30.0
"""Seconds within which the endpoints must reflect a changed label; measured, they take two."""
UNSEEN = 5.0
"""Seconds given to endpoints that may not be read."""
COMING = 30.0
"""Seconds after which an undiminished number of requests means that a sender keeps sending them."""
ZEROS = 2
"""Looks in a row that must see no request: one may fall between two of them."""
_STANDS = f"; none has ended in {COMING:.0f} s: they take long, or its engine hangs"


@dataclass(frozen=True, slots=True)
class Terms:
    """Time limit for the requests of a pod, and what happens then."""

    deadline: float
    """Seconds."""
    at_deadline: AtDeadline


class WaitResult(NamedTuple):
    """The end of the wait for a unit's requests, or of all of its drain."""

    outcome: Outcome | None = None
    """Outcome if the action ends here; None if it continues."""
    cut: str = ""
    """Requests that had not ended by the deadline, in words; empty where all had."""


async def receives(namespace: str, pod: str, service: str, reads: Reads) -> bool:
    """True if the Service sends requests to the pod. Raises KubeError."""
    slices = await reads.list_raw("EndpointSlice", namespace, f"kubernetes.io/service-name={service}")
    for piece in slices:
        for endpoint in piece.get("endpoints") or ():
            target = endpoint.get("targetRef") or {}
            # A missing `ready` means ready (discovery.k8s.io/v1).
            if target.get("name") == pod and (endpoint.get("conditions") or {}).get("ready") is not False:
                return True
    return False


async def wait_until_unselected(unit: DrainUnit, execution: ClusterExecution) -> Outcome | None:
    """Wait until none of its Services sends requests to the pod; return an Outcome if one keeps sending."""
    there: list[str] = []

    async def out() -> bool:
        there[:] = [
            service
            for service in unit.strategy.services
            if await receives(unit.front.namespace, unit.front.name, service, execution.reads)
        ]
        execution.say(f"still in the endpoints of {', '.join(there)}" if there else "out of the endpoints")
        return not there

    try:
        if await execution.until(out, LEAVING):
            return None
    except ForbiddenError:
        execution.say(f"its endpoints may not be read: {UNSEEN:.0f} s are allowed for the change")
        await pause_for(execution, UNSEEN)
        return None
    return Outcome(
        Result.FAILED,
        f"{unit.name} is still in the endpoints of {', '.join(there)} {LEAVING:.0f} s after its label was changed",
        "check the Service's selector; undo restores the label",
    )


async def wait_for_requests(
    unit: DrainUnit, execution: ClusterExecution, terms: Terms, requests: RequestReader
) -> WaitResult:
    """Wait until the pod has no requests left, or the deadline comes."""
    fall, front, since = DrainRate(), unit.front, execution.now()
    first: RequestReading | None = None
    last: RequestReading | None = None
    fewest = math.inf
    grown = back = False

    async def idle() -> bool:
        nonlocal first, last, fewest, grown, back
        try:
            pod = expect_planned(front, await execution.reads.get_raw("Pod", front.namespace, front.name))
        except NotFoundError:
            return True
        labels = labels_of(pod)
        if any(labels.get(key) != value for key, value in unit.strategy.labels.items()):
            back = True
            return True
        seen = await requests.read()
        if seen is None:
            execution.say(f"the requests of {unit.name} are not visible: it gets the whole {span(terms.deadline)}")
            return False
        first, last = first or seen, seen
        if seen.at >= since:
            # Numbers from before it left the endpoints miss requests that arrived until then.
            fall.add(seen)
        total = max(first.requests, seen.requests)
        if seen.at >= since:
            grown = grown or seen.requests > fewest
            fewest = min(fewest, seen.requests)
        more = ""
        if seen.requests and seen.requests >= first.requests and execution.now() - since > COMING:
            # A constant number may be the same requests: only an increase proves new ones.
            more = "; new ones still arrive: does a router select pods itself?" if grown else _STANDS
        execution.say(f"{count(seen.requests, 'request')} left{more}", total - seen.requests, total, fall.eta)
        return fall.zeros >= ZEROS

    reached = await execution.until(idle, terms.deadline)
    if back:
        return WaitResult(
            Outcome(
                Result.FAILED,
                f"{unit.name} was put back into service meanwhile",
                "it was not evicted: find out who did it, then drain it again",
            )
        )
    if reached:
        return WaitResult()
    still = count(last.requests, "request") if last is not None else "requests that are not visible"
    if terms.at_deadline is AtDeadline.STOP:
        outcome = Outcome(
            Result.TIMED_OUT,
            f"{still} still on {unit.name} after {span(terms.deadline)}; it stays out of service and continues "
            "with them",
            "drain it again to wait longer, or undo to put it back",
        )
        return WaitResult(outcome)
    execution.say(f"deadline: {still} left, with {span(front.grace)} of grace")
    return WaitResult(cut=f"{still} still on {unit.name} at its deadline")
