"""The servers of models that the console knows by name, whether it reads their metrics or not.

A pod is recognised by what its container runs (``programs``), else by its image, else by the names of the metrics that
it answers. An engine whose metrics no dialect reads is named as what it is: it is neither sick nor down.

Ports, paths and names are those of the products' own documentation and of recordings of the real programs.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnownEngine:
    """One product that serves models."""

    name: str
    programs: tuple[tuple[str, ...], ...] = ()
    """Words that stand beside each other on the command line of its server; a program without its folder."""
    images: tuple[str, ...] = ()
    """What the name of its images has in it, without the tag."""
    prefixes: tuple[str, ...] = ()
    """How its metrics' names begin."""
    port: int = 8000
    """Where it answers metrics unless it is told otherwise."""
    port_flags: tuple[str, ...] = ("--port",)
    port_variables: tuple[str, ...] = ()
    """Environment variables that give that port where no flag does."""
    model_flags: tuple[str, ...] = ("--model", "--model-path", "--model-id")
    name_flags: tuple[str, ...] = ("--served-model-name",)
    positional: bool = False
    """The model is the first word behind ``programs`` that is neither a flag nor a flag's value."""
    read: bool = False
    """A dialect reads its metrics."""
    metrics: bool = True
    """It answers metrics at all."""

    @property
    def unread(self) -> str:
        """What a row says of it in place of numbers."""
        return f"{self.name}: not read yet" if self.metrics else f"{self.name}: has no metrics"


VLLM = KnownEngine(
    "vLLM",
    programs=(
        ("vllm", "serve"),
        ("vllm.entrypoints.openai.api_server",),
        ("vllm.entrypoints.api_server",),
        ("vllm.entrypoints.cli.main", "serve"),
    ),
    positional=True,
    images=("vllm/vllm-openai", "vllm-openai", "/vllm", "llm-d-cuda", "llm-d-xpu", "llm-d-rocm", "rhaiis"),
    prefixes=("vllm:", "vllm_"),
    read=True,
)

KNOWN: tuple[KnownEngine, ...] = (
    # Before vLLM: their workers run its engine, and answer its metrics, at a port of their own.
    KnownEngine(
        "Dynamo",
        programs=(
            ("dynamo.vllm",),
            ("dynamo.sglang",),
            ("dynamo.trtllm",),
            ("dynamo", "serve"),
        ),
        images=("ai-dynamo/",),
        prefixes=("dynamo_",),
        port=9090,
        port_flags=(),
        port_variables=("DYN_SYSTEM_PORT",),
        read=True,
    ),
    KnownEngine(
        "Ray Serve LLM",
        programs=(("serve", "run"), ("serve", "deploy"), ("serve", "build")),
        images=("rayproject/ray-llm", "ray-llm"),
        prefixes=("ray_vllm_", "ray_vllm:", "ray_serve_"),
        port=8080,
        port_flags=("--metrics-export-port",),
        read=True,
    ),
    VLLM,
    KnownEngine(
        "SGLang",
        programs=(("sglang.launch_server",), ("sglang", "serve")),
        images=("lmsysorg/sglang", "/sglang"),
        prefixes=("sglang:", "sglang_"),
        port=30000,
    ),
    KnownEngine(
        "TEI",
        programs=(("text-embeddings-router",),),
        images=("text-embeddings-inference",),
        prefixes=("te_",),
        port=80,
        port_variables=("PORT",),
    ),
    KnownEngine(
        "TGI",
        programs=(("text-generation-launcher",), ("text-generation-router",)),
        images=("text-generation-inference",),
        prefixes=("tgi_",),
        port=80,
        port_flags=("--port", "-p"),
        port_variables=("PORT",),
    ),
    KnownEngine(
        "TensorRT-LLM",
        programs=(("trtllm-serve", "serve"), ("trtllm-serve",)),
        positional=True,
        images=("tensorrt-llm", "trtllm"),
        prefixes=("trtllm_", "trtllm:"),
    ),
    KnownEngine(
        "Triton",
        programs=(("tritonserver",), ("launch_triton_server.py",)),
        images=("tritonserver",),
        prefixes=("nv_inference_", "nv_trt_llm_"),
        port=8002,
        port_flags=("--metrics-port",),
    ),
    KnownEngine(
        "llama.cpp",
        programs=(("llama-server",), ("llama_cpp.server",)),
        images=("llama.cpp", "llama-cpp"),
        prefixes=("llamacpp:", "llamacpp_"),
        port=8080,
        port_variables=("LLAMA_ARG_PORT",),
        model_flags=("--model", "-m", "-hf", "-hfr", "--hf-repo"),
        name_flags=("--alias", "-a"),
    ),
    KnownEngine("Ollama", programs=(("ollama", "serve"),), images=("ollama/ollama", "/ollama"), metrics=False),
    KnownEngine(
        "LMDeploy",
        programs=(("lmdeploy", "serve", "api_server"),),
        name_flags=("--model-name",),
        positional=True,
        images=("openmmlab/lmdeploy", "/lmdeploy"),
        prefixes=("lmdeploy:", "lmdeploy_"),
        port=23333,
        port_flags=("--server-port", "--port"),
    ),
    KnownEngine(
        "MindIE",
        programs=(("mindieservice_daemon",),),
        images=("mindie",),
        prefixes=("mindie_",),
        port=1027,
        port_flags=(),
    ),
    KnownEngine(
        "TensorFlow Serving",
        programs=(("tensorflow_model_server",), ("tf_serving_entrypoint.sh",)),
        images=("tensorflow/serving",),
        prefixes=(":tensorflow:", "tensorflow:"),
        port=8501,
        port_flags=("--rest_api_port", "--rest-api-port"),
    ),
    KnownEngine(
        "TorchServe",
        programs=(("torchserve",),),
        images=("pytorch/torchserve",),
        prefixes=("ts_inference_", "ts_queue_"),
        port=8082,
        port_flags=(),
    ),
    KnownEngine(
        "OpenVINO Model Server",
        programs=(("ovms",),),
        images=("openvino/model_server",),
        prefixes=("ovms_",),
        port=8000,
        port_flags=("--rest_port", "--rest-port"),
    ),
    KnownEngine(
        "Xinference",
        programs=(("xinference",), ("xinference-local",), ("xinference-worker",), ("xinference-supervisor",)),
        images=("xprobe/xinference", "/xinference"),
        prefixes=("xinference:", "xinference_"),
        port=9997,
    ),
    KnownEngine(
        "MLC LLM",
        programs=(("mlc_llm", "serve"),),
        positional=True,
        images=("mlc-llm", "mlc_llm"),
        prefixes=("mlc_",),
    ),
    KnownEngine("LocalAI", programs=(("local-ai",),), images=("localai/localai", "local-ai"), port=8080),
    KnownEngine(
        "Aphrodite",
        programs=(("aphrodite", "run"), ("aphrodite.endpoints.openai.api_server",)),
        images=("aphrodite-engine", "aphrodite-openai"),
        prefixes=("aphrodite:",),
        port=2242,
    ),
    KnownEngine(
        "Infinity",
        programs=(("infinity_emb", "v2"),),
        images=("michaelf34/infinity", "/infinity"),
        prefixes=("infinity_",),
        port=7997,
        port_variables=("INFINITY_PORT",),
    ),
    KnownEngine(
        "NVIDIA NIM",
        images=("nvcr.io/nim/", "/nim/"),
        port_flags=(),
        port_variables=("NIM_HTTP_API_PORT", "NIM_SERVER_PORT"),
    ),
    KnownEngine(
        "MAX",
        programs=(("max", "serve"),),
        images=("modular/max", "/max-nvidia", "/max-amd", "/max-full"),
        prefixes=("maxserve_", "maxserve."),
        port_variables=("MAX_SERVE_PORT",),
        model_flags=("--model", "--model-path"),
    ),
    KnownEngine(
        "FastChat",
        programs=(("fastchat.serve.model_worker",), ("fastchat.serve.vllm_worker",), ("fastchat.serve.sglang_worker",)),
        images=("/fastchat",),
        port=21002,
        metrics=False,
    ),
    KnownEngine("KoboldCpp", programs=(("koboldcpp.py",), ("koboldcpp",)), images=("koboldcpp",), metrics=False),
    KnownEngine("Tabby", programs=(("tabby", "serve"),), images=("tabbyml/tabby",), port=8080),
    KnownEngine("TabbyAPI", images=("tabbyapi",), port=5000, metrics=False),
    KnownEngine(
        "KServe Hugging Face server",
        programs=(("huggingfaceserver",),),
        images=("kserve/huggingfaceserver",),
        prefixes=("request_predict_seconds", "request_preprocess_seconds"),
        port=8080,
        port_flags=("--http_port", "--http-port"),
        # Its backend is vLLM where that can load the model: then vLLM's metrics stand among its own.
        read=True,
    ),
)


def by_name(name: str) -> KnownEngine | None:
    """The engine of this name, None for none."""
    return _BY_NAME.get(name)


def by_image(image: str) -> KnownEngine | None:
    """The engine whose image this is, None for one that is not known."""
    repository = image.partition("@")[0].lower()
    head, slash, last = repository.rpartition("/")
    repository = f"{head}{slash}{last.partition(':')[0]}"
    if any(part in last for part in _BESIDE):
        return None
    return next((engine for engine in KNOWN if any(part in f"/{repository}" for part in engine.images)), None)


def by_metrics(names: tuple[str, ...]) -> KnownEngine | None:
    """The engine whose metrics these are, None for none."""
    return next((engine for engine in KNOWN if any(name.startswith(engine.prefixes) for name in names)), None)


_BESIDE = ("router", "proxy", "sidecar", "gateway", "exporter", "operator", "controller", "bench", "scheduler")
"""In the names of images of what stands beside an engine and is called after it."""
_BY_NAME = {engine.name: engine for engine in KNOWN}
