"""Rows from raw objects: GPUs, model versions, times, sharing, and input that makes no sense."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.kinds.daemonset import DAEMON_SET
from fleet.kinds.deployment import DEPLOYMENT
from fleet.kinds.leaderworkerset import LEADER_WORKER_SET
from fleet.model.gpu_vendors import is_gpu
from fleet.model.objects import ModelVersion, Owner, TemplateWrite
from fleet.sources.kube.describe import describe, to_yaml
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.project.gpu import pod_gpus
from fleet.sources.kube.project.model_version import command_words, model_version
from fleet.sources.kube.project.nodes import project_node
from fleet.sources.kube.project.pods import project_pod
from fleet.sources.kube.project.workloads import project_workload
from fleet.sources.kube.resources import Resource, all_resources

Object = dict[str, Any]


def asking(name: str = "c", policy: str = "", **limits: str) -> Object:
    """A container with GPU limits; ``gpu`` is nvidia.com/gpu."""
    names = {"gpu": "nvidia.com/gpu", "mig": "nvidia.com/mig-1g.10gb", "amd": "amd.com/gpu"}
    container: Object = {"name": name, "resources": {"limits": {names[key]: value for key, value in limits.items()}}}
    return container | ({"restartPolicy": policy} if policy else {})


NVIDIA = "nvidia.com/gpu"
INTEL = "gpu.intel.com/i915"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"containers": [asking(gpu="4")]}, (4, NVIDIA)),
        ({"containers": [asking(gpu="4"), asking(gpu="2")]}, (6, NVIDIA)),
        ({"containers": [asking(gpu="2")], "initContainers": [asking(gpu="8")]}, (8, NVIDIA)),
        (
            {"containers": [asking(gpu="4")], "initContainers": [asking(gpu="1"), asking(gpu="2")]},
            (4, NVIDIA),
        ),
        (
            {"containers": [asking(gpu="2")], "initContainers": [asking(policy="Always", gpu="1")]},
            (3, NVIDIA),
        ),
        (
            {"containers": [asking()], "initContainers": [asking(policy="Always", gpu="1"), asking(gpu="4")]},
            (5, NVIDIA),
        ),
        ({"containers": [asking(mig="2")]}, (2, "nvidia.com/mig-1g.10gb")),
        ({"containers": [asking(amd="8")]}, (8, "amd.com/gpu")),
        ({"containers": [asking(gpu="0")]}, (0, "")),
        ({"containers": [asking(gpu="many")]}, (0, "")),
        ({"containers": [{"resources": {"requests": {"nvidia.com/gpu": "3"}}}]}, (3, NVIDIA)),
        (
            {"containers": [{"resources": {"limits": {"cpu": "8", INTEL: "1"}}}]},
            (1, INTEL),
        ),
        ({}, (0, "")),
    ],
)
def test_gpus_are_counted_as_the_scheduler_does(spec: Object, expected: tuple[int, str]) -> None:
    assert pod_gpus(spec) == expected


def test_what_is_no_gpu() -> None:
    assert not any(
        map(is_gpu, ("cpu", "nvidia.com/gpumem", "gpu.intel.com/millicores", "gpu.intel.com/i915_monitoring"))
    )


def version(**container: Any) -> ModelVersion:
    container.setdefault("image", "registry/engine:1")
    return model_version({"containers": [{"name": "c", **container}]}, {}, Interner())


def model_and_revision(args: list[str], **more: Any) -> tuple[str, str, str]:
    found = version(args=args, **more)
    return found.model, found.served_name, found.revision


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--model", "a/b", "--revision", "r", "--served-model-name", "n"], ("a/b", "n", "r")),
        (["--model=a/b", "--revision=r", "--served-model-name=n", "alias"], ("a/b", "n", "r")),
        (["--model", "a/b"], ("a/b", "a/b", "")),
        (["--served-model-name", "first", "second", "--model", "a/b"], ("a/b", "first", "")),
        (["--served_model_name", "n", "--model", "a/b"], ("a/b", "n", "")),
        (["--model-path", "a/b"], ("a/b", "a/b", "")),
        (["--model-id", "a/b"], ("a/b", "a/b", "")),
        (["vllm", "serve", "a/b", "--port", "8000"], ("a/b", "a/b", "")),
        (["/opt/bin/vllm", "serve", "--port", "8000"], ("", "", "")),
        (["--model"], ("", "", "")),
        (["--model", "--port"], ("", "", "")),
        ([], ("", "", "")),
    ],
)
def test_the_model_from_arguments(args: list[str], expected: tuple[str, str, str]) -> None:
    assert model_and_revision(args) == expected


@pytest.mark.parametrize(
    ("image", "command", "expected"),
    [
        ("lmsysorg/sglang:v0.5", "sglang serve --model-path q/w --served-model-name chat", ("q/w", "chat")),
        ("text-generation-inference:3", "text-generation-launcher --model-id q/w -p 80 --revision r1", ("q/w", "q/w")),
        ("ghcr.io/ggml-org/llama.cpp:server", "llama-server -hf q/w --alias chat --api-key s3", ("q/w", "chat")),
        ("tensorrt-llm:1", "trtllm-serve serve --trust_remote_code q/w", ("q/w", "q/w")),
        ("openmmlab/lmdeploy", "lmdeploy serve api_server q/w --model-name chat", ("q/w", "chat")),
        ("vllm/vllm-openai", "vllm serve --api-key a b --enforce-eager -dpm q/w", ("q/w", "q/w")),
    ],
)
def test_the_model_by_the_flags_of_each_engine(image: str, command: str, expected: tuple[str, str]) -> None:
    found = version(image=image, command=command.split())
    assert (found.model, found.served_name) == expected


def test_the_model_from_a_shell_script() -> None:
    script = "set -e\nsleep 1 && exec vllm serve 'a/b' \\\n  --revision=r --served-model-name n # why"
    assert model_and_revision([script], command=["/bin/bash", "-lc"]) == ("a/b", "n", "r")
    assert (
        model_and_revision([], command=["sh", "-c", "python -m sglang.launch_server --model-path a/b 'unbalanced"])[0]
        == "a/b"
    )


def test_variables_of_the_template_are_put_in_and_secrets_are_not_read() -> None:
    env = [
        {"name": "WEIGHTS", "value": "a/b"},
        {"name": "MODEL", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}, "value": "leak"},
    ]
    assert model_and_revision(["--model", "$(WEIGHTS)"], env=env)[0] == "a/b"
    assert model_and_revision(["exec vllm serve ${WEIGHTS}"], command=["sh", "-c"], env=env)[0] == "a/b"
    assert model_and_revision(["--model", "$(ELSEWHERE)"], env=env)[0] == "$(ELSEWHERE)"
    assert model_and_revision([], env=env)[0] == ""


def test_the_environment_is_the_last_evidence() -> None:
    env = [{"name": "MODEL_ID", "value": "from-env"}]
    assert model_and_revision([], env=env)[0] == "from-env"
    assert model_and_revision(["--model", "from-args"], env=env)[0] == "from-args"


def test_the_first_argument_of_an_image_that_serves() -> None:
    assert model_and_revision(["a/b", "--port", "1"], image="vllm/vllm-openai:v0.11.0")[0] == "a/b"
    assert model_and_revision(["a/b"], image="registry/other:1")[0] == ""


def test_the_container_with_gpus_is_the_engine() -> None:
    spec = {
        "containers": [
            {"name": "proxy", "image": "proxy:1", "args": ["--model", "not-this"]},
            {"name": "engine", "image": "engine:1", "args": ["--model", "this"], **asking("engine", gpu="1")},
        ]
    }
    image_ids = {"engine": "docker-pullable://engine@sha256:abc", "proxy": "sha256:def"}
    found = model_version(spec, image_ids, Interner())
    assert (found.model, found.image, found.digest) == ("this", "engine:1", "sha256:abc")


@given(st.lists(st.text(max_size=20), max_size=6))
def test_any_command_line_has_words(words: list[str]) -> None:
    assert all(isinstance(word, str) for word in command_words(words, words))


def test_a_pod_in_full() -> None:
    row = project_pod(
        {
            "metadata": {
                "name": "p", "namespace": "n", "uid": "u", "resourceVersion": "7",
                "creationTimestamp": "1970-01-01T00:01:40Z", "deletionTimestamp": "1970-01-01T00:03:20.5Z",
                "deletionGracePeriodSeconds": 30,
                "labels": {"app": "chat"},
                "annotations": {"prometheus.io/port": "8000", "team.example.com/note": "x", "model.example.com/v": "1"},
                "ownerReferences": [
                    {"kind": "Other", "name": "o", "uid": "1"},
                    {"kind": "ReplicaSet", "name": "rs", "uid": "2", "controller": True},
                ],
            },
            "spec": {
                "nodeName": "node-1",
                "initContainers": [{"name": "fetch", "image": "fetch:1"}],
                "containers": [
                    {
                        "name": "vllm", "image": "vllm:1", "command": ["vllm"], "args": ["serve", "m"],
                        "ports": [{"name": "http", "containerPort": 8000}],
                        "resources": {"limits": {"nvidia.com/gpu": "2"}},
                    }
                ],
            },
            "status": {
                "phase": "Running", "podIP": "10.0.0.9",
                "conditions": [
                    {"type": "Ready", "status": "True", "lastTransitionTime": "1970-01-01T00:02:00Z", "reason": "R"}
                ],
                "initContainerStatuses": [
                    {"name": "fetch", "state": {"terminated": {"exitCode": 0, "finishedAt": "1970-01-01T00:01:50Z"}}}
                ],
                "containerStatuses": [
                    {
                        "name": "vllm", "ready": True, "started": True, "restartCount": 3, "imageID": "vllm@sha256:d",
                        "state": {"running": {"startedAt": "1970-01-01T00:02:30Z"}},
                        "lastState": {
                            "terminated": {
                                "exitCode": 137, "reason": "OOMKilled", "finishedAt": "1970-01-01T00:02:20Z"
                            }
                        },
                    }
                ],
            },
        },
        Interner(),
    )  # fmt: skip
    assert (row.key, row.uid, row.resource_version, row.created, row.deleted) == ("n/p", "u", "7", 100.0, 200.5)
    assert row.grace == 30.0
    assert (row.status, row.ready, row.restarts, row.node, row.ip) == ("Terminating", True, 3, "node-1", "10.0.0.9")
    assert row.owner == Owner("ReplicaSet", "rs", "2")
    assert row.annotations == {"prometheus.io/port": "8000", "model.example.com/v": "1"}
    assert (row.gpus, row.gpu_resource) == (2, "nvidia.com/gpu")
    assert row.conditions[0].since == 120.0
    fetch, vllm = row.containers
    assert (fetch.init, fetch.state, fetch.exit_code, fetch.since) == (True, "terminated", 0, 110.0)
    assert (vllm.init, vllm.state, vllm.exit_code, vllm.since) == (False, "running", None, 150.0)
    assert (vllm.last_reason, vllm.last_exit_code, vllm.last_finished) == ("OOMKilled", 137, 140.0)
    assert (vllm.ports, vllm.command, vllm.gpus) == ((("http", 8000),), ("vllm", "serve", "m"), 2)
    assert (row.version.model, row.version.digest) == ("m", "sha256:d")


def test_a_node() -> None:
    row = project_node(
        {
            "metadata": {"name": "n", "labels": {"nvidia.com/gpu.product": "H100"}},
            "spec": {"unschedulable": True, "taints": [{"key": "k", "value": "v", "effect": "NoSchedule"}]},
            "status": {
                "allocatable": {"nvidia.com/gpu": "8", "nvidia.com/mig-1g.10gb": "7", "cpu": "64"},
                "conditions": [{"type": "Ready", "status": "Unknown"}],
                "addresses": [{"type": "Hostname", "address": "h"}, {"type": "InternalIP", "address": "10.0.0.1"}],
                "nodeInfo": {"kubeletVersion": "v1.36.0"},
            },
        },
        Interner(),
    )
    assert (row.key, row.ready, row.unschedulable, row.gpu_product) == ("n", "Unknown", True, "H100")
    assert row.gpus == {"nvidia.com/gpu": 8, "nvidia.com/mig-1g.10gb": 7}
    assert row.taints == (("k", "v", "NoSchedule"),)
    assert (row.address, row.kubelet) == ("10.0.0.1", "v1.36.0")
    assert project_node({"metadata": {"name": "n"}}, Interner()).ready == "Unknown"


def test_replicas_that_are_left_out_mean_one_and_zero_means_zero() -> None:
    assert project_workload(DEPLOYMENT, {"metadata": {"name": "d"}}, Interner()).desired == 1
    assert project_workload(DEPLOYMENT, {"metadata": {"name": "d"}, "spec": {"replicas": 0}}, Interner()).desired == 0


def test_the_last_writer_of_a_template_is_kept_and_writers_of_other_fields_are_not() -> None:
    def entry(manager: str, minute: int, *fields: str, subresource: str = "") -> dict[str, Any]:
        return {
            "manager": manager,
            "time": f"2026-07-01T09:{minute:02}:00Z",
            "subresource": subresource,
            "fieldsV1": {"f:spec": {f"f:{name}": {} for name in fields}},
        }

    entries = [
        entry("argocd-controller", 1, "replicas", "template"),
        entry("kubectl-set", 5, "template"),
        entry("helm", 3, "template"),
        entry("keda", 9, "replicas"),
        entry("kube-controller-manager", 9, "template", subresource="status"),
    ]
    row = project_workload(DEPLOYMENT, {"metadata": {"name": "d", "managedFields": entries}}, Interner())
    assert row.template_write == TemplateWrite("kubectl-set", 1782896700.0)
    group = {"metadata": {"name": "l", "managedFields": [entry("helm", 5, "leaderWorkerTemplate")]}}
    assert project_workload(LEADER_WORKER_SET, group, Interner()).template_write == TemplateWrite("helm", 1782896700.0)
    assert project_workload(DEPLOYMENT, {"metadata": {"name": "d"}}, Interner()).template_write is None


def test_a_daemon_set_wants_what_its_nodes_are() -> None:
    status = {"desiredNumberScheduled": 5, "numberReady": 4, "updatedNumberScheduled": 3, "numberAvailable": 2}
    row = project_workload(DAEMON_SET, {"metadata": {"name": "d"}, "status": status}, Interner())
    assert (row.desired, row.ready, row.updated, row.available) == (5, 4, 3, 2)


def test_a_replica_of_a_leader_worker_set_is_a_group() -> None:
    worker = {"spec": {"containers": [asking(gpu="8")]}}
    template = {"size": 4, "workerTemplate": worker}
    raw = {"metadata": {"name": "l"}, "spec": {"replicas": 2, "leaderWorkerTemplate": template}}
    assert project_workload(LEADER_WORKER_SET, raw, Interner()).gpus == 32
    template["leaderTemplate"] = {"spec": {"containers": [asking(gpu="1") | {"args": ["--model", "m"]}]}}
    row = project_workload(LEADER_WORKER_SET, raw, Interner())
    assert (row.desired, row.gpus, row.version.model) == (2, 25, "m")


def test_what_repeats_is_shared() -> None:
    interner = Interner()

    def raw(name: str) -> Object:
        return {
            "metadata": {"name": name, "labels": {"app": "chat", "hash": "1"}},
            "spec": {"containers": [{"name": "c", "image": "image:1", "args": ["--model", "m"]}]},
        }

    one, two = (project_pod(raw(name), interner) for name in ("one", "two"))
    assert one.labels is two.labels
    assert one.version is two.version
    assert one.containers[0].command is two.containers[0].command
    assert one.containers[0].image is two.containers[0].image


def test_sharing_forgets_rather_than_grows() -> None:
    interner = Interner(limit=10)
    first = interner.share("x" * 5)
    for number in range(100):
        interner.share(f"value {number}")
    assert len(interner._values) <= 10
    assert interner.share("xxxxx") == first


def test_an_owner_is_not_taken_for_a_tuple_of_the_same_words() -> None:
    interner = Interner()
    assert isinstance(interner.share(("a", "b", "c")), tuple)
    assert isinstance(interner.share(Owner("a", "b", "c")), Owner)


# Names that the projections look for, so that nonsense gets deep into them.
KEYS = st.sampled_from(
    sorted(
        {
            *("metadata", "name", "namespace", "labels", "annotations", "ownerReferences", "controller", "kind", "uid"),
            *("creationTimestamp", "spec", "status", "containers", "initContainers", "containerStatuses", "endpoints"),
            *("initContainerStatuses", "state", "lastState", "running", "waiting", "terminated", "exitCode", "reason"),
            *("conditions", "type", "resources", "limits", "nvidia.com/gpu", "args", "command", "env", "ports"),
            *("containerPort", "template", "replicas", "selector", "matchLabels", "leaderWorkerTemplate", "size"),
            *("addresses", "targetRef", "taints", "allocatable", "involvedObject", "series", "lastTimestamp", "phase"),
            *("scaleTargetRef", "startedAt", "restartPolicy", "livenessProbe", "httpGet", "volumes", "capacity"),
            *("strategy", "rollingUpdate"),
        }
    )
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
NONSENSE = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=30
)


@settings(max_examples=150, deadline=None)
@given(raw=st.dictionaries(KEYS, NONSENSE, max_size=6), resource=st.sampled_from(all_resources()))
def test_nonsense_makes_a_row_and_never_an_error(raw: Object, resource: Resource[Any]) -> None:
    row = resource.project(raw, Interner())
    assert isinstance(row.key, str)
    text = describe(raw | {"kind": resource.kind}, now=0.0)
    assert text.endswith("\n")
    assert "managedFields" not in to_yaml(raw)


@pytest.mark.parametrize(("phase", "ready"), [("Running", True), ("Failed", False), ("Succeeded", False)])
def test_a_pod_that_has_ended_is_not_ready_whatever_stands_in_its_conditions(phase: str, ready: bool) -> None:
    conditions = [{"type": "Ready", "status": "True"}]
    status = {"phase": phase, "reason": "Evicted", "conditions": conditions}
    assert project_pod({"metadata": {"name": "p"}, "status": status}, Interner()).ready is ready
