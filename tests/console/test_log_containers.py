"""The container whose log is opened first, and the order of the others."""

from __future__ import annotations

from typing import Any

import pytest

from console.views.pod_logs import worth_reading
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.project.pods import project_pod

PROXY = {"name": "istio-proxy", "image": "istio/proxyv2:1.24", "args": ["proxy", "sidecar"]}
VLLM = {"name": "vllm", "image": "vllm/vllm-openai:v0.11.0", "command": ["vllm", "serve", "a/b"]}
CLAIM = {"resources": {"claims": [{"name": "gpu"}]}}
GPUS = {"resources": {"limits": {"nvidia.com/gpu": "1"}}}


def order(*containers: dict[str, Any], init: tuple[dict[str, Any], ...] = (), default: str = "") -> list[str]:
    annotations = {"kubectl.kubernetes.io/default-container": default} if default else {}
    raw = {
        "metadata": {"name": "p", "namespace": "n", "annotations": annotations},
        "spec": {"containers": list(containers), "initContainers": list(init)},
    }
    return list(worth_reading(project_pod(raw, Interner())))


@pytest.mark.parametrize("resources", [CLAIM, GPUS, {}])
def test_the_engines_log_stands_before_that_of_a_sidecar_that_is_declared_first(resources: dict[str, Any]) -> None:
    assert order(PROXY, VLLM | resources) == ["vllm", "istio-proxy"]


def test_the_container_that_the_pods_author_names_stands_before_all_others() -> None:
    assert order(VLLM | GPUS, PROXY, default="istio-proxy") == ["istio-proxy", "vllm"]


def test_a_name_that_no_container_has_changes_nothing() -> None:
    assert order(PROXY, VLLM | CLAIM, default="gone") == ["vllm", "istio-proxy"]


def test_an_engine_among_the_sidecars_of_old_stands_first_and_what_ran_before_last() -> None:
    fetch = {"name": "fetch", "image": "fetch:1"}
    engine = VLLM | GPUS | {"restartPolicy": "Always"}
    assert order(PROXY, init=(fetch, engine)) == ["vllm", "istio-proxy", "fetch"]
