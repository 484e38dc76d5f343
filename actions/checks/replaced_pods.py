"""Checks of a rollout that replaces every pod of a workload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from actions.checks.autoscaler import ABOUT as AUTOSCALER
from actions.checks.autoscaler import AutoscalerSearch, find_autoscaler
from actions.checks.capacity import check_capacity
from actions.checks.cut_requests import ABOUT as CUT
from actions.checks.cut_requests import check_cut
from actions.checks.gpu_room import check_surge
from actions.checks.last_replica import ABOUT as LAST
from actions.checks.last_replica import check_last
from actions.checks.quota import check_quota
from actions.checks.rollout import ABOUT as ROLLOUT
from actions.checks.rollout import check_rollout
from actions.checks.spare_gpus import SpareGpus, spare_gpus
from actions.follow.by_hand import of_another, pods_of
from actions.kinds.pausing import Resume
from actions.kinds.restart import Restart
from actions.number_words import count, some_names, span
from actions.planning.impact import impacts
from actions.planning.plan import Alternative, Change, Check, Verdict
from actions.planning.plan_context import ClusterContext
from actions.planning.surge import Rolling, rolling_of
from actions.request import Target
from fleet.dataclass import dataclass
from fleet.model.snapshot import Snapshot

_GRACE_PERIOD = "terminationGracePeriodSeconds"
_GRACE = 30.0
"""Seconds: the API server's default for terminationGracePeriodSeconds."""


@dataclass(frozen=True, slots=True)
class Replacing:
    """The findings on a rollout."""

    rolling: Rolling
    checks: tuple[Check, ...]
    alternatives: tuple[Alternative, ...] = ()
    impact: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class HeldBack:
    """The part of a new template that waits for people."""

    check: Check | None = None
    alternatives: tuple[Alternative, ...] = ()
    why: str = ""
    """Reason why no pod is replaced automatically; empty if some are."""
    old: tuple[str, ...] = ()
    """Uids of the pods that must be replaced by hand."""

    @property
    def facts(self) -> dict[str, Any]:
        """Facts for ``actions.follow.template``."""
        return {"held": self.why, "old": list(self.old)}


async def check_replacing(
    obj: Mapping[str, Any], new: Mapping[str, Any], target: Target, context: ClusterContext
) -> Replacing:
    """Check a raw Deployment or StatefulSet whose pods become those of the pod spec ``new``. Raises KubeError.

    Other owners are not checked: that depends on the fields written.
    """
    snapshot, rolling = context.snapshot, rolling_of(obj)
    old: Mapping[str, Any] = obj["spec"]["template"].get("spec") or {}
    pods = _replaced_pods(snapshot.members(f"{target.namespace}/{target.kind}/{target.name}"), rolling)
    leaving = sorted(pod for pod in pods if snapshot.pods[pod].ready)[: rolling.leaving]
    losses = impacts(snapshot, leaving)
    autoscaler = await find_autoscaler(target, context)
    paused, resume = _paused(obj, target)
    surge, alternatives = check_surge(snapshot, new, rolling, target)
    checks = [
        paused[0] if paused else check_rollout(obj),
        surge,
        *_check_autoscaler(autoscaler, rolling, spare_gpus(snapshot, new)),
        await check_quota(target.namespace, new, rolling.surge if rolling.replicas else 0, context),
        *(() if rolling.held else (_check_cut(snapshot, pods, rolling, float(old.get(_GRACE_PERIOD, _GRACE))),)),
    ]
    if rolling.held:
        checks.append(Check(LAST, Verdict.PASS, "this ends no pod"))
    elif leaving:
        checks += [check_last(snapshot, leaving), check_capacity(losses, ready=len(leaving))]
    else:
        checks.append(_check_none_leaves(obj, rolling))
        if one := sorted(pod for pod in pods if snapshot.pods[pod].ready)[:1]:
            checks.append(check_capacity(impacts(snapshot, one), ready=1, first=True))
    return Replacing(
        rolling, tuple(checks), (*resume, *alternatives), tuple(c for loss in losses for c in loss.changes)
    )


async def check_held(
    obj: Mapping[str, Any], rolling: Rolling, revision: str, target: Target, context: ClusterContext
) -> HeldBack:
    """Check for pods that nothing replaces, and for those that must be deleted to be replaced. Raises KubeError.

    ``revision``: name of the ControllerRevision that is written; empty for a new one, which no pod runs yet.
    """
    if not rolling.held and not rolling.partition:
        return HeldBack()
    pods = await pods_of(obj, context.reads)
    if not rolling.held:
        return HeldBack(Check("partition", Verdict.WARN, rolling.keeping, "set the partition to 0 for all of them"))
    uids = {str(pod["metadata"]["name"]): str(pod["metadata"].get("uid", "")) for pod in pods}
    old = of_another(pods, revision) if revision else list(uids)
    gone = tuple(uids[name] for name in old)
    why = "OnDelete" if rolling.by_hand else f"partition {rolling.partition}"
    if not rolling.by_hand:
        text = f"{why} of {count(rolling.replicas, 'replica')}: no pod is replaced, {rolling.keeping}"
        return HeldBack(Check("partition", Verdict.WARN, text, "set the partition to 0 first"), why=why, old=gone)
    if not old:
        return HeldBack(Check("OnDelete", Verdict.PASS, "every pod runs that template already"), why=why)
    verb = "keeps what it runs" if len(old) == 1 else "keep what they run"
    text = (
        f"no pod is replaced by this; {some_names(old)} {verb} until {'it is' if len(old) == 1 else 'they are'} deleted"
    )
    restarts = tuple(
        Alternative(
            f"restart pod {name}",
            Restart(target.sibling("Pod", name, uids[name])),
            "once the template is written: it then starts with that one",
        )
        for name in old[:3]
    )
    return HeldBack(Check("OnDelete", Verdict.WARN, text, "delete them by hand, one at a time"), restarts, why, gone)


def _check_cut(snapshot: Snapshot, pods: Sequence[str], rolling: Rolling, grace: float) -> Check:
    if not pods and rolling.replaced:
        return Check(
            CUT, Verdict.WARN, f"its pods are not in view: requests that take longer than {span(grace)} are aborted"
        )
    return check_cut(snapshot, pods, grace)


def _check_none_leaves(obj: Mapping[str, Any], rolling: Rolling) -> Check:
    """Check that no ready pod would go before its replacement is there."""
    ready = int((obj.get("status") or {}).get("readyReplicas", 0))
    if not rolling.replicas:
        return Check(LAST, Verdict.PASS, "it has no replicas")
    if not rolling.leaving:
        return Check(LAST, Verdict.PASS, "no ready replica ends before its replacement is ready")
    if ready:
        text = f"{count(ready, 'replica')} ready, and which of them end first is not known: its pods are not in view"
        return Check(LAST, Verdict.WARN, text)
    return Check(LAST, Verdict.PASS, "none of its replicas is ready now: users lose nothing")


def _replaced_pods(pods: Sequence[str], rolling: Rolling) -> tuple[str, ...]:
    """Return the pods (by key) that are replaced: with a partition, those of higher ordinals."""
    if rolling.held:
        return ()
    if not rolling.partition:
        return tuple(pods)
    ordinals = {pod: pod.rpartition("-")[2] for pod in pods}
    return tuple(pod for pod in pods if ordinals[pod].isdigit() and int(ordinals[pod]) >= rolling.partition)


def _check_autoscaler(search: AutoscalerSearch, rolling: Rolling, spare: SpareGpus) -> tuple[Check, ...]:
    """Warn of an autoscaler that may request more pods during the rollout than there are GPUs for.

    An added, pending pod counts as unavailable: once the maximum is unavailable, no old pod is ended.
    """
    found = search.found
    if not rolling.replicas or not spare.needed or spare.unknown:
        return ()
    if found is None and search.lack and not spare.places:
        text = f"whether an autoscaler may ask for more pods while one is missing is not known: {search.lack}"
        return (Check(AUTOSCALER, Verdict.WARN, text),)
    more = found.maximum - rolling.replicas if found is not None else 0
    if found is None or spare.places >= more or more <= 0:
        return ()
    text = (
        f"{found.target} may ask for {count(more, 'more pod')} while one is missing, and there is room for "
        f"{spare.places}: the rollout would then wait for {spare.kind}"
    )
    fix = f"set its bounds to {rolling.replicas} until the rollout is over"
    return (Check(AUTOSCALER, Verdict.WARN, text, fix),)


def _paused(obj: Mapping[str, Any], target: Target) -> tuple[tuple[Check, ...], tuple[Alternative, ...]]:
    """Block for a Deployment whose rollout is paused: the new template would wait, for no visible reason."""
    if not (obj.get("spec") or {}).get("paused"):
        return (), ()
    text = "its rollout is paused: nothing would be replaced until it is resumed"
    return (Check(ROLLOUT, Verdict.BLOCK, text, "resume it first"),), (
        Alternative(f"resume the rollout of {target.name}", Resume(target), "then plan this again"),
    )
