"""GPUs."""

from __future__ import annotations

from fleet.model.quantity import Quantity
from tests.eval import pods
from tests.eval.case import Case
from tests.eval.numbers import Numbers
from tests.eval.plots import crashing, keys, on_gpu
from tests.eval.registry import GPUS, NUMBERS, kind

Q = Quantity


@kind(
    "gpu-fallen-off-the-bus", "XID 79: a GPU is lost, its engine dies and finds no device again", needs=(NUMBERS, GPUS)
)
def off_the_bus(case: Case) -> None:
    top = case.workload()
    pod = case.pod(top, 1)
    gpu = on_gpu(case, top, pod, {Q.XID: 79.0, Q.GPU_UTIL: 0.0})
    crashing(case, 1, "Error", "", says="", evidence=(), top=top, pod=pod)
    case.faults.pop()
    node = case.node_of(top, pod)
    case.fault(
        "gpu-lost",
        gpu,
        node,
        *keys(top, pod),
        says="off the bus",
        evidence=(r"XID\D*79",),
        actions=("cordon", "drain", "logs"),
    )


@kind("gpu-power-brake", "the supply of a node tells all of its GPUs to slow down", needs=(NUMBERS, GPUS))
def power_brake(case: Case) -> None:
    top = case.workload()
    node = case.node_of(top, case.pod(top))
    case.take_node(node)
    gpus = case.first.gpus_on(node)

    def braked(numbers: Numbers, _: float) -> None:
        for gpu in gpus:
            numbers.set_gpu(gpu, {Q.THROTTLE: 0.9, Q.SM_CLOCK: 800.0, Q.GPU_POWER: 180.0})
            numbers.reasons[gpu] = ("power brake",)

    case.shape(braked)
    objects = [f"{raw['metadata']['namespace']}/{raw['metadata']['name']}" for raw in case.raws("Pod")]
    case.fault(
        "gpu-power-brake", node, *gpus, *objects, says="power supply", evidence=("power",), actions=("nodes", "cordon")
    )


@kind("gpu-vanished", "a GPU is gone from its exporter's page and from what its node offers", needs=(NUMBERS, GPUS))
def vanished(case: Case) -> None:
    top = case.workload()
    pod = case.pod(top, 1)
    gpu = min(case.first.gpus_of(f"{top.namespace}/{pod}"))
    node = case.node_of(top, pod)
    case.shape(lambda numbers, _: numbers.silence_gpus(gpu))

    def fewer(raw: pods.Raw, _: float) -> None:
        for name, count in raw["status"]["allocatable"].items():
            if name.startswith("nvidia.com/"):
                raw["status"]["allocatable"][name] = str(int(count) - 1)

    case.edit(2, ("Node", "", node), fewer)
    case.fault(
        ("gpu-vanished", "gpu-lost", "gpu-missing"),
        gpu,
        node,
        *keys(top, pod),
        says="GPU.*(gone|missing|vanish|fewer|lost)",
        evidence=("GPU",),
        actions=("cordon", "drain", "nodes"),
    )
