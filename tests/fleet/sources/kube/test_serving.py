"""The container of a pod that serves a model: its arguments, and its address."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.metrics.products import by_image, by_metrics, engines
from fleet.model.objects import Serving
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.project.model_version import model_version
from fleet.sources.kube.project.serving import serving

Object = dict[str, Any]
GPU = {"limits": {"nvidia.com/gpu": "1"}}


def engine(*command: str, **more: Any) -> Object:
    return {"name": "main", "image": "vllm/vllm-openai:v0.11.0", "command": list(command), "resources": GPU, **more}


def found(*containers: Object, labels: Object | None = None, **spec: Any) -> Serving:
    return serving({"labels": labels or {}}, {"containers": list(containers), **spec})


def model(container: Object) -> str:
    return model_version({"containers": [container]}, {}, Interner()).model


@pytest.mark.parametrize(
    ("command", "ports"),
    [
        ("vllm serve a/b --port 8080", (8080,)),
        ("vllm serve a/b --port=8001", (8001,)),
        ("python3 -m vllm.entrypoints.openai.api_server --port 8080 --model a/b", (8080,)),
        ("vllm serve a/b", ()),
        ("vllm serve --config /etc/vllm.yaml", ()),
        ("vllm serve a/b --port 0", ()),
        ("vllm serve a/b --port 70000", ()),
        ("vllm serve a/b --port $UNKNOWN", ()),
        ("vllm serve a/b --port $PORT", (8123,)),
        ("vllm serve a/b --port 8000 & vllm serve c/d --port 8001", (8000, 8001)),
        ("vllm serve a/b --data-parallel-size 4 --port 8000", (8000,)),
        ("vllm serve a/b -dpm -dp 8 --data-parallel-size-local 2 --port 8000", (8000, 8001)),
        ("vllm serve a/b --data-parallel-multi-port-external-lb -dpl 99999999 --port 8000", (8000,)),
    ],
)
def test_the_ports_that_a_command_line_names(command: str, ports: tuple[int, ...]) -> None:
    env = [{"name": "PORT", "value": "8123"}]
    for words in (("sh", "-c", command), ("bash", "-lc", "--", f'eval "{command}"')):
        seen = found(engine(*words, env=env))
        assert (seen.engine, seen.container, seen.ports) == ("vLLM", "main", ports)


def test_ranks_whose_ports_only_the_shell_knows_are_at_the_declared_ones() -> None:
    script = "for i in 0 1; do vllm serve a/b --data-parallel-rank $i --port $((8000 + i)) & done; wait"
    ports = [{"containerPort": 8000}, {"containerPort": 8001}, {"containerPort": 5600, "protocol": "UDP"}]
    assert found(engine("bash", "-c", script, ports=ports)).ports == (8000, 8001)


SIDECAR = {"name": "proxy", "image": "istio/proxyv2:1", "args": ["proxy", "sidecar"]}


@pytest.mark.parametrize(
    "main",
    [
        engine("vllm", "serve", "a/b", resources={"claims": [{"name": "gpu"}]}),
        engine("vllm", "serve", "a/b", resources={}),
        {"name": "main", "image": "registry/any:1", "command": ["/start.sh"], "resources": GPU},
        {"name": "main", "image": "vllm/vllm-openai:v1", "args": ["--model", "a/b"]},
    ],
)
def test_the_engine_may_stand_behind_its_sidecars(main: Object) -> None:
    routing = {"name": "routing", "image": "llm-d-routing-sidecar:1", "restartPolicy": "Always"}
    seen = found(SIDECAR, main, initContainers=[routing])
    assert seen.container == "main"
    assert found(main, SIDECAR) == seen


@pytest.mark.parametrize(
    ("more", "tls"),
    [
        ({}, False),
        ({"args": ["--ssl-certfile", "/tls.crt", "--ssl-keyfile", "/tls.key"]}, True),
        ({"args": ["--ssl_keyfile=/tls.key"]}, True),
        ({"readinessProbe": {"httpGet": {"port": 8000, "scheme": "HTTPS"}}}, True),
        ({"livenessProbe": {"httpGet": {"port": "http", "scheme": "HTTPS"}}}, True),
        ({"startupProbe": {"httpGet": {"port": 9000, "scheme": "HTTPS"}}}, False),
        ({"readinessProbe": {"httpGet": {"port": 8000, "scheme": "HTTP"}}}, False),
        ({"readinessProbe": {"exec": {"command": ["true"]}}}, False),
    ],
)
def test_tls_by_flags_or_by_the_scheme_of_the_probe(more: Object, tls: bool) -> None:
    ports = [{"name": "http", "containerPort": 8000}]
    assert found(engine("vllm", "serve", "a/b", "--port", "8000", ports=ports, **more)).tls is tls


LWS = "leaderworkerset.sigs.k8s.io/worker-index"


@pytest.mark.parametrize(
    ("command", "labels", "follows"),
    [
        ("bash multi-node-serving.sh worker --ray_address=$(LWS_LEADER_ADDRESS)", {LWS: "1"}, True),
        ("bash multi-node-serving.sh leader; vllm serve a/b --port 8080", {LWS: "0"}, False),
        ("ray start --address=$RAY_HEAD --block", {}, True),
        ("ray start --head; vllm serve a/b", {}, False),
        ("vllm serve a/b --headless --data-parallel-size 16", {LWS: "1"}, True),
        ("vllm serve a/b --data-parallel-hybrid-lb", {LWS: "1"}, False),
        ("sglang serve --model-path a --nnodes 2 --node-rank $(LWS_WORKER_INDEX)", {LWS: "1"}, True),
        (
            "python3 -m sglang.launch_server --model-path a --nnodes 2 --node-rank $(LWS_WORKER_INDEX)",
            {LWS: "0"},
            False,
        ),
        (
            "if [ $LWS_WORKER_INDEX = 0 ]; then ray start --head; vllm serve a; else ray start --address=x; fi",
            {LWS: "2"},
            True,
        ),
        ("ray start --address=head:6379 --metrics-export-port=8080", {"ray.io/node-type": "worker"}, False),
    ],
)
def test_who_only_lends_gpus_to_the_engine_of_its_leader(command: str, labels: Object, follows: bool) -> None:
    assert found(engine("sh", "-c", command), labels=labels).follows is follows


def test_a_follower_is_known_by_the_arguments_of_its_images_own_entrypoint() -> None:
    container = {"name": "main", "image": "vllm/vllm-openai:v0.11.0", "args": ["a/b", "--headless"], "resources": GPU}
    assert found(container, labels={LWS: "1"}).follows
    container["args"] = ["a/b", "--port", "8123"]
    assert found(container, labels={LWS: "1"}) == Serving("vLLM", "main", (8123,), key=False)


@pytest.mark.parametrize("resources", [GPU, {}])
def test_a_script_in_an_engines_image_serves_where_it_has_gpus(resources: Object) -> None:
    named = found(engine("/start.sh", resources=resources)).engine
    assert named == ("vLLM" if resources else "")


def test_a_ray_cluster_without_gpus_is_no_engine() -> None:
    command = "ray start --head --metrics-export-port=8080 --block"
    assert found(engine("sh", "-c", command, image="rayproject/ray:2", resources={})).engine == ""


def test_an_engine_may_be_a_sidecar_of_the_new_kind() -> None:
    worker = {"name": "job", "image": "own/batch:1"}
    seen = found(worker, initContainers=[{**engine("vllm", "serve", "a", "--port", "9"), "restartPolicy": "Always"}])
    assert seen == Serving("vLLM", "main", (9,), key=False)


@pytest.mark.parametrize(
    ("container", "key"),
    [
        (engine("vllm", "serve", "a"), False),
        (engine("vllm", "serve", "a", "--api-key", "secret"), True),
        (engine("vllm", "serve", "a", "--api_key=secret"), True),
        (engine("vllm", "serve", "a", env=[{"name": "VLLM_API_KEY", "valueFrom": {"secretKeyRef": {}}}]), True),
        (engine("vllm", "serve", "a", env=[{"name": "VLLM_API_KEY_FILE", "value": "x"}]), False),
        (engine("vllm", "serve", "a", envFrom=[{"secretRef": {"name": "keys"}}]), None),
        (engine("vllm", "serve", "a", "--config", "/etc/vllm.yaml"), None),
        (engine("vllm", "serve", "a", "--middleware", "own.auth"), None),
        (engine("vllm", "serve", "a", "$(MORE)"), None),
        (engine("/start.sh", resources=GPU), None),
        (engine("llama-server", "-m", "a.gguf", "--api-key-file", "/key"), True),
        (engine("tritonserver", "--model-repository", "/models"), None),
    ],
)
def test_whether_an_engine_asks_for_a_key_is_told_where_its_description_tells(
    container: Object, key: bool | None
) -> None:
    assert found(container).key is key


@pytest.mark.parametrize(
    "command",
    [
        "numactl -N 0 vllm serve a/b --port 8090",
        "nsys profile -t cuda -o /tmp/x vllm serve a/b --port 8090",
        "uv run vllm serve a/b --port 8090",
        "while true; do timeout 9d vllm serve a/b --port 8090; done",
        "source /opt/venv/bin/activate\r\nexec vllm serve a/b \\\r\n  --port 8090\r\n",
        "python -m vllm.entrypoints.cli.main serve a/b --port=8090",
        "( vllm serve a/b --port 8090 2>&1 | tee /log ) &\nwait $!",
    ],
)
def test_wrappers_hide_no_engine(command: str) -> None:
    assert found(engine("bash", "-lc", command)).ports == (8090,)
    assert model(engine("bash", "-lc", command)) == "a/b"


def test_a_worker_of_ray_answers_at_the_port_of_its_agent() -> None:
    command = "ulimit -n 65536; ray start --address=head:6379 --metrics-export-port=8099 --block"
    worker = engine("/bin/bash", "-lc", "--", args=[command], image="rayproject/ray-llm:2.50.0")
    seen = found(worker, labels={"ray.io/node-type": "worker"})
    assert (seen.engine, seen.ports) == ("Ray Serve LLM", (8099,))


def test_a_worker_of_dynamo_answers_at_its_system_port() -> None:
    worker = engine(
        "python3", "-m", "dynamo.vllm", "--model", "a/b",
        image="nvcr.io/nvidia/ai-dynamo/vllm-runtime:0.7.0", env=[{"name": "DYN_SYSTEM_PORT", "value": "9090"}],
    )  # fmt: skip
    assert (found(worker).engine, found(worker).ports) == ("Dynamo", (9090,))
    assert model(worker) == "a/b"


@pytest.mark.parametrize(
    ("image", "args", "name"),
    [
        ("lmsysorg/sglang:v0.5.5", ["python3", "-m", "sglang.launch_server", "--model-path", "a"], "SGLang"),
        ("registry:5000/own/llm@sha256:1", ["sglang", "serve"], "SGLang"),
        ("nvcr.io/nvidia/tritonserver:24.10-trtllm-python-py3", ["tritonserver", "--model-repository=/m"], "Triton"),
        ("openmmlab/lmdeploy:latest", ["lmdeploy", "serve", "api_server", "a/b"], "LMDeploy"),
        ("own/x:1", ["/opt/llama.cpp/llama-server", "-m", "a.gguf"], "llama.cpp"),
        ("tensorflow/serving:2.19.0-gpu", [], "TensorFlow Serving"),
        ("vllm/vllm-openai:v0.11.0", ["vllm", "bench", "serve", "--model", "a/b"], ""),
        ("vllm/vllm-openai:v0.11.0", ["sleep", "infinity"], ""),
        ("lmcache/vllm-router:1", [], ""),
        ("nginx:1", ["nginx", "-g", "daemon off;"], ""),
    ],
)
def test_which_product_it_is(image: str, args: list[str], name: str) -> None:
    assert found({"name": "main", "image": image, "command": args}).engine == name


@pytest.mark.parametrize(
    ("image", "args", "name", "expected"),
    [
        ("ghcr.io/huggingface/text-generation-inference:3.0.1", ["--model-id", "a/b"], "TGI", "a/b"),
        ("ghcr.io/huggingface/text-embeddings-inference:1.5", ["--model-id", "a/b"], "TEI", "a/b"),
        ("ghcr.io/ggml-org/llama.cpp:server-cuda", ["-m", "/models/q.gguf"], "llama.cpp", "/models/q.gguf"),
        ("ollama/ollama:0.5.1", ["serve"], "Ollama", ""),
        ("nvcr.io/nvidia/tensorrt-llm/release:1.0", ["trtllm-serve", "--port", "1", "a/b"], "TensorRT-LLM", "a/b"),
    ],
)
def test_which_product_an_image_with_its_own_entrypoint_is(
    image: str, args: list[str], name: str, expected: str
) -> None:
    container = {"name": "main", "image": image, "args": args}
    assert found(container).engine == name
    assert model(container) == expected


@pytest.mark.parametrize(
    "words",
    [
        "--port 8000 a/b",
        "--enforce-eager --trust-remote-code a/b --port 8000",
        "--enable-auto-tool-choice --tool-call-parser hermes a/b",
        "--served-model-name one two -- a/b",
        "--served-model-name=one a/b",
        "--no-enable-prefix-caching a/b",
        "a/b > /tmp/log 2>&1",
    ],
)
def test_the_model_may_stand_behind_flags(words: str) -> None:
    assert model(engine("vllm", "serve", *words.split())) == "a/b"


def test_engines_are_told_apart_by_what_they_say() -> None:
    names = [engine.name for engine in engines()]
    assert len(names) == len(set(names))
    for engine in engines():
        for prefix in engine.prefixes:
            assert by_metrics(("python_info", f"{prefix}x")) is engine
    assert by_metrics(("python_info", "http_requests_total")) is None
    assert by_image("registry.example.com:5000/team/proxy:vllm") is None


@pytest.mark.parametrize(
    ("image", "command", "name"),
    [
        ("michaelf34/infinity:0.0.77", (), "Infinity"),
        ("own/image:1", ("infinity_emb", "v2", "--model-id", "a/b"), "Infinity"),
        ("nvcr.io/nim/meta/llama-3.1-8b-instruct:1.8", (), "NVIDIA NIM"),
        ("modular/max-nvidia-full:latest", (), "MAX"),
        ("own/image:1", ("python3", "-m", "fastchat.serve.vllm_worker", "--model-path", "a/b"), "FastChat"),
        ("koboldai/koboldcpp:latest", (), "KoboldCpp"),
        ("tabbyml/tabby", ("tabby", "serve", "--model", "a"), "Tabby"),
        ("own/tabbyapi:1", (), "TabbyAPI"),
    ],
)
def test_engines_of_small_products_are_named(image: str, command: tuple[str, ...], name: str) -> None:
    assert found({"name": "main", "image": image, "command": list(command), "resources": GPU}).engine == name


@pytest.mark.parametrize(
    ("container", "gateway", "ports"),
    [
        ({"image": "own/x", "command": ["litellm", "--config", "/c.yaml", "--port", "4100"]}, "LiteLLM", (4100,)),
        ({"image": "ghcr.io/berriai/litellm:main-stable", "args": ["--config", "/c.yaml"]}, "LiteLLM", ()),
        (
            {
                "image": "lmsysorg/sglang:v0.5.5",
                "command": ["python3", "-m", "sglang_router.launch_router", "--model-path", "a/b", "--port", "30000"],
                "args": ["--prometheus-port", "29001"],
            },
            "sglang-router",
            (29001,),
        ),
        (
            {
                "image": "nvcr.io/nvidia/ai-dynamo/vllm-runtime:1.6.1",
                "command": ["/bin/sh", "-c", "python3 -m dynamo.frontend --http-port 8100"],
            },
            "Dynamo frontend",
            (8100,),
        ),
    ],
)
def test_a_gateway_is_known_by_its_command_or_image_and_serves_no_model(
    container: dict[str, object], gateway: str, ports: tuple[int, ...]
) -> None:
    named = {"name": "main"} | container
    assert (found(named).engine, found(named).gateway, found(named).ports) == ("", gateway, ports)
    assert model(named) == ""
