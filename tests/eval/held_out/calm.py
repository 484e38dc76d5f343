"""Calm that looks alarming."""

from __future__ import annotations

from functools import partial

from fleet.model.quantity import Family, Quantity
from tests.eval import pods
from tests.eval.case import Case
from tests.eval.plots import NO_TOKENS, on_gpu
from tests.eval.registry import GPUS, NUMBERS, kind

Q = Quantity
calm = partial(kind, calm=True)


@calm(
    "kv-cache-well-packed",
    "KV caches are 97 % full, nothing waits and nothing is preempted",
    needs=(NUMBERS,),
    lasts=480,
)
def well_packed(case: Case) -> None:
    top = case.workload()
    those = [f"{top.namespace}/{name}" for name in case.pods(top)]
    case.shape(lambda numbers, _: numbers.set_all(those, {Q.KV_USAGE: 0.97, Q.WAITING: 0.0, Q.PREEMPTIONS: 0.0}))


@calm("gpus-fully-used", "all GPUs of a model are at 100 %, and its requests are served in time", needs=(NUMBERS, GPUS))
def fully_used(case: Case) -> None:
    top = case.workload()
    for name in case.pods(top):
        for gpu in case.first.gpus_of(f"{top.namespace}/{name}"):
            values = {Q.GPU_UTIL: 1.0, Q.SM_ACTIVE: 0.97, Q.GPU_POWER: 690.0, Q.GPU_TEMPERATURE: 78.0}
            case.shape(lambda numbers, _, key=gpu, of=values: numbers.set_gpu(key, of))  # type: ignore[misc]


@calm(
    "power-cap-at-full-load",
    "the software power cap lowers clocks a little under full load, as it should",
    needs=(NUMBERS, GPUS),
)
def power_cap(case: Case) -> None:
    for _ in range(2):
        top = case.workload()
        values = {Q.THROTTLE: 0.8, Q.SM_CLOCK: 1780.0, Q.GPU_POWER: 700.0, Q.GPU_TEMPERATURE: 74.0}
        on_gpu(case, top, case.pod(top), values, ("power cap (software)",))


@calm("scale-up", "the autoscaler adds a replica, which loads for a minute and a half and serves", lasts=420)
def scale_up(case: Case) -> None:
    top = case.workload()
    where = case.node_of(top, case.pod(top))
    case.desire(0, top, len(case.pods(top)) + 1)
    name = case.new_pod(1, top, lambda raw, now: pods.placed(raw, now, where))
    case.edit_pod(6, top, name, pods.starting)
    case.edit_pod(96, top, name, pods.ready)


@calm("scaled-to-zero", "a model that nobody asks is scaled to nothing")
def to_zero(case: Case) -> None:
    top = case.workload()
    case.desire(0, top, 0)
    for number, name in enumerate(case.pods(top)):
        case.delete(1 + number, top, name, grace=20)


@calm("short-burst", "60 requests wait for half a minute, then none", needs=(NUMBERS,))
def burst(case: Case) -> None:
    top = case.workload()
    those = [f"{top.namespace}/{name}" for name in case.pods(top)]
    case.shape(lambda numbers, _: numbers.set_all(those, {Q.WAITING: 60.0, Q.RUNNING: 50.0}), until=31)


@calm("counter-reset", "an engine was replaced in a moment: its counters begin at nothing", needs=(NUMBERS,))
def reset(case: Case) -> None:
    top = case.workload()
    pod = f"{top.namespace}/{case.pod(top)}"
    case.shape(lambda numbers, _: numbers.set(pod, NO_TOKENS | {Q.RUNNING: 0.0, Q.WAITING: 0.0}), until=30)


@calm("deferred-requests", "requests wait for their KV to be sent, not for room", needs=(NUMBERS,))
def deferred(case: Case) -> None:
    top = case.workload()
    those = [f"{top.namespace}/{name}" for name in case.pods(top)]
    values = {Q.WAITING: 58.0, Q.WAITING_CAPACITY: 0.0, Q.WAITING_DEFERRED: 58.0}
    case.shape(lambda numbers, _: numbers.set_all(those, values))


@calm(
    "uneven-by-prefix",
    "one replica has three times the requests of its peers, by its prefixes, and none waits",
    needs=(NUMBERS,),
    lasts=600,
)
def uneven(case: Case) -> None:
    top = case.workload()
    pod = f"{top.namespace}/{case.pod(top)}"
    case.shape(lambda numbers, _: numbers.load(pod, 2.5))
    case.shape(lambda numbers, _: numbers.set(pod, {Q.WAITING: 0.0, Q.PREFIX_HIT_RATIO: 0.92}))


@calm("retried-pull", "a pull fails once and works the second time", lasts=300)
def retried(case: Case) -> None:
    top = case.workload()
    old = case.pod(top, 1)
    where = case.node_of(top, old)
    case.delete(-20, top, old, grace=20)
    name = case.new_pod(-1, top, lambda raw, now: pods.placed(raw, now, where))
    case.edit_pod(2, top, name, lambda raw, now: pods.placed(raw, now, where, "ErrImagePull", "i/o timeout"))
    case.event(2, ("Pod", top.namespace, name), "Failed", "Failed to pull image: i/o timeout")
    case.edit_pod(30, top, name, pods.starting)
    case.edit_pod(110, top, name, pods.ready)


@calm("probe-blip", "a readiness probe fails for twenty seconds during a long prompt")
def blip(case: Case) -> None:
    top = case.workload()
    pod = case.pod(top, 1)
    case.edit_pod(0, top, pod, pods.unready)
    case.event(0, ("Pod", top.namespace, pod), "Unhealthy", "Readiness probe failed: context deadline exceeded")
    case.edit_pod(20, top, pod, pods.ready)
    case.shape(lambda numbers, _: numbers.stretch(f"{top.namespace}/{pod}", {Family.ITL: 1.5}), until=40)
