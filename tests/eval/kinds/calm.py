"""Calm that looks alarming: nothing is wrong, and nothing must be reported."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fleet.model.quantity import Quantity
from tests.eval import pods
from tests.eval.case import Case, Top
from tests.eval.innocent import INNOCENT
from tests.eval.numbers import Numbers
from tests.eval.plots import NO_TOKENS, freeze, on_gpu, pending
from tests.eval.registry import GPUS, NUMBERS, kind

Q = Quantity
calm = partial(kind, calm=True)


def _of_all(case: Case, top: Top, change: Callable[[Numbers, str], object]) -> None:
    """The numbers of every pod of a workload are others."""
    those = [f"{top.namespace}/{name}" for name in case.pods(top)]
    case.shape(lambda numbers, _: [change(numbers, pod) for pod in those if numbers.rows(pod)])


@calm(
    "old-application-xid",
    "XID 31 of a program of last week is still shown: the driver was not loaded anew",
    needs=(NUMBERS, GPUS),
)
def old_xid(case: Case) -> None:
    top = case.workload()
    on_gpu(case, top, case.pod(top), {Q.XID: 31.0})


@calm("xid-echo", "XID 45 and 43 are shown: they follow from a process that was ended", needs=(NUMBERS, GPUS))
def xid_echo(case: Case) -> None:
    for code in (45.0, 43.0):
        top = case.workload()
        on_gpu(case, top, case.pod(top), {Q.XID: code})


@calm("healthy-rollout", "a new revision comes pod by pod, and serves", lasts=600)
def healthy_rollout(case: Case) -> None:
    INNOCENT["other-rollout"](case)


@calm("scale-down", "the autoscaler takes a replica away", lasts=400)
def scale_down(case: Case) -> None:
    top = case.workload()
    case.desire(0, top, len(case.pods(top)) - 1)
    case.delete(1, top, case.pod(top, 2), grace=60)


@calm("engines-asleep", "all replicas of a model sleep, and nobody asks them", needs=(NUMBERS,))
def asleep(case: Case) -> None:
    top = case.workload()
    for name in case.pods(top):
        freeze(
            case,
            f"{top.namespace}/{name}",
            NO_TOKENS | {Q.SLEEP_LEVEL: 1.0, Q.RUNNING: 0.0, Q.WAITING: 0.0, Q.KV_USAGE: 0.0},
        )


@calm("job-completed", "a pod of a job is done and stays")
def job_completed(case: Case) -> None:
    INNOCENT["job-done"](case)


@calm("restarted-once-long-ago", "a pod was restarted three times last week, and serves")
def restarted(case: Case) -> None:
    top = case.workload()

    def once(raw: pods.Raw, now: float) -> None:
        for status in raw["status"]["containerStatuses"]:
            status["restartCount"] = 3
            status["lastState"] = {
                "terminated": {"exitCode": 1, "reason": "Error", "finishedAt": pods.stamp(now - 5 * 86400)}
            }

    case.edit_pod(-85, top, case.pod(top, 1), once)


@calm("idle-engines", "nobody asks a model", needs=(NUMBERS,))
def idle(case: Case) -> None:
    top = case.workload()
    for name in case.pods(top):
        freeze(case, f"{top.namespace}/{name}", NO_TOKENS | {Q.RUNNING: 0.0, Q.WAITING: 0.0, Q.KV_USAGE: 0.0})


@calm("missed-scrape", "one scrape of an engine times out", needs=(NUMBERS,))
def missed_scrape(case: Case) -> None:
    top = case.workload()
    pod = f"{top.namespace}/{case.pod(top, 1)}"
    case.shape(lambda numbers, _: numbers.silence(pod, "context deadline exceeded"), until=16)


@calm("node-joins", "a new node joins: first not ready, then without GPUs until its driver is there", lasts=480)
def node_joins(case: Case) -> None:
    like = case.raws("Node")[0]
    made = pods.copied(like)
    made["metadata"] |= {"name": "gpu-h100-new", "uid": "node-new", "creationTimestamp": pods.stamp(case.onset)}
    made["status"]["allocatable"] = {k: v for k, v in made["status"]["allocatable"].items() if "nvidia" not in k}
    pods.condition(made, "Ready", "False", case.onset, "KubeletNotReady", "cni plugin not initialized")
    place = ("Node", "", "gpu-h100-new")
    case.at(0, lambda _: case.put(made))
    case.edit(35, place, lambda raw, now: pods.condition(raw, "Ready", "True", now, "KubeletReady"))
    case.edit(200, place, lambda raw, _: raw["status"]["allocatable"].update({"nvidia.com/gpu": "8"}))


@calm("exporter-restarts", "the exporter of a node's GPUs is replaced: a minute without numbers", needs=(NUMBERS, GPUS))
def exporter_restarts(case: Case) -> None:
    node = case.raws("Node")[0]["metadata"]["name"]
    case.shape(lambda numbers, _: numbers.silence_gpus(*numbers.gpus_on(node)), until=45)


@calm("evicted-and-replaced", "what is left of a pod that was evicted yesterday and replaced")
def left_over(case: Case) -> None:
    top = case.workload()
    text = "The node was low on resource: memory."
    case.new_pod(-85, top, lambda raw, now: pods.failed(raw, now - 86400, "Evicted", text))


@calm("budget-without-slack", "a budget lets no pod go, and nobody wants one to")
def tight_budget(case: Case) -> None:
    for raw in case.raws("PodDisruptionBudget"):
        meta = raw["metadata"]
        case.edit(
            0,
            ("PodDisruptionBudget", meta["namespace"], meta["name"]),
            lambda one, _: one["status"].update(disruptionsAllowed=0),
        )


@calm("canary-revision", "one replica of a model runs the next version, and is well")
def canary(case: Case) -> None:
    top = case.workload()

    def newer(raw: pods.Raw, _: float) -> None:
        raw["spec"]["containers"][0]["image"] = "vllm/vllm-openai:v0.32.1"
        raw["metadata"]["labels"] |= {"track": "canary"}

    case.edit_pod(0, top, case.pod(top), newer)


@calm(
    "long-prefill",
    "a prompt of 120,000 tokens is alone in an engine: no counter moves for 50 seconds",
    needs=(NUMBERS,),
)
def long_prefill(case: Case) -> None:
    top = case.workload()
    pod = f"{top.namespace}/{case.pod(top)}"
    case.shape(
        lambda numbers, _: numbers.set(pod, NO_TOKENS | {Q.RUNNING: 1.0, Q.WAITING: 0.0, Q.KV_USAGE: 0.4}), until=50
    )


@calm("engine-pauses", "an engine loads an adapter: for twenty seconds no token comes to anybody", needs=(NUMBERS,))
def pauses(case: Case) -> None:
    top = case.workload()
    pod = f"{top.namespace}/{case.pod(top)}"
    case.shape(lambda numbers, _: numbers.set(pod, {Q.LATEST_TOKENS: 0.0, Q.RUNNING: 6.0}), until=20)


@calm(
    "clients-cancel", "users close their windows: requests end without an answer, and no engine fails", needs=(NUMBERS,)
)
def cancels(case: Case) -> None:
    top = case.workload()
    _of_all(
        case, top, lambda numbers, pod: numbers.scale(pod, {Q.RUNNING: 0.4, Q.REQUESTS: 0.6, Q.GENERATION_TOKENS: 0.5})
    )


@calm("night-lull", "a twentieth of the usual requests", needs=(NUMBERS,))
def lull(case: Case) -> None:
    case.shape(lambda numbers, _: numbers.load_all(numbers.pods, 0.05))


@calm("warm-gpu", "a GPU is at 82 °C under full load, as it may be", needs=(NUMBERS, GPUS), lasts=480)
def warm(case: Case) -> None:
    top = case.workload()
    on_gpu(case, top, case.pod(top), {Q.GPU_TEMPERATURE: 82.0, Q.THROTTLE: 0.0, Q.GPU_UTIL: 1.0, Q.GPU_POWER: 640.0})


@calm("pending-for-a-minute", "a replica more waits a minute for a node that is being added", lasts=420)
def short_pending(case: Case) -> None:
    top = case.workload()
    where = case.node_of(top, case.pod(top))
    pending(case, "0/6 nodes are available: 6 Insufficient nvidia.com/gpu.", "", says="", evidence=(), top=top)
    case.faults.pop()
    name = case.last_pod
    case.edit_pod(70, top, name, lambda raw, now: pods.placed(raw, now, where))
    case.edit_pod(100, top, name, pods.starting)
    case.edit_pod(190, top, name, pods.ready)


@calm("waits-for-quota", "a replica waits in a queue until there is quota for it")
def gated(case: Case) -> None:
    text = "Scheduling is blocked due to non-empty scheduling gates"
    pending(case, text, "", says="", evidence=(), reason="SchedulingGated")
    case.faults.pop()


@calm("spare-replica", "one replica is kept without requests, as a spare", needs=(NUMBERS,))
def spare(case: Case) -> None:
    top = case.workload()
    freeze(case, f"{top.namespace}/{case.pod(top)}", NO_TOKENS | {Q.RUNNING: 0.0, Q.WAITING: 0.0, Q.KV_USAGE: 0.0})


@calm("single-preemption", "two requests are preempted in a minute, once", needs=(NUMBERS,))
def preemption(case: Case) -> None:
    top = case.workload()
    pod = f"{top.namespace}/{case.pod(top)}"
    case.shape(lambda numbers, _: numbers.set(pod, {Q.PREEMPTIONS: 0.033, Q.KV_USAGE: 0.97}), until=60)
