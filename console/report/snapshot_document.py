"""The document of a Snapshot, with everything ordered by key, so that two documents can be compared."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from operator import attrgetter
from typing import Any, Literal

from console.report import document as doc
from console.report.alerts import alert_parts
from console.report.document_part import ReadingPart, StateName
from fleet.model.frame import Frame
from fleet.model.objects import HorizontalPodAutoscaler, ModelVersion, Node, Pod, Workload
from fleet.model.quantity import MEANINGS, Quantity, Unit
from fleet.model.reading import Bound, Reading, State
from fleet.model.snapshot import Snapshot, SourceStatus

_STATES: Mapping[State, StateName] = {
    State.FRESH: "fresh",
    State.RESET: "reset",
    State.STALE: "stale",
    State.MISSING: "missing",
    State.UNKNOWN: "unknown",
}
_RANK = {quantity: i for i, quantity in enumerate(Quantity)}


def document(snapshot: Snapshot) -> doc.SnapshotDocument:
    """The document of a Snapshot."""
    return doc.SnapshotDocument(
        at=snapshot.at,
        measured_at=snapshot.measured_at,
        window=snapshot.window,
        method=snapshot.method or None,
        cluster=cluster_part(snapshot),
        sources=tuple(source_part(source) for source in snapshot.sources),
        models=tuple(
            doc.ModelPart(
                key=model.key,
                namespace=model.namespace,
                name=model.name,
                workloads=model.workloads,
                gateways=tuple(sorted(snapshot.gateways_of.get(model.key, ()))),
                **_of_model(snapshot, model.key),
            )
            for model in sorted(snapshot.models.values(), key=attrgetter("key"))
        ),
        workloads=tuple(_workload(snapshot, w) for w in sorted(snapshot.workloads.values(), key=attrgetter("key"))),
        pods=tuple(_pod(snapshot, pod) for pod in sorted(snapshot.pods.values(), key=attrgetter("key"))),
        nodes=tuple(_node(snapshot, node) for node in sorted(snapshot.nodes.values(), key=attrgetter("name"))),
        gpus=_gpus(snapshot),
        gateways=_gateways(snapshot),
        loose=tuple(
            doc.LoosePart(join=unmatched.join, key=unmatched.key, detail=unmatched.detail or None)
            for unmatched in snapshot.unmatched
        ),
        alerts=tuple(alert_parts(snapshot)),
    )


def to_json(snapshot: Snapshot) -> str:
    """The document as JSON, two blanks deep; fields without a value are left out."""
    return document(snapshot).model_dump_json(indent=2, exclude_none=True)


def cluster_part(snapshot: Snapshot) -> doc.ClusterPart:
    """The cluster, and as whom it is read."""
    c = snapshot.cluster
    return doc.ClusterPart(
        context=c.context,
        cluster=c.cluster,
        server=c.server,
        namespace=c.namespace or None,
        user=c.user,
        groups=c.groups,
        version=c.version,
        read_only=c.read_only,
    )


def source_part(source: SourceStatus) -> doc.SourcePart:
    """A source and its health."""
    return doc.SourcePart(
        name=source.name,
        health=source.health,
        since=source.since,
        last_ok=source.last_ok,
        endpoint=source.endpoint or None,
        problem=source.problem or None,
        remedy=source.remedy or None,
        notes=source.notes,
        requests=source.requests,
    )


def _workload(snapshot: Snapshot, w: Workload) -> doc.WorkloadPart:
    return doc.WorkloadPart(
        key=w.key,
        kind=w.kind,
        namespace=w.namespace,
        name=w.name,
        model=snapshot.model_of.get(w.key),
        replicas=doc.Replicas(desired=w.desired, ready=w.ready, updated=w.updated, available=w.available),
        paused=w.paused,
        revision=w.revision or None,
        version=version_part(w.version),
        gpus_per_replica=w.gpus,
        autoscaler=_autoscaler(snapshot.autoscalers.get(w.key)),
        pods=tuple(sorted(snapshot.pods_of.get(w.key, ()))),
        **_assessed(snapshot, snapshot.by_workload, w.key),
    )


def _autoscaler(hpa: HorizontalPodAutoscaler | None) -> doc.AutoscalerPart | None:
    if hpa is None:
        return None
    return doc.AutoscalerPart(
        name=hpa.name, minimum=hpa.minimum, maximum=hpa.maximum, current=hpa.current, desired=hpa.desired
    )


def _pod(snapshot: Snapshot, pod: Pod) -> doc.PodPart:
    return doc.PodPart(
        key=pod.key,
        namespace=pod.namespace,
        name=pod.name,
        uid=pod.uid or None,
        state=pod.status,
        phase=pod.phase,
        ready=pod.ready,
        restarts=pod.restarts,
        created=pod.created,
        deleted=pod.deleted,
        node=pod.node or None,
        ip=pod.ip or None,
        workload=snapshot.workload_of.get(pod.key),
        version=version_part(pod.version),
        gpu_resource=pod.gpu_resource or None,
        gpus_requested=pod.gpus,
        gpus=tuple(sorted(snapshot.gpus_of.get(pod.key, ()))),
        containers=tuple(
            doc.ContainerPart(
                name=c.name,
                image=c.image,
                init=c.init,
                ready=c.ready,
                restarts=c.restarts,
                state=c.state or None,
                reason=c.reason or None,
                exit_code=c.exit_code,
                last_reason=c.last_reason or None,
                last_exit_code=c.last_exit_code,
            )
            for c in pod.containers
        ),
        engines=tuple(_engine(snapshot, key) for key in sorted(snapshot.engines_of.get(pod.key, ()))),
        **_assessed(snapshot, snapshot.by_pod, pod.key),
    )


def _engine(snapshot: Snapshot, key: str) -> doc.EnginePart:
    engine, origin = snapshot.engines[key], snapshot.origins.get(key)
    return doc.EnginePart(
        key=key,
        product=origin.product if origin is not None else None,
        dialects=origin.dialects if origin is not None else (),
        model=engine.model,
        engine=engine.engine,
        instance=engine.instance or None,
        source=snapshot.measured_by.get(key),
        **_measured(snapshot.by_engine, key),
    )


def _node(snapshot: Snapshot, node: Node) -> doc.NodePart:
    assessment = snapshot.assessments.get(node.name)
    known = snapshot.coverage.knows_all("pods")
    free, allocatable = snapshot.free_gpus.get(node.name, (0 if known else None, sum(node.gpus.values())))
    return doc.NodePart(
        name=node.name,
        severity=assessment.severity if assessment else None,
        reason=(assessment.reason or None) if assessment else None,
        ready=node.ready,
        unschedulable=node.unschedulable,
        gpu_product=node.gpu_product or None,
        allocatable=dict(node.gpus),
        gpus_allocatable=allocatable,
        gpus_free=free,
        gpus=tuple(sorted(snapshot.gpus_on.get(node.name, ()))),
    )


def _gpus(snapshot: Snapshot) -> tuple[doc.GpuPart, ...]:
    holders: dict[str, list[str]] = defaultdict(list)
    for pod, gpus in sorted(snapshot.gpus_of.items()):
        for gpu in gpus:
            holders[gpu].append(pod)
    host = {gpu: node for node, gpus in snapshot.gpus_on.items() for gpu in gpus}
    return tuple(
        doc.GpuPart(
            key=key,
            uuid=device.uuid,
            instance_id=device.instance_id or None,
            profile=device.profile or None,
            node=host.get(key) or device.node or None,
            ordinal=device.ordinal,
            use=snapshot.use_of(key),
            product=device.model or None,
            pod=next(iter(holders[key]), None),
            pods=tuple(holders[key]),
            source=snapshot.measured_by.get(key),
            **_assessed(snapshot, snapshot.by_gpu, key),
        )
        for key, device in sorted(snapshot.gpus.items())
    )


def _gateways(snapshot: Snapshot) -> tuple[doc.GatewayPart, ...]:
    model_of = {row: model for model, rows in snapshot.gateways_of.items() for row in rows}
    return tuple(
        doc.GatewayPart(
            key=key,
            product=row.dialect,
            namespace=row.namespace or None,
            pod=row.pod or None,
            instance=row.instance or None,
            backend=row.backend or None,
            asked_for=row.model or None,
            model=model_of.get(key),
            source=snapshot.measured_by.get(key),
            **_measured(snapshot.by_gateway, key),
        )
        for key, row in sorted(snapshot.gateways.items())
    )


def _of_model(snapshot: Snapshot, key: str) -> dict[str, Any]:
    """Return the state of a model's engines and GPUs, which shows how far readings can be trusted, and its
    gateways'.
    """
    own = _assessed(snapshot, snapshot.by_model, key)
    return own | {"readings": own["readings"] | _measured(snapshot.before_models, key)["readings"]}


def version_part(version: ModelVersion) -> doc.VersionPart:
    """The version that a pod or a template runs."""
    return doc.VersionPart(
        image=version.image or None,
        digest=version.digest or None,
        model=version.model or None,
        served_name=version.served_name or None,
        revision=version.revision or None,
    )


def _assessed(snapshot: Snapshot, frame: Frame, key: str) -> dict[str, Any]:
    assessment = snapshot.assessments.get(key)
    judged = {"severity": assessment.severity, "reason": assessment.reason or None} if assessment else {}
    return _measured(frame, key) | judged


def _measured(frame: Frame, key: str) -> dict[str, Any]:
    readings = {
        quantity: reading_part(reading, MEANINGS[quantity].unit)
        for quantity, reading in sorted(frame.row(key), key=_order)
        if math.isfinite(reading.value)  # JSON has no infinity, and none of these quantities is infinite
    }
    row = frame.index.get(key)
    state = frame.absent if row is None else State(frame.states[row])
    if not readings and state is not State.UNKNOWN:
        state = State.MISSING
    return {"metrics": _STATES[state], "readings": readings}


def _order(item: tuple[Quantity, Reading]) -> int:
    return _RANK[item[0]]


_BOUNDS: Mapping[Bound, Literal["at_most", "at_least", "within"]] = {
    Bound.AT_MOST: "at_most",
    Bound.AT_LEAST: "at_least",
    Bound.WITHIN: "within",
}


def reading_part(reading: Reading, unit: Unit) -> ReadingPart:
    """One value, with how far it can be trusted."""
    bounded = reading.bound is not Bound.EXACT
    return ReadingPart(
        value=reading.value,
        unit=unit,
        state=_STATES[reading.state],
        age=reading.age,
        bound=_BOUNDS.get(reading.bound),
        edge=reading.edge if bounded and math.isfinite(reading.edge) else None,
        low=reading.low if bounded and math.isfinite(reading.low) else None,
    )
