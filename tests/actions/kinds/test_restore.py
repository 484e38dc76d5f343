"""Putting drained pods back into service."""

from __future__ import annotations

import pytest

from actions.catalogue import from_json
from actions.drain.options import AtDeadline, Method
from actions.kinds.drain import Drain
from actions.kinds.drain.action import DrainAction
from actions.kinds.restore import Restore
from actions.kinds.restore.action import RestoreAction
from actions.planning.plan import Verdict
from actions.request import Target, to_json
from actions.running.progress import Result
from fleet.sources.kube.errors import NotFoundError
from tests.actions.kinds.drained import CHAT0
from tests.actions.plans import make_plan, verdict
from tests.actions.pods import HandWork, PodCluster, chat

STAYS = Drain(CHAT0, deadline=5.0, at_deadline=AtDeadline.STOP)


async def drained(cluster: PodCluster, request: Drain) -> Restore:
    """Pods out of service and not evicted; the undo that the audit log has for them."""
    plan = await make_plan(request, cluster.context())
    outcome = await DrainAction().execute(plan, HandWork(cluster))
    assert outcome.result is Result.TIMED_OUT
    assert plan.undo.request is not None
    restore = from_json(to_json(plan.undo.request))
    assert isinstance(restore, Restore)
    return restore


async def test_the_label_comes_back_and_the_endpoints_are_seen_to() -> None:
    cluster = chat(requests=1000.0)
    restore = await drained(cluster, STAYS)
    plan = await make_plan(restore, cluster.context())
    version = cluster.get("Pod", "serving", "chat-0")["metadata"]["resourceVersion"]
    assert plan.steps[0].mutations[0].body == {"metadata": {"resourceVersion": version, "labels": {"serving": "on"}}}
    assert plan.verdict is Verdict.PASS
    assert (plan.changes[0].before, plan.changes[0].after) == ("off", "on")
    outcome = await RestoreAction().execute(plan, HandWork(cluster))
    assert outcome.text == "back in service"
    assert cluster.get("Pod", "serving", "chat-0")["metadata"]["labels"]["serving"] == "on"


async def test_an_orphan_is_adopted_again_and_the_plan_says_what_that_costs() -> None:
    cluster = chat(requests=1000.0, serving_label=False)
    restore = await drained(cluster, Drain(CHAT0, method=Method.ORPHAN, deadline=5.0, at_deadline=AtDeadline.STOP))
    assert len(cluster.names()) == 4
    plan = await make_plan(restore, cluster.context())
    assert verdict(plan, "owner") is Verdict.WARN
    assert (await RestoreAction().execute(plan, HandWork(cluster))).ok
    assert cluster.get("Pod", "serving", "chat-0")["metadata"]["ownerReferences"]


async def test_a_pod_that_was_evicted_meanwhile_does_not_come_back() -> None:
    cluster = chat(requests=1000.0)
    restore = await drained(cluster, STAYS)
    cluster.objects["Pod", "serving", "chat-0"]["metadata"]["deletionTimestamp"] = "2026-09-21T00:00:00Z"
    plan = await make_plan(restore, cluster.context())
    assert verdict(plan, "pod") is Verdict.BLOCK
    del cluster.objects["Pod", "serving", "chat-0"]
    with pytest.raises(NotFoundError):
        await make_plan(restore, cluster.context())


async def test_of_several_those_that_are_still_there_come_back() -> None:
    cluster = chat(requests=5.0)
    cluster.requests["chat-1"] = 1000.0
    other = Target("Pod", "serving", "chat-1", "uid-chat-1")
    restore = await drained(cluster, Drain(other, (CHAT0,), deadline=5.0, at_deadline=AtDeadline.STOP))
    assert [target.uid for target in restore.others] == [CHAT0.uid]
    del cluster.objects["Pod", "serving", "chat-0"]
    plan = await make_plan(restore, cluster.context())
    assert verdict(plan, "pod") is Verdict.WARN
    assert len(plan.mutations) == 2, "the label, and the Event"
    assert (await RestoreAction().execute(plan, HandWork(cluster))).ok


async def test_a_pod_that_is_not_ready_gets_no_requests_and_nobody_waits_for_them() -> None:
    cluster = chat(requests=1000.0)
    restore = await drained(cluster, STAYS)
    cluster.objects["Pod", "serving", "chat-0"]["status"]["conditions"][0]["status"] = "False"
    plan = await make_plan(restore, cluster.context())
    assert verdict(plan, "pod") is Verdict.WARN
    assert (await RestoreAction().execute(plan, HandWork(cluster))).text == "the labels are back"
