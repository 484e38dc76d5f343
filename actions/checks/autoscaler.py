"""Does an autoscaler control the number of replicas?

Kubernetes documentation, "Horizontal Pod Autoscaling"; KEDA documentation, "ScaledObject specification".
"""

from __future__ import annotations

from typing import NamedTuple

from actions.autoscaling import KEDA_DEFAULT
from actions.kinds.bounds import Bounds
from actions.kinds.hold import Hold
from actions.kubeobj import permitted, target_of
from actions.planning.plan import Alternative, Check, Verdict
from actions.planning.plan_context import ClusterContext
from actions.request import Target

ABOUT = "autoscaler"
_HPAS = "horizontalpodautoscalers.autoscaling"


class FoundAutoscaler(NamedTuple):
    """An autoscaler of a workload."""

    target: Target
    minimum: int
    maximum: int


class AutoscalerSearch(NamedTuple):
    """The autoscalers that were found, and how far that can be relied on."""

    found: FoundAutoscaler | None
    lack: str = ""
    """Reason why the absence of an autoscaler is uncertain; empty if one was found, or would have been seen."""


async def find_autoscaler(target: Target, context: ClusterContext) -> AutoscalerSearch:
    """Return the ScaledObject of a workload, else its HPA. Raises KubeError.

    KEDA creates HPAs too, and removes one while it holds a workload or has scaled it to 0: if ScaledObjects may not be
    listed, they are unknown, whatever the HPAs say.
    """
    scaled = await permitted("ScaledObject", target.namespace, context.reads)
    for raw in scaled or ():
        spec = raw.get("spec") or {}
        reference = spec.get("scaleTargetRef") or {}
        if (reference.get("kind") or KEDA_DEFAULT, reference.get("name")) == (target.kind, target.name):
            # KEDA: minReplicaCount defaults to 0, maxReplicaCount to 100.
            bounds = int(spec.get("minReplicaCount", 0)), int(spec.get("maxReplicaCount", 100))
            return AutoscalerSearch(FoundAutoscaler(target_of(raw), *bounds))
    hpas = await permitted("HorizontalPodAutoscaler", target.namespace, context.reads)
    for raw in hpas or ():
        spec = raw.get("spec") or {}
        reference = spec.get("scaleTargetRef") or {}
        if (reference.get("kind"), reference.get("name")) == (target.kind, target.name):
            return AutoscalerSearch(
                FoundAutoscaler(target_of(raw), int(spec.get("minReplicas", 1)), int(spec.get("maxReplicas", 1)))
            )
    coverage = context.snapshot.coverage
    lack = "" if coverage.sees(_HPAS, target.namespace) else coverage.lack(_HPAS)
    if not lack and (hpas is None or scaled is None):
        lack = f"you may not list {'horizontalpodautoscalers' if hpas is None else 'scaledobjects'}"
    return AutoscalerSearch(None, lack)


def check_autoscaler(search: AutoscalerSearch, now: int, wanted: int) -> tuple[Check, tuple[Alternative, ...]]:
    """Check whether ``wanted`` replicas would last, and what would instead."""
    found = search.found
    if found is None and search.lack:
        text = f"whether an autoscaler scales it, and would undo this, is not known: {search.lack}"
        return Check(ABOUT, Verdict.WARN, text), ()
    if found is None:
        return Check(ABOUT, Verdict.PASS, "no autoscaler scales it"), ()
    who = f"{'KEDA ScaledObject' if found.target.kind == 'ScaledObject' else 'HPA'} {found.target.name}"
    bounds = f"{found.minimum} to {found.maximum}"
    if wanted == 0:
        return Check(
            ABOUT, Verdict.WARN, f"0 is a durable off-switch: {who} stays off until somebody scales up again"
        ), ()
    alternatives = _alternatives(found, wanted)
    if now == 0:
        return Check(ABOUT, Verdict.WARN, f"leaving 0 hands control back to {who} ({bounds})"), alternatives
    if not found.minimum <= wanted <= found.maximum:
        text = f"{who} keeps it within {bounds}: {wanted} would be undone within 15 s"
        return Check(ABOUT, Verdict.BLOCK, text, "change its bounds instead"), alternatives
    return Check(ABOUT, Verdict.WARN, f"{who} ({bounds}) may move it again at its next look, every 15 s"), alternatives


def _alternatives(found: FoundAutoscaler, wanted: int) -> tuple[Alternative, ...]:
    pin = Alternative(
        f"pin {found.target.name} to {wanted}",
        Bounds(found.target, wanted, wanted),
        "minimum and maximum both set to it; undo puts the bounds back",
    )
    low, high = min(found.minimum, wanted), max(found.maximum, wanted)
    widen = Alternative(
        f"at least {wanted}" if wanted > found.minimum else f"bounds {low} to {high}",
        Bounds(found.target, wanted, high) if wanted > found.minimum else Bounds(found.target, low, high),
        "the autoscaler continues above it" if wanted > found.minimum else "the autoscaler may go down to it",
    )
    if found.target.kind != "ScaledObject":
        return widen, pin
    hold = Alternative(f"pause KEDA at {wanted}", Hold(found.target, wanted), "by annotation; undo resumes it")
    return hold, widen, pin
