"""GPUs: what their driver reports, and what lowers their clocks."""

from __future__ import annotations

from fleet.model.quantity import Quantity
from tests.eval.case import Case, Top
from tests.eval.numbers import Numbers
from tests.eval.plots import NO_TOKENS, crashing, freeze, on_gpu, slow
from tests.eval.registry import GPUS, NUMBERS, kind

Q = Quantity
_CURE = ("cordon", "drain", "logs", "nodes")


def _victim(case: Case, gpus: int = 1) -> tuple[Top, str]:
    top = case.workload(gpus=gpus)
    return top, case.pod(top, case.random.randrange(9))


def _xid(case: Case, code: int, cause: tuple[str, ...], says: str, *, gpus: int = 1) -> tuple[Top, str, str]:
    top, pod = _victim(case, gpus)
    gpu = on_gpu(case, top, pod, {Q.XID: float(code)})
    node = case.node_of(top, pod)
    case.fault(
        cause, gpu, node, f"{top.namespace}/{pod}", top.key, says=says, evidence=(rf"XID\D*{code}",), actions=_CURE
    )
    return top, pod, gpu


@kind(
    "gpu-double-bit-error",
    "XID 48: an error of device memory that could not be corrected; the engine dies",
    needs=(NUMBERS, GPUS),
)
def double_bit(case: Case) -> None:
    top, pod, _ = _xid(case, 48, ("gpu-memory-broken",), "memory of the GPU")
    crashing(case, 1, "Error", "crash-loop", says="", evidence=(), top=top, pod=pod)
    case.faults.pop()


@kind("gpu-row-remap-failed", "XID 64: a row of device memory could not be replaced", needs=(NUMBERS, GPUS))
def row_remap(case: Case) -> None:
    _xid(case, 64, ("gpu-memory-broken", "gpu-row-remap-failed"), "memory of the GPU|row")


@kind("gpu-link-down", "XID 74: an NVLink fails, and the engine on its GPUs hangs", needs=(NUMBERS, GPUS))
def link_down(case: Case) -> None:
    top, pod, _ = _xid(case, 74, ("gpu-link-broken",), "link", gpus=4)
    freeze(case, f"{top.namespace}/{pod}", NO_TOKENS | {Q.RUNNING: 14.0, Q.WAITING: 9.0}, after=8)


@kind("gpu-gsp-timeout", "XID 119: the GPU's own processor does not answer; the engine hangs", needs=(NUMBERS, GPUS))
def gsp_timeout(case: Case) -> None:
    top, pod, _ = _xid(case, 119, ("gpu-hardware-xid",), "reset")
    freeze(case, f"{top.namespace}/{pod}", NO_TOKENS | {Q.RUNNING: 11.0, Q.WAITING: 3.0}, after=5)


@kind(
    "gpu-page-fault", "XID 31: the engine writes where it may not, and dies of it at every start", needs=(NUMBERS, GPUS)
)
def page_fault(case: Case) -> None:
    top, pod = _victim(case)
    gpu = on_gpu(case, top, pod, {Q.XID: 31.0})
    crashing(case, 134, "Error", "", says="", evidence=(), top=top, pod=pod)
    case.faults.pop()
    case.fault(
        "gpu-application-xid",
        gpu,
        f"{top.namespace}/{pod}",
        top.key,
        says="program made an error",
        evidence=(r"XID\D*31",),
        actions=("previous", "restart"),
    )


@kind(
    "gpu-hardware-slowdown", "a GPU's hardware lowers its clocks to a third: its replica is slow", needs=(NUMBERS, GPUS)
)
def hardware_slowdown(case: Case) -> None:
    top, pod = _victim(case)
    values = {Q.SM_CLOCK: 690.0, Q.GPU_TEMPERATURE: 93.0, Q.THROTTLE: 0.97}
    gpu = on_gpu(case, top, pod, values, ("hardware slowdown", "thermal (hardware)"))
    slow(case, f"{top.namespace}/{pod}", 2.4)
    case.fault(
        "gpu-throttled-by-hardware",
        gpu,
        f"{top.namespace}/{pod}",
        top.key,
        case.node_of(top, pod),
        says="hardware lowers",
        evidence=("hardware",),
        actions=_CURE,
    )


@kind("gpu-heat-throttled", "a fan fails: the driver lowers a GPU's clocks for heat", needs=(NUMBERS, GPUS))
def heat(case: Case) -> None:
    top, pod = _victim(case)
    values = {Q.SM_CLOCK: 1300.0, Q.GPU_TEMPERATURE: 88.0, Q.THROTTLE: 0.6}
    gpu = on_gpu(case, top, pod, values, ("thermal (software)",))
    slow(case, f"{top.namespace}/{pod}", 1.45)
    case.fault(
        "gpu-throttled-by-heat",
        gpu,
        f"{top.namespace}/{pod}",
        top.key,
        case.node_of(top, pod),
        says="hot|heat",
        evidence=("88|temperature",),
        actions=_CURE,
    )


@kind("gpu-hot", "the air of a rack gets warm: a GPU is at 87 °C and not slower yet", needs=(NUMBERS, GPUS), lasts=480)
def hot(case: Case) -> None:
    top, pod = _victim(case)
    gpu = on_gpu(case, top, pod, {Q.GPU_TEMPERATURE: 87.0, Q.THROTTLE: 0.0})
    case.fault(
        "gpu-hot",
        gpu,
        f"{top.namespace}/{pod}",
        top.key,
        case.node_of(top, pod),
        says="hot",
        evidence=("87",),
        actions=("nodes",),
    )


@kind(
    "tensor-parallel-skew",
    "one of the four GPUs of an engine runs at half its clock, the others wait for it",
    needs=(NUMBERS, GPUS),
    lasts=900,
)
def skew(case: Case) -> None:
    top, pod = _victim(case, gpus=4)
    gpu = on_gpu(case, top, pod, {Q.SM_CLOCK: 990.0, Q.GPU_POWER: 290.0, Q.TENSOR_ACTIVE: 0.05})
    others = [key for key in case.first.gpus_of(f"{top.namespace}/{pod}") if key != gpu]

    def waits(numbers: Numbers, _: float) -> None:
        for key in others:
            numbers.set_gpu(key, {Q.GPU_UTIL: 1.0, Q.TENSOR_ACTIVE: 0.04, Q.GPU_POWER: 240.0})

    case.shape(waits)
    slow(case, f"{top.namespace}/{pod}", 1.9)
    case.fault(
        ("tensor-parallel-skew", "gpu-lags", "gpu-slower-than-its-group"),
        gpu,
        f"{top.namespace}/{pod}",
        top.key,
        says="one of its GPUs|lags|skew|clock",
        evidence=("clock",),
        actions=("nodes", "cordon", "describe"),
    )
