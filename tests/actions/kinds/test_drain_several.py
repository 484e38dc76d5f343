"""Draining several pods: one after the other, and what ends it."""

from __future__ import annotations

import pytest

from actions.kinds.drain import Drain
from actions.kinds.drain.action import DrainAction
from actions.planning.plan import Verdict
from actions.request import Target
from actions.running.progress import Result
from fleet.sources.kube.errors import ConflictError, error_of_status
from tests.actions.kinds.drained import CHAT0, done
from tests.actions.plans import check, make_plan
from tests.actions.pods import HandWork, PodCluster, chat


async def test_several_are_drained_in_turn_and_the_first_failure_ends_it() -> None:
    cluster = chat(requests=5.0)
    others = (Target("Pod", "serving", "chat-1", ""), Target("Pod", "serving", "chat-2", ""))
    out_at_once = 0

    def watched(now: PodCluster) -> None:
        nonlocal out_at_once
        out = [p for p in now.pods() if p["metadata"]["labels"].get("serving") == "off"]
        out_at_once = max(out_at_once, len(out))

    cluster.moved_on = watched
    outcome, execution = await done(cluster, Drain(CHAT0, others))
    assert outcome.ok
    assert out_at_once == 1
    assert not {"chat-0", "chat-1", "chat-2"} & cluster.names()
    assert execution.at == 11, "four steps each"

    cluster = chat(requests=5.0)
    path = "/api/v1/namespaces/serving/pods/chat-1/eviction"
    plan = await make_plan(Drain(CHAT0, others), cluster.context())
    cluster.fail[path] = error_of_status({"code": 500, "message": "This pod has more than one PodDisruptionBudget, x"})
    outcome = await DrainAction().execute(plan, HandWork(cluster))
    assert outcome.result is Result.FAILED
    assert "chat-0 done before" in outcome.text
    assert "chat-2" in cluster.names()


async def test_one_whose_labels_changed_while_others_were_drained_is_left_alone() -> None:
    cluster = chat(requests=5.0)
    plan = await make_plan(Drain(CHAT0, (Target("Pod", "serving", "chat-1", ""),)), cluster.context())

    def second_person(now: PodCluster) -> None:
        now.objects["Pod", "serving", "chat-1"]["metadata"]["labels"]["serving"] = "canary"

    cluster.moved_on = second_person
    with pytest.raises(ConflictError, match="label serving of chat-1 is canary now"):
        await DrainAction().execute(plan, HandWork(cluster))
    assert "chat-1" in cluster.names()


async def test_of_several_that_are_replaced_in_turn_one_is_away_at_a_time() -> None:
    others = tuple(Target("Pod", "serving", f"chat-{i}") for i in (1, 2))
    plan = await make_plan(Drain(CHAT0, others), chat().context())
    assert check(plan, "last replica").verdict is Verdict.PASS
    assert (plan.impact[0].before, plan.impact[0].after) == ("3", "2")
