"""A server as an entry for gateways: what their own parsers read, and no key."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleet.local.entries import GATEWAYS, entries, variable
from fleet.local.process import Identity
from fleet.local.record import ServerRecord
from fleet.local.spec import LaunchSpec

KEY = "qd-very-secret"


@pytest.fixture
def record(tmp_path: Path) -> ServerRecord:
    (tmp_path / "key").write_text(KEY)
    spec = LaunchSpec("qwen3-8b", "Qwen/Qwen3-8B", host="10.1.2.3", port=8001, served_model_name=("chat: 8b",))
    return ServerRecord("ab", spec, Identity(1, 1.0), ("vllm",), "0.32", 0.0, str(tmp_path), keyed=True)


def documents(text: str) -> list[Any]:
    return [document for document in yaml.safe_load_all(text) if document]


@pytest.mark.parametrize("gateway", ["", *GATEWAYS])
def test_the_key_is_named_and_never_written(record: ServerRecord, gateway: str) -> None:
    text = entries(record, gateway)
    assert KEY not in text
    assert "QWEN3_8B_API_KEY" in text
    assert f"{record.folder}/key" in text


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_loopback_server_says_that_only_this_machine_reaches_it(record: ServerRecord, gateway: str) -> None:
    text = entries(replace(record, spec=replace(record.spec, host="127.0.0.1")), gateway)
    assert "only a gateway on this machine can use it" in " ".join(text.replace("#", "").split())
    assert "only this machine" not in entries(record, gateway)


def test_nginx(record: ServerRecord) -> None:
    text = entries(record, "nginx")
    assert "    server 10.1.2.3:8001 " in text
    assert "proxy_buffering off;" in text
    assert "proxy_read_timeout 3600s;" in text
    assert 'proxy_set_header Authorization "Bearer ${QWEN3_8B_API_KEY}";' in text
    assert text.count("{") == text.count("}")
    assert "Authorization" not in entries(replace(record, keyed=False), "nginx")


def test_litellm(record: ServerRecord) -> None:
    (document,) = documents(entries(record, "litellm"))
    (entry,) = document["model_list"]
    assert entry["model_name"] == "chat: 8b"
    assert entry["litellm_params"] == {
        "model": "hosted_vllm/chat: 8b",
        "api_base": "http://10.1.2.3:8001/v1",
        "api_key": "os.environ/QWEN3_8B_API_KEY",
    }


def test_envoy(record: ServerRecord) -> None:
    (document,) = documents(entries(record, "envoy"))
    (cluster,) = document["clusters"]
    assert cluster["type"] == "STATIC"
    assert cluster["load_assignment"]["cluster_name"] == cluster["name"] == "qwen3-8b"
    (endpoint,) = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
    assert endpoint["endpoint"]["address"]["socket_address"] == {"address": "10.1.2.3", "port_value": 8001}


def test_envoy_looks_a_name_up(record: ServerRecord) -> None:
    wild = replace(record, spec=replace(record.spec, host="0.0.0.0"))
    (document,) = documents(entries(wild, "envoy", "gpu-box.example"))
    assert document["clusters"][0]["type"] == "STRICT_DNS"


def test_the_gateway_api(record: ServerRecord) -> None:
    service, endpoints, route = documents(entries(record, "gateway-api"))
    assert "selector" not in service["spec"]
    assert service["spec"]["ports"][0]["port"] == 8001
    assert endpoints["metadata"]["labels"]["kubernetes.io/service-name"] == service["metadata"]["name"]
    assert endpoints["endpoints"][0]["addresses"] == ["10.1.2.3"]
    assert endpoints["addressType"] == "IPv4"
    assert route["spec"]["rules"][0]["backendRefs"] == [{"name": service["metadata"]["name"], "port": 8001}]


def test_the_gateway_api_wants_an_address_that_others_reach(record: ServerRecord) -> None:
    for host in ("127.0.0.1", "localhost"):
        _, endpoints, _ = documents(entries(replace(record, spec=replace(record.spec, host=host)), "gateway-api"))
        assert endpoints["endpoints"][0]["addresses"] == ["REPLACE-ME"]


def test_ipv6_stands_in_brackets_where_a_port_follows(record: ServerRecord) -> None:
    six = replace(record, spec=replace(record.spec, host="fd00::1"))
    assert "server [fd00::1]:8001" in entries(six, "nginx")
    assert "server qwen3-8b [fd00::1]:8001 check" in entries(six, "haproxy")
    assert documents(entries(six, "gateway-api"))[1]["addressType"] == "IPv6"


def test_haproxy_is_told_that_it_is_http(record: ServerRecord) -> None:
    """HAProxy's default mode is tcp, in which health checks by path and headers are ignored or rejected."""
    lines = entries(record, "haproxy").splitlines()
    backend = lines.index(f"backend {record.name}")
    assert lines[backend + 1] == "    mode http"


def test_all_of_them_one_after_the_other(record: ServerRecord) -> None:
    text = entries(record)
    titles = re.findall(r"^# (nginx|LiteLLM|Envoy|HAProxy|Gateway API)", text, re.MULTILINE)
    assert list(dict.fromkeys(titles)) == ["nginx", "LiteLLM", "Envoy", "HAProxy", "Gateway API"]


@pytest.mark.parametrize(("name", "expected"), [("a.b-c", "A_B_C_API_KEY"), ("3b", "NODE_3B_API_KEY")])
def test_variables_are_ones_that_a_shell_takes(record: ServerRecord, name: str, expected: str) -> None:
    assert variable(replace(record, spec=replace(record.spec, name=name))) == expected


def test_an_unknown_gateway(record: ServerRecord) -> None:
    with pytest.raises(KeyError):
        entries(record, "traefik")
