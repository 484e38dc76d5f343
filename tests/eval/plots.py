"""Parts of incidents that many kinds have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fleet.model.quantity import Family, Quantity
from tests.eval import pods
from tests.eval.case import Case, Top, share
from tests.eval.numbers import Numbers

Q = Quantity
Raw = dict[str, Any]
NO_TOKENS = {Q.GENERATION_TOKENS: 0.0, Q.PROMPT_TOKENS: 0.0, Q.REQUESTS: 0.0, Q.HTTP_REQUESTS: 0.0}


def keys(top: Top, *names: str) -> tuple[str, ...]:
    """Keys of pods, and of their workload: either is the object."""
    return (*(f"{top.namespace}/{name}" for name in names), top.key)


def pending(
    case: Case,
    message: str,
    cause: str | Sequence[str],
    *,
    says: str,
    evidence: Sequence[str],
    reason: str = "Unschedulable",
    top: Top | None = None,
    actions: Sequence[str] = ("describe", "nodes"),
    beside: Sequence[str] = (),
) -> Top:
    """A replica more is wanted, and the scheduler has no node for it."""
    top = top or case.workload()
    case.desire(0, top, len(case.pods(top)) + 1)
    name = case.new_pod(1, top, lambda raw, now: pods.unplaced(raw, now, message, reason))
    if reason == "Unschedulable":
        for seconds in (1, 61, 181):
            case.event(seconds, ("Pod", top.namespace, name), "FailedScheduling", message)
    case.fault(cause, *keys(top, name), *beside, says=says, evidence=evidence, actions=actions, after=1)
    return top


def not_starting(
    case: Case,
    reason: str,
    message: str,
    cause: str | Sequence[str],
    *,
    says: str,
    evidence: Sequence[str],
    event: tuple[str, str] = ("", ""),
    actions: Sequence[str] = ("describe", "rollback"),
    beside: Sequence[str] = (),
) -> tuple[Top, str]:
    """Restart a pod so that it gets a node, and its container is never created."""
    top = case.workload()
    old = case.pod(top, case.random.randrange(9))
    node = case.node_of(top, old)
    case.delete(-20, top, old, grace=20)
    name = case.new_pod(-1, top, lambda raw, now: pods.placed(raw, now, node, reason, message))
    place = ("Pod", top.namespace, name)
    case.event(-1, place, "Scheduled", f"Successfully assigned {top.namespace}/{name} to {node}", kind="Normal")
    if event[0]:
        for seconds in (3, 45, 150, 270):
            case.event(seconds, place, event[0], event[1].format(pod=name, namespace=top.namespace))
    objects = (*keys(top, name), *beside)
    case.fault(cause, *objects, says=says, evidence=evidence, actions=actions)
    return top, name


def crashing(
    case: Case,
    code: int,
    reason: str,
    cause: str | Sequence[str],
    *,
    says: str,
    evidence: Sequence[str],
    message: str = "",
    event: tuple[str, str] = ("", ""),
    top: Top | None = None,
    pod: str = "",
    actions: Sequence[str] = ("previous", "rollback", "describe", "past"),
    beside: Sequence[str] = (),
) -> tuple[Top, str]:
    """A container ends again and again: back-off of 10, 20, 40, 80 … seconds."""
    top = top or case.workload()
    pod = pod or case.pod(top, case.random.randrange(9))
    at = 0.0
    for wait in (10, 20, 40, 80, 160, 300):
        case.edit_pod(at, top, pod, lambda raw, now: pods.died(raw, now, code, reason, message))
        case.event(
            at, ("Pod", top.namespace, pod), "BackOff", f"Back-off restarting failed container vllm in pod {pod}"
        )
        if event[0]:
            case.event(at, ("Pod", top.namespace, pod), *event)
        case.edit_pod(at + wait, top, pod, pods.starting)
        at += wait + 12
    case.fault(cause, *keys(top, pod), *beside, says=says, evidence=evidence, actions=actions)
    return top, pod


def freeze(case: Case, pod: str, values: Mapping[Quantity, float], after: float = 0.0) -> None:
    """A pod's gauges are these from then on, and its rates fall within a window."""
    gauges = {quantity: value for quantity, value in values.items() if quantity not in NO_TOKENS}

    def shape(numbers: Numbers, since: float) -> None:
        numbers.set(pod, gauges)
        numbers.blend(
            pod, {quantity: value for quantity, value in values.items() if quantity in NO_TOKENS}, share(since)
        )

    case.shape(shape, after)


def on_gpu(case: Case, top: Top, pod: str, values: Mapping[Quantity, float], reasons: tuple[str, ...] = ()) -> str:
    """One GPU of a pod has these numbers from the onset on; its UUID."""
    gpu = min(case.first.gpus_of(f"{top.namespace}/{pod}"))

    def shape(numbers: Numbers, _: float) -> None:
        numbers.set_gpu(gpu, values)
        if reasons:
            numbers.reasons[gpu] = reasons

    case.shape(shape)
    return gpu


def slow(case: Case, pod: str, factor: float, after: float = 0.0) -> None:
    """A pod's tokens come so many times as slowly; requests stay longer in it."""

    def shape(numbers: Numbers, since: float) -> None:
        now = 1 + (factor - 1) * share(since)
        numbers.stretch(pod, {Family.ITL: now, Family.E2E: now, Family.TTFT: 1 + (now - 1) / 2})
        numbers.scale(pod, {Q.RUNNING: 1 + (now - 1) / 2, Q.KV_USAGE: min(1.3, now)})
        numbers.scale(pod, {Q.GENERATION_TOKENS: 1 / (1 + (now - 1) / 2)})

    case.shape(shape, after)
