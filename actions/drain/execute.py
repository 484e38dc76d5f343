"""Drain of one unit from its first label to its replacement: the same for a pod, a group and a whole node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from actions.drain.eviction import evict, eviction, expect_planned, wait_until_gone
from actions.drain.replacement import follow_first, follow_replacement, pods_of
from actions.drain.requests import EngineRequests, RequestReader
from actions.drain.unit import DrainUnit
from actions.drain.wait import Terms, WaitResult, wait_for_requests, wait_until_unselected
from actions.kubeobj import labels_of
from actions.number_words import span
from actions.planning.plan import MERGE, Mutation
from actions.running.execution_context import ClusterExecution
from actions.running.progress import Outcome, Result
from fleet.sources.kube.errors import ConflictError, NotFoundError
from fleet.sources.kube.resources import PODS

AS_READ_THEN = "(as read then)"
"""Placeholder in a plan for the resourceVersion that a pod will have when its turn comes."""


class DrainPhase(StrEnum):
    """The parts of a drain, in their order."""

    RELEASE = "release"
    LEAVE = "leave"
    WAIT = "wait"
    EVICT = "evict"
    REPLACE = "replace"


def phases(unit: DrainUnit) -> tuple[DrainPhase, ...]:
    """Return the phases that this unit goes through."""
    way = unit.strategy
    wanted = {
        DrainPhase.RELEASE: bool(way.release),
        DrainPhase.LEAVE: bool(way.labels),
        DrainPhase.WAIT: way.waits,
        DrainPhase.EVICT: True,
        DrainPhase.REPLACE: unit.replaced,
    }
    return tuple(phase for phase, there in wanted.items() if there)


def labelling(unit: DrainUnit, labels: Mapping[str, str | None], version: str) -> Mutation:
    """The request that changes labels of the unit's front; a pod that changed since ``version`` makes it a 409."""
    front = unit.front
    return Mutation(
        "PATCH",
        PODS.path(front.namespace, front.name),
        {"metadata": {"resourceVersion": version, "labels": dict(labels)}},
        MERGE,
        about=f"label {front.name} {', '.join(f'{key}={value}' for key, value in labels.items())}",
    )


def evictions(unit: DrainUnit, terms: Terms) -> tuple[Mutation, ...]:
    """The requests that evict its members. Evicted at once, its requests get the deadline as their grace period."""
    longest = terms.deadline if unit.watched and not unit.strategy.waits else 0.0
    return tuple(eviction(member, max(member.grace, longest)) for member in unit.members)


async def drain(
    unit: DrainUnit,
    execution: ClusterExecution,
    terms: Terms,
    enter: Callable[[DrainPhase], None],
    *,
    as_planned: bool,
    follow: bool = True,
    requests: Callable[[DrainUnit, ClusterExecution], RequestReader] = EngineRequests,
) -> WaitResult:
    """Take the unit out of service, wait, evict, see it gone and (``follow``) replaced if something replaces it.

    ``as_planned``: the pod must have the planned resourceVersion; otherwise the same pod with the same labels suffices,
    because its turn may come long after the plan. Raises ConflictError if it does not match, and KubeError.
    """
    way, version = unit.strategy, unit.version if as_planned else ""
    if not as_planned and way.changed:
        try:
            version = await _unchanged(unit, way.before, execution)
        except NotFoundError:
            return WaitResult()
    if way.release:
        enter(DrainPhase.RELEASE)
        known = await pods_of(unit, execution)
        await execution.send(labelling(unit, way.release, version))
        outcome = await follow_first(unit, known.keys(), execution)
        if outcome is not None:
            return WaitResult(outcome)
        version = await _unchanged(unit, way.before | way.release, execution)
    cut = ""
    if way.labels:
        enter(DrainPhase.LEAVE)
        await execution.send(labelling(unit, way.labels, version))
        outcome = await wait_until_unselected(unit, execution)
        if outcome is not None:
            return WaitResult(outcome)
    if way.waits:
        enter(DrainPhase.WAIT)
        looks = requests(unit, execution)
        try:
            outcome, cut = await wait_for_requests(unit, execution, terms, looks)
        finally:
            await looks.close()
        if outcome is not None:
            return WaitResult(outcome)
    enter(DrainPhase.EVICT)
    outcome = await _evicted(unit, execution, terms)
    if outcome is None and follow and unit.replaced:
        enter(DrainPhase.REPLACE)
        outcome = await follow_replacement(unit, execution)
    return WaitResult(outcome, cut)


async def _evicted(unit: DrainUnit, execution: ClusterExecution, terms: Terms) -> Outcome | None:
    requests = evictions(unit, terms)
    for i, mutation in enumerate(requests):
        try:
            outcome = await evict(mutation, execution, terms.deadline)
        except ConflictError:
            if not i:
                raise
            # The first one's termination makes the controller restart the group: its name is already reused.
            continue
        if outcome is not None:
            return outcome
    for member, mutation in zip(unit.members, requests, strict=True):
        grace = float(mutation.body["deleteOptions"]["gracePeriodSeconds"])
        execution.say(f"{member.name} ends, within {span(grace)}")
        if not await wait_until_gone(member, execution, grace):
            return Outcome(
                Result.TIMED_OUT,
                f"{member.name} is still there a minute after its grace period of {span(grace)}",
                "is its node alive? check the node and the pod's finalizers",
            )
    return None


async def _unchanged(unit: DrainUnit, labels: Mapping[str, str], execution: ClusterExecution) -> str:
    """Return the pod's current resourceVersion. Raises ConflictError if its labels have changed, NotFoundError if it is
    gone.
    """
    front = unit.front
    pod = expect_planned(front, await execution.reads.get_raw("Pod", front.namespace, front.name))
    now = labels_of(pod)
    for key, value in labels.items():
        if now.get(key) != value:
            raise ConflictError(f"label {key} of {front.name} is {now.get(key, 'gone')} now, not {value}", status=409)
    return str(pod["metadata"].get("resourceVersion", ""))
