"""kubectl changes the simulated cluster, and the cluster does what a real one would."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.prefork import quarterdeck
from tests.simulator.api_process import Process, simulator

pytestmark = pytest.mark.real("kubectl")


class Kubectl(Protocol):
    def __call__(self, *arguments: str, code: int = 0, stdin: str = "") -> str: ...


@pytest.fixture(scope="module")
def fleet() -> Iterator[Process]:
    """A fleet whose engines are ready again within seconds; each test has a workload of its own."""
    with simulator("--speed", "30") as process:
        yield process


@pytest.fixture
def kubectl(fleet: Process, tmp_path: Path) -> Kubectl:
    command = ["kubectl", f"--kubeconfig={fleet.kubeconfig}", f"--cache-dir={tmp_path}"]

    def run(*arguments: str, code: int = 0, stdin: str = "") -> str:
        done = subprocess.run(
            [*command, *arguments], input=stdin, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    return run


def get(kubectl: Kubectl, *what: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(kubectl("get", *what, "-o", "json"))
    return found


def wait(kubectl: Kubectl, what: str, path: str, value: object, namespace: str = "serving") -> None:
    """Wait until a field of an object has a value."""
    kubectl("-n", namespace, "wait", what, f"--for=jsonpath={path}={value}", "--timeout=50s")


def history(kubectl: Kubectl, what: str, namespace: str = "serving") -> dict[int, str]:
    """Number and change-cause of each revision."""
    text = kubectl("-n", namespace, "rollout", "history", what)
    return {int(n): cause for n, cause in re.findall(r"^(\d+)\s+(.*\S)", text, re.MULTILINE)}


def test_scale_there_and_back(kubectl: Kubectl) -> None:
    assert "scaled" in kubectl("-n", "batch", "scale", "deployment/summarize", "--replicas=3")
    wait(kubectl, "deployment/summarize", "{.status.readyReplicas}", 3, "batch")
    refused = kubectl("-n", "batch", "scale", "deployment/summarize", "--current-replicas=7", "--replicas=1", code=1)
    assert "expected replicas to be 7, was 3" in refused.lower()
    kubectl("-n", "batch", "scale", "deployment/summarize", "--replicas=2")
    wait(kubectl, "deployment/summarize", "{.status.replicas}", 2, "batch")


def test_scale_a_custom_resource(kubectl: Kubectl) -> None:
    kubectl("-n", "batch", "scale", "leaderworkerset/night-72b", "--replicas=0")
    wait(kubectl, "leaderworkerset/night-72b", "{.status.replicas}", 0, "batch")
    kubectl("-n", "batch", "scale", "leaderworkerset/night-72b", "--replicas=1")
    wait(kubectl, "leaderworkerset/night-72b", "{.status.readyReplicas}", 1, "batch")


def test_undo_and_status_of_a_deployment(kubectl: Kubectl) -> None:
    assert history(kubectl, "deployment/summarize", "batch") == {
        1: "vLLM 0.6.4, model revision 20b2ed1",
        2: "vLLM 0.10.2, model revision 9527884",
    }
    shown = kubectl("-n", "batch", "rollout", "history", "deployment/summarize", "--revision=1")
    assert "vllm/vllm-openai:v0.6.4" in shown
    assert "rolled back" in kubectl("-n", "batch", "rollout", "undo", "deployment/summarize")
    done = kubectl("-n", "batch", "rollout", "status", "deployment/summarize", "--timeout=50s")
    assert "successfully rolled out" in done
    assert history(kubectl, "deployment/summarize", "batch") == {
        2: "vLLM 0.10.2, model revision 9527884",
        3: "vLLM 0.6.4, model revision 20b2ed1",
    }
    images = {
        pod["spec"]["containers"][0]["image"]
        for pod in get(kubectl, "pods", "-n", "batch", "-l", "app.kubernetes.io/name=summarize")["items"]
        if "deletionTimestamp" not in pod["metadata"]
    }
    assert images == {"vllm/vllm-openai:v0.6.4"}
    kubectl("-n", "batch", "rollout", "undo", "deployment/summarize", "--to-revision=2")
    kubectl("-n", "batch", "rollout", "status", "deployment/summarize", "--timeout=50s")
    assert history(kubectl, "deployment/summarize", "batch").keys() == {3, 4}


def test_undo_and_status_of_a_stateful_set(kubectl: Kubectl) -> None:
    assert history(kubectl, "statefulset/coder-32b").keys() == {1, 2}
    kubectl("rollout", "undo", "statefulset/coder-32b")
    done = kubectl("rollout", "status", "statefulset/coder-32b", "--timeout=55s")
    assert "3 new pods have been updated" in done
    assert history(kubectl, "statefulset/coder-32b") == {
        2: "vLLM 0.32.0, model revision 381fc96",
        3: "vLLM 0.32.0, model revision b472696",
    }


def test_restart_pause_and_resume(kubectl: Kubectl) -> None:
    before = get(kubectl, "pods", "-l", "app.kubernetes.io/name=embed")["items"]
    kubectl("rollout", "pause", "deployment/embed")
    wait(kubectl, "deployment/embed", '{.status.conditions[?(@.type=="Progressing")].reason}', "DeploymentPaused")
    assert "can't restart paused deployment" in kubectl("rollout", "restart", "deployment/embed", code=1)
    assert "already paused" in kubectl("rollout", "pause", "deployment/embed", code=1)
    kubectl("rollout", "resume", "deployment/embed")
    kubectl("rollout", "restart", "deployment/embed")
    kubectl("rollout", "status", "deployment/embed", "--timeout=50s")
    after = get(kubectl, "pods", "-l", "app.kubernetes.io/name=embed")["items"]
    alive = [pod["metadata"] for pod in after if "deletionTimestamp" not in pod["metadata"]]
    assert not {pod["metadata"]["uid"] for pod in before} & {meta["uid"] for meta in alive}
    assert all("kubectl.kubernetes.io/restartedAt" in meta["annotations"] for meta in alive)


def test_cordon_drain_and_uncordon(kubectl: Kubectl) -> None:
    node = "gpu-h100-0"
    assert "cordoned" in kubectl("cordon", node)
    wait(kubectl, f"node/{node}", '{.spec.taints[?(@.key=="node.kubernetes.io/unschedulable")].effect}', "NoSchedule")
    refused = kubectl("drain", node, code=1)
    assert "cannot delete DaemonSet-managed Pods" in refused
    assert "cannot delete Pods with local storage" in refused
    done = kubectl("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=55s")
    assert f"node/{node} drained" in done
    assert "evicting pod serving/chat-70b-" in done
    pods = get(kubectl, "pods", "-A", f"--field-selector=spec.nodeName={node}")["items"]
    assert {pod["metadata"]["ownerReferences"][0]["kind"] for pod in pods} == {"DaemonSet"}
    assert "uncordoned" in kubectl("uncordon", node)
    kubectl("rollout", "status", "deployment/chat-70b", "--timeout=50s")
    assert "unschedulable" not in get(kubectl, "node", node)["spec"]


def test_delete_a_pod(kubectl: Kubectl) -> None:
    pod = get(kubectl, "pods", "-n", "batch", "-l", "app.kubernetes.io/name=legacy-13b")["items"][0]["metadata"]["name"]
    assert f'pod "{pod}" deleted' in kubectl("-n", "batch", "delete", "pod", pod)  # returns when it is gone
    assert "NotFound" in kubectl("-n", "batch", "get", "pod", pod, code=1)
    kubectl("-n", "batch", "rollout", "status", "deployment/legacy-13b", "--timeout=50s")
    again = get(kubectl, "pods", "-n", "batch", "-l", "app.kubernetes.io/name=legacy-13b")["items"]
    assert len(again) == 1


def test_a_label_takes_a_pod_out_of_its_service(kubectl: Kubectl) -> None:
    pod = get(kubectl, "pods", "-l", "app.kubernetes.io/name=chat-8b")["items"][0]
    name, address = pod["metadata"]["name"], pod["status"]["podIP"]

    def addresses() -> set[str]:
        slices = get(kubectl, "endpointslices", "-l", "kubernetes.io/service-name=chat-8b")["items"]
        return {endpoint["addresses"][0] for piece in slices for endpoint in piece["endpoints"]}

    assert address in addresses()
    kubectl("label", "pod", name, "--overwrite", "serving=off")
    assert any(address not in addresses() for _ in range(200))
    kept = get(kubectl, "pod", name)["metadata"]
    assert "deletionTimestamp" not in kept
    assert kept["ownerReferences"] == pod["metadata"]["ownerReferences"]
    kubectl("label", "pod", name, "--overwrite", "serving=on")
    assert any(address in addresses() for _ in range(200))


APPLIED = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: canary, namespace: serving}
spec:
  selector: {matchLabels: {app: canary}}
  template:
    metadata: {labels: {app: canary}}
    spec:
      nodeSelector: {example.com/node-pool: l40s}
      tolerations: [{key: nvidia.com/gpu, operator: Exists}]
      containers:
        - name: vllm
          image: vllm/vllm-openai:v0.32.0
          args: [--model, meta-llama/Llama-3.1-8B-Instruct, --served-model-name, canary]
          ports: [{containerPort: 8000}]
          resources: {limits: {nvidia.com/gpu: "1"}}
---
apiVersion: v1
kind: Service
metadata: {name: canary, namespace: serving}
spec: {selector: {app: canary}, ports: [{port: 8000}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: canary, namespace: serving}
spec: {minAvailable: 0, selector: {matchLabels: {app: canary}}}
"""


@pytest.mark.parametrize("role", ["auditor", "oncall"])
def test_the_roles_of_the_readme_are_applied_and_created_with_validation(kubectl: Kubectl, role: str) -> None:
    printed = quarterdeck("rbac", role).stdout
    names = {f"clusterrole.rbac.authorization.k8s.io/quarterdeck-{role}"}
    names.add(f"clusterrolebinding.rbac.authorization.k8s.io/quarterdeck-{role}")
    assert set(kubectl("apply", "-f", "-", stdin=printed).splitlines()) == {f"{name} created" for name in names}
    assert set(kubectl("apply", "-f", "-", stdin=printed).splitlines()) == {f"{name} unchanged" for name in names}
    looks = get(kubectl, "clusterrole", f"quarterdeck-{role}")
    assert looks["rules"]
    assert kubectl("delete", "-f", "-", stdin=printed).count("deleted") == 2
    assert kubectl("create", "-f", "-", stdin=printed).count("created") == 2
    misspelt = printed.replace("rules:", "rulez:")
    assert 'unknown field "rulez"' in kubectl("apply", "-f", "-", stdin=misspelt, code=1)
    kubectl("delete", "-f", "-", stdin=printed)


def test_a_misspelt_field_is_refused_as_by_a_real_server(kubectl: Kubectl) -> None:
    misspelt = APPLIED.replace("selector: {matchLabels: {app: canary}}\n  template", "selektor: {}\n  template")
    assert 'unknown field "spec.selektor"' in kubectl("create", "-f", "-", stdin=misspelt, code=1)
    kubectl("delete", "--ignore-not-found", "-f", "-", stdin=APPLIED)


def test_apply_and_delete(kubectl: Kubectl) -> None:
    assert kubectl("apply", "-f", "-", stdin=APPLIED).count("created") == 3
    kubectl("rollout", "status", "deployment/canary", "--timeout=50s")
    wait(kubectl, "poddisruptionbudget/canary", "{.status.disruptionsAllowed}", 1)
    models = json.loads(kubectl("get", "--raw", "/api/v1/namespaces/serving/services/canary/proxy/v1/models"))
    assert models["data"][0]["id"] == "canary"
    changed = APPLIED.replace("v0.32.0", "v0.10.2")
    assert "deployment.apps/canary configured" in kubectl("apply", "-f", "-", stdin=changed)
    kubectl("rollout", "status", "deployment/canary", "--timeout=50s")
    assert history(kubectl, "deployment/canary").keys() == {1, 2}
    assert kubectl("delete", "-f", "-", stdin=APPLIED).count("deleted") == 3
    kubectl("wait", "pods", "-l", "app=canary", "--for=delete", "--timeout=50s")
    assert get(kubectl, "replicasets", "-l", "app=canary")["items"] == []
