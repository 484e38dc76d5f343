"""Incidents of engines, alone and compared with their peers."""

from __future__ import annotations

from fleet.model.quantity import Family, Quantity
from tests.eval import pods
from tests.eval.case import Case, share
from tests.eval.numbers import Numbers
from tests.eval.plots import NO_TOKENS, freeze, keys
from tests.eval.registry import NUMBERS, kind

Q = Quantity


@kind("engine-takes-nothing", "an engine takes up no request: all wait, none runs", needs=(NUMBERS,))
def takes_nothing(case: Case) -> None:
    top = case.workload()
    pod = case.pod(top, 1)
    freeze(case, f"{top.namespace}/{pod}", NO_TOKENS | {Q.RUNNING: 0.0, Q.WAITING: 12.0, Q.KV_USAGE: 0.0})
    case.fault(
        "engine-takes-nothing",
        *keys(top, pod),
        says="hangs",
        evidence=("waiting", "tokens"),
        actions=("logs", "restart"),
    )


@kind(
    "kv-cache-full",
    "the KV cache of one replica is full of long conversations, and requests wait",
    needs=(NUMBERS,),
    lasts=480,
)
def kv_full(case: Case) -> None:
    top = case.workload()
    pod = f"{top.namespace}/{case.pod(top, 1)}"

    def full(numbers: Numbers, since: float) -> None:
        numbers.set(pod, {Q.KV_USAGE: 0.99, Q.WAITING: float(min(24, 5 + since // 20))})
        numbers.stretch(pod, {Family.QUEUE: 1 + 5 * share(since), Family.TTFT: 1 + 2 * share(since)})

    case.shape(full)
    case.fault(
        "kv-cache-full",
        *keys(top, case.pod(top, 1)),
        says="KV cache",
        evidence=("KV", "waiting"),
        actions=("scale", "past"),
    )


@kind(
    "replica-overloaded",
    "a router sends half of all to one replica: there they wait, elsewhere is room",
    needs=(NUMBERS,),
    lasts=600,
)
def overloaded(case: Case) -> None:
    top = case.workload(replicas=3)
    pod = f"{top.namespace}/{case.pod(top, 1)}"
    others = [f"{top.namespace}/{name}" for name in case.pods(top) if not pod.endswith(name)]

    def uneven(numbers: Numbers, since: float) -> None:
        numbers.set(pod, {Q.RUNNING: 60.0, Q.WAITING: float(min(28, 4 + since // 10)), Q.KV_USAGE: 0.9})
        for other in others:
            numbers.load(other, 0.5)
            numbers.set(other, {Q.WAITING: 0.0, Q.KV_USAGE: 0.2})

    case.shape(uneven)
    case.fault(
        ("replica-overloaded",),
        *keys(top, case.pod(top, 1)),
        says="not spread|share",
        evidence=("wait|share|running",),
        actions=("describe", "nodes"),
    )


@kind(
    "speculation-collapse",
    "the draft model does not fit the new target: a tenth of its tokens are taken",
    needs=(NUMBERS,),
    lasts=1200,
)
def speculation(case: Case) -> None:
    top = case.workload()
    those = [f"{top.namespace}/{name}" for name in case.pods(top)]

    def before(numbers: Numbers, _: float) -> None:
        for pod in those:
            numbers.set(pod, {Q.SPEC_DRAFTED: 900.0, Q.SPEC_ACCEPTED: 610.0, Q.SPEC_ACCEPTANCE: 0.68})

    def after(numbers: Numbers, since: float) -> None:
        for pod in those:
            numbers.blend(pod, {Q.SPEC_ACCEPTED: 85.0, Q.SPEC_ACCEPTANCE: 0.09}, share(since))
            numbers.stretch(pod, {Family.ITL: 1 + 0.7 * share(since)})

    case.shape(before, after=-200)
    case.shape(after)
    case.fault(
        ("speculation-collapse", "drafts-rejected"),
        *keys(top, *case.pods(top)),
        says="specul|draft",
        evidence=("accept",),
        actions=("past", "rollback", "describe"),
    )


@kind("group-worker-lost", "the worker of an engine on two pods ends: the leader hangs with it", needs=(NUMBERS,))
def worker_lost(case: Case) -> None:
    names = sorted(
        raw["metadata"]["name"] for raw in case.raws("Pod") if raw["metadata"]["name"].startswith("night-72b-")
    )
    leader, worker = names[0], names[1]
    at = 0.0
    for wait in (10, 20, 40, 80, 160):
        case.edit(at, ("Pod", "batch", worker), lambda raw, now: pods.died(raw, now, 1))
        case.edit(at + wait, ("Pod", "batch", worker), pods.starting)
        at += wait + 10
    freeze(case, f"batch/{leader}", NO_TOKENS | {Q.RUNNING: 6.0, Q.WAITING: 4.0}, after=3)
    case.fault(
        ("crash-loop", "group-worker-lost", "group-broken"),
        f"batch/{worker}",
        "batch/LeaderWorkerSet/night-72b",
        says="worker|group|dies",
        evidence=("CrashLoopBackOff",),
        actions=("previous", "logs", "restart"),
    )
