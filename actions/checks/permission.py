"""May this identity do it? Checked with the server for each planned request."""

from __future__ import annotations

from collections.abc import Sequence

from actions.catalogue import spec_of
from actions.permissions import Permission, granted, plural_of
from actions.planning.plan import Check, Plan, Verdict
from actions.planning.plan_context import ClusterContext
from fleet.sources.kube.errors import KubeError

ABOUT = "permission"


async def check_permission(plan: Plan, context: ClusterContext) -> Check:
    """Check that everything the request needs is allowed in the target's namespace."""
    request = plan.request
    plural = await _plural(request.target.kind, context)
    wanted = spec_of(request.kind).permissions_for(request.target.kind, plural)
    missing: list[Permission] = []
    unknown = ""
    for permission in wanted:
        try:
            allowed = await granted(permission, request.target.namespace, context.reads)
        except KubeError as error:
            unknown = error.message
            continue
        if not allowed:
            missing.append(permission)
    if missing:
        return Check(
            ABOUT,
            Verdict.BLOCK,
            f"{context.scope.user or 'this identity'} may not {_words(missing)}",
            "`quarterdeck rbac oncall` prints the role that allows it",
        )
    if unknown:
        return Check(ABOUT, Verdict.WARN, f"the server could not say whether it is allowed: {unknown}")
    return Check(ABOUT, Verdict.PASS, f"{_words(wanted)}: allowed")


async def _plural(kind: str, context: ClusterContext) -> tuple[str, str] | None:
    """Group and plural of a kind, from the path that discovery gives where they are not known."""
    if known := plural_of(kind):
        return known
    parts = (await context.reads.path_of(kind, "", "")).strip("/").split("/")
    return (parts[1] if parts[0] == "apis" else "", parts[-1])


def _words(permissions: Sequence[Permission]) -> str:
    return ", ".join(map(str, permissions))
