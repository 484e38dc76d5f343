"""kube-state-metrics (v2) and KEDA about the past, and the alerts that Prometheus itself keeps."""

from __future__ import annotations

from collections.abc import Callable

from fleet.kinds.deployment import DEPLOYMENT
from fleet.kinds.kind import WorkloadKind
from fleet.kinds.replicaset import REPLICA_SET
from fleet.kinds.statefulset import STATEFUL_SET
from fleet.metrics.dialect import Match, Op
from fleet.model.objects import ObjectRef
from fleet.timeline.entry import CORDONED, UNCORDONED, EntryKind, Weight, end_topic, pause_topic, rollout_topic
from fleet.timeline.metrics.series import (
    ChangeMessage,
    ChangingMetric,
    CreationMetric,
    Labels,
    PresenceMetric,
    StateMetric,
    label,
)

NOBODY = "<none>"
"""Owner of an object that has none."""
_AUTOSCALER = "HorizontalPodAutoscaler"


def _equal(**labels: str) -> tuple[Match, ...]:
    return tuple(Match(name, Op.EQUAL, value) for name, value in labels.items())


def _pod(labels: Labels) -> ObjectRef:
    return ObjectRef("Pod", label(labels, "namespace"), label(labels, "pod"))


def _node(labels: Labels) -> ObjectRef:
    return ObjectRef("Node", "", label(labels, "node"))


def _autoscaler(labels: Labels) -> ObjectRef:
    return ObjectRef(_AUTOSCALER, label(labels, "namespace"), label(labels, "horizontalpodautoscaler"))


def _scaled_object(labels: Labels) -> ObjectRef:
    """An object of KEDA, by the labels of its operator's own metrics (KEDA's documentation, from 2.13 on)."""
    return ObjectRef("ScaledObject", label(labels, "namespace"), label(labels, "scaledObject"))


def _node_of(labels: Labels) -> tuple[ObjectRef, ...]:
    return (_node(labels),) if label(labels, "node") else ()


def _maker(labels: Labels) -> ObjectRef | None:
    kind, name = label(labels, "created_by_kind"), label(labels, "created_by_name")
    return ObjectRef(kind, label(labels, "namespace"), name) if kind and kind != NOBODY else None


def _count(metric: str, kind: WorkloadKind) -> ChangingMetric:
    """Replicas that a workload wants."""
    return ChangingMetric(
        metric,
        _workload(kind),
        lambda before, after, _: ChangeMessage(f"replicas {before:g} → {after:g}", topic=f"replicas={after:g}"),
    )


def _workload(kind: WorkloadKind) -> Callable[[Labels], ObjectRef]:
    name = kind.kind.lower()
    return lambda labels: ObjectRef(kind.kind, label(labels, "namespace"), label(labels, name))


def _made(ref: ObjectRef) -> ChangeMessage:
    return ChangeMessage(f"{ref.kind} created")


def _bound(metric: str, field: str) -> ChangingMetric:
    return ChangingMetric(
        metric,
        _autoscaler,
        lambda before, after, _: ChangeMessage(f"{field} {before:g} → {after:g}", topic=f"{field}={after:g}"),
    )


def _restarts(before: float, after: float, labels: Labels) -> ChangeMessage | None:
    if after <= before:
        return None
    again = "restarted" if after - before == 1 else f"restarted {after - before:g} times"
    name = label(labels, "container")
    return ChangeMessage(f"{name} {again}, {after:g} in all", EntryKind.END, Weight.BAD, end_topic(name))


def _ready(before: float, after: float, labels: Labels) -> ChangeMessage:
    del before, labels
    if after:
        return ChangeMessage("node ready", EntryKind.START, Weight.GOOD, "Ready=True")
    return ChangeMessage("node not ready", EntryKind.END, Weight.BAD, "Ready=False")


def _schedulable(before: float, after: float, labels: Labels) -> ChangeMessage:
    del before, labels
    if after:
        return ChangeMessage(CORDONED, weight=Weight.BAD, topic="unschedulable=True")
    return ChangeMessage(UNCORDONED, weight=Weight.GOOD, topic="unschedulable=False")


def _paused(before: float, after: float, labels: Labels) -> ChangeMessage:
    del before, labels
    what = "autoscaling paused" if after else "no longer paused"
    return ChangeMessage(what, topic=pause_topic(paused=bool(after)))


def alerted(labels: Labels) -> ObjectRef:
    """Return the object of an alert, according to its labels: the most specific one."""
    namespace = label(labels, "namespace")
    for kind, key in (("Pod", "pod"), (DEPLOYMENT.kind, "deployment"), (STATEFUL_SET.kind, "statefulset")):
        if name := label(labels, key):
            return ObjectRef(kind, namespace, name)
    if node := label(labels, "node"):
        return ObjectRef("Node", "", node)
    return ObjectRef("Alert", namespace, labels.get("alertname", ""))


CHANGING: tuple[ChangingMetric, ...] = (
    _count("kube_deployment_spec_replicas", DEPLOYMENT),
    _count("kube_statefulset_replicas", STATEFUL_SET),
    _bound("kube_horizontalpodautoscaler_spec_max_replicas", "maxReplicas"),
    _bound("kube_horizontalpodautoscaler_spec_min_replicas", "minReplicas"),
    ChangingMetric("kube_pod_container_status_restarts_total", _pod, _restarts),
    ChangingMetric("kube_node_status_condition", _node, _ready, _equal(condition="Ready", status="true")),
    ChangingMetric("kube_node_spec_unschedulable", _node, _schedulable),
    ChangingMetric("keda_scaled_object_paused", _scaled_object, _paused),
)
ENDING: tuple[PresenceMetric, ...] = (
    PresenceMetric("kube_pod_info", _pod, "pod gone", _node_of, _maker),
    PresenceMetric("kube_node_info", _node, "node gone"),
    PresenceMetric("kube_deployment_created", _workload(DEPLOYMENT), "Deployment gone"),
    PresenceMetric("kube_statefulset_created", _workload(STATEFUL_SET), "StatefulSet gone"),
)
CREATED: tuple[CreationMetric, ...] = (
    CreationMetric("kube_pod_created", _pod, lambda _: ChangeMessage("pod made", EntryKind.START)),
    CreationMetric("kube_node_created", _node, lambda _: ChangeMessage("node joined", EntryKind.START)),
    CreationMetric("kube_deployment_created", _workload(DEPLOYMENT), _made),
    CreationMetric("kube_statefulset_created", _workload(STATEFUL_SET), _made),
    CreationMetric(
        "kube_replicaset_created",
        _workload(REPLICA_SET),
        lambda made: ChangeMessage(f"rollout began: {made.kind} {made.name} made", topic=rollout_topic(made)),
        of_workload=True,
    ),
)
"""Creation times of objects that may be gone: an existing object's own report is the same entry."""
APPEARING: tuple[StateMetric, ...] = (
    StateMetric(
        "ALERTS",
        alerted,
        lambda labels: ChangeMessage(f"alert {labels.get('alertname', '')} fires", EntryKind.CONDITION, Weight.BAD),
        lambda labels: ChangeMessage(f"alert {labels.get('alertname', '')} ended", EntryKind.CONDITION, Weight.GOOD),
        _equal(alertstate="firing"),
    ),
)
