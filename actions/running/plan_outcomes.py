"""Several plans in turn: the check that the next one is still as confirmed, and the result of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from actions.event_note import is_note
from actions.number_words import some_names
from actions.planning.joined import named, undo_of
from actions.planning.plan import Plan, Undo
from actions.running.executor import Executor
from actions.running.progress import FailureCause, Outcome, Result
from fleet.sources.kube.errors import ConflictError, KubeError

_ALL: Final = 6
"""Number of objects whose results are reported one by one."""


class NotAsConfirmedError(ConflictError):
    """An object, or the planned change to it, is no longer as confirmed."""


class ForbiddenByNowError(KubeError):
    """A check forbids a plan that it did not forbid when it was confirmed."""


async def as_confirmed(plan: Plan, executor: Executor) -> Plan:
    """Plan it again, now that those before it have arrived, and return that.

    Raises NotAsConfirmedError where its object was changed since, or where more would be written to than was confirmed,
    ForbiddenByNowError where a check forbids it by now, and what planning raises.
    """
    if not plan.fingerprint:
        return plan
    newer = await executor.plan(plan.request)
    if newer.blocks:
        raise ForbiddenByNowError(f"it is now forbidden: {newer.blocks[0].text}", remedy=newer.blocks[0].fix)
    if newer.fingerprint != plan.fingerprint:
        raise NotAsConfirmedError(f"{plan.target} was changed since it was planned")
    if more := _written_to(newer) - _written_to(plan):
        raise NotAsConfirmedError(f"it would now also write to {some_names(sorted(more))}, which was not confirmed")
    return newer if len(newer.steps) == len(plan.steps) else plan


def _written_to(plan: Plan) -> set[str]:
    return {mutation.path for mutation in plan.mutations if not is_note(mutation.path)}


class PlanOutcomes:
    """Outcomes of several plans so far, and of all of them."""

    def __init__(self, plans: Sequence[Plan]) -> None:
        self._plans = plans
        alike = len({plan.kind for plan in plans}) == 1
        self._names = [name if alike else plan.title for name, plan in named(plans)]
        self._outcomes: list[Outcome] = []
        self._begun: list[Plan] = []

    def add(self, outcome: Outcome, *, begun: bool) -> None:
        """Take the outcome of the next one; ``begun``: something was sent for it."""
        if begun:
            self._begun.append(self._plans[len(self._outcomes)])
        self._outcomes.append(outcome)

    @property
    def several(self) -> bool:
        """True if there is more than one."""
        return len(self._plans) > 1

    @property
    def upcoming(self) -> Plan | None:
        """The plan that comes next; None where all have had their turn, or one did not arrive."""
        at = len(self._outcomes)
        goes_on = not at or self._outcomes[-1].ok
        return self._plans[at] if goes_on and at < len(self._plans) else None

    @property
    def first_step(self) -> int:
        """The place of its first step among those of all."""
        return sum(len(plan.steps) for plan in self._plans[: len(self._outcomes)])

    @property
    def all_done(self) -> bool:
        """True if each has arrived."""
        return len(self._outcomes) == len(self._plans) and self._outcomes[-1].ok

    @property
    def undo(self) -> Undo:
        """The undo of everything that was begun."""
        return undo_of(self._begun) if self._begun else Undo("")

    @property
    def outcome(self) -> Outcome:
        """The outcome of all: that of the first failure, with the parts done before it and the parts not begun."""
        *before, last = self._outcomes
        if not self.several:
            return last
        if last.ok:
            ends = [f"{name}: {outcome.text}" for name, outcome in zip(self._names, self._outcomes, strict=True)]
            remedy = next((outcome.remedy for outcome in self._outcomes if outcome.remedy), "")
            shown = (
                ends if len(ends) <= _ALL else [*ends[: _ALL - 1], f"and {len(ends) - _ALL + 1} more, all as planned"]
            )
            return Outcome(Result.CONVERGED, "\n".join(shown), remedy)
        at = len(before)
        parts = (
            f"{self._names[at]}: {last.text}",
            f"done so far: {', '.join(self._names[:at]) or 'nothing'}",
            f"not started: {', '.join(self._names[at + 1 :]) or 'nothing'}",
        )
        # To a program it means that nothing was done at all.
        cause = last.cause if not self._begun else FailureCause.OTHER
        return replace(last, text="\n".join(parts), cause=cause)
