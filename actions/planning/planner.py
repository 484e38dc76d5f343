"""The common parts of every plan on a cluster: the current target, and the Event left on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any, cast

from actions.catalogue import spec_of
from actions.event_note import NAMESPACE, note
from actions.planning.plan import Mutation, Plan
from actions.planning.plan_context import ClusterContext, DryRun
from actions.request import LOCAL_SERVER, InTurn, Request, Target
from actions.running.execution_context import ClusterAction
from fleet.sources.kube.errors import ConflictError, KubeError, NotFoundError


def action_of(kind: str) -> ClusterAction:
    """Return the action of a kind on a cluster. Raises TypeError for one that is done on this machine."""
    spec = spec_of(kind)
    if LOCAL_SERVER in spec.targets:
        raise TypeError(f"{kind} is an action on this machine, not on a cluster")
    return cast("ClusterAction", spec.action())


def require_suitable(request: Request) -> None:
    """Raises KubeError where an action cannot be done to objects of such a kind at all."""
    if isinstance(request, InTurn):
        for part in request.parts:
            require_suitable(part)
        return
    spec = spec_of(request.kind)
    for target in request.targets:
        if target.kind not in spec.targets and not spec.other_workloads:
            *others, last = spec.targets
            kinds = f"{', '.join(others)} or {last}" if others else last
            raise KubeError(f"a {target.kind} cannot be {spec.done}", remedy=f"Choose a {kinds}.")


class Conflicts:
    """The dry run, and whether the server reported that an object has changed since it was read."""

    def __init__(self, dry_run: DryRun) -> None:
        self._dry_run = dry_run
        self.seen = False

    async def __call__(self, mutation: Mutation) -> dict[str, Any]:
        try:
            return await self._dry_run(mutation)
        except ConflictError:
            self.seen = True
            raise


async def event_on_target(plan: Plan, context: ClusterContext) -> Mutation | None:
    """Return the Event on the target, if this identity may write one; its time and reason are set when it is sent."""
    namespace = plan.target.namespace or NAMESPACE
    try:
        allowed = (await context.reads.can_i("create", "events", namespace=namespace)).allowed
    except KubeError:
        return None
    if not allowed:
        return None
    return note(
        plan.request.kind, plan.target, plan.title, context.scope.user, "(the reason)", context.now(), "(its digest)"
    )


def gone(target: Target, error: NotFoundError) -> NotFoundError:
    """Return the server's answer that there is no such object, in words for those who chose it."""
    when = " meanwhile" if target.uid else ", or there never was one"
    return NotFoundError(
        f"{target} is gone: it was deleted{when}",
        status=error.status,
        remedy="Nothing is sent for it; unmark it where several are marked, and plan again.",
    )


async def identified(request: Request, context: ClusterContext) -> tuple[Request, str]:
    """Return the request with the target's uid, which must be the chosen one; and the object's fingerprint."""
    target = request.target
    try:
        found = await context.reads.get_raw(target.kind, target.namespace, target.name)
    except NotFoundError as error:
        raise gone(target, error) from error
    uid = str(found.get("metadata", {}).get("uid", ""))
    if target.uid and uid != target.uid:
        raise NotFoundError(
            f"{target} is not the one that was chosen: it was deleted, and another with its name was created",
            remedy="Choose it again.",
        )
    return replace(request, target=replace(target, uid=uid)), _fingerprint(found)


def _fingerprint(obj: Mapping[str, Any]) -> str:
    metadata = obj.get("metadata") or {}
    notes = metadata.get("annotations") or {}
    # The Deployment controller's own annotation, which it writes during a rollout.
    written = {key: value for key, value in notes.items() if not key.startswith("deployment.kubernetes.io/")}
    spec = obj.get("spec")
    if obj.get("kind") == "Node" and isinstance(spec, Mapping):
        # Taints are written by node controllers, and every plan on a node changes its cordon.
        spec = {key: value for key, value in spec.items() if key not in ("unschedulable", "taints")}
    parts = (metadata.get("uid"), metadata.get("labels"), written, metadata.get("ownerReferences"), spec)
    return sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
