"""A controller that writes a status while a plan is made does not block it: the plan is made again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from actions.cluster import AGAIN
from actions.kinds.scale import Scale
from actions.planning.plan import Mutation, Verdict
from actions.request import Target
from fleet.sources.kube.errors import ConflictError
from tests.actions.plans import check, make_plan
from tests.actions.stage import FakeCluster, deployment

CHAT = Target("Deployment", "serving", "chat-70b")


@pytest.mark.parametrize(
    ("conflicts", "verdict"), [(0, Verdict.PASS), (AGAIN, Verdict.PASS), (AGAIN + 1, Verdict.BLOCK)]
)
async def test_it_is_planned_again_while_the_target_moves_on(conflicts: int, verdict: Verdict) -> None:
    cluster = FakeCluster()
    cluster.add(deployment())
    left = conflicts

    async def dry_run(mutation: Mutation) -> dict[str, Any]:
        nonlocal left
        if left:
            left -= 1
            raise ConflictError("the object has been modified", status=409)
        return await cluster.dry_run(mutation)

    plan = await make_plan(Scale(CHAT, 6), replace(cluster.context(), dry_run=dry_run))
    assert check(plan, "server").verdict is verdict
    assert not left
