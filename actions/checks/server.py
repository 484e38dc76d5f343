"""The server's own verdict on an action: its dry run."""

from __future__ import annotations

from actions.planning.plan import Check, Mutation, Verdict
from actions.planning.plan_context import ClusterContext
from fleet.sources.kube.errors import ConflictError, ForbiddenError, KubeError

ABOUT = "server"


async def check_server(mutation: Mutation, context: ClusterContext) -> Check:
    """Send it as a dry run: admission and validation answer, nothing is stored."""
    try:
        await context.dry_run(mutation)
    except ForbiddenError as error:
        return Check(ABOUT, Verdict.BLOCK, f"the dry run is forbidden: {error.message}")
    except ConflictError as error:
        return Check(ABOUT, Verdict.BLOCK, f"it changed while this was planned: {error.message}", "plan it again")
    except KubeError as error:
        return Check(ABOUT, Verdict.BLOCK, f"the dry run was refused: {error.message}", error.remedy)
    return Check(ABOUT, Verdict.PASS, "its dry run accepts the change")
