"""Restore: put drained pods back into service by giving them their labels back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actions.checks.server import check_server
from actions.drain.inspect import Inspection
from actions.drain.wait import receives
from actions.kinds.restore import Restore
from actions.kubeobj import controller_of, includes, is_ready, labels_of
from actions.number_words import some_names
from actions.planning.plan import MERGE, Change, Check, Mutation, Plan, Step, Undo, Verdict
from actions.planning.plan_context import ClusterContext
from actions.request import Request, Target, expect
from actions.running.execution_context import ClusterExecution
from actions.running.progress import Outcome, Result
from fleet.sources.kube.errors import ForbiddenError, NotFoundError
from fleet.sources.kube.resources import PODS

_BACK = 30.0
"""Seconds within which the endpoints must have the pod again; measured, they take two."""


class RestoreAction:
    async def plan(self, request: Request, context: ClusterContext) -> Plan:
        wanted = expect(request, Restore)
        pods, gone = await _pods(wanted, context)
        patches = [restoring(pod, wanted.labels) for pod in pods]
        names = [str(pod["metadata"]["name"]) for pod in pods]
        checks = [_check_there(pods, gone, wanted.labels), _check_adopted(pods)]
        checks += [await check_server(patch, context) for patch in patches]
        before = {key: labels_of(pods[0]).get(key) for key in wanted.labels}
        return Plan(
            request=wanted,
            scope=context.scope,
            title=f"Put {some_names(names)} back into service",
            made_at=context.now(),
            steps=(
                *(Step(f"labels of {name} back", "", (patch,)) for name, patch in zip(names, patches, strict=True)),
                Step("wait until it is in the endpoints", "of the Services that select it"),
            ),
            checks=tuple(checks),
            changes=tuple(
                Change(f"label {key} of {pod['metadata']['name']}", labels_of(pod).get(key, "–"), value or "–")
                for pod in pods
                for key, value in wanted.labels.items()
            ),
            undo=Undo("the labels of the drain again", Restore(wanted.target, before, wanted.others)),
            facts={"services": await _services(pods, wanted.labels, context)},
        )

    async def execute(self, plan: Plan, execution: ClusterExecution) -> Outcome:
        *patches, _ = plan.steps
        for i, step in enumerate(patches):
            execution.step(i)
            for mutation in step.mutations:
                await execution.send(mutation)
        execution.step(len(patches))
        missing: list[str] = []

        async def there() -> bool:
            missing.clear()
            for namespace, pod, service in plan.facts["services"]:
                if not await receives(namespace, pod, service, execution.reads):
                    missing.append(f"{pod} in {service}")
            execution.say(f"not yet: {some_names(missing)}" if missing else "in the endpoints")
            return not missing

        try:
            back = await execution.until(there, _BACK)
        except ForbiddenError:
            return Outcome(Result.CONVERGED, "the labels are back; the endpoints may not be read")
        if back:
            return Outcome(Result.CONVERGED, "back in service" if plan.facts["services"] else "the labels are back")
        return Outcome(
            Result.TIMED_OUT,
            f"the labels are back, but after {_BACK:.0f} s the endpoints lack {some_names(missing)}",
            "is the pod ready?",
        )


def restoring(pod: Mapping[str, Any], labels: Mapping[str, str | None]) -> Mutation:
    """The request; the pod's resourceVersion makes a change in between a 409."""
    metadata = pod["metadata"]
    return Mutation(
        "PATCH",
        PODS.path(metadata.get("namespace", ""), metadata["name"]),
        {"metadata": {"resourceVersion": metadata["resourceVersion"], "labels": dict(labels)}},
        MERGE,
        about=f"labels of {metadata['name']} back",
    )


async def _pods(wanted: Restore, context: ClusterContext) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the pods that still exist, and the names of those that do not. Raises KubeError if none does."""
    pods: list[dict[str, Any]] = []
    gone: dict[str, NotFoundError] = {}
    for target in (wanted.target, *wanted.others):
        try:
            pods.append(await _read_chosen(target, context))
        except NotFoundError as error:
            gone[target.name] = error
    if not pods:
        raise gone[wanted.target.name]
    return pods, list(gone)


async def _read_chosen(target: Target, context: ClusterContext) -> dict[str, Any]:
    pod = await context.reads.get_raw("Pod", target.namespace, target.name)
    if target.uid and pod["metadata"].get("uid") != target.uid:
        raise NotFoundError(
            f"{target} is not the one that was drained: it is gone, and another with its name was created"
        )
    return pod


def _check_there(pods: list[dict[str, Any]], gone: list[str], labels: Mapping[str, str | None]) -> Check:
    ending = [str(pod["metadata"]["name"]) for pod in pods if pod["metadata"].get("deletionTimestamp")]
    if ending:
        return Check(
            "pod",
            Verdict.BLOCK,
            f"{some_names(ending)} is already ending: it was evicted, and receives no more requests",
        )
    if gone:
        return Check("pod", Verdict.WARN, f"{some_names(gone)} is gone: its workload replaces it")
    if all(labels_of(pod).get(key) == value for pod in pods for key, value in labels.items()):
        return Check("pod", Verdict.WARN, "it already has these labels: nothing changes")
    waits = [str(pod["metadata"]["name"]) for pod in pods if not is_ready(pod)]
    if waits:
        return Check("pod", Verdict.WARN, f"{some_names(waits)} is not ready: it receives requests once it is")
    return Check("pod", Verdict.PASS, "there and ready")


def _check_adopted(pods: list[dict[str, Any]]) -> Check:
    orphans = [str(pod["metadata"]["name"]) for pod in pods if controller_of(pod) is None]
    if not orphans:
        return Check("owner", Verdict.PASS, "its controller never released it")
    taken = some_names(orphans)
    text = f"its ReplicaSet takes {taken} back and ends a surplus pod: one that is not ready, if there is one"
    return Check("owner", Verdict.WARN, text)


async def _services(
    pods: list[dict[str, Any]], labels: Mapping[str, str | None], context: ClusterContext
) -> list[tuple[str, str, str]]:
    """(namespace, pod, Service) for every Service that will select a pod that is ready."""
    inspection = Inspection(context)
    found: list[tuple[str, str, str]] = []
    for pod in pods:
        after = {key: value for key, value in {**labels_of(pod), **labels}.items() if value is not None}
        namespace = pod["metadata"].get("namespace", "")
        found += [
            (namespace, str(pod["metadata"]["name"]), front.name)
            for front in await inspection.sources(namespace)
            if is_ready(pod) and front.kind == "Service" and front.selector and includes(front.selector, after)
        ]
    return found
