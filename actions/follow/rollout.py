"""Has a workload reached its spec? As `kubectl rollout status` decides it (Kubernetes 1.36)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actions.follow.cold_starts import starting
from actions.kubeobj import kind_in
from actions.number_words import count
from actions.planning.plan import Plan
from actions.request import Target
from actions.running.execution_context import ClusterExecution
from actions.running.progress import Outcome, Result
from fleet.dataclass import dataclass
from fleet.kinds.kind import Replicas, Update, count_at
from fleet.model.counting import share
from fleet.sources.kube.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class RolloutState:
    """The counts of a workload's status against its spec."""

    desired: int
    updated: int
    """Pods of the newest template."""
    available: int
    total: int
    """Pods of all templates."""
    observed: bool
    """The controller has seen the newest spec."""
    paused: bool
    failed: str
    """The reason why the controller has given up; empty where it has not."""
    need_update: int
    """Pods that must run the newest template: fewer than desired with a partition, or while nothing replaces them."""
    by_hand: bool = False
    """True if its pods are replaced only when they are deleted (OnDelete)."""

    @property
    def settled(self) -> bool:
        """True if nothing is left to do."""
        return (
            self.observed
            and self.updated >= self.need_update
            and self.total == self.desired
            and self.available == self.desired
        )

    @property
    def rolling(self) -> bool:
        """True if a new template is on its way to the pods; unready pods or scaling alone are not a rollout."""
        return not self.observed or self.updated < min(self.need_update, self.total) or self.leftover > 0

    @property
    def leftover(self) -> int:
        """Pods of an older template that are still to go."""
        kept = 0 if self.need_update == self.desired else self.total
        return max(0, self.total - self.updated - kept)

    @property
    def rolled_out(self) -> bool:
        """The newest template has reached the pods that it is for: a pause is no end of a rollout."""
        return self.settled and (not self.paused or self.updated >= self.desired)

    @property
    def words(self) -> str:
        """The counts, for people."""
        if not self.observed:
            return "its controller has not seen the change yet"
        if self.rolling and self.updated < self.need_update:
            return f"{share(self.updated, self.need_update, 'pod')} on the new template, {self.available} available"
        if self.total > self.desired:
            return f"{count(self.total - self.desired, 'pod')} too many: still ending"
        if self.total < self.desired:
            return f"{self.total} of {count(self.desired, 'pod')} made, {self.available} available"
        return f"{self.available} of {self.desired} available"

    @property
    def done(self) -> float:
        """Number of the ``desired`` that have arrived."""
        return float(min(self.updated, self.available) if self.need_update else self.available)


def state_of(obj: Mapping[str, Any]) -> RolloutState:
    """Return the state of any kind of workload, by where its kind counts. The server leaves out counts that are 0."""
    spec: Mapping[str, Any] = obj.get("spec") or {}
    status: Mapping[str, Any] = obj.get("status") or {}
    kind = kind_in(obj)
    counts = kind.replicas or Replicas()
    desired, total = counts.wanted(obj), count_at(obj, counts.total)
    paused = bool(spec.get("paused"))
    conditions = {c.get("type"): c for c in status.get("conditions") or ()}
    progressing = conditions.get("Progressing", {})
    gave_up = progressing.get("status") == "False" and progressing.get("reason") == "ProgressDeadlineExceeded"
    updated = count_at(obj, counts.updated, 0 if counts.complete else total)
    need_update, by_hand = desired, False
    if kind.update is Update.UPDATE_STRATEGY:
        strategy = spec.get(kind.update) or {}
        need_update = max(0, desired - int((strategy.get("rollingUpdate") or {}).get("partition") or 0))
        by_hand = strategy.get("type") == "OnDelete"
    if paused or by_hand:
        need_update = 0
    return RolloutState(
        desired=desired,
        updated=updated,
        available=count_at(obj, counts.arrived),
        total=total,
        observed=_observed(obj, status, counts),
        paused=paused,
        failed=str(progressing.get("message", "")) if gave_up else "",
        need_update=need_update,
        by_hand=by_hand,
    )


def _observed(obj: Mapping[str, Any], status: Mapping[str, Any], counts: Replicas) -> bool:
    """True if the controller has seen the newest spec; a kind that does not report it (a LeaderWorkerSet) is assumed to
    have.
    """
    if "observedGeneration" not in status and not counts.complete:
        return True
    return int(status.get("observedGeneration", 0)) >= int((obj.get("metadata") or {}).get("generation", 0))


def _held_at(state: RolloutState) -> str:
    """Return the progress of a paused rollout; if the pause holds nothing back, what else is missing."""
    if not state.observed or state.updated >= state.desired:
        return state.words
    of_new = "pod is" if state.updated == 1 else "pods are"
    return f"{state.updated} of {state.desired} {of_new} of the new template"


async def follow_rollout(
    plan: Plan,
    execution: ClusterExecution,
    *,
    target: Target | None = None,
    replicas: int | None = None,
    template: bool = False,
) -> Outcome:
    """Wait until the workload has settled, reporting counts, phases of the starting pods, and when they may be ready.

    ``replicas`` is the number we set: another in its spec means that someone has changed it since. ``template``: a new
    one must have reached the pods, so that pausing the rollout meanwhile does not end the wait. Times out after
    ``rules.follow_timeout``; the change itself stays.
    """
    target = target or plan.target
    last: RolloutState | None = None
    overruled: int | None = None

    async def settled() -> bool:
        nonlocal last, overruled
        obj = await execution.reads.get_raw(target.kind, target.namespace, target.name)
        if target.uid and obj["metadata"].get("uid") != target.uid:
            raise NotFoundError(f"{target} was deleted, and another with its name was created")
        last = state_of(obj)
        if replicas is not None and last.desired != replicas:
            overruled = last.desired
            return True
        phases = starting(
            execution.snapshot, target, execution.now(), most=max(0, max(last.desired, last.total) - last.available)
        )
        paused = "its rollout is paused; " if template and last.paused else ""
        text = f"{paused}{last.words}{'; ' + phases.words if phases.words else ''}"
        execution.say(text, last.done, float(last.desired), phases.eta)
        return (last.rolled_out if template else last.settled) or bool(last.failed)

    reached = await execution.until(settled, execution.rules.follow_timeout)
    if overruled is not None:
        return Outcome(
            Result.FAILED,
            f"somebody else has since set {count(overruled, 'replica')}",
            "its autoscaler, its owner, or another person: check its events",
        )
    if last is not None and last.failed:
        return Outcome(Result.FAILED, f"the rollout has failed: {last.failed}", "roll back, or check its pods")
    if not reached:
        words = last.words if last is not None else "its state could not be read"
        if template and last is not None and last.paused:
            words = f"its rollout was paused: {_held_at(last)}"
        limit = execution.rules.follow_timeout
        return Outcome(
            Result.TIMED_OUT, f"after {limit:.0f} s {words}", "the change stays; the cluster continues with it"
        )
    return Outcome(Result.CONVERGED, last.words if last is not None else "")
