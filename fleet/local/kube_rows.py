"""A server on this machine as the rows that a cluster would have for it: a pod, its workload, its events. Pure."""

from __future__ import annotations

import hashlib
from typing import Final
from urllib.parse import urlsplit

from fleet.local.record import ServerRecord
from fleet.local.server import Phase, ServerState, StartStage
from fleet.model.objects import Condition, Container, Event, ModelVersion, ObjectRef, Owner, Pod, Workload

NAMESPACE: Final = "local"
"""The only namespace of this machine."""
PROCESS: Final = "Process"
"""The kind of a workload that is one process tree, started by a person."""
GPU_RESOURCE: Final = "nvidia.com/gpu"
CONTAINER: Final = "vllm"
_LABEL: Final = "app.kubernetes.io/name"
_INSTANCE: Final = "app.kubernetes.io/instance"
_REVISION: Final = 10
"""Digits of the hash of the arguments, as many as a ReplicaSet's name has."""
_REASONS: Final = {
    Phase.STARTING: "Started",
    Phase.DOWNLOADING: "Downloading",
    Phase.LOADING: "LoadingWeights",
    Phase.COMPILING: "Compiling",
    Phase.CAPTURING: "CapturingGraphs",
    Phase.READY: "Ready",
    Phase.STOPPING: "Stopping",
    Phase.DEAD: "Died",
}


def pod(state: ServerState, node: str, gpus: int) -> Pod:
    """Return a server as a pod. ``node`` is the name of this machine, ``gpus`` its number of GPUs.

    A loading server is Pending: it cannot be scraped yet. A dead one is Failed, with the reason as its status.
    """
    record, phase = state.record, state.stage.phase
    ready = phase is Phase.READY and state.healthy is not False
    version = _version(record)
    held = _gpus(record, gpus)
    return Pod(
        namespace=NAMESPACE,
        name=record.name,
        uid=record.id,
        resource_version="",
        created=record.begun,
        phase=_phase(phase),
        status=status(state),
        ready=ready,
        restarts=0,
        node=node,
        ip=urlsplit(record.spec.url).hostname or "",
        deleted=state.stage.began if phase is Phase.STOPPING else None,
        owner=Owner(PROCESS, record.name, _workload_uid(record)),
        labels=_labels(record),
        annotations={"prometheus.io/port": str(record.spec.port)},
        containers=(_container(state, version, held, ready=ready),),
        conditions=(_ready(state, ready=ready),),
        gpus=held,
        gpu_resource=GPU_RESOURCE if held else "",
        version=version,
    )


def workload(state: ServerState, gpus: int) -> Workload:
    """Return the workload of a server's pod: one replica, at the revision that its arguments are."""
    record = state.record
    ready = int(state.stage.phase is Phase.READY and state.healthy is not False)
    return Workload(
        kind=PROCESS,
        namespace=NAMESPACE,
        name=record.name,
        uid=_workload_uid(record),
        resource_version="",
        created=record.begun,
        desired=1,
        ready=ready,
        updated=1,
        available=ready,
        revision=revision(record),
        labels=_labels(record),
        selector={_INSTANCE: record.name},
        gpus=_gpus(record, gpus),
        version=_version(record),
    )


def events(state: ServerState) -> tuple[Event, ...]:
    """One for each stage of its start, and for its end."""
    record = state.record
    ref = ObjectRef("Pod", NAMESPACE, record.name)
    return tuple(
        Event(
            namespace=NAMESPACE,
            name=f"{record.name}.{record.id}.{number}",
            uid=f"{record.id}.{number}",
            resource_version="",
            involved=ref,
            involved_uid=record.id,
            type="Warning" if stage.phase is Phase.DEAD else "Normal",
            reason=_REASONS[stage.phase],
            message=_message(state, stage),
            count=1,
            last=stage.began,
            source="quarterdeck",
        )
        for number, stage in enumerate(state.stages or (state.stage,))
    )


def status(state: ServerState) -> str:
    """Return its state in words: ``reading weights 3/30, ~1m10s``, ``Running``, or why it died."""
    phase = state.stage.phase
    if phase is Phase.DEAD:
        return state.reason.text if state.reason is not None else "ended"
    if phase is Phase.READY:
        return state.stage.detail or "Running"
    counted = f" {state.stage.done:g}/{state.stage.total:g}" if state.stage.total else ""
    return f"{phase}{counted}{f', ~{_duration_text(state.eta)}' if state.eta is not None else ''}"


def revision(record: ServerRecord) -> str:
    """A short hash of the command line: equal for servers that were started alike."""
    return hashlib.sha256("\0".join(record.argv).encode()).hexdigest()[:_REVISION]


def _phase(phase: Phase) -> str:
    if phase is Phase.DEAD:
        return "Failed"
    return "Running" if phase in (Phase.READY, Phase.STOPPING) else "Pending"


def _container(state: ServerState, version: ModelVersion, gpus: int, *, ready: bool) -> Container:
    record, stage, dead = state.record, state.stage, not state.alive
    return Container(
        name=CONTAINER,
        image=version.image,
        ready=ready,
        started=stage.phase in (Phase.READY, Phase.STOPPING),
        state="terminated" if dead else "running",
        reason=state.reason.id if state.reason is not None else "",
        message=_message(state, stage) if dead else stage.detail,
        since=stage.began,
        gpus=gpus,
        ports=(("http", record.spec.port),),
        command=record.argv,
    )


def _ready(state: ServerState, *, ready: bool) -> Condition:
    stage = state.stage
    # The time at which it stopped being ready was not recorded.
    since = stage.began if ready or stage.phase is not Phase.READY else None
    return Condition("Ready", str(ready), "" if ready else _REASONS[stage.phase], "" if ready else status(state), since)


def _message(state: ServerState, stage: StartStage) -> str:
    if stage.phase is Phase.DEAD and state.reason is not None:
        return "; ".join(filter(None, (state.reason.text, state.reason.remedy)))
    return f"{stage.phase}: {stage.detail}" if stage.detail else str(stage.phase)


def _version(record: ServerRecord) -> ModelVersion:
    spec = record.spec
    image = f"{CONTAINER}:{record.version}" if record.version else CONTAINER
    return ModelVersion(image=image, model=spec.model, served_name=spec.served, revision=spec.revision)


def _gpus(record: ServerRecord, there: int) -> int:
    """Return the number of GPUs that it requests; 0 on a machine without GPUs, and for a CPU build of vLLM."""
    return 0 if record.cpu else min(record.spec.gpus, there)


def _labels(record: ServerRecord) -> dict[str, str]:
    return {_LABEL: CONTAINER, _INSTANCE: record.name}


def _workload_uid(record: ServerRecord) -> str:
    """Return a uid made from the name: a restarted server is the same workload with another pod."""
    return f"{PROCESS}/{record.name}"


def _duration_text(seconds: float) -> str:
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}m{rest:02d}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02d}m"
