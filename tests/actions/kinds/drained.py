"""A pod to be drained, and its drain."""

from __future__ import annotations

from actions.kinds.drain import Drain
from actions.kinds.drain.action import DrainAction
from actions.request import Target
from actions.running.progress import Outcome
from tests.actions.plans import make_plan
from tests.actions.pods import HandWork, PodCluster
from tests.actions.stage import SCOPE

CHAT0 = Target("Pod", "serving", "chat-0", "uid-chat-0", SCOPE.cluster)
PATH = "/api/v1/namespaces/serving/pods/chat-0"


async def done(cluster: PodCluster, request: Drain) -> tuple[Outcome, HandWork]:
    """Plan it and carry it out."""
    plan = await make_plan(request, cluster.context())
    execution = HandWork(cluster)
    return await DrainAction().execute(plan, execution), execution
