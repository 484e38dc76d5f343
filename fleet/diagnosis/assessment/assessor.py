"""The assessment of a pod, a workload or a node: a severity and a few words, which give its glyph and the worst-first
order.

Derived from the causes that hold for it. A missing input never makes anything well: a pod that serves and is not
measured is UNKNOWN. Assessments from metrics are in ``fleet.diagnosis.assessment.metrics_scan``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fleet.diagnosis.cause import AnyCause, Cause, NodeCause, PodCause, Stage, WorkloadCause
from fleet.diagnosis.precedence import Precedence
from fleet.diagnosis.registry import causes_of
from fleet.diagnosis.subjects.subject import WELL, PodSubject, WorkloadSubject
from fleet.model.objects import Node
from fleet.model.severity import Severity, rank
from fleet.model.snapshot import Assessment

_WORTH_TELLING = frozenset({Severity.CRITICAL, Severity.WARNING})
TROUBLED = frozenset({*_WORTH_TELLING, Severity.UNKNOWN})
"""Severities of a pod that cannot be called well."""


class Assessed(NamedTuple):
    """The assessment of an object, and the object's own cause that decides it; None if there is none."""

    assessment: Assessment
    cause: AnyCause | None = None


class Assessor:
    """Judges by the causes that are known when it is made."""

    def __init__(self) -> None:
        self._pods: Precedence[PodSubject] = Precedence(causes_of(PodCause))
        self._workloads: Precedence[WorkloadSubject] = Precedence(causes_of(WorkloadCause))
        self._nodes: Precedence[Node] = Precedence(causes_of(NodeCause))

    def of_pod(
        self,
        seen: PodSubject,
        sign: Assessment = WELL,
        gpus: Sequence[Assessment] = (),
        xids: Sequence[Assessment] = (),
        asked: Assessment | None = None,
    ) -> Assessed:
        """Assess one pod by the worst of its inputs. ``sign`` is the assessment of its metrics, ``gpus`` those of its
        GPUs, ``xids`` those of them that count in addition to another trouble; ``asked`` is what its answers to the
        canary show, None for nothing.
        """
        cause = self._pods.first(seen)
        own = cause.assessment(seen) if cause is not None else WELL
        if seen.is_up and _asks_metrics(cause):
            own = sign if cause is None else _worst([own, sign])
            own = own if asked is None else _worst([own, asked])
        if cause is not None and cause.stage in _BEFORE_GPUS:
            return Assessed(own, cause)
        if own.severity in TROUBLED and xids:
            # An application's XID stays in the gauge for good: it counts beside another problem, and says nothing
            # about a healthy pod.
            gpus = [*gpus, *xids]
        sick = [gpu for gpu in gpus if gpu.severity in _WORTH_TELLING]
        return Assessed(_worst([own, *sick]) if sick else own, cause)

    def of_workload(self, seen: WorkloadSubject) -> Assessed:
        """One workload: its own counts first, then the worst of its pods (a sick pod of many is no sick workload)."""
        workload, pods = seen.workload, seen.pods
        if workload.kind == "Pod" and pods and (workload.desired == 0 or pods[0].severity is Severity.GONE):
            # A bare pod has no replacement: it ends with its only pod.
            return Assessed(pods[0])
        cause = self._workloads.first(seen)
        return Assessed(WELL) if cause is None else Assessed(cause.assessment(seen), cause)

    def of_node(self, node: Node) -> Assessed:
        """One node, by its conditions."""
        cause = self._nodes.first(node)
        return Assessed(WELL) if cause is None else Assessed(cause.assessment(node), cause)


_BEFORE_GPUS = frozenset({Stage.GOING, Stage.BROKEN, Stage.UNSEEN, Stage.PLACING})
"""Stages at which a pod does not use its GPUs yet."""


def _asks_metrics(cause: Cause[PodSubject] | None) -> bool:
    return cause is None or cause.stage is Stage.SERVING


def _worst(found: Iterable[Assessment]) -> Assessment:
    """Return the worst assessment, with the reasons of the other troubles appended."""
    ordered = sorted(found, key=lambda stands: rank(stands.severity))
    first, *others = ordered
    if first.severity not in _WORTH_TELLING:
        return first
    beside = [one.reason for one in others if one.severity in _WORTH_TELLING and one.reason]
    return Assessment(first.severity, ", ".join(dict.fromkeys(filter(None, [first.reason, *beside]))))
