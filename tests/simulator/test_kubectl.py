"""kubectl, a client that knows nothing of us, against the simulator."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ending import ending
from tests.simulator.api_process import Process, simulator

pytestmark = pytest.mark.real("kubectl")
Kubectl = Callable[..., str]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A fleet in whose rollout pods come, crash and are restarted, within seconds at this speed."""
    with simulator("--scenario", "bad-rollout", "--speed", "5") as process:
        cache = tmp_path_factory.mktemp("cache")
        command = ["kubectl", f"--kubeconfig={process.kubeconfig}", f"--cache-dir={cache}"]
        with ending(subprocess.Popen([*command, "get", "events", "-w"], stdout=subprocess.PIPE, text=True)) as child:
            try:
                assert child.stdout
                assert any("Successfully assigned serving/chat-8b" in line for line in child.stdout)
            finally:
                # It never ends by itself, and leaving the block waits for it.
                child.kill()
        yield process


@pytest.fixture
def command(fleet: Process, tmp_path: Path) -> list[str]:
    return ["kubectl", f"--kubeconfig={fleet.kubeconfig}", f"--cache-dir={tmp_path}"]


@pytest.fixture
def kubectl(command: list[str]) -> Kubectl:
    def run(*arguments: str, code: int = 0) -> str:
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    return run


def table(text: str) -> list[dict[str, str]]:
    """Rows of a kubectl table by column."""
    lines = text.splitlines()
    names = re.split(r"\s{2,}", lines[0].strip())
    return [dict(zip(names, re.split(r"\s{2,}", line.strip()), strict=True)) for line in lines[1:]]


def a_pod(kubectl: Kubectl, label: str) -> str:
    found = kubectl("get", "pods", "-l", f"app.kubernetes.io/name={label}", "-o", "name").split()
    return found[0].removeprefix("pod/")


def test_get_pods_everywhere(fleet: Process, kubectl: Kubectl) -> None:
    rows = table(kubectl("get", "pods", "-A", "-o", "wide"))
    assert len(rows) >= fleet.said["pods"]
    coder = [row for row in rows if row["NAME"].startswith("coder-32b-")]
    assert [row["READY"] for row in coder] == ["1/1"] * 3
    assert all(re.fullmatch(r"127\.\d+\.\d+\.\d+", row["IP"]) for row in coder)
    assert all(re.fullmatch(r"\d+[dhms].*", row["AGE"]) for row in rows)


def test_get_pods_in_chunks_and_as_json(kubectl: Kubectl) -> None:
    listed = json.loads(kubectl("get", "pods", "-A", "--chunk-size=3", "-o", "json"))
    names = [item["metadata"]["name"] for item in listed["items"]]
    assert len(names) == len(set(names)) > 20


def test_watching_receives_a_change(command: list[str]) -> None:
    watch = [*command, "get", "pods", "-A", "-o", "wide", "-w"]
    with ending(subprocess.Popen(watch, stdout=subprocess.PIPE, text=True)) as child:
        assert child.stdout
        try:
            seen: dict[str, str] = {}
            for line in child.stdout:
                fields = line.split()
                name, status = fields[1], " ".join(fields[2:4])
                if name in seen and seen[name] != status:
                    break
                seen[name] = status
            else:
                pytest.fail("the watch ended")
        finally:
            child.kill()
    assert len(seen) > 20


def test_describe_pod_shows_its_events(kubectl: Kubectl) -> None:
    # Of several objects kubectl 1.37 shows them only where it is told to.
    text = kubectl("describe", "pod", "-l", "app.kubernetes.io/name=chat-8b", "--show-events=true")
    assert re.search(r"^Name:\s+chat-8b-", text, re.MULTILINE)
    assert re.search(r"nvidia.com/gpu:\s+1", text)
    assert re.search(r"Normal\s+Scheduled\s", text)


@pytest.mark.parametrize("kind", ["deployment/chat-70b", "statefulset/coder-32b", "hpa/chat-70b", "pdb/chat-70b"])
def test_describe_other_things(kubectl: Kubectl, kind: str) -> None:
    assert re.search(rf"^Name:\s+{kind.partition('/')[2]}$", kubectl("describe", kind), re.MULTILINE)


def test_describe_node_counts_its_pods(kubectl: Kubectl) -> None:
    node = kubectl("get", "nodes", "-o", "name").split()[0]
    text = kubectl("describe", node)
    assert re.search(r"Non-terminated Pods:\s+\((?!0)\d+ in total\)", text)
    assert "nvidia.com/gpu" in text


def test_logs(kubectl: Kubectl) -> None:
    pod = a_pod(kubectl, "coder-32b")
    lines = kubectl("logs", pod).splitlines()
    assert len(lines) > 5
    assert len(kubectl("logs", pod, "--tail=2").splitlines()) == 2
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z \S", kubectl("logs", pod, "--timestamps", "--tail=1"))


def test_following_a_log_receives_new_lines(command: list[str], kubectl: Kubectl) -> None:
    pod = a_pod(kubectl, "coder-32b")
    follow = [*command, "logs", "-f", pod, "--tail=0"]
    with ending(subprocess.Popen(follow, stdout=subprocess.PIPE, text=True)) as child:
        assert child.stdout
        try:
            assert "throughput" in child.stdout.readline()
        finally:
            child.kill()


def test_the_previous_log_of_what_crashed(kubectl: Kubectl) -> None:
    assert "not found" in kubectl("logs", "coder-32b-0", "--previous", code=1)


def test_events(kubectl: Kubectl) -> None:
    rows = kubectl("get", "events", "-A", "--sort-by=.metadata.creationTimestamp").splitlines()
    assert any("ScalingReplicaSet" in row and "deployment/chat-8b" in row for row in rows)
    assert kubectl("events", "-A").startswith("NAMESPACE")


@pytest.mark.parametrize(
    ("user", "verb", "resource", "answer"),
    [
        ("demo", "delete", "pods", "yes"),
        ("demo-auditor", "list", "pods", "yes"),
        ("demo-auditor", "list", "secrets", "no"),
        ("demo-auditor", "patch", "deployments/scale", "no"),
        ("demo-oncall", "patch", "deployments/scale", "yes"),
        ("demo-oncall", "create", "pods/eviction", "yes"),
    ],
)
def test_can_i(kubectl: Kubectl, user: str, verb: str, resource: str, answer: str) -> None:
    kind, _, sub = resource.partition("/")
    flags = [f"--subresource={sub}"] if sub else []
    text = kubectl("auth", "can-i", verb, kind, *flags, f"--context={user}", code=0 if answer == "yes" else 1)
    assert text.splitlines()[-1 if answer == "yes" else 0] == answer


def test_a_team_lead_sees_one_namespace(kubectl: Kubectl) -> None:
    assert "chat-70b" in kubectl("get", "pods", "--context=demo-teamlead")
    refused = kubectl("get", "pods", "-A", "--context=demo-teamlead", code=1)
    assert 'User "teamlead" cannot list resource "pods" in API group "" at the cluster scope' in refused


def test_who_am_i(kubectl: Kubectl) -> None:
    assert re.search(r"Username\s+oncall", kubectl("auth", "whoami", "--context=demo-oncall"))
    assert "deployments.apps/scale" in kubectl("auth", "can-i", "--list", "--context=demo-auditor")


def test_nodes_and_workloads(kubectl: Kubectl) -> None:
    rows = table(kubectl("get", "nodes"))
    assert {row["STATUS"] for row in rows} == {"Ready"}
    text = kubectl("get", "deploy,rs,sts,hpa,pdb,svc,endpointslices", "-o", "wide")
    for name in ("deployment.apps/chat-8b", "statefulset.apps/coder-32b", "service/chat-70b"):
        assert name in text
    assert kubectl("get", "all", "-A").count("pod/") > 20


def test_api_resources_and_versions(kubectl: Kubectl) -> None:
    text = kubectl("api-resources", "-o", "wide")
    assert re.search(r"^pods\s+po\s+v1\s+true\s+Pod", text, re.MULTILINE)
    assert re.search(r"^horizontalpodautoscalers\s+hpa\s+autoscaling/v2\s", text, re.MULTILINE)
    assert "apps/v1" in kubectl("api-versions").splitlines()
    assert "Server Version: v1.36.0" in kubectl("version")


def test_the_proxy_scrapes_an_engine(kubectl: Kubectl) -> None:
    page = kubectl("get", "--raw", "/api/v1/namespaces/serving/pods/coder-32b-0:8000/proxy/metrics")
    assert "# TYPE vllm:num_requests_running gauge" in page
    models = kubectl("get", "--raw", "/api/v1/namespaces/serving/services/coder-32b/proxy/v1/models")
    assert json.loads(models)["object"] == "list"


def test_health_of_the_server(kubectl: Kubectl) -> None:
    assert kubectl("get", "--raw", "/readyz") == "ok"
