"""Incidents of engines: hanging, slow, overloaded."""

from __future__ import annotations

import math

from fleet.model.quantity import Family, Quantity
from simulator.objects import timestamp
from tests.eval import pods
from tests.eval.case import Case, Top, share
from tests.eval.numbers import Numbers
from tests.eval.plots import NO_TOKENS, freeze, keys, slow
from tests.eval.registry import NUMBERS, kind

Q = Quantity
_LOOK = ("logs", "previous", "restart", "describe")


def _key(top: Top, pod: str) -> str:
    return f"{top.namespace}/{pod}"


@kind("engine-stuck", "an engine hangs: /health says 200, requests run, no token comes", needs=(NUMBERS,))
def engine_stuck(case: Case) -> None:
    top = case.workload()
    pod = case.pod(top, case.random.randrange(9))
    freeze(case, _key(top, pod), NO_TOKENS | {Q.RUNNING: 9.0, Q.WAITING: 6.0})
    case.fault(
        "engine-stuck", *keys(top, pod), says="hangs", evidence=("running", "tokens"), actions=("logs", "restart")
    )


@kind("queue-not-taken-up", "an engine's scheduler hangs: requests wait, none runs, no token comes", needs=(NUMBERS,))
def not_taken_up(case: Case) -> None:
    top = case.workload()
    pod = case.pod(top, case.random.randrange(9))
    freeze(case, _key(top, pod), NO_TOKENS | {Q.RUNNING: 0.0, Q.WAITING: 14.0})
    case.fault(
        ("engine-takes-nothing", "engine-stuck"),
        *keys(top, pod),
        says="hangs",
        evidence=("waiting", "tokens"),
        actions=("logs", "restart"),
    )


@kind(
    "engine-answers-errors",
    "the core of an engine is dead: its pod is ready and answers 500 to all",
    needs=(NUMBERS,),
    lasts=360,
)
def answers_errors(case: Case) -> None:
    top = case.workload()
    pod = case.pod(top, 1)

    def dead(numbers: Numbers, since: float) -> None:
        rate = numbers.get(_key(top, pod), Q.HTTP_REQUESTS)
        numbers.set(_key(top, pod), {Q.RUNNING: 0.0, Q.WAITING: 0.0, Q.KV_USAGE: 0.0})
        numbers.blend(_key(top, pod), NO_TOKENS | {Q.HTTP_REQUESTS: 3 * rate, Q.HTTP_ERRORS: 3 * rate}, share(since))
        numbers.set(_key(top, pod), {Q.ERROR_RATIO: share(since)})

    case.shape(dead)
    case.fault(
        ("engine-answers-errors", "dead-but-ready", "errors"),
        *keys(top, pod),
        says="dead|errors",
        evidence=("error",),
        actions=("logs", "restart", "previous"),
    )


@kind("kv-cache-thrash", "conversations get long: every replica of a model preempts", needs=(NUMBERS,), lasts=480)
def thrash(case: Case) -> None:
    top = case.workload()
    those = [_key(top, name) for name in case.pods(top)]

    def thrashes(numbers: Numbers, since: float) -> None:
        for pod in those:
            if math.isnan(numbers.get(pod, Q.RUNNING)) or not numbers.rows(pod):
                continue
            numbers.set(pod, {Q.KV_USAGE: 0.985, Q.WAITING: min(30.0, 6 + since / 10), Q.RUNNING: 41.0})
            numbers.blend(pod, {Q.PREEMPTIONS: 1.7}, share(since))
            numbers.stretch(
                pod, {Family.ITL: 1 + 1.6 * share(since), Family.E2E: 1 + 2 * share(since), Family.QUEUE: 3.0}
            )

    case.shape(thrashes)
    case.fault(
        "kv-cache-preempts",
        *keys(top, *case.pods(top)),
        says="KV cache",
        evidence=("preempt", "KV"),
        actions=("scale", "past"),
    )


@kind(
    "queue-grows", "users ask faster than a model can serve: its queue grows by the second", needs=(NUMBERS,), lasts=480
)
def queue_grows(case: Case) -> None:
    top = case.workload()
    those = [_key(top, name) for name in case.pods(top)]

    def grows(numbers: Numbers, since: float) -> None:
        for pod in those:
            numbers.scale(pod, {Q.RUNNING: 1.6, Q.GENERATION_TOKENS: 1.3, Q.PROMPT_TOKENS: 1.3, Q.REQUESTS: 1.25})
            numbers.set(
                pod,
                {
                    Q.WAITING: float(round(0.35 * since)),
                    Q.WAITING_CAPACITY: float(round(0.35 * since)),
                    Q.KV_USAGE: 0.86,
                },
            )
            numbers.stretch(pod, {Family.QUEUE: 1 + since / 8, Family.TTFT: 1 + since / 30, Family.E2E: 1 + since / 60})

    case.shape(grows)
    case.fault(
        ("queue-grows", "queue-deep"),
        *keys(top, *case.pods(top)),
        says="wait",
        evidence=("waiting",),
        actions=("scale", "past"),
    )


@kind("queue-deep", "200 requests wait in every replica of a model and stay", needs=(NUMBERS,))
def queue_deep(case: Case) -> None:
    top = case.workload()
    those = [_key(top, name) for name in case.pods(top)]

    def deep(numbers: Numbers, since: float) -> None:
        for pod in those:
            numbers.set(pod, {Q.WAITING: min(200.0, 4 * since), Q.RUNNING: 64.0, Q.KV_USAGE: 0.8})
            numbers.stretch(pod, {Family.QUEUE: 40.0, Family.TTFT: 8.0, Family.E2E: 3.0})

    case.shape(deep)
    case.fault("queue-deep", *keys(top, *case.pods(top)), says="wait", evidence=("waiting",), actions=("scale", "past"))


@kind(
    "replica-slow",
    "one replica's tokens come at a third of its peers' pace, and no GPU says why",
    needs=(NUMBERS,),
    lasts=900,
)
def replica_slow(case: Case) -> None:
    top = case.workload(replicas=4)
    pod = case.pod(top, 2)
    slow(case, _key(top, pod), 2.8)
    case.fault(
        "replica-slow",
        *keys(top, pod),
        says="slower",
        evidence=("slow|peers|median|ITL|latency",),
        actions=("nodes", "describe", "cordon"),
    )


def _finds_prefixes(case: Case, top: Top) -> bool:
    pod = _key(top, case.pod(top))
    return case.first.get(pod, Q.PREFIX_HITS) > 0.2 * case.first.get(pod, Q.PREFIX_QUERIES)


@kind(
    "prefix-cache-collapse",
    "a new system prompt begins with the time: nothing is found in the prefix cache",
    needs=(NUMBERS,),
    lasts=1200,
)
def prefix_collapse(case: Case) -> None:
    top = case.workload()
    while not _finds_prefixes(case, top):
        # An embedding model has nothing to lose.
        top = case.workload()
    those = [_key(top, name) for name in case.pods(top)]

    def misses(numbers: Numbers, since: float) -> None:
        for pod in those:
            numbers.set(pod, {Q.PREFIX_HIT_RATIO: 0.4 * (1 - share(since)) + 0.01})
            numbers.blend(pod, {Q.PREFIX_HITS: 20.0, Q.PREFIX_QUERIES: 4000.0}, share(since))
            numbers.stretch(pod, {Family.TTFT: 1 + 0.8 * share(since)})

    case.shape(misses)
    case.fault(
        ("prefix-cache-collapse", "prefix-hits-fell"),
        *keys(top, *case.pods(top)),
        says="prefix",
        evidence=("prefix",),
        actions=("past", "describe"),
    )


@kind(
    "long-prompts",
    "somebody sends documents to a chat model: long prompts stall the others' tokens",
    needs=(NUMBERS,),
    lasts=600,
)
def long_prompts(case: Case) -> None:
    top = case.workload()
    those = [_key(top, name) for name in case.pods(top)]

    def stalls(numbers: Numbers, since: float) -> None:
        for pod in those:
            numbers.scale(pod, {Q.PROMPT_TOKENS: 1 + 6 * share(since), Q.KV_USAGE: 1.3})
            numbers.stretch(pod, {Family.TTFT: 1 + 3 * share(since), Family.ITL: 1 + 4 * share(since)})

    case.shape(stalls)
    case.fault(
        ("long-prompts", "prefill-stalls"),
        *keys(top, *case.pods(top)),
        says="prompt",
        evidence=("prompt", "inter-token|ITL"),
        actions=("past", "describe", "scale"),
    )


@kind("engine-asleep-with-queue", "an engine sleeps, and requests for it wait", needs=(NUMBERS,))
def asleep(case: Case) -> None:
    top = case.workload()
    pod = case.pod(top, 1)
    freeze(case, _key(top, pod), NO_TOKENS | {Q.SLEEP_LEVEL: 1.0, Q.RUNNING: 0.0, Q.WAITING: 7.0, Q.KV_USAGE: 0.0})
    case.fault(
        ("engine-asleep-with-queue", "asleep-and-asked", "engine-asleep"),
        *keys(top, pod),
        says="sleep",
        evidence=("sleep|asleep", "wait"),
        actions=("wake", "describe"),
    )


def _rolled_out(case: Case, top: Top, took: float) -> list[str]:
    """Every pod is replaced by one of a new revision before the onset; their keys."""
    new = []
    for number, old in enumerate(case.pods(top)[:2]):
        at = -80 + 15.0 * number
        node = case.node_of(top, old)

        def change(raw: pods.Raw, now: float, where: str = node) -> None:
            raw["spec"]["containers"][0]["args"] = [*raw["spec"]["containers"][0]["args"], "--revision", "e5c1b7d"]
            raw["metadata"]["labels"]["pod-template-hash"] = "7d9c5b8f64"
            pods.placed(raw, now, where)

        name = case.new_pod(at, top, change)
        case.edit_pod(at + 5, top, name, pods.starting)
        case.edit_pod(at + took, top, name, pods.ready)
        case.delete(at + took, top, old, grace=2)
        new.append(_key(top, name))

    def revised(raw: pods.Raw, now: float) -> None:
        raw["metadata"].setdefault("annotations", {})["deployment.kubernetes.io/revision"] = "3"
        raw["metadata"]["generation"] = raw["metadata"].get("generation", 1) + 1
        pods.condition(raw, "Progressing", "True", now, "NewReplicaSetAvailable")
        raw["status"]["conditions"][-1]["lastUpdateTime"] = timestamp(now)

    case.edit(-80, top, revised)
    return new


@kind(
    "slow-after-rollout",
    "the pods of a new revision are twice as slow as those of the old one",
    needs=(NUMBERS,),
    lasts=900,
)
def slow_after_rollout(case: Case) -> None:
    top = case.workload(replicas=4, kinds=("Deployment",))
    new = _rolled_out(case, top, 40)
    for pod in new:
        slow(case, pod, 2.2, after=1)
    case.fault(
        ("slow-after-rollout", "rollout-regressed", "replica-slow"),
        *new,
        top.key,
        says="rollout|revision|slower",
        evidence=("slow|peers|median|ITL|latency",),
        actions=("rollback", "past", "describe"),
        after=1,
    )


@kind(
    "errors-after-rollout",
    "the pods of a new revision answer a third of the requests with 500",
    needs=(NUMBERS,),
    lasts=480,
)
def errors_after_rollout(case: Case) -> None:
    top = case.workload(kinds=("Deployment",))
    new = _rolled_out(case, top, 40)

    def fails(numbers: Numbers, since: float) -> None:
        for pod in new:
            rate = numbers.get(pod, Q.HTTP_REQUESTS)
            numbers.blend(pod, {Q.HTTP_ERRORS: rate / 3}, share(since))
            numbers.set(pod, {Q.ERROR_RATIO: share(since) / 3})

    case.shape(fails)
    case.fault(
        ("errors-after-rollout", "rollout-regressed", "errors"),
        *new,
        top.key,
        says="rollout|revision|errors",
        evidence=("error",),
        actions=("rollback", "past", "logs"),
    )
