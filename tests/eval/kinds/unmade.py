"""Pods that are not created, not looked at, or not started, by objects alone; nodes and Services that say why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fleet.model.quantity import Quantity
from tests.eval import pods, ways
from tests.eval.case import Case
from tests.eval.plots import NO_TOKENS, freeze, keys, not_starting
from tests.eval.registry import EVENTS, kind

Q = Quantity


@kind("statefulset-over-quota", "a StatefulSet is scaled beyond its quota: only an event says so", needs=(EVENTS,))
def over_quota(case: Case) -> None:
    top = case.workload(kinds=("StatefulSet",))
    more = len(case.pods(top))
    case.desire(0, top, more + 1)
    text = f'pods "{top.name}-{more}" is forbidden: exceeded quota: gpus, requested: requests.nvidia.com/gpu=1'
    for seconds in (1, 6, 26, 106, 186):
        message = f"create Pod {top.name}-{more} in StatefulSet {top.name} failed error: {text}"
        case.event(seconds, top, "FailedCreate", message)
    case.fault(
        ("pods-not-created", "quota-exceeded"),
        top.key,
        says="quota",
        evidence=("exceeded quota", f"{more} of {more + 1}"),
        actions=("describe", "scale"),
        after=1,
    )


@kind(
    "container-creation-hangs", "a volume's driver hangs on a node: a container is not created, and no event says why"
)
def creation_hangs(case: Case) -> None:
    not_starting(
        case,
        "ContainerCreating",
        "",
        ("containers-created-late",),
        says="do not run",
        evidence=("ContainerCreating",),
    )
    # A minute is what creating one may take.
    case.faults[-1] = replace(case.faults[-1], onset=case.onset + 60)


@kind("scheduler-missing", "a pod names a scheduler that does not run: nobody looks at it")
def scheduler_missing(case: Case) -> None:
    top = case.workload()
    case.desire(0, top, len(case.pods(top)) + 1)
    name = case.new_pod(0, top, lambda raw, _: raw["spec"].update(schedulerName="gang-scheduler"))
    case.fault(
        ("not-scheduled",),
        *keys(top, name),
        says="scheduler",
        evidence=("PodScheduled|scheduler",),
        actions=("describe", "past"),
        after=15,
    )


@kind("kernel-deadlock", "the node problem detector reports that a node's kernel hangs")
def deadlock(case: Case) -> None:
    node = case.raws("Node")[0]["metadata"]["name"]
    case.take_node(node)
    text = "kernel: INFO: task nvidia-smi:7351 blocked for more than 120 seconds."
    case.edit(0, ("Node", "", node), lambda raw, now: pods.condition(raw, "KernelDeadlock", "True", now, "Hung", text))
    case.fault(
        ("node-problem",), node, says="problem", evidence=("KernelDeadlock", "blocked"), actions=("describe", "cordon")
    )


@kind("service-targets-no-port", "somebody renames the port that a Service leads to")
def no_port(case: Case) -> None:
    top, _ = ways.behind(case)

    def renamed(raw: dict[str, Any], _: float) -> None:
        raw["spec"]["ports"] = [{**port, "targetPort": "openai"} for port in raw["spec"]["ports"]]

    case.edit(0, ("Service", top.namespace, top.name), renamed)
    for name in case.pods(top):
        freeze(case, f"{top.namespace}/{name}", NO_TOKENS | {Q.RUNNING: 0.0, Q.WAITING: 0.0, Q.KV_USAGE: 0.0})
    case.fault(
        ("service-port-wrong",),
        *keys(top, *case.pods(top)),
        says="listens|port",
        evidence=("openai",),
        actions=("describe", "past"),
    )
