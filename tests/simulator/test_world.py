"""The objects, addresses, logs and GPUs of a simulated fleet fit together as a cluster's do."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from simulator.blueprint import DEFAULT, FleetSizeError
from simulator.interfaces import World
from simulator.scenarios import SCENARIOS
from simulator.world import Fleet
from tests.simulator.fleet_support import START, Watched, increase, is_ready, only, parse, state, value


@pytest.fixture(scope="module")
def steady() -> Watched:
    """A steady fleet that nobody changes."""
    return Watched("steady")


def owners(fleet: Watched) -> dict[str, dict[str, Any]]:
    return {obj["metadata"]["uid"]: obj for obj in fleet.everything()}


def test_every_pod_belongs_to_a_workload_at_the_top_of_its_owners(steady: Watched) -> None:
    known = owners(steady)
    tops = Counter()  # type: Counter[tuple[str, str]]
    for pod in steady.objects("Pod"):
        obj = pod
        while references := obj["metadata"].get("ownerReferences"):
            assert references[0]["controller"] is True
            child, obj = obj, known[references[0]["uid"]]
            assert (obj["kind"], obj["metadata"]["name"]) == (references[0]["kind"], references[0]["name"])
            assert obj["metadata"]["namespace"] == child["metadata"]["namespace"]
        tops[obj["kind"], obj["metadata"]["name"]] += 1
    assert tops == {
        ("Deployment", "chat-70b"): 3,
        ("Deployment", "chat-8b"): 5,
        ("StatefulSet", "coder-32b"): 3,
        ("Deployment", "embed"): 3,
        ("Deployment", "summarize"): 2,
        ("LeaderWorkerSet", "night-72b"): 2,
        ("Deployment", "legacy-13b"): 1,
        ("Deployment", "gateway"): 2,
        ("DaemonSet", "dcgm-exporter"): 6,
    }


def test_pods_say_what_they_run(steady: Watched) -> None:
    pod = steady.pods("chat-70b")[0]
    container = pod["spec"]["containers"][0]
    args = dict(zip(container["args"][::2], container["args"][1::2], strict=True))
    assert container["command"] == ["vllm", "serve"]
    assert args["--model"] == "meta-llama/Llama-3.3-70B-Instruct"
    assert args["--served-model-name"] == "llama-3.3-70b"
    assert args["--tensor-parallel-size"] == "4" == container["resources"]["limits"]["nvidia.com/gpu"]
    assert args["--revision"] == "6f6073b"
    assert container["image"] == "vllm/vllm-openai:v0.32.0"
    assert pod["metadata"]["generateName"] == pod["metadata"]["ownerReferences"][0]["name"] + "-"
    assert pod["metadata"]["labels"]["pod-template-hash"] in pod["metadata"]["name"]
    assert pod["status"]["phase"] == "Running"
    assert state(pod)["ready"] is True
    assert state(pod)["restartCount"] == 0
    assert pod["status"]["podIP"].startswith("127.77.")
    assert pod["metadata"]["creationTimestamp"] == "2026-11-15T00:58:30Z"


def test_addresses_and_uids_are_unique(steady: Watched) -> None:
    uids = [obj["metadata"]["uid"] for obj in steady.everything()]
    assert len(uids) == len(set(uids))
    addresses = [pod["status"]["podIP"] for pod in steady.objects("Pod")]
    assert len(addresses) == len(set(addresses))


def test_a_gpu_is_held_by_one_pod_on_its_node(steady: Watched) -> None:
    wanted = {}
    for pod in steady.objects("Pod"):
        limits = pod["spec"]["containers"][0]["resources"].get("limits", {})
        count = sum(int(n) for key, n in limits.items() if key.startswith("nvidia.com/"))
        if count:
            wanted[pod["metadata"]["name"]] = (pod["spec"]["nodeName"], count)
    held: Counter[tuple[str, str]] = Counter()
    seen = set()
    for node in steady.objects("Node"):
        for sample in parse(steady.dcgm(node["metadata"]["name"])):
            if sample.name == "DCGM_FI_DEV_FB_USED":
                unit = (sample.labels["UUID"], sample.labels.get("GPU_I_ID"))
                assert unit not in seen
                seen.add(unit)
                if "pod" in sample.labels:
                    assert sample.labels["container"] == "vllm"
                    held[sample.labels["pod"], node["metadata"]["name"]] += 1
    assert {name: (node, n) for (name, node), n in held.items()} == wanted
    capacity = sum(
        int(n)
        for node in steady.objects("Node")
        for key, n in node["status"]["allocatable"].items()
        if key.startswith("nvidia.com/")
    )
    assert len(seen) == capacity == 2 * 8 + 8 + 2 * 4 + 2 * 2


def test_services_lead_to_the_ready_pods(steady: Watched) -> None:
    for service in steady.objects("Service"):
        name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
        slices = [
            piece
            for piece in steady.objects("EndpointSlice", "discovery.k8s.io/v1", namespace)
            if piece["metadata"]["labels"]["kubernetes.io/service-name"] == name
        ]
        ready = {
            endpoint["addresses"][0]: endpoint["targetRef"]["name"]
            for piece in slices
            for endpoint in piece["endpoints"]
            if endpoint["conditions"]["ready"]
        }
        expected = {p["status"]["podIP"]: p["metadata"]["name"] for p in steady.servers(name) if is_ready(p)}
        assert ready == expected != {}


def test_status_of_workloads_budgets_and_autoscalers(steady: Watched) -> None:
    status = steady.apps("Deployment", "serving", "chat-8b")["status"]
    assert [status[key] for key in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")] == [5] * 4
    assert "unavailableReplicas" not in status
    assert {c["type"]: c["reason"] for c in status["conditions"]} == {
        "Available": "MinimumReplicasAvailable",
        "Progressing": "NewReplicaSetAvailable",
    }
    stateful = steady.apps("StatefulSet", "serving", "coder-32b")["status"]
    assert stateful["readyReplicas"] == stateful["updatedReplicas"] == 3
    assert stateful["currentRevision"] == stateful["updateRevision"]
    revisions = {r["revision"]: r for r in steady.objects("ControllerRevision", "apps/v1", "serving")}
    assert revisions.keys() == {1, 2}
    assert revisions[2]["metadata"]["name"] == stateful["currentRevision"]
    budgets = {b["metadata"]["name"]: b["status"] for b in steady.objects("PodDisruptionBudget", "policy/v1")}
    assert budgets["chat-70b"]["disruptionsAllowed"] == 1
    assert budgets["chat-70b"]["currentHealthy"] == 3
    (hpa,) = (
        h for h in steady.objects("HorizontalPodAutoscaler", "autoscaling/v2") if h["metadata"]["name"] == "chat-8b"
    )
    assert hpa["status"]["currentReplicas"] == hpa["status"]["desiredReplicas"] == 5
    assert hpa["status"]["currentMetrics"][0]["pods"]["metric"]["name"] == "vllm:num_requests_waiting"


def test_deployments_that_were_rolled_out_before_have_two_revisions(steady: Watched) -> None:
    revisions = [
        (rs["metadata"]["annotations"]["deployment.kubernetes.io/revision"], rs["spec"]["replicas"])
        for rs in steady.objects("ReplicaSet", "apps/v1", "serving")
        if rs["metadata"]["ownerReferences"][0]["name"] == "chat-70b"
    ]
    assert sorted(revisions) == [("1", 0), ("2", 3)]


def test_everything_that_listens_is_an_endpoint(steady: Watched) -> None:
    endpoints = list(steady.fleet.endpoints())
    assert Counter(e.job for e in endpoints) == {"vllm": 18, "dcgm": 6}
    by_name = {p["metadata"]["name"]: p["status"]["podIP"] for p in steady.objects("Pod")}
    for endpoint in endpoints:
        assert endpoint.ip == by_name[endpoint.pod]
        answer = steady.fleet.respond(endpoint.namespace, endpoint.pod, endpoint.port, "GET", "/metrics", b"")
        assert answer.status == 200
        assert answer.content_type.startswith("text/plain; version=")
        assert next(parse(answer.body.decode())).name


def test_versions_of_vllm_are_mixed(steady: Watched) -> None:
    names = {
        workload: {s.name for page in steady.pages(workload).values() for s in parse(page)}
        for workload in ("chat-70b", "summarize", "legacy-13b")
    }
    new, old = "vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"
    assert (new in names["chat-70b"], old in names["chat-70b"]) == (True, False)
    assert (new in names["summarize"], old in names["summarize"]) == (True, True)
    assert (new in names["legacy-13b"], old in names["legacy-13b"]) == (False, True)


def test_an_engine_sleeps_and_embeddings_generate_nothing(steady: Watched) -> None:
    (page,) = steady.pages("night-72b").values()
    assert value(page, "vllm:engine_sleep_state", sleep_state="weights_offloaded") == 1
    assert value(page, "vllm:request_success_total", finished_reason="stop") == 0
    for page in steady.pages("embed").values():
        assert value(page, "vllm:e2e_request_latency_seconds_count") > 500
        assert value(page, "vllm:generation_tokens_total") == 0
        assert value(page, "http_requests_total", handler="/v1/embeddings") > 500


def test_logs_tell_of_the_start_and_of_the_load(steady: Watched) -> None:
    name = steady.pods("chat-70b")[0]["metadata"]["name"]
    lines = steady.fleet.logs("serving", name, "vllm", False)
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    texts = [line.text for line in lines]
    assert "vLLM API server version 0.32.0" in texts[0]
    assert any("GPU KV cache size: 470,400 tokens" in text for text in texts)
    assert "INFO:     Application startup complete." in texts
    assert lines[-1].at > START - 11
    assert "Engine 000: Avg prompt throughput:" in texts[-1]
    assert "Running: " in texts[-1]
    for namespace, pod, container, previous in (
        ("serving", "nobody", None, False),
        ("serving", name, "sidecar", False),
        ("serving", name, "vllm", True),
    ):
        with pytest.raises(KeyError):
            steady.fleet.logs(namespace, pod, container, previous)


def test_the_log_of_an_old_pod_has_what_it_wrote_before_the_simulation() -> None:
    fleet = Watched(blueprint=only("legacy-13b"))
    name = fleet.pods("legacy-13b")[0]["metadata"]["name"]
    first = fleet.fleet.logs("batch", name, None, False)
    numbers = [line.at for line in first if "Avg prompt throughput" in line.text]
    assert numbers[0] < START - 1800
    assert max(after - before for before, after in pairwise(numbers)) < 60, "without a gap"
    assert "vLLM API server version" in first[0].text
    fleet.run(30)
    assert fleet.fleet.logs("batch", name, None, False)[: len(first)] == first, "it only grows"


def test_logs_are_bounded() -> None:
    fleet = Watched(blueprint=only("legacy-13b"))
    fleet.run(4100)
    lines = fleet.fleet.logs("batch", fleet.pods("legacy-13b")[0]["metadata"]["name"], None, False)
    assert len(lines) == 400
    assert lines[-1].at - lines[0].at == pytest.approx(3990)


def test_nothing_answers_where_nothing_listens(steady: Watched) -> None:
    name = steady.pods("chat-70b")[0]["metadata"]["name"]
    for pod, port in (("nobody", 8000), (name, 9400), (steady.pods("gateway")[0]["metadata"]["name"], 8000)):
        with pytest.raises(ConnectionError):
            steady.fleet.respond("serving", pod, port, "GET", "/health", b"")
    gateway = steady.pods("gateway")[0]["metadata"]["name"]
    assert steady.fleet.respond("serving", gateway, 8080, "GET", "/health", b"").status == 200


def test_half_the_replicas_mean_longer_queues_and_a_later_first_token() -> None:
    def fleet(replicas: int, factor: float) -> Watched:
        (workload,) = only("chat-8b").workloads
        traffic = replace(workload.traffic, rate=workload.traffic.rate * factor)
        changed = replace(workload, replicas=replicas, max_replicas=0, traffic=traffic)
        return Watched(blueprint=replace(DEFAULT, workloads=(changed,)))

    def ttft(watched: Watched) -> float:
        before = watched.pages("chat-8b")
        watched.run(60)
        after = watched.pages("chat-8b")
        family = "vllm:time_to_first_token_seconds"
        total = sum(increase(before[n], after[n], f"{family}_sum") for n in before)
        return total / sum(increase(before[n], after[n], f"{family}_count") for n in before)

    full, half = fleet(6, 1.5), fleet(3, 3.0)  # the same requests for half the engines
    assert ttft(half) > 5 * ttft(full)
    waiting = [
        sum(value(page, "vllm:num_requests_waiting") for page in watched.pages("chat-8b").values())
        for watched in (full, half)
    ]
    assert waiting[0] < 10 < waiting[1] / 10


@pytest.mark.parametrize("pods", [1, 7, 130])
def test_a_fleet_has_as_many_engines_as_asked_for(pods: int) -> None:
    fleet = Watched(pods=pods)
    engines = [endpoint for endpoint in fleet.fleet.endpoints() if endpoint.job == "vllm"]
    assert len(engines) == pods
    assert all(is_ready(pod) for pod in fleet.objects("Pod"))


def test_a_fleet_without_engines_is_refused() -> None:
    with pytest.raises(FleetSizeError, match="at least 1"):
        Watched(pods=0)
    with pytest.raises(FleetSizeError, match="needs more pods: there is no legacy-13b"):
        Watched("crash-loop", pods=6)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_scenario_runs_on_the_smallest_fleet(scenario: str) -> None:
    fleet = Watched(scenario, pods=7)
    fleet.run(60)
    assert Counter(pod["metadata"]["namespace"] for pod in fleet.objects("Pod"))["serving"] >= 4


def test_nodes_report_themselves_now_and_then() -> None:
    fleet = Watched(blueprint=only("embed"))

    def heartbeat() -> str:
        return str(fleet.objects("Node")[0]["status"]["conditions"][-1]["lastHeartbeatTime"])

    before = heartbeat()
    assert before >= "2026-11-21T00:55:00Z"
    fleet.run(301)
    assert heartbeat() > before


def test_the_fleet_is_a_world() -> None:
    world: World = Fleet(Watched().store, Watched().clock)
    assert world.clock.now() == START
