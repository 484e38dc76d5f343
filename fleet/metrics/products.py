"""The model servers that the console knows by name, whether or not it reads their metrics.

A pod is recognised by what its container runs (``programs``), else by its image, else by the names of its metrics. An
engine whose metrics no dialect reads is shown by name: it is neither sick nor down.

Products that are read have a dialect, which describes them. The rows here are products without one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from fleet.metrics.flags import Flags, KnownFlags
from fleet.metrics.product import Product
from fleet.metrics.registry import ENGINES, GATEWAYS, GPUS
from fleet.model.objects import Pod

ROWS: tuple[Product, ...] = (
    Product(
        "Ray Serve LLM",
        programs=(("serve", "run"), ("serve", "deploy"), ("serve", "build")),
        images=("rayproject/ray-llm", "ray-llm"),
        prefixes=("ray_vllm_", "ray_vllm:", "ray_serve_"),
        port=8080,
        flags=Flags(port=("--metrics-export-port",), join=("--address",)),
        agents=(("ray", "start"),),
        speaks=("vLLM",),
    ),
    Product(
        "TEI",
        programs=(("text-embeddings-router",),),
        images=("text-embeddings-inference",),
        prefixes=("te_",),
        port=80,
        port_variables=("PORT",),
    ),
    Product(
        "TensorRT-LLM",
        programs=(("trtllm-serve", "serve"), ("trtllm-serve",)),
        positional=True,
        images=("tensorrt-llm", "trtllm"),
        prefixes=("trtllm_", "trtllm:"),
    ),
    Product(
        "Triton",
        programs=(("tritonserver",), ("launch_triton_server.py",)),
        images=("tritonserver",),
        prefixes=("nv_inference_", "nv_trt_llm_"),
        port=8002,
        flags=Flags(port=("--metrics-port",)),
    ),
    Product("Ollama", programs=(("ollama", "serve"),), images=("ollama/ollama", "/ollama"), metrics=False),
    Product(
        "LMDeploy",
        programs=(("lmdeploy", "serve", "api_server"),),
        flags=Flags(port=("--server-port", "--port"), name=("--model-name",)),
        positional=True,
        images=("openmmlab/lmdeploy", "/lmdeploy"),
        prefixes=("lmdeploy:", "lmdeploy_"),
        port=23333,
    ),
    Product(
        "MindIE",
        programs=(("mindieservice_daemon",),),
        images=("mindie",),
        prefixes=("mindie_",),
        port=1027,
        flags=Flags(port=()),
    ),
    Product(
        "TensorFlow Serving",
        programs=(("tensorflow_model_server",), ("tf_serving_entrypoint.sh",)),
        images=("tensorflow/serving",),
        prefixes=(":tensorflow:", "tensorflow:"),
        port=8501,
        flags=Flags(port=("--rest_api_port", "--rest-api-port")),
    ),
    Product(
        "TorchServe",
        programs=(("torchserve",),),
        images=("pytorch/torchserve",),
        prefixes=("ts_inference_", "ts_queue_"),
        port=8082,
        flags=Flags(port=()),
    ),
    Product(
        "OpenVINO Model Server",
        programs=(("ovms",),),
        images=("openvino/model_server",),
        prefixes=("ovms_",),
        port=8000,
        flags=Flags(port=("--rest_port", "--rest-port")),
    ),
    Product(
        "Xinference",
        programs=(("xinference",), ("xinference-local",), ("xinference-worker",), ("xinference-supervisor",)),
        images=("xprobe/xinference", "/xinference"),
        prefixes=("xinference:", "xinference_"),
        port=9997,
    ),
    Product(
        "MLC LLM",
        programs=(("mlc_llm", "serve"),),
        positional=True,
        images=("mlc-llm", "mlc_llm"),
        prefixes=("mlc_",),
    ),
    Product("LocalAI", programs=(("local-ai",),), images=("localai/localai", "local-ai"), port=8080),
    Product(
        "Aphrodite",
        programs=(("aphrodite", "run"), ("aphrodite.endpoints.openai.api_server",)),
        images=("aphrodite-engine", "aphrodite-openai"),
        prefixes=("aphrodite:",),
        port=2242,
    ),
    Product(
        "Infinity",
        programs=(("infinity_emb", "v2"),),
        images=("michaelf34/infinity", "/infinity"),
        prefixes=("infinity_",),
        port=7997,
        port_variables=("INFINITY_PORT",),
    ),
    Product(
        "NVIDIA NIM",
        images=("nvcr.io/nim/", "/nim/"),
        # Until 2.0, whose names are vLLM's: these have no prefix, and are not read.
        prefixes=("gpu_cache_usage_perc", "num_request_max", "num_requests_running", "num_requests_waiting"),
        path="/v1/metrics",
        elsewhere=("/metrics",),
        flags=Flags(port=()),
        speaks=("vLLM",),
        port_variables=("NIM_HTTP_API_PORT", "NIM_SERVER_PORT"),
    ),
    Product(
        "MAX",
        programs=(("max", "serve"),),
        images=("modular/max", "/max-nvidia", "/max-amd", "/max-full"),
        prefixes=("maxserve_", "maxserve."),
        port_variables=("MAX_SERVE_PORT",),
        flags=Flags(model=("--model", "--model-path")),
    ),
    Product(
        "FastChat",
        programs=(("fastchat.serve.model_worker",), ("fastchat.serve.vllm_worker",), ("fastchat.serve.sglang_worker",)),
        images=("/fastchat",),
        port=21002,
        metrics=False,
    ),
    Product("KoboldCpp", programs=(("koboldcpp.py",), ("koboldcpp",)), images=("koboldcpp",), metrics=False),
    Product("Tabby", programs=(("tabby", "serve"),), images=("tabbyml/tabby",), port=8080),
    Product("TabbyAPI", images=("tabbyapi",), port=5000, metrics=False),
    Product(
        "KServe Hugging Face server",
        programs=(("huggingfaceserver",),),
        images=("kserve/huggingfaceserver",),
        prefixes=("request_predict_seconds", "request_preprocess_seconds"),
        port=8080,
        flags=Flags(port=("--http_port", "--http-port")),
        # Its backend if it can load the model: its own metrics then include those.
        speaks=("vLLM",),
    ),
)


def engines() -> tuple[Product, ...]:
    """Return every engine known by name; those that run another engine come first, because they match that one too."""
    return _engines(ENGINES.version)


@lru_cache(maxsize=8)
def _engines(version: int) -> tuple[Product, ...]:
    del version
    every = (*ENGINES.products, *ROWS)
    return (*(p for p in every if p.speaks), *(p for p in every if not p.speaks))


@lru_cache(maxsize=8)
def _model_variables(version: int) -> tuple[str, ...]:
    del version
    return tuple(dict.fromkeys(name for engine in engines() for name in engine.model_variables))


def known_flags() -> KnownFlags:
    """The flags of all engines and gateways."""
    return _known_flags(ENGINES.version, GATEWAYS.version)


@lru_cache(maxsize=8)
def _known_flags(engine_version: int, gateway_version: int) -> KnownFlags:
    del engine_version, gateway_version
    return KnownFlags.of([product.flags for product in (*engines(), *GATEWAYS.products)])


def model_variables() -> tuple[str, ...]:
    """Environment variables of all engines that name a model."""
    return _model_variables(ENGINES.version)


def variable_prefixes() -> tuple[str, ...]:
    """Beginnings of the names of environment variables of engines and gateways that hold no secrets."""
    return _variable_prefixes(ENGINES.version, GATEWAYS.version)


@lru_cache(maxsize=8)
def _variable_prefixes(engine_version: int, gateway_version: int) -> tuple[str, ...]:
    del engine_version, gateway_version
    return tuple(prefix for product in (*engines(), *GATEWAYS.products) for prefix in product.variables)


def is_read(engine: Product) -> bool:
    """True if a dialect reads its metrics: its own, or that of an engine which it runs."""
    return any(ENGINES.by_name(name) is not None for name in (engine.name, *engine.speaks))


def by_name(name: str) -> Product | None:
    """The engine of this name, None for none."""
    return next((engine for engine in engines() if engine.name == name), None) if name else None


def by_image(image: str) -> Product | None:
    """Return the engine of an image; None if unknown."""
    repository = _repository(image)
    if any(part in repository.rpartition("/")[2] for part in _BESIDE):
        return None
    return next((engine for engine in engines() if _is_of(engine, repository)), None)


def by_metrics(names: tuple[str, ...]) -> Product | None:
    """Return the engine with these metric names; None if unknown."""
    return next((engine for engine in engines() if any(name.startswith(engine.prefixes) for name in names)), None)


def exporter(labels: Mapping[str, str]) -> Product | None:
    """The exporter of GPUs that a pod is by its labels, None for none."""
    return _by_app(GPUS.products, labels)


def exports_gpus(pod: Pod) -> bool:
    """True if a pod is an exporter of GPUs, by the labels of its chart or operator."""
    return exporter(pod.labels) is not None


def gateway(labels: Mapping[str, str], images: Iterable[str]) -> Product | None:
    """The gateway that a pod is by its labels or images, None for none that is read."""
    if not GATEWAYS:
        return None
    found = _by_app(GATEWAYS.products, labels)
    if found is not None:
        return found
    repositories = [_repository(image) for image in images]
    return next((p for p in GATEWAYS.products if any(_is_of(p, repository) for repository in repositories)), None)


def _by_app(products: Iterable[Product], labels: Mapping[str, str]) -> Product | None:
    apps = [labels[name] for name in _APP_LABELS if name in labels]
    return next((p for p in products if any(app in text for app in p.apps for text in apps)), None) if apps else None


def _is_of(product: Product, repository: str) -> bool:
    return any(part in f"/{repository}" for part in product.images)


@lru_cache(maxsize=1024)
def _repository(image: str) -> str:
    repository = image.partition("@")[0].lower()
    head, slash, last = repository.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


_APP_LABELS = ("app.kubernetes.io/name", "app", "k8s-app")
_BESIDE = ("router", "proxy", "sidecar", "gateway", "exporter", "operator", "controller", "bench", "scheduler")
"""Words in image names of components that accompany an engine and are named after it."""
