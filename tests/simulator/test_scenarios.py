"""Each scenario shows its symptom to someone who sees objects, metrics pages and logs alone."""

from __future__ import annotations

import statistics
from dataclasses import replace

import pytest

from simulator.blueprint import DEFAULT
from simulator.scenarios import SCENARIOS, Incident, Scenario
from tests.simulator.fleet_support import (
    Watched,
    increase,
    is_ready,
    only,
    parse,
    patch,
    quantile,
    revisions,
    state,
    value,
    with_revision,
)

TTFT = "vllm:time_to_first_token_seconds"
ITL = "vllm:inter_token_latency_seconds"

Pages = dict[str, str]


@pytest.fixture(scope="module")
def steady() -> tuple[Watched, dict[str, Pages]]:
    """The whole steady fleet after a minute, with the pages of two workloads from before it."""
    fleet = Watched("steady")
    before = {workload: fleet.pages(workload) for workload in ("chat-70b", "chat-8b")}
    fleet.run(60)
    return fleet, before


def test_steady_is_uneventful_and_busy(steady: tuple[Watched, dict[str, Pages]]) -> None:
    fleet, earlier = steady
    before = earlier["chat-70b"]
    assert all(is_ready(pod) for pod in fleet.objects("Pod"))
    assert not [e for e in fleet.objects("Event") if e["type"] == "Warning"]
    for name, after in fleet.pages("chat-70b").items():
        assert value(after, "vllm:num_requests_running") > 10
        assert value(after, "vllm:num_requests_waiting") < 5
        assert 0.05 < value(after, "vllm:kv_cache_usage_perc") < 0.7
        assert increase(before[name], after, "vllm:generation_tokens_total") > 30_000
        assert increase(before[name], after, "vllm:num_preemptions_total") == 0
        assert quantile(before[name], after, TTFT, 0.95) <= 1.0
        assert quantile(before[name], after, ITL, 0.5) <= 0.05


def test_rush_hour_makes_queues_and_drives_autoscalers_to_their_limit(
    steady: tuple[Watched, dict[str, Pages]],
) -> None:
    calm, later = steady[1]["chat-8b"], steady[0].pages("chat-8b")
    rush = Watched("rush-hour", blueprint=only("chat-8b"))
    crowded = rush.pages("chat-8b")
    rush.run(60)
    for name in crowded:
        after = rush.pages("chat-8b")[name]
        assert value(after, "vllm:num_requests_waiting") > 50
    waited = min(quantile(crowded[name], rush.pages("chat-8b")[name], TTFT, 0.5) for name in crowded)
    assert waited >= 10 * max(quantile(calm[name], later[name], TTFT, 0.5) for name in calm)
    hpas = rush.objects("HorizontalPodAutoscaler", "autoscaling/v2")
    limits = {hpa["metadata"]["name"]: hpa for hpa in hpas}
    assert limits["chat-8b"]["status"]["desiredReplicas"] == limits["chat-8b"]["spec"]["maxReplicas"]
    limited = {c["type"]: c["status"] for c in limits["chat-8b"]["status"]["conditions"]}
    assert limited["ScalingLimited"] == "True"
    assert rush.events("SuccessfulRescale")
    assert len(rush.pods("chat-8b")) == 7


def test_kv_thrash_preempts_and_tokens_come_slower(steady: tuple[Watched, dict[str, Pages]]) -> None:
    calm, later = steady[1]["chat-8b"], steady[0].pages("chat-8b")
    thrash = Watched("kv-thrash", blueprint=only("chat-8b"))
    full = thrash.pages("chat-8b")
    thrash.run(60)
    worse = thrash.pages("chat-8b")
    for name in calm:
        assert increase(calm[name], later[name], "vllm:num_preemptions_total") == 0
    usual = max(quantile(calm[name], later[name], ITL, 0.95) for name in calm)
    for name in full:
        assert value(worse[name], "vllm:kv_cache_usage_perc") > 0.95
        assert increase(full[name], worse[name], "vllm:num_preemptions_total") >= 10
        assert value(worse[name], "vllm:num_requests_waiting") > 10
        assert quantile(full[name], worse[name], ITL, 0.95) >= 2 * usual

    def slow_tokens(before: dict[str, str], after: dict[str, str]) -> float:
        """Tokens that took more than a second."""
        return sum(
            increase(before[name], after[name], f"{ITL}_count")
            - increase(before[name], after[name], f"{ITL}_bucket", le="1.0")
            for name in before
        )

    assert slow_tokens(calm, later) == 0
    assert slow_tokens(full, worse) >= 20


def test_the_same_requests_in_a_fuller_kv_cache_are_preempted_and_their_tokens_come_later() -> None:
    def served(blocks: int) -> tuple[float, float, float]:
        """Highest KV usage, preemptions, and mean inter-token latency (s) of a minute with `blocks` per engine."""
        (workload,) = only("chat-8b").workloads
        engine = replace(workload.model.engine, num_blocks=blocks)
        small = replace(workload, replicas=2, max_replicas=0, model=replace(workload.model, engine=engine))
        busier = Scenario("busier", "", incidents=(Incident(-90, lambda levers, _: levers.demand("chat-8b", 1.5)),))
        fleet = Watched(busier, blueprint=replace(DEFAULT, workloads=(small,)))
        before, usage = fleet.pages("chat-8b"), 0.0
        for _ in range(30):
            fleet.run(2)
            after = fleet.pages("chat-8b")
            usage = max(usage, *(value(page, "vllm:kv_cache_usage_perc") for page in after.values()))

        def grown(name: str) -> float:
            return sum(increase(before[pod], after[pod], name) for pod in before)

        return usage, grown("vllm:num_preemptions_total"), grown(f"{ITL}_sum") / grown(f"{ITL}_count")

    roomy, tight = served(12_200), served(5_000)
    assert roomy[0] < 0.8
    assert tight[0] > 0.97
    assert roomy[1] == 0
    assert tight[1] > 50
    assert tight[2] > 1.15 * roomy[2]


def test_slow_replica_is_slower_and_hotter_than_its_peers() -> None:
    fleet = Watched("slow-replica", blueprint=only("chat-8b"))
    before = fleet.pages("chat-8b")
    fleet.run(60)
    after = fleet.pages("chat-8b")
    itl = {
        name: increase(before[name], after[name], f"{ITL}_sum") / increase(before[name], after[name], f"{ITL}_count")
        for name in before
    }
    slow = max(itl, key=lambda name: itl[name])
    assert itl[slow] > 1.7 * statistics.median(itl.values())
    node = next(pod for pod in fleet.pods("chat-8b") if pod["metadata"]["name"] == slow)["spec"]["nodeName"]
    page = fleet.dcgm(node)
    assert value(page, "DCGM_FI_DEV_GPU_TEMP", pod=slow) > 88
    assert int(value(page, "DCGM_FI_DEV_CLOCKS_EVENT_REASONS", pod=slow)) & 0x60
    clocks = [s.value for s in parse(page) if s.name == "DCGM_FI_DEV_SM_CLOCK" and s.labels.get("pod") != slow]
    assert value(page, "DCGM_FI_DEV_SM_CLOCK", pod=slow) < 0.7 * max(clocks)
    fleet.run(5)
    grown = increase(page, fleet.dcgm(node), "DCGM_FI_DEV_THERMAL_VIOLATION", pod=slow)
    assert grown == pytest.approx(5e9)


def test_stuck_engine_is_healthy_and_counts_nothing() -> None:
    fleet = Watched("stuck-engine", blueprint=only("chat-70b"))
    fleet.run(15)
    before = fleet.pages("chat-70b")
    fleet.run(60)
    after = fleet.pages("chat-70b")
    still = [n for n in before if increase(before[n], after[n], "vllm:generation_tokens_total") == 0]
    assert len(still) == 1
    stuck = still[0]
    assert increase(before[stuck], after[stuck], "vllm:prompt_tokens_total") == 0
    assert value(after[stuck], "vllm:num_requests_running") > 0
    pod = next(pod for pod in fleet.pods("chat-70b") if pod["metadata"]["name"] == stuck)
    assert is_ready(pod)
    assert fleet.fleet.respond("serving", stuck, 8000, "GET", "/health", b"").status == 200
    page = fleet.dcgm(pod["spec"]["nodeName"])
    assert value(page, "DCGM_FI_DEV_GPU_UTIL", pod=stuck, gpu=_gpu_of(page, stuck)) == 100
    assert value(page, "DCGM_FI_DEV_POWER_USAGE", pod=stuck, gpu=_gpu_of(page, stuck)) < 150


def test_an_engine_of_a_large_fleet_hangs_with_requests_too() -> None:
    fleet = Watched("stuck-engine", pods=110)
    hung = [page for page in fleet.pages("chat-70b").values() if value(page, "vllm:num_requests_running") == 0]
    assert hung == [], "what hangs before its first request shows nothing"


def _gpu_of(page: str, pod: str) -> str:
    return next(s.labels["gpu"] for s in parse(page) if s.labels.get("pod") == pod)


def test_gpu_fault_leaves_an_xid_and_a_pod_that_cannot_start() -> None:
    fleet = Watched("gpu-fault", blueprint=only("chat-70b"))
    fleet.run(60)
    broken = [pod for pod in fleet.pods("chat-70b") if not is_ready(pod)]
    assert len(broken) == 1
    name = broken[0]["metadata"]["name"]
    page = fleet.dcgm(broken[0]["spec"]["nodeName"])
    xids = [s for s in parse(page) if s.name == "DCGM_FI_DEV_XID_ERRORS" and s.value]
    assert [(s.value, s.labels["pod"]) for s in xids] == [(79, name)]
    node = next(n for n in fleet.objects("Node") if n["metadata"]["name"] == broken[0]["spec"]["nodeName"])
    assert node["status"]["capacity"]["nvidia.com/gpu"] == "8"
    assert node["status"]["allocatable"]["nvidia.com/gpu"] == "7"
    assert state(broken[0])["restartCount"] >= 2
    assert state(broken[0])["lastState"]["terminated"]["exitCode"] == 1
    log = fleet.fleet.logs("serving", name, "vllm", True)
    assert any("no CUDA-capable device" in line.text for line in log)
    with pytest.raises(ConnectionError):
        fleet.page(broken[0])
    fleet.store.delete("v1", "Pod", "serving", name)
    fleet.run(130)
    assert all(is_ready(pod) for pod in fleet.pods("chat-70b"))  # on other GPUs


def test_crash_loop_backs_off_and_tells_why() -> None:
    fleet = Watched("crash-loop", blueprint=only("legacy-13b"))
    fleet.run(20)
    (pod,) = fleet.pods("legacy-13b")
    status = state(pod)
    assert status["lastState"]["terminated"] == status["lastState"]["terminated"] | {
        "exitCode": 137,
        "reason": "OOMKilled",
    }
    restarts = status["restartCount"]
    assert restarts >= 2
    assert status["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert "back-off" in status["state"]["waiting"]["message"]
    assert fleet.events("BackOff")[0]["count"] >= 2
    deployment = fleet.apps("Deployment", "batch", "legacy-13b")
    assert deployment["status"]["unavailableReplicas"] == 1
    fleet.run(120)
    (pod,) = fleet.pods("legacy-13b")
    assert state(pod)["restartCount"] > restarts


def test_no_free_gpu_leaves_pods_pending_and_says_why() -> None:
    fleet = Watched("no-free-gpu")
    fleet.run(30)
    pending = [pod for pod in fleet.pods("summarize") if pod["status"]["phase"] == "Pending"]
    assert len(pending) == 2
    for pod in pending:
        (condition,) = pod["status"]["conditions"]
        assert (condition["type"], condition["status"]) == ("PodScheduled", "False")
        assert condition["reason"] == "Unschedulable"
        assert condition["message"].startswith("0/6 nodes are available: 2 Insufficient nvidia.com/gpu, 4 node(s)")
        assert "nodeName" not in pod["spec"]
        assert "containerStatuses" not in pod["status"]
    failed = {event["involvedObject"]["name"] for event in fleet.events("FailedScheduling")}
    assert failed == {pod["metadata"]["name"] for pod in pending}


@pytest.mark.parametrize("pods", [8, 27, 60])
def test_no_free_gpu_is_short_of_gpus_at_any_size(pods: int) -> None:
    fleet = Watched("no-free-gpu", pods=pods)
    fleet.run(30)
    pending = [pod for pod in fleet.pods("summarize") if pod["status"]["phase"] == "Pending"]
    assert len(pending) == 2


def test_no_free_gpu_is_over_when_fewer_are_asked_for() -> None:
    fleet = Watched("no-free-gpu", blueprint=only("summarize", "chat-70b"))
    fleet.run(30)
    waiting = {pod["metadata"]["name"] for pod in fleet.pods("summarize") if not is_ready(pod)}
    assert len(waiting) == 2
    patch(fleet, fleet.apps("Deployment", "batch", "summarize"), replicas=4)
    fleet.run(2)
    left = fleet.pods("summarize")
    assert len(left) == 4
    assert all(is_ready(pod) for pod in left)


def test_a_crash_loop_is_over_with_the_revision_before() -> None:
    fleet = Watched("crash-loop", blueprint=only("legacy-13b"))
    fleet.run(20)
    obj = fleet.apps("Deployment", "batch", "legacy-13b")
    patch(fleet, obj, template=with_revision(obj, "2965541"))
    fleet.run(120)
    (pod,) = fleet.pods("legacy-13b")
    assert is_ready(pod)
    assert revisions([pod]) == ["2965541"]


def test_cold_start_has_nobody_ready_until_the_weights_are_loaded() -> None:
    fleet = Watched("cold-start", blueprint=only("chat-70b"))
    fleet.run(60)
    pods = fleet.pods("chat-70b")
    assert len(pods) == 3
    for pod in pods:
        assert not is_ready(pod)
        assert "running" in state(pod)["state"]
        assert state(pod)["started"] is False
        assert state(pod)["restartCount"] == 0
        log = fleet.fleet.logs("serving", pod["metadata"]["name"], None, False)
        assert any("Loading safetensors checkpoint shards" in line.text for line in log)
        assert not any("startup complete" in line.text for line in log)
    conditions = {c["type"]: c for c in fleet.apps("Deployment", "serving", "chat-70b")["status"]["conditions"]}
    assert conditions["Available"]["status"] == "False"
    fleet.run(75)
    assert all(is_ready(pod) for pod in fleet.pods("chat-70b"))
    fleet.run(30)
    for page in fleet.pages("chat-70b").values():
        assert value(page, "vllm:generation_tokens_total") > 0


def test_bad_rollout_stops_half_way_and_the_other_one_gets_slower() -> None:
    fleet = Watched("bad-rollout", blueprint=only("chat-8b", "summarize"))
    fleet.run(60)
    status = fleet.apps("Deployment", "serving", "chat-8b")["status"]
    assert status["updatedReplicas"] == 3
    assert status["readyReplicas"] == 4
    new = [pod for pod in fleet.pods("chat-8b") if "4281e96" in pod["spec"]["containers"][0]["args"]]
    assert len(new) == 3
    for pod in new:
        assert not is_ready(pod)
        assert state(pod)["restartCount"] >= 1
        log = fleet.fleet.logs("serving", pod["metadata"]["name"], "vllm", True)
        assert any("There is no module or parameter" in line.text for line in log)
    revisions = {
        rs["metadata"]["annotations"]["deployment.kubernetes.io/revision"]: rs["spec"]["replicas"]
        for rs in fleet.objects("ReplicaSet", "apps/v1", "serving")
        if rs["metadata"]["ownerReferences"][0]["name"] == "chat-8b"
    }
    assert revisions == {"1": 0, "2": 4, "3": 3}

    fleet.run(120)
    pages = fleet.pages("summarize")
    assert len(pages) == 2
    assert all("e5c1b7d" in pod["spec"]["containers"][0]["args"] for pod in fleet.pods("summarize"))
    fleet.run(30)
    steady = Watched("steady", blueprint=only("summarize"))
    before = steady.pages("summarize")
    steady.run(30)

    def mean(before: dict[str, str], after: dict[str, str]) -> float:
        total = sum(increase(before[n], after[n], f"{ITL}_sum") for n in before)
        return total / sum(increase(before[n], after[n], f"{ITL}_count") for n in before)

    slower = mean(pages, fleet.pages("summarize"))
    assert slower > 1.6 * mean(before, steady.pages("summarize"))


def test_what_happened_of_late_is_told_by_events() -> None:
    steady = Watched("steady")
    rescaled = [e for e in steady.events("SuccessfulRescale") if e["involvedObject"]["name"] == "chat-8b"]
    assert [e["message"] for e in sorted(rescaled, key=lambda e: str(e["firstTimestamp"]))] == [
        "New size: 6; reason: pods metric vllm:num_requests_waiting above target",
        "New size: 5; reason: All metrics below target",
    ]
    (lost,) = Watched("gpu-fault").events("XIDError")
    assert lost["involvedObject"]["kind"] == "Node"
    assert ": 79, GPU has fallen off the bus" in lost["message"]
    starting = Watched("cold-start")
    starting.run(30)
    unready = {e["involvedObject"]["name"]: e for e in starting.events("Unhealthy")}
    assert unready.keys() == {pod["metadata"]["name"] for pod in starting.pods("chat-70b")}
    assert all(e["count"] >= 3 and "connection refused" in e["message"] for e in unready.values())
    crashed = {e["reason"] for e in Watched("crash-loop").objects("Event") if e["involvedObject"]["kind"] == "Pod"}
    assert {"BackOff", "Pulled", "Created", "Started"} <= crashed


def test_every_scenario_is_described_and_named_once() -> None:
    assert set(SCENARIOS) == {
        "steady",
        "rush-hour",
        "kv-thrash",
        "slow-replica",
        "stuck-engine",
        "gpu-fault",
        "crash-loop",
        "no-free-gpu",
        "cold-start",
        "bad-rollout",
    }
    for name, scenario in SCENARIOS.items():
        assert scenario.name == name
        assert scenario.about
        assert [i.at for i in scenario.incidents] == sorted(i.at for i in scenario.incidents)


@pytest.mark.parametrize("scenario", ["steady", "bad-rollout"])
def test_the_same_seed_gives_the_same_fleet(scenario: str) -> None:
    first, second, other = Watched(scenario, seed=5), Watched(scenario, seed=5), Watched(scenario, seed=6)
    first.run(40)
    for _ in range(160):
        second.run(0.25)
    other.run(40)
    assert first.everything() == second.everything()
    pages = [watched.pages("chat-8b") | watched.pages("dcgm-exporter") for watched in (first, second, other)]
    assert pages[0] == pages[1]
    assert list(pages[0].values()) != list(pages[2].values())
