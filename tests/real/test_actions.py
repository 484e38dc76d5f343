"""The actions of the command line on a simulated fleet; the resulting cluster is read by kubectl."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.prefork import quarterdeck
from tests.simulator.api_process import simulator
from tests.waiting import block_until

pytestmark = pytest.mark.real("kubectl")


@dataclass(frozen=True)
class Stage:
    kubeconfig: str
    state: Path

    def quarterdeck(self, *arguments: str, context: str = "demo-oncall") -> subprocess.CompletedProcess[str]:
        where = ("--kubeconfig", self.kubeconfig, "--context", context)
        return quarterdeck(*arguments, *where, env=os.environ | {"XDG_STATE_HOME": str(self.state)}, timeout=120)

    def kubectl(self, *arguments: str) -> str:
        command = ["kubectl", f"--kubeconfig={self.kubeconfig}", "--context=demo", f"--cache-dir={self.state}/cache"]
        return subprocess.run([*command, *arguments], capture_output=True, text=True, check=True, timeout=60).stdout

    def get(self, kind: str, name: str, namespace: str = "serving") -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            self.kubectl("get", kind, name, "-n", namespace, "-o", "json", "--show-managed-fields")
        )
        return found


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with simulator("--scenario", "steady", "--seed", "5", "--speed", "20") as fleet:
        yield Stage(str(fleet.kubeconfig), tmp_path_factory.mktemp("state"))


def test_a_dry_run_prints_the_plan_and_changes_nothing(stage: Stage) -> None:
    before = stage.get("deployment", "summarize", "batch")
    done = stage.quarterdeck("scale", "summarize", "1", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "Scale summarize from 2 to 1" in done.stdout
    assert '"replicas": 1' in done.stdout
    assert stage.get("deployment", "summarize", "batch")["spec"] == before["spec"]


def test_without_a_terminal_and_yes_nothing_is_sent(stage: Stage) -> None:
    done = stage.quarterdeck("scale", "summarize", "1")
    assert done.returncode == 4
    assert "--yes is required" in done.stderr
    assert stage.get("deployment", "summarize", "batch")["spec"]["replicas"] == 2


def test_scale_and_undo(stage: Stage) -> None:
    done = stage.quarterdeck("scale", "deploy/summarize", "1", "-n", "batch", "--yes", "--reason", "INC-1", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == "quarterdeck/action/v1"
    assert document["outcome"]["result"] == "converged"
    scaled = stage.get("deployment", "summarize", "batch")
    assert scaled["spec"]["replicas"] == 1
    managers = {(m["manager"], m.get("subresource")) for m in scaled["metadata"]["managedFields"]}
    assert ("quarterdeck", "scale") in managers
    assert stage.quarterdeck("undo", "--yes").returncode == 0
    assert stage.get("deployment", "summarize", "batch")["spec"]["replicas"] == 2
    again = stage.quarterdeck("undo", "--yes", "-n", "batch")
    assert again.returncode != 0, "what was taken back is not taken back again"


def test_what_an_autoscaler_forbids_is_refused_even_with_yes(stage: Stage) -> None:
    done = stage.quarterdeck("scale", "chat-8b", "9", "-n", "serving", "--yes")
    assert done.returncode == 4
    assert "would be undone within 15 s" in done.stderr


def test_a_pod_is_drained_and_replaced(stage: Stage) -> None:
    pods = json.loads(stage.kubectl("get", "pods", "-n", "serving", "-l", "app.kubernetes.io/name=embed", "-o", "json"))
    name, uid = pods["items"][0]["metadata"]["name"], pods["items"][0]["metadata"]["uid"]
    done = stage.quarterdeck("drain", f"pod/{name}", "--yes", "--deadline", "10")
    assert done.returncode == 0, done.stderr
    left = json.loads(stage.kubectl("get", "pods", "-n", "serving", "-o", "json"))["items"]
    assert uid not in {pod["metadata"]["uid"] for pod in left}
    ready = stage.get("deployment", "embed")["status"]["readyReplicas"]
    assert ready == len(pods["items"])


def test_a_node_is_cordoned_and_given_back(stage: Stage) -> None:
    node = stage.kubectl("get", "nodes", "-o", "name").split()[0].removeprefix("node/")
    assert stage.quarterdeck("cordon", node, "--yes").returncode == 0
    assert json.loads(stage.kubectl("get", "node", node, "-o", "json"))["spec"]["unschedulable"] is True
    assert stage.quarterdeck("undo", "--yes").returncode == 0
    assert "unschedulable" not in json.loads(stage.kubectl("get", "node", node, "-o", "json"))["spec"]


def test_a_workload_is_rolled_back_to_the_revision_before(stage: Stage) -> None:
    listed = stage.quarterdeck("rollback", "chat-8b", "-n", "serving", "--list")
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["REVISION", "2", "1"]
    output = json.loads(stage.quarterdeck("rollback", "chat-8b", "-n", "serving", "--list", "--json").stdout)
    assert output["schema"] == "quarterdeck/revisions/v1"
    assert [(each["number"], each["current"]) for each in output["revisions"]] == [(2, True), (1, False)]
    before = stage.get("deployment", "chat-8b")["spec"]["template"]
    done = stage.quarterdeck("rollback", "chat-8b", "-n", "serving", "--yes")
    assert done.returncode == 0, done.stderr
    after = stage.get("deployment", "chat-8b")
    assert after["spec"]["template"] != before
    assert after["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"


def test_a_paused_rollout_says_so_and_goes_on(stage: Stage) -> None:
    assert stage.quarterdeck("pause", "summarize", "--yes").returncode == 0
    assert stage.get("deployment", "summarize", "batch")["spec"]["paused"] is True
    assert stage.quarterdeck("resume", "summarize", "--yes").returncode == 0
    assert not stage.get("deployment", "summarize", "batch")["spec"].get("paused")


def test_a_budget_that_forbids_it_stops_a_drain(stage: Stage) -> None:
    pods = stage.kubectl("get", "pods", "-n", "batch", "-l", "app.kubernetes.io/name=legacy-13b", "-o", "name").split()
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "never", "namespace": "batch"},
        "spec": {"minAvailable": len(pods), "selector": {"matchLabels": {"app.kubernetes.io/name": "legacy-13b"}}},
    }
    file = stage.state / "budget.json"
    file.write_text(json.dumps(budget))
    stage.kubectl("apply", "-f", str(file))
    block_until(lambda: "status" in stage.get("pdb", "never", "batch"), "the budget to be computed")
    pod = pods[0].replace("pod/", "po/")
    done = stage.quarterdeck("drain", pod, "--method", "evict", "--deadline", "5", "--yes", "--timeout", "10")
    assert done.returncode == 4
    assert "never" in done.stderr + done.stdout
    left = stage.kubectl("get", "pods", "-n", "batch", "-l", "app.kubernetes.io/name=legacy-13b", "-o", "name").split()
    assert set(pods) <= set(left)
    stage.kubectl("delete", "pdb", "never", "-n", "batch")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("scale", "chatt-8b", "3"), "did you mean chat-8b"),
        (("scale", "pod/x", "3"), "expected Deployment"),
        (("scale", "chat-8b"), "no number of replicas given"),
        (("rollback", "chat-8b", "-n", "serving", "--to", "77", "--yes"), "77"),
    ],
)
def test_what_cannot_be_asked_for_is_said_in_words(stage: Stage, arguments: tuple[str, ...], words: str) -> None:
    done = stage.quarterdeck(*arguments)
    assert done.returncode in (1, 2)
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_an_auditor_may_not_and_read_only_does_not_even_look(stage: Stage) -> None:
    denied = stage.quarterdeck("scale", "summarize", "1", "--yes", context="demo-auditor")
    assert denied.returncode == 4
    assert "may not patch deployments/scale" in denied.stderr
    refused = stage.quarterdeck("scale", "summarize", "1", "--yes", "--read-only")
    assert refused.returncode == 4
    assert "read-only" in refused.stderr


def test_the_chain_is_intact_after_all_of_it(stage: Stage) -> None:
    done = stage.quarterdeck("audit", "verify")
    assert done.returncode == 0, done.stdout + done.stderr
