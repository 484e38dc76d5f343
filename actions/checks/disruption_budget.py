"""Do the PodDisruptionBudgets allow the evictions? Checked with the server pod by pod, and computed for all together.

A dry run takes nothing from a budget: pods that may each be evicted may not all be. For pods that are not ready only
the server decides (``unhealthyPodEvictionPolicy``): they take nothing from a budget.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import field
from typing import Any

from actions.drain.eviction import budget_words, eviction, has_two_budgets
from actions.drain.unit import DrainUnit, Member
from actions.kubeobj import permitted, selects
from actions.number_words import count, some_names, span
from actions.planning.plan import Check, Verdict
from actions.planning.plan_context import ClusterContext
from fleet.dataclass import dataclass
from fleet.sources.kube.errors import ConflictError, ForbiddenError, KubeError, NotFoundError, ThrottledError

ABOUT = "budget"


@dataclass(frozen=True, slots=True)
class DisruptionBudget:
    """One PodDisruptionBudget, as its status was last computed."""

    namespace: str
    name: str
    selector: Mapping[str, Any] | None = field(repr=False)
    allowed: int
    healthy: int
    needed: int
    expected: int
    policy: str = ""
    """``unhealthyPodEvictionPolicy`` as it is written; empty means IfHealthyBudget."""

    @property
    def never(self) -> bool:
        """True if it needs every pod that it has: with this budget no eviction is ever allowed."""
        return 0 < self.expected <= self.needed

    @property
    def words(self) -> str:
        """The disruptions that it allows, and the counts behind that."""
        of = f"{self.healthy} of {self.expected} healthy, needs {self.needed}"
        return f"PDB {self.name} allows {count(self.allowed, 'disruption') if self.allowed else 'none'} ({of})"


@dataclass(slots=True)
class _Verdicts:
    """The answers of the dry runs."""

    refused: dict[str, str] = field(default_factory=dict)
    """Name of a pod → what its budget says."""
    impossible: list[str] = field(default_factory=list)
    """Pods that the server will never evict, with the reason."""
    changed: list[str] = field(default_factory=list)
    unknown: str = ""


async def check_budget(
    units: Sequence[DrainUnit],
    labels: Mapping[str, Mapping[str, str]],
    context: ClusterContext,
    patience: float,
    homeless: Collection[str] = (),
) -> tuple[Check, ...]:
    """Check the budgets of all units. ``labels`` of every member by uid; ``patience``: seconds for which a refused
    eviction is retried.

    ``homeless``: names of pods whose replacements cannot be scheduled, so that no budget recovers from their eviction.
    """
    members = [member for unit in units for member in unit.members]
    verdicts = await _dry_runs(members, context)
    asked = [await _budgets(place, context) for place in sorted({m.namespace for m in members})]
    budgets = [budget for some in asked if some is not None for budget in some]
    over: dict[int, list[DrainUnit]] = defaultdict(list)
    for i, budget in enumerate(budgets):
        for unit in units:
            if any(m.namespace == budget.namespace and selects(budget.selector, labels[m.uid]) for m in unit.members):
                over[i].append(unit)
    found = [*_impossible(verdicts)]
    for i, held in over.items():
        found.append(_judge(budgets[i], held, verdicts, labels, patience, homeless))
    known = {member.name for held in over.values() for unit in held for member in unit.members}
    for name, words in verdicts.refused.items():
        if name not in known:
            # Budgets apply even if they may not be read.
            found.append(Check(ABOUT, Verdict.WARN, f"{name}: {words}; the eviction waits, at most {span(patience)}"))
    if verdicts.unknown:
        found.append(Check(ABOUT, Verdict.WARN, f"no dry run of the eviction: {verdicts.unknown}"))
    elif None in asked and not found:
        found.append(_unseen(len(members)))
    elif not over and not found:
        found.append(Check(ABOUT, Verdict.PASS, "no PodDisruptionBudget selects it"))
    return tuple(found)


def _unseen(members: int) -> Check:
    """Return the check if budgets may not be read. For one pod the server's dry run decides; several may not all be
    evicted.
    """
    if members == 1:
        text = "the server would let it go; budgets may not be listed"
        return Check(ABOUT, Verdict.PASS, text)
    text = "the server would let each go by itself; whether all may is not known: you may not list budgets"
    return Check(ABOUT, Verdict.WARN, text)


def _judge(
    budget: DisruptionBudget,
    units: Sequence[DrainUnit],
    verdicts: _Verdicts,
    labels: Mapping[str, Mapping[str, str]],
    patience: float,
    homeless: Collection[str],
) -> Check:
    if not verdicts.unknown:
        free = [unit for unit in units if all(_costs_nothing(member, verdicts) for member in unit.members)]
        units = [unit for unit in units if unit not in free]
        if not units:
            return Check(ABOUT, Verdict.PASS, f"{budget.words}; {_let_go(free, budget)}")
    refused = [m.name for unit in units for m in unit.members if m.name in verdicts.refused]
    unready = [m for unit in units for m in unit.members if not m.ready]
    always = "or let it evict pods that are not ready: unhealthyPodEvictionPolicy AlwaysAllow" if unready else ""
    refusals = f"; it refuses {some_names(refused)}" if refused and len(units) > 1 else ""
    if all(unit.strategy.release for unit in units):
        text = f"{budget.words}{refusals}; each pod goes only once its replacement is ready"
        return Check(ABOUT, Verdict.PASS, text)
    leaving = [
        unit for unit in units if not selects(budget.selector, {**labels[unit.front.uid], **unit.strategy.changed})
    ]
    if leaving and budget.allowed < len(leaving):
        return Check(
            ABOUT,
            Verdict.WARN,
            f"{budget.words}{refusals}; the new label takes {some_names([u.name for u in leaving])} out of its sight, "
            "so it would not hold the eviction",
            "start a replacement first",
        )
    if budget.never:
        return Check(
            ABOUT,
            Verdict.BLOCK,
            f"{budget.words}: it needs all that it has, so the eviction would wait in vain",
            always.removeprefix("or ") if len(unready) == len(units) else _or_else("scale up by one first", always),
        )
    if refused or budget.allowed == 0:
        waits = f"the eviction waits until it allows one, at most {span(patience)}"
        return Check(ABOUT, Verdict.WARN, f"{budget.words}{refusals}: {waits}", always.removeprefix("or "))
    if len(units) > budget.allowed:
        text = f"{budget.words} and {len(units)} are to go"
        stuck = [member.name for unit in units for member in unit.members if member.name in homeless]
        if len(stuck) > budget.allowed:
            why = f"no place elsewhere for {some_names(stuck)}, so after {budget.allowed} the others would wait forever"
            return Check(ABOUT, Verdict.WARN, f"{text}: {why}, {span(patience)} each", "make room on other nodes first")
        return Check(ABOUT, Verdict.WARN, f"{text}: the others wait until replacements are ready")
    return Check(ABOUT, Verdict.PASS, budget.words)


def _costs_nothing(member: Member, verdicts: _Verdicts) -> bool:
    """A pod that is not ready, and that the server would evict."""
    return not member.ready and member.name not in verdicts.refused


def _let_go(units: Sequence[DrainUnit], budget: DisruptionBudget) -> str:
    names = some_names([unit.name for unit in units])
    because = f" ({budget.policy})" if budget.policy else ""
    words = (
        "is not ready, and the server lets it go" if len(units) == 1 else "are not ready, and the server lets them go"
    )
    return f"{names} {words}{because}"


def _or_else(first: str, second: str) -> str:
    return f"{first}, {second or 'or let the budget allow one'}"


def _impossible(verdicts: _Verdicts) -> list[Check]:
    checks = [Check(ABOUT, Verdict.BLOCK, why, "leave one budget that selects it") for why in verdicts.impossible]
    if verdicts.changed:
        text = f"{some_names(verdicts.changed)} changed while this was planned"
        checks.append(Check(ABOUT, Verdict.BLOCK, text, "plan it again"))
    return checks


async def _dry_runs(members: Sequence[Member], context: ClusterContext) -> _Verdicts:
    verdicts = _Verdicts()
    for member in members:
        try:
            await context.dry_run(eviction(member, dry=True))
        except NotFoundError:
            continue
        except ConflictError:
            verdicts.changed.append(member.name)
        except ThrottledError as error:
            words = budget_words(error)
            if words:
                verdicts.refused[member.name] = words
            else:
                verdicts.unknown = error.message
        except ForbiddenError as error:
            # The permission check reports it as well; once is enough.
            verdicts.unknown = error.message
            break
        except KubeError as error:
            if has_two_budgets(error):
                verdicts.impossible.append(f"{member.name}: {error.message}")
            else:
                verdicts.unknown = error.message
    return verdicts


async def _budgets(namespace: str, context: ClusterContext) -> list[DisruptionBudget] | None:
    """Return the budgets; None if they may not be read."""
    found = []
    rows = await permitted("PodDisruptionBudget", namespace, context.reads)
    if rows is None:
        return None
    for raw in rows:
        status = raw.get("status") or {}
        found.append(
            DisruptionBudget(
                namespace,
                raw["metadata"]["name"],
                (raw.get("spec") or {}).get("selector"),
                int(status.get("disruptionsAllowed", 0)),
                int(status.get("currentHealthy", 0)),
                int(status.get("desiredHealthy", 0)),
                int(status.get("expectedPods", 0)),
                str((raw.get("spec") or {}).get("unhealthyPodEvictionPolicy") or ""),
            )
        )
    return found
