"""Acknowledging an incident. What its record says of the incident is what other consoles know it by."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from actions.audit.acknowledged import ABOUT
from actions.kinds.ack import Acknowledge
from actions.planning.plan import Change, Check, Plan, Step, Undo, Verdict
from actions.planning.plan_context import ClusterContext
from actions.request import Request, expect
from actions.running.execution_context import ClusterExecution
from actions.running.progress import Outcome, Result
from fleet.model.finding import Acknowledged, Incident
from fleet.sources.kube.errors import NotFoundError

_NAMED: Final = 50
"""Objects of an incident that are recorded: one in common is enough to know it by."""


class AckAction:
    """Has nothing to do: that it was confirmed is in the audit log before it begins."""

    async def plan(self, request: Request, context: ClusterContext) -> Plan:
        asked, snapshot = expect(request, Acknowledge), context.snapshot.everything
        incident = next((one for one in snapshot.incidents if one.key == asked.target.uid), None)
        if incident is None:
            raise NotFoundError(
                f"the incident {asked.target.name} has ended", remedy="There is nothing to acknowledge."
            )
        before, me = incident.acknowledged, context.scope.user or "you"
        if asked.off and before is None:
            raise NotFoundError(f"nobody has acknowledged {asked.target.name}", remedy="There is nothing to withdraw.")
        words = "Take back the acknowledgement of" if asked.off else "Acknowledge"
        after = "nobody" if asked.off else me
        checks = []
        if before is not None:
            checks.append(Check("acknowledged", Verdict.PASS, f"{_before_text(before)}; that no longer counts then"))
        return Plan(
            request=replace(asked, target=replace(asked.target, uid=incident.key)),
            scope=context.scope,
            title=f"{words} {asked.target.name}: {incident.root.words}",
            made_at=context.now(),
            steps=(Step("write it to the audit log", "nothing is sent to the cluster"),),
            checks=tuple(checks),
            changes=(Change("acknowledged by", before.by if before is not None else "nobody", after),),
            undo=Undo("acknowledge it again" if asked.off else "withdraw it: ack --off"),
            recorded={ABOUT: _identity(incident, snapshot.cluster.uid)},
        )

    async def execute(self, plan: Plan, execution: ClusterExecution) -> Outcome:
        execution.step(0)
        off = expect(plan.request, Acknowledge).off
        return Outcome(Result.CONVERGED, "taken back" if off else "everybody who may read this audit log sees it")


def _before_text(before: Acknowledged) -> str:
    return f"{before.by} has: {before.note}" if before.note else f"{before.by} has"


def _identity(incident: Incident, cluster_uid: str) -> dict[str, object]:
    """Return the marks by which other consoles know an incident, and how bad it was."""
    objects = dict.fromkeys((incident.about, *incident.objects[: incident.roots]))
    waiting = incident.reach.waiting
    return {
        "key": incident.key,
        "cause": incident.root.cause,
        "objects": list(objects)[:_NAMED],
        "since": incident.since,
        "severity": incident.severity.value,
        "replicas": incident.reach.replicas,
        "waiting": waiting if waiting == waiting else None,
        "cluster_uid": cluster_uid,
    }
