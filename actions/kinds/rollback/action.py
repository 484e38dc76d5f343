"""Roll back: give a workload the template of an earlier revision.

Unlike `kubectl rollout undo` (kubectl's ``pkg/polymorphichelpers/rollback.go``), annotations added to the Deployment
since are kept (for example Argo CD's tracking id), and a concurrent change is a 409.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from actions.checks.owner import check_owner
from actions.checks.replaced_pods import check_held, check_replacing
from actions.checks.server import check_server
from actions.follow.template import follow_template, waiting_step
from actions.kinds.rollback import RollBack
from actions.kubeobj import kind_in
from actions.number_words import some_names, span
from actions.planning.diff import yaml_diff
from actions.planning.latency import latencies, latency_words
from actions.planning.plan import JSON_PATCH, STRATEGIC, Change, Check, Mutation, Plan, Step, Undo, Verdict
from actions.planning.plan_context import ClusterContext
from actions.request import Request, expect
from actions.revisions import CAUSE, Revision, bare, current_of, find_revision, revisions_of, same_template
from actions.running.execution_context import ClusterExecution
from actions.running.progress import Outcome
from fleet.kinds.kind import Replicas, Revisions, count_at
from fleet.model.counting import share


class RollBackAction:
    async def plan(self, request: Request, context: ClusterContext) -> Plan:
        target, wanted = request.target, expect(request, RollBack).revision
        path = await context.reads.path_of(target.kind, target.namespace, target.name)
        obj = await context.reads.get_raw(target.kind, target.namespace, target.name)
        kept = await revisions_of(obj, context.reads)
        current, then = current_of(kept), find_revision(kept, wanted)
        now: Mapping[str, Any] = bare(obj["spec"]["template"])
        mutation = rollback_mutation(path, obj, then)
        both = (current, then)
        ran = await latencies(target, [revision for revision in both if revision is not None], context)
        found = await check_replacing(obj, then.template.get("spec") or {}, target, context)
        held = await check_held(obj, found.rolling, then.name, target, context)
        return Plan(
            request=RollBack(target, then.name),
            scope=context.scope,
            title=f"Roll back {target.name} to revision {then.number}",
            made_at=context.now(),
            steps=(
                Step(f"write the template of {then.name}", _origin_words(then, context.now()), (mutation,)),
                waiting_step(found.rolling),
            ),
            checks=(
                _check_revision(then, now),
                *_check_ordered(obj, current),
                check_owner(obj, field="f:template"),
                *((held.check,) if held.check is not None else ()),
                *found.checks,
                await check_server(mutation, context),
            ),
            changes=(
                Change("revision", current.name if current is not None else "none yet", then.name),
                *_versions(current, then),
                Change(
                    "latency while it ran", *(latency_words(ran.get(r.name) if r else None) for r in (current, then))
                ),
            ),
            impact=found.impact,
            alternatives=(*found.alternatives, *held.alternatives),
            diff=yaml_diff(now, then.template, (_revision_text(current), _revision_text(then))),
            undo=_undo(request, current),
            facts={"by_hand": found.rolling.by_hand, "keeping": found.rolling.keeping, **held.facts},
        )

    async def execute(self, plan: Plan, execution: ClusterExecution) -> Outcome:
        execution.step(0)
        (mutation,) = plan.steps[0].mutations
        await execution.send(mutation)
        execution.step(1)
        return await follow_template(plan, execution)


def rollback_mutation(path: str, obj: Mapping[str, Any], then: Revision) -> Mutation:
    """The request. The resourceVersion makes a change in between a 409; in a JSON patch only a ``replace`` does."""
    version, about = obj["metadata"]["resourceVersion"], f"write the template of {then.name}"
    if kind_in(obj).revisions is Revisions.CONTROLLER_REVISIONS:
        # The data of a ControllerRevision are such a patch.
        template = {"$patch": "replace", **then.template}
        body = {"metadata": {"resourceVersion": version}, "spec": {"template": template}}
        return Mutation("PATCH", path, body, STRATEGIC, about=about)
    operations = [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
        {"op": "replace", "path": "/spec/template", "value": dict(then.template)},
        *_cause(obj["metadata"].get("annotations"), then.cause),
    ]
    return Mutation("PATCH", path, operations, JSON_PATCH, about=about)


def _cause(annotations: Mapping[str, str] | None, cause: str) -> Iterator[dict[str, Any]]:
    """Yield the patch of the change-cause, which goes with the template: the controller copies it from the Deployment
    to the ReplicaSet.
    """
    path = f"/metadata/annotations/{CAUSE.replace('/', '~1')}"
    if cause and annotations is None:
        yield {"op": "add", "path": "/metadata/annotations", "value": {CAUSE: cause}}
    elif cause:
        yield {"op": "add", "path": path, "value": cause}
    elif CAUSE in (annotations or {}):
        yield {"op": "remove", "path": path}


def _check_revision(then: Revision, now: Mapping[str, Any]) -> Check:
    about = "revision"
    if same_template(then.template, now):
        return Check(about, Verdict.BLOCK, f"revision {then.number} has the current template")
    stays = some_names([*_referenced(then.template), "replicas", "strategy"], 5)
    if not then.pinned:
        return Check(
            about,
            Verdict.WARN,
            f"unpinned: without --revision it may load different weights than it did then; {stays} stay as they "
            "are now",
        )
    return Check(about, Verdict.PASS, f"{stays} stay as they are now")


def _check_ordered(obj: Mapping[str, Any], current: Revision | None) -> Iterator[Check]:
    kind = kind_in(obj)
    counts = kind.replicas or Replicas()
    ready, wanted = count_at(obj, counts.ready), counts.wanted(obj)
    if kind.ordered(obj) and current is not None and current.pods and ready < wanted:
        yield Check(
            "order",
            Verdict.WARN,
            f"OrderedReady, and only {share(ready, wanted, 'pod')} ready: a pod that never becomes ready blocks "
            "the rollback until it is deleted",
            "restart that pod after the rollback",
        )


def _referenced(template: Mapping[str, Any]) -> list[str]:
    """Return what the template references and a rollback does not restore: its content may have changed since."""
    spec: Mapping[str, Any] = template.get("spec") or {}
    found: dict[str, None] = {}
    for volume in spec.get("volumes") or ():
        for field, key, kind in (
            ("configMap", "name", "ConfigMap"),
            ("secret", "secretName", "Secret"),
            ("persistentVolumeClaim", "claimName", "PVC"),
        ):
            if name := (volume.get(field) or {}).get(key):
                found[f"{kind} {name}"] = None
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        sources = [*(container.get("envFrom") or ())]
        sources += [variable.get("valueFrom") or {} for variable in container.get("env") or ()]
        for source in sources:
            for field, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
                reference = source.get(f"{field}Ref") or source.get(f"{field}KeyRef") or {}
                if name := reference.get("name"):
                    found[f"{kind} {name}"] = None
    return list(found)


def _versions(current: Revision | None, then: Revision) -> Iterator[Change]:
    """Yield the differences of the model version."""
    now = current.version if current is not None else None
    for what, before, after in (
        ("image", now.image if now else "", then.version.image),
        ("model", now.model if now else "", then.version.model),
        ("served as", now.served_name if now else "", then.version.served_name),
        ("model revision", now.revision if now else "", then.version.revision),
    ):
        if before != after:
            yield Change(what, before or "not known", after or "not known")
    if now is not None and now.digest and then.version.digest and now.digest != then.version.digest:
        yield Change("image digest", now.digest, then.version.digest)
    one, other = (current.arguments if current is not None else ()), then.arguments
    gone, come = _flags_missing_from(one, other), _flags_missing_from(other, one)
    if gone or come:
        yield Change("arguments", " ".join(gone) or "–", " ".join(come) or "–")


def _flags_missing_from(words: Sequence[str], others: Sequence[str]) -> list[str]:
    """The flags, each with its value, that the others do not have."""
    return [flag for flag in _flags(words) if flag not in _flags(others)]


def _flags(words: Sequence[str]) -> list[str]:
    flags: list[str] = []
    for word in words:
        if flags and flags[-1].startswith("-") and " " not in flags[-1] and not word.startswith("-"):
            flags[-1] = f"{flags[-1]} {word}"
        else:
            flags.append(word)
    return flags


def _revision_text(revision: Revision | None) -> str:
    return f"{revision.number} ({revision.name})" if revision is not None else "none yet"


def _origin_words(then: Revision, now: float) -> str:
    cause = f": {then.cause}" if then.cause else ""
    return f"made {span(now - then.created)} ago, by {then.who}{cause}"


def _undo(request: Request, current: Revision | None) -> Undo:
    if current is None:
        return Undo("the current template has no revision yet: it can only be written again")
    return Undo(f"roll back to {_revision_text(current)}", RollBack(request.target, current.name))
