"""Acting while the API server is down, refuses, or cannot reach its storage: the real reason, and its exit code."""

from __future__ import annotations

import socket
from pathlib import Path

from console.cli import exit_codes
from tests.console.cli import kubeconfig, quarterdeck
from tests.fleet.sources.kube.api import Api, Object, is_list, reply, status

DEPLOYMENTS = "/apis/apps/v1/deployments"
SCALE = ("scale", "deployment/chat", "3", "--dry-run", "--wait", "20")


def chat() -> Object:
    return {"metadata": {"name": "chat", "namespace": "serving", "uid": "uid-chat"}, "spec": {"replicas": 1}}


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


async def test_a_server_that_is_down_is_unreachable_though_prometheus_answers(api: Api, tmp_path: Path) -> None:
    everything = {"status": "success", "data": {"resultType": "vector", "result": []}}
    api.next(lambda request: request.path.startswith("/api/v1/"), reply(200, everything), 10_000)
    kubeconfig(tmp_path, f"http://127.0.0.1:{closed_port()}")
    numbers = await quarterdeck(tmp_path, *SCALE, "--prometheus", f"http://127.0.0.1:{api.port}")
    assert numbers.code == exit_codes.UNREACHABLE, numbers.err
    assert "connection refused by" in numbers.err
    assert "no deployment" not in numbers.err


async def test_a_token_that_is_refused_is_said_with_the_user(cluster: Api, tmp_path: Path) -> None:
    cluster.tokens = {"another"}
    kubeconfig(tmp_path, f"http://127.0.0.1:{cluster.port}")
    numbers = await quarterdeck(tmp_path, *SCALE)
    assert numbers.code == exit_codes.UNREACHABLE, numbers.err
    assert "does not accept the credentials of user 'u'" in numbers.err
    assert "no deployment" not in numbers.err


async def test_what_may_neither_be_listed_nor_read_is_refused(cluster: Api, tmp_path: Path) -> None:
    cluster.denied |= {
        DEPLOYMENTS,
        "/apis/apps/v1/namespaces/serving/deployments",
        "/apis/apps/v1/namespaces/serving/deployments/chat",
    }
    kubeconfig(tmp_path, f"http://127.0.0.1:{cluster.port}")
    numbers = await quarterdeck(tmp_path, *SCALE)
    assert numbers.code == exit_codes.REFUSED, numbers.err
    assert "is forbidden" in numbers.err
    assert "no deployment" not in numbers.err


async def test_what_may_be_read_but_not_listed_is_found_by_its_name(cluster: Api, tmp_path: Path) -> None:
    cluster.denied |= {DEPLOYMENTS, "/apis/apps/v1/namespaces/serving/deployments"}
    path = "/apis/apps/v1/namespaces/serving/deployments/chat"
    cluster.next(lambda request: request.path == path, reply(200, chat()), 100)
    kubeconfig(tmp_path, f"http://127.0.0.1:{cluster.port}")
    numbers = await quarterdeck(tmp_path, *SCALE)
    assert "no deployment" not in numbers.err
    assert [asked for asked in cluster.requests if asked.path == path]


async def test_a_name_that_is_not_there_is_wrong_usage(cluster: Api, tmp_path: Path) -> None:
    kubeconfig(tmp_path, f"http://127.0.0.1:{cluster.port}")
    numbers = await quarterdeck(tmp_path, *SCALE)
    assert numbers.code == exit_codes.USAGE, numbers.err
    assert "no deployment chat" in numbers.err


async def test_a_server_without_its_storage_is_of_no_use(cluster: Api, tmp_path: Path) -> None:
    for path in (*cluster.objects, DEPLOYMENTS):
        failure = status(500, "InternalError", "etcdserver: request timed out")
        cluster.next(is_list(path), reply(500, failure), 1_000)
    kubeconfig(tmp_path, f"http://127.0.0.1:{cluster.port}")
    numbers = await quarterdeck(tmp_path, *SCALE)
    assert numbers.code == exit_codes.UNREACHABLE, numbers.err
    assert "etcdserver: request timed out" in numbers.err
