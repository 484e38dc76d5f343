"""Workloads that are gone while something still points at them."""

from __future__ import annotations

from fleet.diagnosis.cause import Help
from fleet.diagnosis.families.leftover_cause import LeftAutoscalerCause, LeftoverSubject, LeftServiceCause
from fleet.diagnosis.sign import Fact
from fleet.model.severity import Severity

_PAST = Help("see what happened before", "past")


def _refused(of: LeftoverSubject) -> bool | None:
    if of.autoscaler is None:
        return False
    found = next((one for one in of.autoscaler.conditions if one.type == "AbleToScale"), None)
    return None if found is None else found.status == "False" and "not found" in found.message


def _answer(of: LeftoverSubject) -> str:
    conditions = () if of.autoscaler is None else of.autoscaler.conditions
    return next((f"{one.reason}: {one.message}" for one in conditions if one.type == "AbleToScale"), "")


NO_TARGET = LeftAutoscalerCause(
    id="autoscaler-without-target",
    severity=Severity.WARNING,
    sentence="The autoscaler has nothing to scale: its target does not exist.",
    words=lambda of: f"autoscaler {of.autoscaler.name if of.autoscaler else ''} scales nothing: no {of.name}",
    must=(Fact("its target is not found", "condition AbleToScale", _refused, _answer),),
    runs_on=True,
    after=60,
    helps=(Help("see what it is for, in its own words", "describe"), _PAST),
    avoid=("Do not create the target empty to make it quiet: restore it from where it is declared.",),
    decides=("whether the workload was renamed or deleted: the name of its target, and who wrote it last",),
)
GONE = LeftServiceCause(
    id="workload-gone",
    severity=Severity.WARNING,
    sentence="A workload that served a model was deleted, and its Service is left: requests to it are not answered.",
    words=lambda of: f"{of.name} deleted, {', '.join(f'Service {one}' for one in of.services)} left",
    must=(
        Fact(
            "a Service that selected its pods is left, and selects none",
            "Services, and the pods that they selected before",
            lambda of: bool(of.services),
            lambda of: ", ".join(f"Service {one}" for one in of.services),
        ),
    ),
    explains=("autoscaler-without-target", "route-leads-nowhere"),
    after=60,
    lookalikes=("service-selects-nothing",),
    helps=(_PAST, Help("restore it from where it is declared, or delete its Service and its routes")),
    avoid=("Do not point the Service at another model to get answers: clients would take them for this one's.",),
    decides=("who deleted it: a person, or a GitOps controller that no longer finds it in its source",),
)
OF_LEFTOVERS = (NO_TARGET, GONE)
