"""The template of several pods is read once, and each pod's result is the same as if read alone."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.sources.kube.interner import Interner
from fleet.sources.kube.project.pods import project_pod
from fleet.sources.kube.project.template import template_of
from tests import toys

Object = dict[str, Any]


def made_from(*words: str, number: int = 0, labels: dict[str, str] | None = None) -> Object:
    """A running pod with these arguments, and with what no other pod of its template has."""
    name = f"chat-5b6d-{number}"
    token = {"name": f"kube-api-access-{number}", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}
    return {
        "metadata": {"name": name, "namespace": "llm", "uid": name, "labels": labels or {}},
        "spec": {
            "nodeName": f"gpu-{number}",
            "volumes": [{"name": token["name"]}],
            "initContainers": [{"name": "fetch", "image": "fetch:1", "volumeMounts": [token]}],
            "containers": [
                {
                    "name": "vllm",
                    "image": "vllm/vllm-openai:v0.11.0",
                    "args": ["--model", "chat", "--port", "$(PORT)", *words],
                    "env": [{"name": "PORT", "value": "8100"}],
                    "ports": [{"name": "http", "containerPort": 8100}],
                    "resources": {"limits": {"nvidia.com/gpu": "2"}},
                    "volumeMounts": [token],
                }
            ],
        },
        "status": {
            "phase": "Running",
            "containerStatuses": [{"name": "vllm", "imageID": "vllm@sha256:" + f"{number % 2}" * 64, "ready": True}],
        },
    }


def alike(one: Object, other: Object) -> bool:
    """True if the second pod is taken to be of the first one's template."""
    interner = Interner()
    first, second = (template_of(raw["metadata"], raw["spec"], interner) for raw in (one, other))
    return first is second


def test_a_template_is_read_once_whatever_its_pods_have_of_their_own() -> None:
    assert alike(made_from(number=0), made_from(number=1))


def test_what_is_read_of_a_template_tells_it_from_others() -> None:
    assert not alike(made_from(), made_from("--revision", "2"))
    # Each pod of a group is told its index in a label: workers follow, the leader serves.
    index = "leaderworkerset.sigs.k8s.io/worker-index"
    assert not alike(made_from(labels={index: "0"}), made_from(labels={index: "1"}))
    assert alike(made_from(labels={"app": "one"}), made_from(labels={"app": "two"}))


def test_a_product_that_becomes_known_is_seen_in_templates_that_were_read_before() -> None:
    interner = Interner()
    raw = made_from()
    container = raw["spec"]["containers"][0]
    container |= {"image": "site/script:1", "command": ["quackd", "swim", "--duck", "donald"], "args": []}
    assert project_pod(raw, interner).serving.engine == ""
    with toys.known():
        assert project_pod(raw, interner).serving.engine == toys.ENGINE.name
    assert project_pod(raw, interner).serving.engine == ""


def test_the_digest_is_of_the_pod_and_the_rest_of_its_version_of_the_template() -> None:
    interner = Interner()
    rows = [project_pod(made_from(number=number), interner) for number in range(4)]
    assert [row.version.digest[:8] for row in rows] == ["sha256:0", "sha256:1"] * 2
    assert {row.version.model for row in rows} == {"chat"}
    assert rows[0].version is rows[2].version
    assert [row.containers[1].ready for row in rows] == [True] * 4
    assert rows[0].containers[1].command is rows[1].containers[1].command
    assert rows[0].serving is rows[1].serving
    assert rows[0].serving.ports == (8100,)


def test_a_template_that_cannot_be_written_down_again_is_read_all_the_same() -> None:
    raw = made_from()
    deep: Object = {}
    inner = deep
    for _ in range(400):
        inner["value"] = inner = {}
    raw["spec"]["containers"][0]["env"].append({"name": "DEEP", "value": deep})
    raw["spec"]["containers"][0]["ports"].append({"containerPort": 2**80})
    interner = Interner()
    for _ in range(2):
        row = project_pod(raw, interner)
        assert (row.gpus, row.version.model, row.serving.ports) == (2, "chat", (8100,))


VALUES = st.none() | st.booleans() | st.integers(-1, 3) | st.sampled_from(["", "1", "2", "chat", "$(PORT)", "Always"])
NONSENSE = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "value"]), inner, max_size=2),
    max_leaves=6,
)
FIELDS = st.sampled_from(
    ["name", "image", "command", "args", "env", "ports", "resources", "restartPolicy", "readinessProbe", "volumeMounts"]
)


@settings(max_examples=150, deadline=None)
@given(changes=st.lists(st.tuples(st.sampled_from(["initContainers", "containers"]), FIELDS, NONSENSE), max_size=6))
def test_a_row_is_the_same_whatever_was_read_before_it(changes: list[tuple[str, str, Any]]) -> None:
    interner, raw = Interner(), made_from()
    for which, field, value in changes:
        raw = copy.deepcopy(raw)
        raw["spec"][which][0][field] = value
        assert project_pod(raw, interner) == project_pod(raw, Interner())
