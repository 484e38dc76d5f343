"""Evicting what was drained: its budgets, before and while it goes, and that the right pod is evicted."""

from __future__ import annotations

import pytest

from actions.drain.options import Method
from actions.kinds.drain import Drain
from actions.kinds.drain.action import DrainAction
from actions.planning.plan import Verdict
from actions.request import Target
from actions.running.progress import Result
from fleet.sources.kube.errors import ConflictError, error_of_status
from tests.actions.kinds.drained import CHAT0, PATH, done
from tests.actions.objects import budget
from tests.actions.plans import check, make_plan
from tests.actions.pods import HandWork, PodCluster, chat, refused


async def test_a_budget_is_waited_for_and_its_words_are_said() -> None:
    cluster = chat()
    cluster.refusals = [refused("chat-70b", 3, 3), refused("chat-70b", 3, 3)]
    outcome, execution = await done(cluster, Drain(CHAT0))
    assert outcome.ok
    assert cluster.mutations().count(f"POST {PATH}/eviction") == 3
    assert (
        "waits for its budget: The disruption budget chat-70b needs 3 healthy pods and has 3 currently"
        in execution.words
    )


async def test_a_budget_that_never_allows_it_ends_the_wait_at_the_deadline() -> None:
    cluster = chat()
    cluster.refusals = [refused("chat-70b", 3, 3)] * 100
    before = cluster.clock
    outcome, _ = await done(cluster, Drain(CHAT0, deadline=60.0))
    assert outcome.result is Result.TIMED_OUT
    assert "needs 3 healthy pods" in outcome.text
    assert cluster.mutations().count(f"POST {PATH}/eviction") == 13, "every five seconds"
    assert cluster.clock - before < 130


async def test_a_server_that_sheds_load_is_given_the_time_that_it_asks_for() -> None:
    cluster = chat()
    busy = error_of_status({"code": 429, "message": "Too many requests, please try again later."}, 7.0)
    cluster.refusals = [busy]
    before = cluster.clock
    outcome, execution = await done(cluster, Drain(CHAT0))
    assert outcome.ok
    assert any(text.startswith("the server is busy") for text in execution.words)
    assert cluster.clock - before >= 7


async def test_a_pod_that_is_gone_before_its_eviction_is_done() -> None:
    cluster = chat(requests=100.0)

    def vanish(now: PodCluster) -> None:
        if now.clock - began == 6:
            now.objects.pop(("Pod", "serving", "chat-0"), None)

    began = cluster.clock
    cluster.moved_on = vanish
    outcome, _ = await done(cluster, Drain(CHAT0))
    assert outcome.result is Result.CONVERGED
    assert len(cluster.names()) == 3


async def test_two_budgets_are_said_before_anything_is_touched() -> None:
    cluster = chat()
    cluster.add(budget("one", 1, app="chat-70b"), budget("two", 1, app="chat-70b"))
    cluster.settle()
    plan = await make_plan(Drain(CHAT0), cluster.context())
    assert any("more than one PodDisruptionBudget" in c.text for c in plan.blocks)
    outcome = await DrainAction().execute(plan, HandWork(cluster))
    assert outcome.result is Result.FAILED
    assert "more than one PodDisruptionBudget" in outcome.text


@pytest.mark.parametrize(
    ("needed", "verdict", "words"),
    [
        (2, Verdict.PASS, "PDB chat-70b allows 1 disruption (3 of 3 healthy, needs 2)"),
        (3, Verdict.BLOCK, "it needs all that it has"),
    ],
)
async def test_what_the_budget_allows_is_in_the_plan(needed: int, verdict: Verdict, words: str) -> None:
    cluster = chat()
    cluster.add(budget(needed=needed))
    cluster.settle()
    found = check(await make_plan(Drain(CHAT0), cluster.context()), "budget")
    assert found.verdict is verdict
    assert words in found.text


async def test_a_budget_that_allows_none_for_now_is_a_warning() -> None:
    cluster = chat()
    cluster.add(budget(needed=2))
    cluster.objects["Pod", "serving", "chat-2"]["status"]["conditions"][0]["status"] = "False"
    cluster.settle()
    found = check(await make_plan(Drain(CHAT0), cluster.context()), "budget")
    assert found.verdict is Verdict.WARN
    assert "allows none (2 of 3 healthy, needs 2)" in found.text
    assert "at most 5m" in found.text


async def test_an_orphan_that_its_budget_would_not_see_is_told() -> None:
    cluster = chat(serving_label=False)
    cluster.add(budget(needed=3))
    cluster.settle()
    found = check(await make_plan(Drain(CHAT0), cluster.context()), "budget")
    assert found.verdict is Verdict.WARN
    assert "out of its sight" in found.text


async def test_evicted_at_once_its_requests_get_the_deadline_as_grace() -> None:
    cluster = chat()
    plan = await make_plan(Drain(CHAT0, method=Method.EVICT, deadline=600.0), cluster.context())
    assert plan.steps[0].mutations[0].body["deleteOptions"]["gracePeriodSeconds"] == 600
    assert check(plan, "running requests").verdict is Verdict.WARN
    assert plan.undo.request is None


async def test_a_budget_that_may_not_be_looked_at_still_speaks_through_the_dry_run() -> None:
    cluster = chat()
    cluster.add(budget(needed=3))
    cluster.settle()
    cluster.hidden.add("PodDisruptionBudget")
    found = check(await make_plan(Drain(CHAT0), cluster.context()), "budget")
    assert found.verdict is Verdict.WARN
    assert "The disruption budget chat-70b needs 3 healthy pods and has 3 currently" in found.text


async def test_another_pod_of_its_name_is_never_evicted() -> None:
    cluster = chat(requests=100.0)

    def replaced(now: PodCluster) -> None:
        now.objects["Pod", "serving", "chat-0"]["metadata"]["uid"] = "uid-of-the-next"

    cluster.moved_on = replaced
    with pytest.raises(ConflictError, match="chat-0 was replaced by another one"):
        await done(cluster, Drain(CHAT0))
    cluster = chat()
    plan = await make_plan(Drain(CHAT0, method=Method.EVICT), cluster.context())
    replaced(cluster)
    with pytest.raises(ConflictError):
        await DrainAction().execute(plan, HandWork(cluster))
    assert "chat-0" in cluster.names()


@pytest.mark.parametrize(
    ("policy", "needed", "verdict", "words"),
    [
        ("AlwaysAllow", 1, Verdict.PASS, "chat-0 is not ready, and the server lets it go (AlwaysAllow)"),
        ("IfHealthyBudget", 1, Verdict.BLOCK, "needs all that it has"),
        (None, 1, Verdict.BLOCK, "needs all that it has"),
    ],
)
async def test_of_a_pod_that_is_not_ready_the_server_decides(
    policy: str | None, needed: int, verdict: Verdict, words: str
) -> None:
    cluster = chat(1)
    cluster.objects["Pod", "serving", "chat-0"]["status"]["conditions"][0]["status"] = "False"
    covered = budget(needed=needed)
    if policy is not None:
        covered["spec"]["unhealthyPodEvictionPolicy"] = policy
    cluster.add(covered)
    plan = await make_plan(Drain(CHAT0), cluster.settle().context())
    found = check(plan, "budget")
    assert (found.verdict, words in found.text) == (verdict, True), found.text
    assert ("AlwaysAllow" in found.fix) is (verdict is Verdict.BLOCK)


async def test_one_that_is_not_ready_takes_nothing_from_a_budget_that_is_healthy() -> None:
    cluster = chat(3)
    cluster.objects["Pod", "serving", "chat-0"]["status"]["conditions"][0]["status"] = "False"
    cluster.add(budget(needed=2))
    plan = await make_plan(Drain(CHAT0), cluster.settle().context())
    assert check(plan, "budget").verdict is Verdict.PASS
    both = Drain(CHAT0, others=(Target("Pod", "serving", "chat-1"),))
    asked = check(await make_plan(both, cluster.context()), "budget")
    assert asked.verdict is not Verdict.PASS, "the other one is ready, and the budget allows none"
