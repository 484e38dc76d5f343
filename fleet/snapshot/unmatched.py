"""Objects without a counterpart in another world, by name: a join that fails silently is a pod that nobody watches."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from fleet.model.coverage import Coverage
from fleet.model.measurement import EngineId, GpuId, Measurement
from fleet.model.objects import Pod
from fleet.model.snapshot import GpuUse, Join, Unmatched
from fleet.snapshot.join import pods_are_known
from fleet.sources.kube.state import KubeState


def engines_alone(engines: Iterable[EngineId], coverage: Coverage) -> Iterator[Unmatched]:
    """Measured engines without a known pod, where one should be known: a pod out of sight is not unmatched."""
    for engine in engines:
        if pods_are_known(coverage, engine.namespace):
            yield Unmatched(Join.METRICS_WITHOUT_POD, engine.key, "no pod of this name or address in the cluster")


def pods_alone(
    serving: Sequence[Pod],
    measured: Collection[str],
    held: Collection[str],
    unmeasured: Collection[str] = (),
    *,
    gpus_measured: bool,
) -> Iterator[Unmatched]:
    """Yield serving pods that are not measured. ``measured`` and ``held``: keys of pods with engines, and with GPUs;
    ``unmeasured``: those without engine metrics by design.
    """
    for pod in serving:
        if pod.phase != "Running" or pod.deleted is not None:
            continue
        if pod.ready and pod.key not in measured and pod.key not in unmeasured:
            yield Unmatched(Join.POD_WITHOUT_METRICS, pod.key, "ready, but no engine metrics name it")
        if pod.gpus and gpus_measured and pod.key not in held:
            yield Unmatched(Join.POD_WITHOUT_GPU_METRICS, pod.key, f"holds {pod.gpus}, no GPU metrics name it")


_IN_WORDS = {
    GpuUse.FREE: "free",
    GpuUse.UNNAMED: "held by a pod that its exporter does not name",
    GpuUse.UNKNOWN: "free or held, not known: its exporter names no pod",
}


def gpus_alone(gpus: Iterable[GpuId], use: Mapping[str, GpuUse], coverage: Coverage) -> Iterator[Unmatched]:
    """Yield GPUs that no known pod holds, with their use; a GPU of a pod that may not be seen is not included."""
    for gpu in gpus:
        if not gpu.pod:
            yield Unmatched(Join.GPU_WITHOUT_POD, gpu.key, _IN_WORDS[use.get(gpu.key, GpuUse.UNKNOWN)])
        elif pods_are_known(coverage, gpu.namespace):
            named = f"the exporter names {gpu.namespace}/{gpu.pod}, which is not in the cluster"
            yield Unmatched(Join.GPU_WITHOUT_POD, gpu.key, named)


def unmeasured_and_unheld(
    measured: Measurement,
    kube: KubeState,
    serving: Iterable[Pod],
    engines_of: Collection[str],
    gpus_of: Mapping[str, Sequence[str]],
    excused: Collection[str],
    use: Mapping[str, GpuUse],
) -> Iterator[Unmatched]:
    """Yield unmeasured serving pods, and GPUs that no known pod holds; ``excused`` pods need no metrics."""
    if not measured.source:
        # No source has answered yet, so no pod can be called unmeasured.
        return
    known = [pod for pod in serving if pod.uid]
    yield from pods_alone(known, engines_of, gpus_of, excused, gpus_measured=bool(measured.gpus))
    held = {key for keys in gpus_of.values() for key in keys}
    yield from gpus_alone([gpu for gpu in measured.gpus if gpu.key not in held], use, kube.coverage)
