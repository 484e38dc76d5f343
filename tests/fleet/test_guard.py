"""The door: what passes, what does not, and that a shut one stays shut."""

from __future__ import annotations

import pytest

from fleet import guard
from fleet.guard import LOGS, PROXY, RefusedError, may_ask, may_change, may_start, reads_only

API = "https://eu1.example.com:6443"
ENGINE = "http://127.0.0.1:8000"
REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("GET", f"{API}/api/v1/pods?watch=1"),
        ("HEAD", f"{API}/version"),
        ("GET", f"{API}/api/v1/namespaces/serving/pods/chat-0/log?follow=true"),
        ("GET", "http://10.0.0.1:8000/metrics"),
        ("GET", "http://prometheus:9090/api/v1/query?query=up"),
        ("GET", f"{API}/api/v1/namespaces/secrets/pods"),
        ("GET", f"{API}/api/v1/namespaces/a/pods/secrets"),
        ("POST", f"{API}{REVIEW}"),
        ("POST", f"{API}{REVIEW}?dryRun=All"),
        ("POST", f"https://rancher/k8s/clusters/c-m-1{REVIEW}"),
        ("POST", f"{API}/apis/authentication.k8s.io/v1/selfsubjectreviews"),
    ],
)
def test_reads_pass(method: str, url: str) -> None:
    reads_only(method, url)


@pytest.mark.parametrize(
    ("method", "url"),
    [
        *((method, f"{API}/api/v1/namespaces/a/pods/b") for method in ("POST", "PUT", "PATCH", "DELETE", "get", "")),
        ("CONNECT", f"{API}/api/v1/namespaces/a/pods/b/exec"),
        ("GET", f"{API}/api/v1/namespaces/a/pods/b/exec?command=sh"),
        ("GET", f"{API}/api/v1/namespaces/a/pods/b/attach"),
        ("GET", f"{API}/api/v1/namespaces/a/pods/b/portforward"),
        ("GET", f"{API}/api/v1/secrets"),
        ("GET", f"{API}/api/v1/namespaces/a/secrets/b"),
        ("GET", "https://rancher/k8s/clusters/c/api/v1/namespaces/a/secrets/b"),
        ("GET", f"{API}/api/v1/s%65crets"),
        ("GET", f"{API}/api/v1/s%2565crets"),
        ("GET", f"{API}/api/v1/./secrets"),
        ("GET", f"{API}/api/v1/x/../secrets"),
        ("GET", f"{API}//api//v1//secrets"),
        ("GET", f"{API}/api/v1/namespaces/a%2Fsecrets"),
        ("GET", f"{API}/API/v1/secrets"),
        ("GET", f"{API}/api/v1/watch/secrets"),
        ("GET", f"{API}/api/v1/watch/namespaces/a/secrets"),
        ("GET", "https://gateway/v1/api/x/api/v1/secrets"),
        ("GET", f"{API}/api/v1/namespaces/a/pods/b/%65xec"),
        ("POST", f"{API}{REVIEW}/"),
        ("POST", f"{API}{REVIEW}/../../../../api/v1/pods"),
        ("POST", f"{API}/x/..{REVIEW}"),
        ("POST", f"{API}/%2e%2e{REVIEW}"),
        ("POST", f"{API}/{REVIEW}"),
        ("POST", f"{API}{REVIEW.upper()}"),
        ("POST", f"{API}/api/v1/pods?path={REVIEW}"),
        ("POST", f"{API}/api/v1/pods#{REVIEW}"),
        ("POST", f"{API}/api/v1/namespaces/a/services/b/proxy{REVIEW}"),
        ("POST", f"{API}/apis/x/v1{REVIEW}"),
        ("POST", "http://prometheus:9090/api/v1/admin/tsdb/delete_series"),
        ("PATCH", f"{API}{REVIEW}"),
    ],
)
def test_everything_else_is_refused(method: str, url: str) -> None:
    with pytest.raises(RefusedError):
        reads_only(method, url)


def test_an_open_door_lets_the_actions_client_change_things() -> None:
    may_change("PATCH", f"{API}/apis/apps/v1/namespaces/a/deployments/b/scale")
    may_start("vllm")


def test_a_shut_one_refuses_whoever_asks() -> None:
    guard.lock()
    with pytest.raises(RefusedError):
        may_change("PATCH", f"{API}/apis/apps/v1/namespaces/a/deployments/b/scale")
    with pytest.raises(RefusedError, match="vllm was not started"):
        may_start("vllm")
    may_change("GET", f"{API}/api/v1/pods")


def test_shutting_again_with_more_allowed_opens_nothing() -> None:
    guard.lock()
    guard.lock({LOGS, PROXY})
    assert not guard.permits(LOGS)
    with pytest.raises(RefusedError, match="logs are not read"):
        reads_only("GET", f"{API}/api/v1/namespaces/a/pods/b/log")
    with pytest.raises(RefusedError, match="proxy"):
        reads_only("GET", f"{API}/api/v1/namespaces/a/services/b:9090/proxy/api/v1/query")
    with pytest.raises(RefusedError, match="proxy"):
        reads_only("GET", f"{API}/api/v1/proxy/nodes/a/logs")


def test_policy_may_allow_logs_and_proxy() -> None:
    guard.lock({LOGS, PROXY})
    reads_only("GET", f"{API}/api/v1/namespaces/a/pods/b/log")
    reads_only("GET", f"{API}/api/v1/namespaces/a/services/b:9090/proxy/api/v1/query")
    guard.lock({LOGS})
    assert not guard.permits(PROXY)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions", "/v1/completions?x=1"])
def test_prompts_pass_where_they_are_meant_to(path: str) -> None:
    may_ask("POST", ENGINE + path)
    with pytest.raises(RefusedError):
        reads_only("POST", ENGINE + path)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/embeddings"),
        ("POST", "/v1/load_lora_adapter"),
        ("POST", "/v1/completions/"),
        ("POST", "/v1//completions"),
        ("POST", "/V1/completions"),
        ("POST", "/v1/%63ompletions"),
        ("POST", "/v1/x/../completions"),
        ("POST", "/sleep?path=/v1/completions"),
        ("POST", "/sleep#/v1/completions"),
        ("POST", "/api/v1/namespaces/a/pods/b/proxy/v1/completions"),
        ("DELETE", "/v1/completions"),
        ("post", "/v1/completions"),
        ("GET", "/api/v1/secrets"),
    ],
)
def test_nothing_else_passes_with_them(method: str, path: str) -> None:
    with pytest.raises(RefusedError):
        may_ask(method, ENGINE + path)


def test_a_shut_door_lets_no_prompt_through_but_reads() -> None:
    guard.lock({LOGS, PROXY})
    with pytest.raises(RefusedError, match="prompt makes a GPU work"):
        may_ask("POST", f"{ENGINE}/v1/chat/completions")
    may_ask("GET", f"{ENGINE}/v1/models")
