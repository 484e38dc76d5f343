"""What speaks for or against a rollout that replaces every pod of a workload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from actions.blast import blasts
from actions.checks.capacity import check_capacity
from actions.checks.cut import check_cut
from actions.checks.last_replica import ABOUT as LAST
from actions.checks.last_replica import check_last
from actions.checks.quota import check_quota
from actions.checks.rollout import ABOUT as ROLLOUT
from actions.checks.rollout import check_rollout
from actions.checks.room import check_surge
from actions.plan import Alternative, Change, Check, Verdict
from actions.request import Resume, Target
from actions.rolling import Rolling, rolling_of
from actions.scene import Scene

_GRACE = 30.0
"""Seconds: the API server's default for terminationGracePeriodSeconds."""


@dataclass(frozen=True, slots=True)
class Replacing:
    """What was found."""

    rolling: Rolling
    checks: tuple[Check, ...]
    alternatives: tuple[Alternative, ...] = ()
    blast: tuple[Change, ...] = ()


async def check_replacing(obj: Mapping[str, Any], new: Mapping[str, Any], target: Target, scene: Scene) -> Replacing:
    """Of a raw Deployment or StatefulSet whose pods become those of the pod spec ``new``. Raises KubeError.

    Who else looks after the workload is not asked: that depends on what is written.
    """
    snapshot, rolling = scene.snapshot, rolling_of(obj)
    old: Mapping[str, Any] = obj["spec"]["template"].get("spec") or {}
    pods = snapshot.pods_of.get(f"{target.namespace}/{target.kind}/{target.name}", ())
    leaving = sorted(pod for pod in pods if snapshot.pods[pod].ready)[: rolling.leaving]
    losses = blasts(snapshot, leaving)
    paused, resume = _paused(obj, target)
    surge, alternatives = check_surge(snapshot, new, rolling, target)
    checks = [
        paused[0] if paused else check_rollout(obj),
        surge,
        await check_quota(target.namespace, new, rolling.surge if rolling.replicas else 0, scene),
        check_cut(snapshot, () if rolling.by_hand else pods, float(old.get("terminationGracePeriodSeconds", _GRACE))),
    ]
    if leaving:
        checks += [check_last(snapshot, leaving), check_capacity(losses)]
    else:
        checks.append(Check(LAST, Verdict.PASS, "no ready replica ends before its replacement is ready"))
    return Replacing(
        rolling, tuple(checks), (*resume, *alternatives), tuple(c for loss in losses for c in loss.changes)
    )


def _paused(obj: Mapping[str, Any], target: Target) -> tuple[tuple[Check, ...], tuple[Alternative, ...]]:
    """Blocks for a Deployment whose rollout is paused: the new template would wait, and nobody would see why."""
    if not (obj.get("spec") or {}).get("paused"):
        return (), ()
    text = "its rollout is paused: nothing would be replaced until it is resumed"
    return (Check(ROLLOUT, Verdict.BLOCK, text, "resume it first"),), (
        Alternative(f"resume the rollout of {target.name}", Resume(target), "then plan this again"),
    )
