"""The way from a request to a plan: the action's own, and what is looked at before every action."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any, cast

from actions.catalogue import spec_of
from actions.checks.every import checked
from actions.execution_context import ClusterAction
from actions.note import NAMESPACE, note
from actions.plan import Mutation, Plan
from actions.plan_context import ClusterContext, DryRun
from actions.request import LOCAL_SERVER, Request
from actions.spec import Api
from fleet.sources.kube.errors import ConflictError, KubeError, NotFoundError


def action_of(kind: str) -> ClusterAction:
    """Return the action of a kind on a cluster. Raises TypeError for one that is done on this machine."""
    spec = spec_of(kind)
    if LOCAL_SERVER in spec.targets:
        raise TypeError(f"{kind} is done on this machine, and not on a cluster")
    return cast("ClusterAction", spec.action())


async def make_plan(request: Request, context: ClusterContext) -> tuple[Plan, bool]:
    """Return the plan, with what stands against it and how it is taken back; and whether the target moved on between
    the reading and the server's dry run. Changes nothing.

    Raises KubeError where the target cannot be read, NotFoundError also where its name belongs to another object now
    than the one that was chosen.
    """
    _require_suitable(request)
    action, told = action_of(request.kind), _Conflicts(context.dry_run)
    context = replace(context, dry_run=told)
    if spec_of(request.kind).api is not Api.KUBERNETES:
        # Its target is no object of the API server, which has no uid, no fingerprint and no Events of it.
        plan = await action.plan(request, context)
        return replace(plan, checks=await checked(plan, context)), told.seen
    request, fingerprint = await _identified(request, context)
    plan = await action.plan(request, context)
    checks, written = await asyncio.gather(checked(plan, context), _note(plan, context))
    return replace(plan, checks=checks, fingerprint=fingerprint, note=written), told.seen


def _require_suitable(request: Request) -> None:
    """Raises KubeError where an action cannot be done to objects of such a kind at all."""
    spec = spec_of(request.kind)
    for target in request.targets:
        if target.kind not in spec.targets and not spec.other_workloads:
            *others, last = spec.targets
            kinds = f"{', '.join(others)} or {last}" if others else last
            raise KubeError(f"a {target.kind} cannot be {spec.done}", remedy=f"Choose a {kinds}.")


class _Conflicts:
    """The dry run, and whether the server said that something is no longer what was read."""

    def __init__(self, dry_run: DryRun) -> None:
        self._dry_run = dry_run
        self.seen = False

    async def __call__(self, mutation: Mutation) -> dict[str, Any]:
        try:
            return await self._dry_run(mutation)
        except ConflictError:
            self.seen = True
            raise


async def _note(plan: Plan, context: ClusterContext) -> Mutation | None:
    """The Event on the target, where this identity may write one; its time and reason are those of the moment."""
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


async def _identified(request: Request, context: ClusterContext) -> tuple[Request, str]:
    """Return the request with the target's uid, which must be the chosen one; and the object's fingerprint."""
    target = request.target
    found = await context.reads.get_raw(target.kind, target.namespace, target.name)
    uid = str(found.get("metadata", {}).get("uid", ""))
    if target.uid and uid != target.uid:
        raise NotFoundError(
            f"{target} is not the one that was chosen: it was deleted, and another of its name was made",
            remedy="Choose it again.",
        )
    return replace(request, target=replace(target, uid=uid)), _fingerprint(found)


def _fingerprint(obj: Mapping[str, Any]) -> str:
    metadata = obj.get("metadata") or {}
    notes = metadata.get("annotations") or {}
    # The Deployment controller's own, which it writes as a rollout goes on.
    written = {key: value for key, value in notes.items() if not key.startswith("deployment.kubernetes.io/")}
    parts = (metadata.get("uid"), metadata.get("labels"), written, metadata.get("ownerReferences"), obj.get("spec"))
    return sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
