"""Addresses that are scraped without Prometheus."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fleet.model.objects import Container, ModelVersion, Pod, Serving
from fleet.sources.scrape.targets import Via, endpoints, split_ambiguous
from tests.fleet.rows import NOW, pod

LLAMA = ModelVersion(model="meta/llama", served_name="llama")


def found(*pods: Pod, ports: tuple[int, ...] = (8000,)) -> list[str]:
    return [f"{e.address}{e.path}" for e in endpoints(pods, ports, "/metrics")]


def engine(**more: Any) -> Pod:
    fields: dict[str, Any] = {"name": "a", "ip": "10.0.0.7", "version": LLAMA}
    return pod(**(fields | more))


@pytest.mark.parametrize(
    ("more", "address"),
    [
        ({}, "10.0.0.7:8000/metrics"),
        ({"containers": (Container("v", "i", ports=(("http", 8080), ("metrics", 9001))),)}, "10.0.0.7:9001/metrics"),
        ({"containers": (Container("v", "i", ports=(("", 5000), ("", 8000))),)}, "10.0.0.7:8000/metrics"),
        ({"containers": (Container("v", "i", ports=(("grpc", 50051),)),)}, "10.0.0.7:8000/metrics"),
        (
            {"annotations": {"prometheus.io/port": "9999", "prometheus.io/path": "/m"}},
            "10.0.0.7:9999/m",
        ),
        ({"annotations": {"prometheus.io/port": "http"}}, "10.0.0.7:8000/metrics"),
        ({"ip": "fd00::7"}, "[fd00::7]:8000/metrics"),
    ],
)
def test_the_port_of_an_engine(more: dict[str, Any], address: str) -> None:
    assert found(engine(**more)) == [address]


@pytest.mark.parametrize(
    ("serving", "containers", "urls"),
    [
        (Serving("vLLM", "v", (8080,)), (("http", 8000),), ["http://10.0.0.7:8080"]),
        (Serving("vLLM", "v"), (("", 8080),), ["http://10.0.0.7:8080"]),
        (Serving("vLLM", "v"), (("grpc", 50051), ("serve", 9000)), ["http://10.0.0.7:9000"]),
        (Serving("vLLM", "v"), (), ["http://10.0.0.7:8000"]),
        (Serving("Dynamo", "v"), (), ["http://10.0.0.7:9090"]),
        (Serving("vLLM", "v", (8000, 8001)), (), ["http://10.0.0.7:8000", "http://10.0.0.7:8001"]),
        (Serving("vLLM", "v", (8000,), tls=True), (), ["https://10.0.0.7:8000"]),
        (Serving("vLLM", "v", follows=True), (), []),
        (Serving("SGLang", "v", (30000,)), (), ["http://10.0.0.7:30000"]),
        (Serving("Triton", "v", (8002,)), (), []),
        (Serving("", "v", (4100,), gateway="LiteLLM"), (), ["http://10.0.0.7:4100/metrics/"]),
        (Serving("", "v", gateway="sglang-router"), (("http", 30000),), ["http://10.0.0.7:29000"]),
    ],
)
def test_an_engine_is_asked_where_its_own_command_line_has_it_answer(
    serving: Serving, containers: tuple[tuple[str, int], ...], urls: list[str]
) -> None:
    both = (Container("proxy", "i", ports=(("http-envoy-prom", 15090), ("metrics", 9999))), Container("v", "i"))
    if containers:
        both = (both[0], Container("v", "i", ports=containers))
    own = both if containers else both[1:]
    found = endpoints([engine(serving=serving, containers=own)], (8000,), "/metrics")
    targets = [endpoint.target(Via.POD_IP, None) for endpoint in found]
    assert [target.url.removesuffix("/metrics") for target in targets] == urls
    assert len({target.key for target in targets}) == len(targets)


@pytest.mark.parametrize(
    ("product", "command", "hint"),
    [
        ("SGLang", ("python3", "-m", "sglang.launch_server"), "SGLang runs without --enable-metrics"),
        ("SGLang", ("python3", "-m", "sglang.launch_server", "--enable-metrics"), ""),
        ("SGLang", ("bash", "-c", "exec sglang serve --enable-metrics --port 1"), ""),
        ("SGLang", ("sglang", "serve", "--enable-metrics-for-all-schedulers"), "SGLang runs without --enable-metrics"),
        ("SGLang", ("sglang", "serve", "--config", "/etc/sglang.yaml"), ""),
        ("SGLang", (), ""),
        ("llama.cpp", ("llama-server", "--slots"), "llama.cpp runs without --metrics"),
        ("vLLM", ("vllm", "serve", "--disable-log-stats"), "vLLM runs with --disable-log-stats"),
        ("vLLM", ("vllm", "serve"), ""),
    ],
)
def test_what_keeps_a_server_from_having_metrics_is_read_from_its_command_line(
    product: str, command: tuple[str, ...], hint: str
) -> None:
    served = engine(serving=Serving(product, "v", (8000,)), containers=(Container("v", "i", command=command),))
    (endpoint,) = endpoints([served], (8000,), "/metrics")
    assert (endpoint.hint, endpoint.target(Via.POD_IP, None).hint) == (hint, hint)


def test_a_gateway_that_answers_without_metrics_has_a_setting_for_them() -> None:
    (endpoint,) = endpoints([engine(serving=Serving("", "v", gateway="LiteLLM"))], (8000,), "/metrics")
    assert 'callbacks: ["prometheus"]' in endpoint.hint


@pytest.mark.parametrize("via", Via)
def test_the_paths_of_other_releases_are_those_of_the_same_server(via: Via) -> None:
    nim = engine(serving=Serving("NVIDIA NIM", "v"))
    (endpoint,) = endpoints([nim], (8000,), "/metrics")
    target = endpoint.target(via, None)
    (other,) = target.elsewhere
    assert target.url.endswith("/v1/metrics")
    assert other == target.url.replace("/v1/metrics", "/metrics")
    (annotated,) = endpoints([replace(nim, annotations={"prometheus.io/path": "/m"})], (8000,), "/metrics")
    assert (annotated.path, annotated.elsewhere) == ("/m", ())


@pytest.mark.parametrize(
    ("scheme", "expected", "tls"), [("https", False, True), ("http", True, False), ("", True, True)]
)
def test_the_scheme_of_the_annotation_outdoes_the_command_line(scheme: str, expected: bool, tls: bool) -> None:
    annotations = {"prometheus.io/scheme": scheme} if scheme else {}
    (endpoint,) = endpoints(
        [engine(serving=Serving("vLLM", tls=expected), annotations=annotations)], (8000,), "/metrics"
    )
    straight, proxied = endpoint.target(Via.POD_IP, None), endpoint.target(Via.PROXY, None)
    assert straight.url == f"http{'s' * tls}://10.0.0.7:8000/metrics"
    assert proxied.url == f"/api/v1/namespaces/serving/pods/{'https:' * tls}a:8000/proxy/metrics"


def test_only_running_pods_with_an_address_that_serve_a_model_are_asked() -> None:
    assert found(engine(phase="Pending"), engine(ip=""), engine(version=ModelVersion(image="nginx"))) == []


def test_the_ports_of_the_configuration_are_the_last_resort() -> None:
    assert found(engine(), ports=(30000, 8000)) == ["10.0.0.7:30000/metrics"]


def apart(*pods: Pod) -> tuple[list[str], list[str]]:
    clear, unclear = split_ambiguous(endpoints(pods, (8000,), "/metrics"))
    assert all("shares 10.0.0.7:8000/metrics" in why for why in unclear.values())
    return [endpoint.pod.name for endpoint in clear], sorted(unclear)


def test_pods_that_share_an_address_and_a_port_are_not_taken_for_one_another() -> None:
    a, b = engine(), engine(name="b")
    assert apart(a, b) == ([], ["serving/a", "serving/b"])
    port = (Container("v", "i", ports=(("http", 8001),)),)
    assert apart(a, engine(name="b", containers=port)) == (["a", "b"], [])


def test_the_one_that_is_ready_is_behind_an_address_that_another_is_leaving() -> None:
    assert apart(engine(), engine(name="b", deleted=NOW)) == (["a"], ["serving/b"])
    assert apart(engine(ready=False), engine(name="b")) == (["b"], ["serving/a"])


@pytest.mark.parametrize("label", ["app", "app.kubernetes.io/name", "k8s-app"])
def test_gpu_exporters_are_known_by_their_labels(label: str) -> None:
    exporter = pod("x", ip="10.0.0.9", labels={label: "nvidia-dcgm-exporter"})
    assert found(exporter) == ["10.0.0.9:9400/metrics"]


def test_through_the_api_server_a_target_is_a_path_of_its_proxy() -> None:
    async def fetch(path: str) -> bytes:
        return path.encode()

    (endpoint,) = endpoints([engine()], (8000,), "/metrics")
    target = endpoint.target(Via.PROXY, fetch)
    assert target.url == "/api/v1/namespaces/serving/pods/a:8000/proxy/metrics"
    assert target.fetch is fetch
    assert endpoint.target(Via.POD_IP, None).url == "http://10.0.0.7:8000/metrics"


@pytest.mark.parametrize(
    "path",
    [
        "@127.0.0.1:29999/evil?a=",
        "//evil.example/metrics",
        "/metrics?a=b",
        "/../../../secrets",
        "/%2e%2e/x",
        "\\\\evil\\x",
        "/m\r\nX: y",
        "http://evil.example/metrics",
    ],
)
def test_a_path_of_an_annotation_leads_nowhere_but_to_the_pod(path: str) -> None:
    (endpoint,) = endpoints([engine(annotations={"prometheus.io/path": path})], (8000,), "/metrics")
    clear, unclear = split_ambiguous([endpoint])
    assert clear == []
    assert "annotation prometheus.io/path is not a valid path" in unclear["serving/a"]
    for via in Via:
        with pytest.raises(ValueError, match="not scraped"):
            endpoint.target(via, None)


@pytest.mark.parametrize("path", [".evil.example/metrics", ":9/metrics", "metrics", " /metrics "])
def test_whatever_is_a_path_is_one_of_the_pod(path: str) -> None:
    (endpoint,) = endpoints([engine(annotations={"prometheus.io/path": path})], (8000,), "/metrics")
    where = path.strip().removeprefix("/")
    assert endpoint.target(Via.POD_IP, None).url == f"http://10.0.0.7:8000/{where}"
    assert endpoint.target(Via.PROXY, None).url == f"/api/v1/namespaces/serving/pods/a:8000/proxy/{where}"


@pytest.mark.parametrize("port", ["²", "0x50", "80@evil", "99999", "8000/x", "-1", "８０"])
def test_a_port_of_an_annotation_is_a_number_or_none(port: str) -> None:
    assert found(engine(annotations={"prometheus.io/port": port})) == ["10.0.0.7:8000/metrics"]


@pytest.mark.parametrize("ip", ["evil.example", "10.0.0.7@evil", "10.0.0.7/x", "127.1"])
def test_an_address_that_is_none_is_not_asked(ip: str) -> None:
    clear, unclear = split_ambiguous(endpoints([engine(ip=ip)], (8000,), "/metrics"))
    assert clear == []
    assert "is not an IP address" in unclear["serving/a"]
