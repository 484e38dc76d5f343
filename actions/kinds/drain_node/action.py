"""Drain a node: cordon it, then drain every pod that kubectl drain would, engines as engines are drained."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from actions.checks.capacity import check_capacity
from actions.checks.disruption_budget import check_budget
from actions.checks.last_replica import check_last
from actions.checks.node import check_nodes
from actions.checks.running_requests import check_running
from actions.checks.server import check_server
from actions.checks.spare_gpus import ABOUT as SPARE
from actions.checks.spare_gpus import spare_gpus
from actions.drain.eviction import wait_until_gone
from actions.drain.execute import AS_READ_THEN, evictions, labelling
from actions.drain.inspect import Inspection
from actions.drain.parallel import ParallelDrains
from actions.drain.unit import DrainUnit, Member, from_fact, member_of, to_fact
from actions.drain.victims import Fate, Victim, judge
from actions.drain.wait import Terms
from actions.kinds.cordon import Uncordon
from actions.kinds.cordon.action import CordonProgress, cordoning, is_cordoned, overruled, wait_for_taint
from actions.kinds.drain_node import DrainNode
from actions.kubeobj import controller_of, labels_of
from actions.number_words import count, some_names, span
from actions.planning.impact import impacts
from actions.planning.joined import JointFindings
from actions.planning.plan import Alternative, Change, Check, Plan, Step, Undo, Verdict
from actions.planning.plan_context import ClusterContext
from actions.request import Request, Target, expect
from actions.running.execution_context import ClusterExecution
from actions.running.progress import Outcome, Result
from fleet.kinds.registry import kind_of
from fleet.model.counting import every, share

_CORDON, _DRAIN = range(2)
"""The plan's steps."""


class DrainNodeAction:
    async def plan(self, request: Request, context: ClusterContext) -> Plan:
        wanted = expect(request, DrainNode)
        terms = _terms(wanted, context.rules.drain_deadline)
        name = wanted.target.name
        node = await context.reads.get_raw("Node", "", name)
        inspection = Inspection(context)
        victims = await _victims(name, wanted, context, inspection)
        leaving = [victim.pod for victim in victims if victim.fate is Fate.EVICT]
        units = await _units(leaving, inspection)
        labels = {pod["metadata"].get("uid", ""): labels_of(pod) for pod in leaving}
        labels |= {unit.front.uid: labels.get(unit.front.uid) or await _labels(unit.front, context) for unit in units}
        mutation = cordoning(node, closing=True)
        ending = [member_of(victim.pod) for victim in victims if victim.fate is Fate.END]
        engines = [unit.front.key for unit in units if unit.engine]
        impact = impacts(context.snapshot, engines)
        placed = _find_places(leaving, frozenset({name}), context)
        return Plan(
            request=wanted,
            scope=context.scope,
            title=f"Drain node {name}: {count(len(leaving), 'pod')}",
            made_at=context.now(),
            steps=(
                Step(f"cordon {name}", "it is cordoned already" if is_cordoned(node) else "", (mutation,)),
                Step(
                    f"drain {count(len(leaving), 'pod')}",
                    "; ".join(_line(unit, terms) for unit in units),
                    tuple(request for unit in units for request in _requests(unit, terms)),
                ),
            ),
            checks=(
                *check_nodes(context.snapshot, [name]),
                *_check_victims(victims),
                *await check_budget(units, labels, context, terms.deadline, placed.homeless),
                check_last(context.snapshot, engines),
                check_capacity(impact, ready=sum(unit.front.ready for unit in units)),
                check_running(context.snapshot, units, terms),
                _check_spare(placed),
                await check_server(mutation, context),
            ),
            changes=(
                Change("scheduling", "no new pods" if is_cordoned(node) else "takes pods", "no new pods"),
                Change("pods to drain", str(len(leaving)), "0"),
            ),
            impact=tuple(change for one in impact for change in one.changes),
            alternatives=_alternatives(wanted, victims),
            undo=Undo(
                "uncordon it; replaced pods stay where their workloads have started them",
                Uncordon(Target("Node", "", name, node["metadata"].get("uid", ""))),
            ),
            facts={
                "units": [to_fact(unit) for unit in units],
                "ending": [[m.namespace, m.name, m.uid, m.grace] for m in ending],
                "labels": labels,
                "leaving": [{"metadata": {"name": pod["metadata"]["name"]}, "spec": pod["spec"]} for pod in leaving],
            },
        )

    async def check_all(self, plans: Sequence[Plan], context: ClusterContext) -> JointFindings:
        """The pods of all nodes against the budgets, the replicas that remain and the room on the other nodes."""
        units = [from_fact(fact) for plan in plans for fact in plan.facts["units"]]
        labels = {uid: found for plan in plans for uid, found in plan.facts["labels"].items()}
        leaving = [pod for plan in plans for pod in plan.facts["leaving"]]
        engines = [unit.front.key for unit in units if unit.engine]
        placed = _find_places(leaving, frozenset(plan.target.name for plan in plans), context)
        patience = _terms(expect(plans[0].request, DrainNode), context.rules.drain_deadline).deadline
        losses = impacts(context.snapshot, engines)
        checks = (
            *await check_budget(units, labels, context, patience, placed.homeless),
            check_last(context.snapshot, engines),
            check_capacity(losses, ready=sum(unit.front.ready for unit in units)),
            _check_spare(placed),
        )
        return JointFindings(checks, tuple(change for loss in losses for change in loss.changes))

    async def execute(self, plan: Plan, execution: ClusterExecution) -> Outcome:
        wanted = expect(plan.request, DrainNode)
        terms = _terms(wanted, execution.rules.drain_deadline)
        units = [from_fact(fact) for fact in plan.facts["units"]]
        execution.step(_CORDON)
        await execution.send(plan.steps[_CORDON].mutations[0])
        reached = await wait_for_taint(plan.target, execution, closing=True)
        if reached is CordonProgress.OVERRULED:
            # Evicted pods could be scheduled on it again.
            found = overruled(plan.target, closing=True)
            return replace(found, text=f"{found.text}; nothing was taken out of service")
        if reached is CordonProgress.NOT_SEEN:
            execution.say("cordoned; the taint is not there yet")
        execution.step(_DRAIN)
        begun = execution.now()
        drains = ParallelDrains(execution, terms, sum(len(unit.members) for unit in units))
        by_workload: dict[str, list[DrainUnit]] = defaultdict(list)
        for unit in units:
            by_workload[str(unit.workload or unit.front.key)].append(unit)
        await asyncio.gather(*(drains.drain(queue) for queue in by_workload.values()))
        done = f"{share(drains.gone, drains.total, 'pod')} gone; {plan.target.name} stays cordoned"
        done += "".join(f"; {cut}" for cut in drains.cut)
        if drains.errors:
            execution.say(done, drains.gone, drains.total)
            raise drains.errors[0]
        if drains.failures:
            return replace(drains.failures[0], text=f"{drains.failures[0].text}; {done}")
        for namespace, name, uid, grace in plan.facts["ending"]:
            if not await wait_until_gone(Member(namespace, name, uid, grace), execution, grace):
                return Outcome(Result.TIMED_OUT, f"{name} was ending before and has not ended; {done}")
        return Outcome(
            Result.CONVERGED, f"{done}; after {span(execution.now() - begun)}", "uncordon it when it is healthy"
        )


class _Placed(NamedTuple):
    """The places for the pods that hold devices."""

    holders: Mapping[str, int]
    """Number of pods by the devices that they hold."""
    homeless: list[str]
    """Names of pods that cannot be scheduled elsewhere."""
    unknown: str
    """The reason why that is not known of some; empty where it is of all."""


async def _victims(name: str, wanted: DrainNode, context: ClusterContext, inspection: Inspection) -> list[Victim]:
    """Every pod of the node with its fate, as the server has them now."""
    victims = []
    for pod in await context.reads.list_raw("Pod", "", fields=f"spec.nodeName={name}"):
        owner = controller_of(pod)
        there = False
        if owner is not None and kind_of(owner[0]).per_node:
            there = await inspection.object(owner[0], pod["metadata"].get("namespace", ""), owner[1]) is not None
        victims.append(judge(pod, owned=there, delete_empty_dir=wanted.delete_empty_dir, force=wanted.force))
    return victims


async def _units(pods: Sequence[Mapping[str, Any]], inspection: Inspection) -> list[DrainUnit]:
    """Return the units to drain. Of a group only pods on this node are evicted: its controller restarts the rest."""
    here = {str(pod["metadata"].get("uid", "")) for pod in pods}
    units: dict[str, DrainUnit] = {}
    for pod in pods:
        unit = await inspection.unit(pod)
        if f"{unit.front.namespace}/{unit.name}" not in units:
            members = tuple(member for member in unit.members if member.uid in here)
            units[f"{unit.front.namespace}/{unit.name}"] = replace(unit, members=members)
    return list(units.values())


async def _labels(member: Member, context: ClusterContext) -> dict[str, str]:
    return labels_of(await context.reads.get_raw("Pod", member.namespace, member.name))


def _terms(wanted: DrainNode, default: float) -> Terms:
    return Terms(default if wanted.deadline is None else wanted.deadline, wanted.at_deadline)


def _line(unit: DrainUnit, terms: Terms) -> str:
    if unit.strategy.waits:
        return f"{unit.name} ({unit.strategy.method}, after at most {span(terms.deadline)})"
    return f"{unit.name} ({unit.strategy.method})"


def _requests(unit: DrainUnit, terms: Terms) -> tuple[Any, ...]:
    flips = (labelling(unit, unit.strategy.labels, AS_READ_THEN),) if unit.strategy.labels else ()
    return (*flips, *evictions(unit, terms))


def _check_victims(victims: Sequence[Victim]) -> list[Check]:
    refused = [victim for victim in victims if victim.fate is Fate.REFUSE]
    skipped = [victim for victim in victims if victim.fate is Fate.SKIP]
    checks = []
    empty = [victim for victim in refused if victim.option == "delete_empty_dir"]
    bare = [victim for victim in refused if victim.option == "force"]
    if empty:
        have = count(len(empty), "pod has", "pods have")
        text = (
            f"{have} an emptyDir ({some_names([v.name for v in empty])}); LLM pods nearly always do, "
            "for /dev/shm. Its data is deleted with the pod"
        )
        checks.append(Check("emptyDir", Verdict.BLOCK, text, "allow it: delete emptyDir data"))
    if bare:
        text = f"nothing would restart {some_names([v.name for v in bare])} again: {bare[0].why}"
        checks.append(Check("unmanaged", Verdict.BLOCK, text, "allow it: force"))
    if skipped:
        text = (
            f"{count(len(skipped), 'pod stays', 'pods stay')}: {some_names([f'{v.name} ({v.why})' for v in skipped])}"
        )
        checks.append(Check("left alone", Verdict.PASS, text))
    if not refused and all(victim.fate is Fate.SKIP for victim in victims):
        checks.append(Check("pods", Verdict.PASS, "there is no pod to drain: it is only cordoned"))
    return checks


def _find_places(pods: Sequence[Mapping[str, Any]], nodes: frozenset[str], context: ClusterContext) -> _Placed:
    """Return which of the pods of these nodes find a place elsewhere, each after the ones before."""
    homeless: list[str] = []
    taken: Counter[tuple[str, str]] = Counter()
    holders: Counter[str] = Counter()
    unknown = ""
    for pod in pods:
        spare = spare_gpus(context.snapshot, pod.get("spec") or {}, without=nodes)
        if spare.unknown:
            unknown = spare.unknown
        if not spare.needed or spare.unknown:
            continue
        holders[spare.kind] += 1
        kind = spare.resource
        place = next((name for name, free in spare.free.items() if free - taken[name, kind] >= spare.needed), None)
        if place is None:
            homeless.append(str(pod["metadata"]["name"]))
        else:
            taken[place, kind] += spare.needed
    return _Placed(holders, homeless, unknown)


def _check_spare(placed: _Placed) -> Check:
    holders = sum(placed.holders.values())
    kinds = " or ".join(placed.holders) or "GPUs"
    if placed.homeless:
        text = (
            f"no {kinds.removesuffix('s') if kinds == 'GPUs' else kinds} is free elsewhere for "
            f"{len(placed.homeless)} of {count(holders, 'pod')} ({some_names(placed.homeless)}): "
            "their replacements wait until the node is back"
        )
        return Check(SPARE, Verdict.WARN, text)
    if placed.unknown:
        return Check(SPARE, Verdict.WARN, f"whether there is room elsewhere is not known: {placed.unknown}")
    if not holders:
        return Check(SPARE, Verdict.PASS, "no pod there holds a GPU or another device")
    return Check(SPARE, Verdict.PASS, f"there is room elsewhere for {every(holders, 'pod')} with {kinds}")


def _alternatives(wanted: DrainNode, victims: Sequence[Victim]) -> tuple[Alternative, ...]:
    options = {victim.option for victim in victims if victim.fate is Fate.REFUSE}
    if not options:
        return ()
    allowed = replace(
        wanted,
        delete_empty_dir=wanted.delete_empty_dir or "delete_empty_dir" in options,
        force=wanted.force or "force" in options,
    )
    words = {"delete_empty_dir": "emptyDir data may be deleted", "force": "also pods that nothing restarts"}
    return (Alternative("drain them too", allowed, ", ".join(words[option] for option in sorted(options))),)
