"""Autoscalers that cannot, do not see, or do too much."""

from __future__ import annotations

from fleet.model.quantity import Family, Quantity
from tests.eval import pods
from tests.eval.case import Case, Top
from tests.eval.numbers import Numbers
from tests.eval.registry import NUMBERS, kind

Q = Quantity


def _scaled(case: Case) -> tuple[Top, str]:
    """A workload with an autoscaler, and the autoscaler's name."""
    found = case.raws("HorizontalPodAutoscaler")
    named = {raw["spec"]["scaleTargetRef"]["name"]: raw["metadata"]["name"] for raw in found}
    tops = [top for top in case.tops() if top.name in named and top.name not in case.taken]
    top = case.claim(case.random.choice(tops))
    return top, named[top.name]


def _objects(top: Top, name: str) -> tuple[str, ...]:
    return top.key, f"{top.namespace}/{name}", f"{top.namespace}/HorizontalPodAutoscaler/{name}"


@kind(
    "autoscaler-at-maximum",
    "an autoscaler has all the replicas that it may have, and requests wait",
    needs=(NUMBERS,),
    lasts=480,
)
def at_maximum(case: Case) -> None:
    top, name = _scaled(case)

    def most(raw: pods.Raw, now: float) -> None:
        count = len(case.pods(top))
        raw["spec"]["maxReplicas"] = count
        raw["status"] |= {"currentReplicas": count, "desiredReplicas": count}
        text = "the desired replica count is more than the maximum replica count"
        pods.condition(raw, "ScalingLimited", "True", now, "TooManyReplicas", text)

    case.edit(0, ("HorizontalPodAutoscaler", top.namespace, name), most)
    those = [f"{top.namespace}/{one}" for one in case.pods(top)]

    def waits(numbers: Numbers, since: float) -> None:
        for pod in those:
            numbers.set(pod, {Q.WAITING: float(min(80, 10 + round(since / 3))), Q.RUNNING: 48.0, Q.KV_USAGE: 0.88})
            numbers.stretch(pod, {Family.QUEUE: 12.0, Family.TTFT: 4.0})

    case.shape(waits)
    pods_of = [f"{top.namespace}/{one}" for one in case.pods(top)]
    case.fault(
        ("autoscaler-at-maximum", "autoscaler-at-max"),
        *_objects(top, name),
        *pods_of,
        says="maximum|as many replicas as it may|autoscaler",
        evidence=("maximum|max", "wait"),
        actions=("scale", "describe", "autoscaler"),
    )


@kind("autoscaler-blind", "an autoscaler does not get the metric that it scales by", lasts=420)
def blind(case: Case) -> None:
    top, name = _scaled(case)
    text = (
        "the HPA was unable to compute the replica count: unable to get metric vllm:num_requests_waiting: "
        "no metrics returned from custom metrics API"
    )
    place = ("HorizontalPodAutoscaler", top.namespace, name)
    case.edit(
        0, place, lambda raw, now: pods.condition(raw, "ScalingActive", "False", now, "FailedGetPodsMetric", text)
    )
    for at in (1, 61, 181):
        case.event(at, place, "FailedGetPodsMetric", text)
    case.fault(
        ("autoscaler-blind",),
        *_objects(top, name),
        says="autoscaler|metric",
        evidence=("ScalingActive|FailedGetPodsMetric|metric",),
        actions=("scale", "describe"),
    )


@kind("autoscaler-flaps", "an autoscaler adds and takes away a replica again and again", lasts=1500)
def flaps(case: Case) -> None:
    top, name = _scaled(case)
    place = ("HorizontalPodAutoscaler", top.namespace, name)
    count = len(case.pods(top))
    for number in range(6):
        at, wanted = 240.0 * number, count + 1 - number % 2

        def rescaled(raw: pods.Raw, _: float, replicas: int = wanted) -> None:
            raw["status"] |= {"currentReplicas": replicas, "desiredReplicas": replicas}

        case.edit(at, place, rescaled)
        case.desire(at, top, wanted)
        case.event(
            at, place, "SuccessfulRescale", f"New size: {wanted}; reason: pods metric above target", kind="Normal"
        )
        if wanted > count:
            node = case.node_of(top, case.pod(top))
            added = case.new_pod(at + 1, top, lambda raw, now, where=node: pods.placed(raw, now, where))  # type: ignore[misc]
            case.edit_pod(at + 4, top, added, pods.starting)
            case.edit_pod(at + 70, top, added, pods.ready)
            case.delete(at + 241, top, added)
    case.fault(
        ("autoscaler-flaps",),
        *_objects(top, name),
        says="flap|again and again|to and fro",
        evidence=("replicas|changes|times",),
        actions=("describe", "past"),
        after=960,
    )
