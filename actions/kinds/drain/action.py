"""Drain: take pods out of service, wait for their running requests, evict them, see them replaced. One after the
other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from actions.checks.capacity import check_capacity
from actions.checks.disruption_budget import check_budget
from actions.checks.last_replica import check_last
from actions.checks.node import check_nodes
from actions.checks.quota import check_quota
from actions.checks.rollout import check_rollout
from actions.checks.running_requests import check_running, expected
from actions.checks.server import check_server
from actions.checks.spare_gpus import ABOUT as SPARE
from actions.checks.spare_gpus import SpareGpus, spare_gpus
from actions.drain.execute import AS_READ_THEN, DrainPhase, drain, evictions, labelling, phases
from actions.drain.hung_engines import GRACE, hung_words
from actions.drain.inspect import Inspection
from actions.drain.options import AtDeadline, Method
from actions.drain.unit import DrainUnit, from_fact, to_fact
from actions.drain.wait import Terms
from actions.kinds.drain import Drain
from actions.kinds.restore import Restore
from actions.kubeobj import labels_of
from actions.number_words import count, some_names, span
from actions.planning.impact import impacts
from actions.planning.plan import Alternative, Change, Check, Mutation, Plan, Step, Undo, Verdict
from actions.planning.plan_context import ClusterContext, Rules
from actions.request import Request, Target, expect
from actions.running.execution_context import ClusterExecution
from actions.running.progress import Outcome, Result
from fleet.sources.kube.errors import NotFoundError


class DrainAction:
    async def plan(self, request: Request, context: ClusterContext) -> Plan:
        wanted = expect(request, Drain)
        terms = terms_of(wanted, context.rules)
        inspection = Inspection(context)
        pods = [await _read_chosen(target, context) for target in (wanted.target, *wanted.others)]
        spares = [spare_gpus(context.snapshot, pod.get("spec") or {}) for pod in pods]
        # The pod without room determines the message.
        spare = next((one for one in spares if not one.places), spares[0])
        first = wanted.replacement_first
        units: list[DrainUnit] = []
        for pod, room in zip(pods, spares, strict=True):
            asked = (room.places > 0) if first is None else first
            unit = await inspection.unit(pod, method=wanted.method, first=asked)
            if unit.members not in [known.members for known in units]:
                units.append(unit)
        possible = all([(await inspection.unit(pod, first=True)).strategy.release for pod in pods])
        labels = {pod["metadata"].get("uid", ""): labels_of(pod) for pod in pods}
        labels |= await _labels_of_groups(units, labels, context)
        steps = [step for i, unit in enumerate(units) for step in steps_of(unit, terms, context, as_planned=i == 0)]
        leaving = at_once(units)
        first_of_all = all(unit.strategy.release for unit in units)
        impact = impacts(context.snapshot, () if first_of_all else leaving)
        checks = [
            _check_way(units),
            *_check_first(wanted, units, spare, possible=possible),
            *[
                await check_quota(unit.front.namespace, pods[0].get("spec") or {}, 1, context)
                for unit in units[:1]
                if unit.strategy.release
            ],
            *await check_budget(units, labels, context, terms.deadline),
            check_last(context.snapshot, leaving, first=first_of_all),
            check_capacity(
                impacts(context.snapshot, leaving), ready=sum(unit.front.ready for unit in units), first=first_of_all
            ),
            check_running(context.snapshot, units, terms),
            *check_nodes(context.snapshot, [(pod.get("spec") or {}).get("nodeName", "") for pod in pods]),
            _check_owner(units),
            *await _check_rollouts(units, inspection),
            *[await check_server(mutation, context) for mutation in _first_patch(steps)],
        ]
        return Plan(
            request=wanted,
            scope=context.scope,
            title=_title(units),
            made_at=context.now(),
            steps=tuple(steps),
            checks=tuple(checks),
            changes=tuple(_changes(units)),
            impact=tuple(change for one in impact for change in one.changes),
            alternatives=(
                *_evict_now(wanted, hung_words(context.snapshot, units)),
                *_alternatives(wanted, units, spare, possible=possible),
            ),
            undo=undo_of(units),
            facts={"units": [to_fact(unit) for unit in units]},
        )

    async def execute(self, plan: Plan, execution: ClusterExecution) -> Outcome:
        terms = terms_of(expect(plan.request, Drain), execution.rules)
        units = [from_fact(fact) for fact in plan.facts["units"]]
        begun, at, late = execution.now(), 0, ""
        for i, unit in enumerate(units):
            passed = phases(unit)

            def enter(phase: DrainPhase, offset: int = at, passed: tuple[DrainPhase, ...] = passed) -> None:
                execution.step(offset + passed.index(phase))

            outcome, cut = await drain(unit, execution, terms, enter, as_planned=i == 0)
            late += f"; {cut}" if cut else ""
            if outcome is not None:
                done = f"; {some_names([u.name for u in units[:i]])} done before" if i else ""
                return replace(outcome, text=f"{outcome.text}{done}{late}")
            at += len(passed)
        replaced = [unit for unit in units if unit.replaced]
        then = ", and a replacement of each is ready" if replaced else ""
        gone = f"{some_names([u.name for u in units])} gone after {span(execution.now() - begun)}"
        return Outcome(Result.CONVERGED, f"{gone}{then}{late}")


def terms_of(request: Drain, rules: Rules) -> Terms:
    """The deadline of the request, else that of the settings."""
    deadline = rules.drain_deadline if request.deadline is None else request.deadline
    return Terms(deadline, request.at_deadline)


def at_once(units: Sequence[DrainUnit]) -> list[str]:
    """Keys of the pods that are away at the same time: of a workload one, where each is replaced before the next."""
    one_each = {str(unit.workload) if unit.replaced else unit.front.key: unit.front.key for unit in reversed(units)}
    return list(one_each.values())


def steps_of(unit: DrainUnit, terms: Terms, context: ClusterContext, *, as_planned: bool) -> list[Step]:
    """Return the steps for one unit; one for each of its phases."""
    way, version = unit.strategy, unit.version if as_planned else AS_READ_THEN
    steps = []
    for phase in phases(unit):
        match phase:
            case DrainPhase.RELEASE:
                step = Step(
                    f"start a replacement for {unit.name}",
                    f"{_flips(unit, way.release)}: {way.why}; waits until it is ready",
                    (labelling(unit, way.release, version),),
                )
            case DrainPhase.LEAVE:
                expected = AS_READ_THEN if way.release else version
                why = "out of its Services' endpoints" if way.release else way.why
                step = Step(
                    f"take {unit.name} out of service",
                    f"{_flips(unit, way.labels)}: {why}",
                    (labelling(unit, way.labels, expected),),
                )
            case DrainPhase.WAIT:
                step = _waiting(unit, terms, context)
            case DrainPhase.EVICT:
                uids = ", ".join(f"{member.uid[:8]}…" for member in unit.members)
                requests = evictions(unit, terms)
                grace = max(request.body["deleteOptions"]["gracePeriodSeconds"] for request in requests)
                orphan = "; an orphan that nothing else would end" if way.orphaned else ""
                step = Step(f"evict {unit.name}", f"uid {uids}, grace {grace} s{orphan}", requests)
            case DrainPhase.REPLACE:
                step = Step("wait until it is replaced", _ready_again(unit))
        steps.append(step)
    return steps


def _ready_again(unit: DrainUnit) -> str:
    others = unit.ready - 1
    beside = f", beside the {others} that are ready now" if others > 1 else ", beside the one that is" if others else ""
    return f"{unit.starter} has another that is ready{beside}"


def undo_of(units: Sequence[DrainUnit]) -> Undo:
    """Return the undo: restore the labels until eviction; after that its workload starts another pod."""
    replaced = [unit.starter for unit in units if unit.replaced]
    replaces = "replaces it" if len(units) == 1 else "replaces them" if len(set(replaced)) == 1 else "replace them"
    after = f"{some_names(sorted(set(replaced)))} {replaces} automatically" if replaced else "nothing restores it"
    flipped = [unit for unit in units if unit.strategy.changed]
    if not flipped:
        return Undo(f"none: {after}")
    before = flipped[0].strategy.before
    text = f"restore the labels until it is evicted; after that {after}"
    if any(unit.strategy.before != before for unit in flipped):
        return Undo(f"{text} (one pod at a time: their labels differ)")
    first, *others = [target_of(unit) for unit in flipped]
    return Undo(text, Restore(first, dict(before), tuple(others)))


def target_of(unit: DrainUnit) -> Target:
    """Return the pod whose labels are changed."""
    return Target("Pod", unit.front.namespace, unit.front.name, unit.front.uid)


async def _read_chosen(target: Target, context: ClusterContext) -> dict[str, Any]:
    """Return the pod, which must be the chosen one. Raises NotFoundError."""
    pod = await context.reads.get_raw("Pod", target.namespace, target.name)
    if target.uid and pod["metadata"].get("uid") != target.uid:
        raise NotFoundError(
            f"{target} is not the one that was chosen: it was deleted, and another with its name was created",
            remedy="Choose it again.",
        )
    return pod


async def _labels_of_groups(
    units: Sequence[DrainUnit], known: dict[str, dict[str, str]], context: ClusterContext
) -> dict[str, dict[str, str]]:
    """The labels of the members that were not chosen themselves, by uid."""
    found = {}
    for member in (member for unit in units for member in unit.members if member.uid not in known):
        found[member.uid] = labels_of(await context.reads.get_raw("Pod", member.namespace, member.name))
    return found


def _waiting(unit: DrainUnit, terms: Terms, context: ClusterContext) -> Step:
    requests, eta = expected(context.snapshot, unit)
    what = "its requests" if requests is None else count(requests, "request")
    about = f"about {span(eta)} at the current rate, " if eta else ""
    then = "it is evicted anyway" if terms.at_deadline is AtDeadline.EVICT else "the drain stops"
    return Step(f"wait for {what} of {unit.name}", f"{about}at most {span(terms.deadline)}, then {then}")


def _check_way(units: Sequence[DrainUnit]) -> Check:
    words = {f"{unit.strategy.method}: {unit.strategy.why}" for unit in units}
    kept = [f"{', '.join(unit.strategy.kept)} still selects {unit.name}" for unit in units if unit.strategy.kept]
    if kept:
        return Check(
            "method", Verdict.WARN, f"{'; '.join(sorted(words))}; {some_names(kept)}: requests will continue to arrive"
        )
    unseen = sorted({kind for unit in units if unit.watched for kind in unit.strategy.unseen}, reverse=True)
    if unseen:
        text = f"{'; '.join(sorted(words))}; you may not list {' and '.join(unseen)}: requests may continue to arrive"
        return Check("method", Verdict.WARN, text, "check whether something else still sends it requests")
    return Check("method", Verdict.PASS, "; ".join(sorted(words)))


def _check_first(wanted: Drain, units: Sequence[DrainUnit], spare: SpareGpus, *, possible: bool) -> list[Check]:
    """Check whether a replacement comes first, and whether there is a GPU for it."""
    if not spare.needed and not spare.unknown and wanted.replacement_first is None:
        return []
    first = [unit for unit in units if unit.strategy.release]
    if spare.unknown:
        return [Check(SPARE, Verdict.WARN, f"{spare.words}; a replacement may have to wait")]
    if wanted.replacement_first and len(first) < len(units):
        unit = next(unit for unit in units if not unit.strategy.release)
        kind = unit.controller.kind if unit.controller else "nothing"
        text = f"no replacement can start before {unit.name} goes: {kind} controls it, or the method does not allow it"
        return [Check(SPARE, Verdict.BLOCK, text, "drain it without a replacement first")]
    if spare.unknown:
        return [Check(SPARE, Verdict.WARN, f"{spare.words}; a replacement may have to wait")]
    if first and not spare.places and spare.needed:
        text = f"no room for a replacement ({spare.words}): it would wait, and the pod continues to serve until then"
        return [Check(SPARE, Verdict.WARN, text)]
    if first:
        return [Check(SPARE, Verdict.PASS, f"{spare.words}: a replacement starts first")]
    if not any(unit.replaced for unit in units):
        return [Check(SPARE, Verdict.PASS, "no replacement starts, so none needs a place")]
    if not possible:
        where = f": {spare.words}" if spare.places else ", and takes its place"
        starts = (
            "its replacement starts once it has ended"
            if len(units) == 1
            else "each replacement starts once its pod has ended"
        )
        return [Check(SPARE, Verdict.PASS, f"{starts}{where}")]
    if spare.places:
        return [Check(SPARE, Verdict.PASS, f"{spare.words}: a replacement could start first")]
    return [Check(SPARE, Verdict.PASS, f"no replacement first: {spare.words}")]


def _check_owner(units: Sequence[DrainUnit]) -> Check:
    bare = [unit.name for unit in units if unit.workload is None]
    if bare:
        text = f"nothing controls {some_names(bare)}: nothing starts another"
        return Check("owner", Verdict.WARN, text)
    owners = sorted({unit.starter for unit in units})
    return Check("owner", Verdict.PASS, f"{some_names(owners)} starts another; nothing reverts a drain")


async def _check_rollouts(units: Sequence[DrainUnit], inspection: Inspection) -> list[Check]:
    checks = []
    for keeper in {unit.keeper for unit in units if unit.replaced and unit.keeper}:
        raw = await inspection.object(keeper.kind, keeper.namespace, keeper.name)
        if raw is not None:
            checks.append(check_rollout(raw))
    return checks


def _first_patch(steps: Sequence[Step]) -> list[Mutation]:
    """The first request, where it is a label's: the evictions have had their dry runs."""
    first = [mutation for step in steps for mutation in step.mutations][:1]
    return [mutation for mutation in first if mutation.method == "PATCH"]


def _changes(units: Sequence[DrainUnit]) -> list[Change]:
    return [
        Change(f"label {key} of {unit.name}", unit.strategy.before[key], value)
        for unit in units
        for key, value in unit.strategy.changed.items()
    ] + [Change(unit.name, "", "evicted") for unit in units]


def _flips(unit: DrainUnit, labels: dict[str, str]) -> str:
    return ", ".join(f"label {key}={unit.strategy.before[key]} → {value}" for key, value in labels.items())


def _title(units: Sequence[DrainUnit]) -> str:
    if len(units) == 1:
        return f"Drain {units[0].name}"
    return f"Drain {count(len(units), 'pod')}: {some_names([unit.name for unit in units])}"


def _evict_now(wanted: Drain, hung: str) -> tuple[Alternative, ...]:
    """Offer to evict without waiting, if the running requests will not end."""
    if not hung or wanted.method is Method.EVICT:
        return ()
    now = replace(wanted, method=Method.EVICT, deadline=GRACE, replacement_first=None)
    return (Alternative(f"evict now: {hung}", now, "its requests will not finish: waiting saves none"),)


def _alternatives(
    wanted: Drain, units: Sequence[DrainUnit], spare: SpareGpus, *, possible: bool
) -> tuple[Alternative, ...]:
    found = []
    if any(unit.strategy.release for unit in units):
        found.append(
            Alternative(
                "out of service immediately",
                replace(wanted, replacement_first=False),
                "do not wait for a replacement: for a pod that causes harm",
            )
        )
    elif spare.places and possible:
        found.append(
            Alternative(
                "a replacement first",
                replace(wanted, replacement_first=True, method=Method.AUTO),
                f"{spare.words}; the pod serves until it is ready",
            )
        )
    if wanted.at_deadline is AtDeadline.EVICT and any(unit.watched for unit in units):
        found.append(
            Alternative(
                "stop at the deadline",
                replace(wanted, at_deadline=AtDeadline.STOP),
                "nothing is aborted: the pod stays out of service with its running requests",
            )
        )
    return tuple(found)
