"""Objects applied through the API take effect: workloads, Services, budgets, autoscalers, pods."""

from __future__ import annotations

from typing import Any

from tests.simulator.fleet_support import Watched, increase, is_ready, only


def deployment(name: str, replicas: int = 1, **labels: str) -> dict[str, Any]:
    """A Deployment of a known engine as short as people write them, with what the API server needs."""
    chosen = {"app": name} | labels
    container = {
        "name": "engine",
        "image": "vllm/vllm-openai:v0.32.0",
        "command": ["vllm", "serve", "meta-llama/Llama-3.1-8B-Instruct"],
        "args": ["--served-model-name=llama-canary", "--revision=abc1234"],
        "ports": [{"containerPort": 8000}],
        "resources": {"limits": {"nvidia.com/gpu": "1"}},
    }
    spec = {
        "containers": [container],
        "nodeSelector": {"example.com/node-pool": "l40s"},
        "tolerations": [{"operator": "Exists"}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "serving", "generation": 1},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": chosen}, "spec": spec},
            "progressDeadlineSeconds": 600,
        },
    }


def pods(fleet: Watched, name: str) -> list[dict[str, Any]]:
    return [pod for pod in fleet.objects("Pod") if pod["metadata"]["labels"].get("app") == name]


def test_an_engine_with_its_service_and_budget() -> None:
    fleet = Watched(blueprint=only("chat-8b"))
    fleet.fleet.write(deployment("canary", 2))
    service = {"selector": {"app": "canary"}, "ports": [{"port": 80, "targetPort": 8000}]}
    meta = {"name": "canary", "namespace": "serving"}
    fleet.fleet.write({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": service})
    budget = {"minAvailable": 1, "selector": {"matchLabels": {"app": "canary"}}}
    fleet.fleet.write({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta, "spec": budget})
    fleet.run(90)
    made = pods(fleet, "canary")
    assert len(made) == 2
    assert all(is_ready(pod) for pod in made)
    (piece,) = (
        piece
        for piece in fleet.objects("EndpointSlice", "discovery.k8s.io/v1")
        if piece["metadata"]["labels"]["kubernetes.io/service-name"] == "canary"
    )
    assert [endpoint["conditions"]["ready"] for endpoint in piece["endpoints"]] == [True, True]
    assert piece["ports"] == [{"name": "", "protocol": "TCP", "port": 8000}]
    status = fleet.store.get("policy/v1", "PodDisruptionBudget", "serving", "canary")
    assert status is not None
    assert status["status"]["disruptionsAllowed"] == 1
    answer = fleet.fleet.respond("serving", made[0]["metadata"]["name"], 8000, "GET", "/v1/models", b"")
    assert b'"llama-canary"' in answer.body
    fleet.store.delete("v1", "Service", "serving", "canary")
    fleet.store.delete("apps/v1", "Deployment", "serving", "canary")
    fleet.run(35)
    assert pods(fleet, "canary") == []
    left = fleet.objects("EndpointSlice", "discovery.k8s.io/v1", "serving")
    assert "canary" not in {piece["metadata"]["labels"]["kubernetes.io/service-name"] for piece in left}


def test_a_canary_behind_an_old_service_gets_a_share_of_its_requests() -> None:
    fleet = Watched(blueprint=only("chat-8b"))
    fleet.fleet.write(deployment("canary", 1, **{"app.kubernetes.io/name": "chat-8b", "serving": "on"}))
    fleet.run(60)
    (pod,) = pods(fleet, "canary")
    before = fleet.page(pod)
    fleet.run(60)
    assert increase(before, fleet.page(pod), "vllm:request_success_total", finished_reason="stop") > 10
    # The ReplicaSets of chat-8b have another hash: they leave the pod alone.
    assert fleet.apps("Deployment", "serving", "chat-8b")["status"]["replicas"] == 5


def test_an_autoscaler_without_a_lower_bound() -> None:
    fleet = Watched(blueprint=only("chat-8b"))
    fleet.fleet.write(deployment("canary", 5))
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "canary"}
    meta = {"name": "canary", "namespace": "serving"}
    spec = {"scaleTargetRef": reference, "maxReplicas": 2}
    hpa = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": meta, "spec": spec}
    fleet.fleet.write(hpa)
    fleet.run(16)
    assert fleet.apps("Deployment", "serving", "canary")["spec"]["replicas"] == 2


def test_a_stranger_without_a_toleration_waits_and_with_one_runs() -> None:
    fleet = Watched(blueprint=only("chat-8b"))
    obj = deployment("web")
    container = {"name": "web", "image": "nginx:1.29"}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    fleet.fleet.write(obj | {"spec": obj["spec"] | {"template": template}})
    fleet.run(2)
    (pod,) = pods(fleet, "web")
    assert "6 node(s) had untolerated taint {nvidia.com/gpu: present}" in pod["status"]["conditions"][0]["message"]
    template["spec"]["tolerations"] = [{"key": "nvidia.com/gpu", "operator": "Exists"}]  # type: ignore[index]
    obj = fleet.apps("Deployment", "serving", "web")
    fleet.fleet.write(obj | {"spec": obj["spec"] | {"template": template}})
    fleet.run(30)
    (pod,) = pods(fleet, "web")
    assert is_ready(pod)
    assert {endpoint.job for endpoint in fleet.fleet.endpoints()} == {"vllm", "dcgm"}
    assert pod["metadata"]["name"] not in {endpoint.pod for endpoint in fleet.fleet.endpoints()}


def test_services_without_pods_ports_or_selector() -> None:
    fleet = Watched(blueprint=only("chat-8b"))
    for name, spec in (
        ("headless", {"selector": {"app": "x"}, "clusterIP": "None"}),
        ("elsewhere", {"type": "ExternalName", "externalName": "example.com"}),
        ("named", {"selector": {"app.kubernetes.io/name": "chat-8b"}, "ports": [{"port": 80, "targetPort": "http"}]}),
        ("unknown", {"selector": {"app.kubernetes.io/name": "chat-8b"}, "ports": [{"port": 80, "targetPort": "no"}]}),
    ):
        meta = {"name": name, "namespace": "serving"}
        fleet.fleet.write({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})
    fleet.run(1)
    ports = {
        piece["metadata"]["labels"]["kubernetes.io/service-name"]: [port["port"] for port in piece["ports"]]
        for piece in fleet.objects("EndpointSlice", "discovery.k8s.io/v1", "serving")
    }
    assert ports == {"chat-8b": [8000], "gateway": [8080], "headless": [], "named": [8000], "unknown": [80]}


def test_a_pod_of_nobody() -> None:
    fleet = Watched(blueprint=only("chat-8b"))
    spec = {"containers": [{"name": "shell", "image": "busybox"}], "tolerations": [{"operator": "Exists"}]}
    meta = {"name": "shell", "namespace": "default", "labels": {"run": "shell"}}
    fleet.fleet.write({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": {}})
    fleet.run(10)
    found = fleet.store.get("v1", "Pod", "default", "shell")
    assert found is not None
    assert is_ready(found)
    assert found["spec"]["nodeName"]
    fleet.fleet.delete_pod("default", "shell", grace=None, reason="")
    fleet.run(40)
    assert fleet.store.get("v1", "Pod", "default", "shell") is None


def test_who_applied_what_is_marked() -> None:
    fleet = Watched()
    argo = fleet.apps("Deployment", "serving", "chat-70b")["metadata"]
    assert argo["annotations"]["argocd.argoproj.io/tracking-id"] == "serving:apps/Deployment:serving/chat-70b"
    flux = fleet.apps("StatefulSet", "serving", "coder-32b")["metadata"]
    assert flux["labels"]["kustomize.toolkit.fluxcd.io/namespace"] == "flux-system"
    assert (flux["managedFields"][0]["manager"], flux["managedFields"][0]["operation"]) == (
        "kustomize-controller",
        "Apply",
    )
    helm = fleet.apps("Deployment", "serving", "embed")["metadata"]
    assert helm["labels"]["app.kubernetes.io/managed-by"] == "Helm"
    assert helm["annotations"]["meta.helm.sh/release-name"] == "embed"
    nobody = fleet.apps("Deployment", "serving", "chat-8b")["metadata"]
    assert nobody["managedFields"][0]["manager"] == "kubectl-client-side-apply"
