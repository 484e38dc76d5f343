"""Draining pods: the plan's words and requests, and every way in which it may go until the eviction."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actions.drain.options import AtDeadline, Method
from actions.kinds.drain import Drain
from actions.kinds.drain.action import DrainAction
from actions.kinds.restore import Restore
from actions.planning.plan import Verdict
from actions.request import Target
from actions.running.progress import Result
from fleet.model.finding import Finding, FindingState, Incident, Reach
from fleet.model.severity import Severity
from fleet.sources.kube.errors import ConflictError, NotFoundError
from tests.actions.kinds.drained import CHAT0, PATH, done
from tests.actions.objects import node, pod, service
from tests.actions.plans import check, make_plan
from tests.actions.pods import HandWork, PodCluster, chat


async def test_a_service_only_label_keeps_the_pod_in_its_workload() -> None:
    cluster = chat()
    plan = await make_plan(Drain(CHAT0), cluster.context())
    assert plan.title == "Drain chat-0"
    assert plan.facts["units"][0]["strategy"]["method"] == Method.LABEL
    leave, wait, evict, replaced = plan.steps
    version = cluster.get("Pod", "serving", "chat-0")["metadata"]["resourceVersion"]
    (patch,) = leave.mutations
    assert (patch.method, patch.path) == ("PATCH", PATH)
    assert patch.body == {"metadata": {"resourceVersion": version, "labels": {"serving": "off"}}}
    assert "serving=on → off" in leave.detail
    assert wait.title == "wait for 20 requests of chat-0"
    assert wait.detail == "about 4s at the current rate, at most 5m, then it is evicted anyway"
    (eviction,) = evict.mutations
    assert eviction.path == f"{PATH}/eviction"
    assert eviction.body["deleteOptions"] == {"preconditions": {"uid": "uid-chat-0"}, "gracePeriodSeconds": 120}
    assert not replaced.mutations
    assert plan.undo.request == Restore(CHAT0, {"serving": "on"})
    assert plan.verdict is Verdict.PASS
    assert not cluster.mutations()
    assert f"DRY PATCH {PATH}" in cluster.asked
    assert f"DRY POST {PATH}/eviction" in cluster.asked


async def test_it_waits_for_the_requests_then_evicts_and_sees_it_replaced() -> None:
    cluster = chat(requests=40.0)
    outcome, execution = await done(cluster, Drain(CHAT0))
    assert outcome.result is Result.CONVERGED
    assert cluster.mutations() == [f"PATCH {PATH}", f"POST {PATH}/eviction"]
    assert "chat-0" not in cluster.names()
    assert cluster.get("Deployment", "serving", "chat-70b")["status"]["readyReplicas"] == 3
    counts = [(text, done, total, eta) for _, text, done, total, eta in execution.said if text.endswith("left")]
    assert counts[0] == ("40 requests left", 0.0, 40.0, None)
    assert counts[2] == ("30 requests left", 10.0, 40.0, 6.0), "at 5 a second"
    assert [text for text, *_ in counts][-2:] == ["0 requests left", "0 requests left"], "one zero is not enough"
    assert [at for at, *_ in execution.said] == sorted(at for at, *_ in execution.said), "the steps in their order"


async def test_without_such_a_label_its_replica_set_lets_it_go() -> None:
    cluster = chat(serving_label=False)
    plan = await make_plan(Drain(CHAT0), cluster.context())
    way = plan.facts["units"][0]["strategy"]
    assert way["method"] == Method.ORPHAN
    assert way["labels"] == {"app": "chat-70b-drained"}
    assert "starts another" in check(plan, "method").text
    assert "an orphan that nothing else would end" in plan.steps[2].detail
    outcome = await DrainAction().execute(plan, HandWork(cluster))
    assert outcome.ok
    assert "chat-0" not in cluster.names()
    assert len(cluster.names()) == 3


async def test_where_a_gpu_is_free_a_replacement_is_ready_before_the_pod_leaves() -> None:
    cluster = chat()
    cluster.add(node("node-2", 8))
    cluster.settle()
    plan = await make_plan(Drain(CHAT0), cluster.context())
    assert check(plan, "spare GPUs").text == "node-2 has 8 free: a replacement starts first"
    release, leave, *_ = plan.steps
    assert release.mutations[0].body["metadata"]["labels"] == {"pod-template-hash": "7c9f-drained"}
    assert leave.mutations[0].body["metadata"]["labels"] == {"app": "chat-70b-drained"}
    assert not plan.impact, "as many serve as before"
    assert plan.undo.request == Restore(CHAT0, {"pod-template-hash": "7c9f", "app": "chat-70b"})
    least = 3

    def watched(now: PodCluster) -> None:
        nonlocal least
        serving = [p for p in now.pods() if now._served(p) and p["status"]["conditions"][0]["status"] == "True"]
        least = min(least, len(serving))

    cluster.moved_on = watched
    outcome = await DrainAction().execute(plan, HandWork(cluster))
    assert outcome.ok
    assert least == 3, "never fewer pods in service than before"
    assert cluster.names() == {"chat-1", "chat-2", "chat-70b-7c9f-new0"}


async def test_a_replacement_that_does_not_come_leaves_the_pod_in_service() -> None:
    cluster = chat()
    cluster.placeable = False
    outcome, _ = await done(cluster, Drain(CHAT0, replacement_first=True))
    assert outcome.result is Result.TIMED_OUT
    assert "chat-0 still serves" in outcome.text
    assert cluster.mutations() == [f"PATCH {PATH}"]
    assert cluster.requests["chat-0"] == 20.0


async def test_it_may_be_taken_out_at_once_although_a_gpu_is_free() -> None:
    cluster = chat()
    cluster.add(node("node-2", 8))
    cluster.settle()
    plan = await make_plan(Drain(CHAT0), cluster.context())
    (at_once,) = [a.request for a in plan.alternatives if "immediately" in a.title]
    now = await make_plan(at_once, cluster.context())
    assert now.facts["units"][0]["strategy"]["method"] == Method.LABEL
    assert check(now, "spare GPUs").text == "node-2 has 8 free: a replacement could start first"
    assert any(a.title == "a replacement first" for a in now.alternatives)


async def test_of_an_engine_that_hangs_an_eviction_now_is_offered_with_its_reason() -> None:
    cluster = chat()
    context = cluster.context()
    finding = Finding(
        "engine-stuck", "engine", "serving/chat-0", Severity.CRITICAL, "stuck", FindingState.FIRING,
        context.snapshot.at - 720, "console",
    )  # fmt: skip
    hangs = Incident("k", "serving/chat-0", "it hangs", (finding,), Severity.CRITICAL, FindingState.FIRING, Reach())
    stuck = replace(context, snapshot=replace(context.snapshot, incidents=(hangs,)))
    first = (await make_plan(Drain(CHAT0), stuck)).alternatives[0]
    assert first.title == "evict now: no token for 12m"
    now = await make_plan(first.request, stuck)
    assert not any(step.title.startswith("wait for") for step in now.steps)
    assert not any("evict now" in alternative.title for alternative in now.alternatives)
    assert not any("evict now" in a.title for a in (await make_plan(Drain(CHAT0), context)).alternatives)


async def test_a_replacement_first_is_refused_where_none_can_start_beside_it() -> None:
    cluster = chat()
    plan = await make_plan(Drain(CHAT0, method=Method.LABEL, replacement_first=True), cluster.context())
    assert check(plan, "spare GPUs").verdict is Verdict.BLOCK


async def test_at_the_deadline_it_is_evicted_or_the_drain_stops() -> None:
    cluster = chat(requests=1000.0)
    plan = await make_plan(Drain(CHAT0, deadline=20.0), cluster.context())
    assert "about 900 of them would be aborted after 20s" in check(plan, "running requests").text
    assert check(plan, "running requests").verdict is Verdict.WARN
    outcome, execution = await done(chat(requests=1000.0), Drain(CHAT0, deadline=20.0))
    assert outcome.ok
    assert any(text.startswith("deadline: 9") for text in execution.words)
    assert outcome.text.endswith("900 requests still on chat-0 at its deadline")
    cluster = chat(requests=1000.0)
    outcome, _ = await done(cluster, Drain(CHAT0, deadline=20.0, at_deadline=AtDeadline.STOP))
    assert outcome.result is Result.TIMED_OUT
    assert "stays out of service" in outcome.text
    assert cluster.mutations() == [f"PATCH {PATH}"]
    assert "chat-0" in cluster.names()


async def test_requests_that_nobody_can_see_get_the_whole_deadline() -> None:
    cluster = chat()
    cluster.measured = False
    cluster.settle()
    plan = await make_plan(Drain(CHAT0, deadline=30.0), cluster.context())
    assert "not measured" in check(plan, "running requests").text
    before = cluster.clock
    execution = HandWork(cluster)
    assert (await DrainAction().execute(plan, execution)).ok
    assert cluster.clock - before >= 30.0
    assert any("are not visible" in text for text in execution.words)


async def test_a_pod_that_stays_in_the_endpoints_is_not_evicted() -> None:
    cluster = chat()
    cluster.lagging = True
    outcome, _ = await done(cluster, Drain(CHAT0))
    assert outcome.result is Result.FAILED
    assert "still in the endpoints of chat-70b" in outcome.text
    assert cluster.mutations() == [f"PATCH {PATH}"]


async def test_who_puts_it_back_meanwhile_is_not_overruled() -> None:
    cluster = chat(requests=200.0)

    def second_person(now: PodCluster) -> None:
        if now.clock - cluster_began == 10:
            now.objects["Pod", "serving", "chat-0"]["metadata"]["labels"]["serving"] = "on"

    cluster_began = cluster.clock
    cluster.moved_on = second_person
    outcome, _ = await done(cluster, Drain(CHAT0))
    assert outcome.result is Result.FAILED
    assert "chat-0 was put back into service" in outcome.text
    assert "chat-0" in cluster.names()


async def test_a_pod_that_changed_since_the_plan_is_a_conflict() -> None:
    cluster = chat()
    plan = await make_plan(Drain(CHAT0), cluster.context())
    cluster.add(pod("chat-0", labels={"serving": "on"}))
    with pytest.raises(ConflictError):
        await DrainAction().execute(plan, HandWork(cluster))
    assert cluster.get("Pod", "serving", "chat-0")["metadata"]["labels"]["serving"] == "on"


async def test_another_pod_of_a_chosen_name_is_not_drained() -> None:
    cluster = chat()
    with pytest.raises(NotFoundError, match="not the one that was chosen"):
        await make_plan(Drain(CHAT0, (Target("Pod", "serving", "chat-1", "uid-of-yesterday"),)), cluster.context())


async def test_the_last_ready_pod_is_told_and_what_the_others_would_carry() -> None:
    plan = await make_plan(Drain(CHAT0), chat(1).context())
    assert check(plan, "last replica").verdict is Verdict.WARN
    assert "nothing answers until another is ready" in check(plan, "last replica").text
    assert check(plan, "capacity").text == "no replica is left to take 20 requests at a time"
    plan = await make_plan(Drain(CHAT0), chat(3).context())
    assert [(c.what, c.before, c.after) for c in plan.impact] == [
        ("ready replicas of chat-70b", "3", "2"),
        ("requests per replica", "20.0", "30.0"),
        ("KV cache in use", "60%", "90%"),
    ]
    plan = await make_plan(Drain(CHAT0), chat(2).context())
    assert check(plan, "capacity").verdict is Verdict.WARN
    assert check(plan, "capacity").text == (
        "the one other ready replica would run at KV 120% (now 60%): queue grows about 1.7/s"
    )


async def test_services_that_may_not_be_listed_are_not_known_and_never_none() -> None:
    cluster = chat()
    cluster.hidden.add("Service")
    found = check(await make_plan(Drain(CHAT0), cluster.context()), "method")
    assert found.verdict is Verdict.WARN
    assert "which Services select it is not known" in found.text
    assert "you may not list Services: requests may continue to arrive" in found.text
    assert "no Service selects it" not in found.text
    cluster.hidden = {"InferencePool"}
    found = check(await make_plan(Drain(CHAT0), cluster.context()), "method")
    assert found.verdict is Verdict.WARN
    assert "label: only the Service selects" in found.text
    assert "you may not list InferencePools" in found.text


async def test_a_pool_that_goes_on_selecting_it_is_told() -> None:
    cluster = chat()
    cluster.add(
        {
            "apiVersion": "inference.networking.k8s.io/v1",
            "kind": "InferencePool",
            "metadata": {"name": "chat-pool", "namespace": "serving", "uid": "uid-pool"},
            "spec": {"selector": {"matchLabels": {"app": "chat-70b"}}},
        }
    )
    plan = await make_plan(Drain(CHAT0, method=Method.LABEL), cluster.context())
    assert check(plan, "method").verdict is Verdict.WARN
    assert "InferencePool chat-pool still selects chat-0" in check(plan, "method").text
    plan = await make_plan(Drain(CHAT0), cluster.context())
    assert plan.facts["units"][0]["strategy"]["method"] == Method.ORPHAN, "that leaves the pool as well"


async def test_a_pod_that_is_not_ready_has_nothing_to_wait_for() -> None:
    cluster = chat()
    cluster.objects["Pod", "serving", "chat-0"]["status"]["conditions"][0]["status"] = "False"
    cluster.settle()
    plan = await make_plan(Drain(CHAT0), cluster.context())
    assert plan.facts["units"][0]["strategy"]["method"] == Method.EVICT
    assert [step.title for step in plan.steps] == ["evict chat-0", "wait until it is replaced"]
    outcome = await DrainAction().execute(plan, HandWork(cluster))
    assert outcome.ok
    assert cluster.mutations() == [f"POST {PATH}/eviction"]


async def test_a_second_service_that_would_keep_sending_decides_for_orphaning() -> None:
    cluster = chat()
    cluster.add(service("all-of-chat", app="chat-70b"))
    plan = await make_plan(Drain(CHAT0), cluster.context())
    way = plan.facts["units"][0]["strategy"]
    assert way["method"] == Method.ORPHAN
    assert set(way["services"]) == {"chat-70b", "all-of-chat"}


async def test_endpoints_that_may_not_be_looked_at_are_given_time() -> None:
    cluster = chat(requests=5.0)
    cluster.hidden.add("EndpointSlice")
    outcome, execution = await done(cluster, Drain(CHAT0))
    assert outcome.ok
    assert "its endpoints may not be read: 5 s are allowed for the change" in execution.words


async def test_a_node_without_a_kubelet_ends_nothing() -> None:
    cluster = chat()
    cluster.objects["Node", "", "node-1"]["status"]["conditions"][0]["status"] = "Unknown"
    cluster.settle()
    found = check(await make_plan(Drain(CHAT0), cluster.context()), "node")
    assert "node-1 is not ready (Unknown)" in found.text
    cluster.ends_in = 10_000.0
    outcome, _ = await done(cluster, Drain(CHAT0))
    assert outcome.result is Result.TIMED_OUT
    assert "a minute after its grace period of 2m" in outcome.text


async def test_a_router_that_goes_on_sending_is_suspected() -> None:
    cluster = chat(requests=20.0)
    cluster.rate = 0.0

    def one_more(it: PodCluster) -> None:
        it.requests["chat-0"] = 20.0 + it.clock % 2

    cluster.moved_on = one_more
    outcome, execution = await done(cluster, Drain(CHAT0, deadline=60.0, at_deadline=AtDeadline.STOP))
    assert outcome.result is Result.TIMED_OUT
    assert any(text.endswith("new ones still arrive: does a router select pods itself?") for text in execution.words)


async def test_of_requests_that_stand_still_none_is_said_to_come() -> None:
    cluster = chat(requests=20.0)
    cluster.rate = 0.0
    outcome, execution = await done(cluster, Drain(CHAT0, deadline=60.0, at_deadline=AtDeadline.STOP))
    assert outcome.result is Result.TIMED_OUT
    lines = [text for text in execution.words if text.startswith("20 requests left")]
    assert lines[0] == "20 requests left"
    assert lines[-1] == "20 requests left; none has ended in 30 s: they take long, or its engine hangs"


async def test_what_was_taken_out_before_is_waited_for_again() -> None:
    cluster = chat(requests=100.0)
    outcome, _ = await done(cluster, Drain(CHAT0, deadline=5.0, at_deadline=AtDeadline.STOP))
    assert outcome.result is Result.TIMED_OUT
    assert "drain it again to wait longer" in outcome.remedy
    plan = await make_plan(Drain(CHAT0), cluster.context())
    assert plan.steps[0].title.startswith("wait for ")
    assert plan.steps[1].mutations[0].body["deleteOptions"]["gracePeriodSeconds"] == 120
    left: list[float] = []
    cluster.moved_on = lambda now: left.append(now.requests["chat-0"]) if not now.ending else None
    assert (await DrainAction().execute(plan, HandWork(cluster))).ok
    assert left[-1] == 0.0


async def test_a_status_from_before_is_not_taken_for_the_replacement() -> None:
    cluster = chat(requests=5.0)
    cluster.ends_in = 0.0
    late: list[int] = []
    get = cluster.get_raw

    async def stale(kind: str, namespace: str, name: str) -> dict[str, object]:
        found = await get(kind, namespace, name)
        if kind == "Deployment" and "chat-0" not in cluster.names() and not late:
            late.append(1)
            found["status"]["readyReplicas"] = 3
        return found

    cluster.get_raw = stale  # type: ignore[method-assign]
    outcome, _ = await done(cluster, Drain(CHAT0))
    assert outcome.ok
    assert late
    assert cluster.get("Deployment", "serving", "chat-70b")["status"]["readyReplicas"] == 3
