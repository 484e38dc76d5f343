"""What a person asks vLLM to serve, and the command line that says it."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

LOOPBACK: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8000


@dataclass(frozen=True, slots=True)
class LaunchSpec:
    """One server. What is 0, empty or None is left to vLLM, and is not on its command line."""

    name: str
    """What the server is called here: letters, digits, dots and dashes."""
    model: str
    """A folder, or a name of the hub (``org/name``)."""
    host: str = LOOPBACK
    port: int = DEFAULT_PORT
    served_model_name: tuple[str, ...] = ()
    revision: str = ""
    tensor_parallel_size: int = 1
    pipeline_parallel_size: int = 1
    gpu_memory_utilization: float = 0.0
    """Ratio 0-1 of each GPU's memory."""
    max_model_len: int = 0
    """Tokens."""
    max_num_seqs: int = 0
    quantization: str = ""
    kv_cache_dtype: str = ""
    dtype: str = ""
    enable_prefix_caching: bool | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables beside those that this program sets."""
    extra: tuple[str, ...] = ()
    """Arguments of ``vllm serve`` that have no field here, as they are."""
    hub: bool = False
    """Let it fetch from the hub. Without this it is offline."""
    usage_stats: bool = False
    """Let it send usage statistics."""

    @property
    def url(self) -> str:
        """Where this machine reaches it, without a path."""
        host = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def served(self) -> str:
        """The name that requests and metrics use."""
        return self.served_model_name[0] if self.served_model_name else self.model

    @property
    def gpus(self) -> int:
        """How many GPUs one engine of it takes, where there are any."""
        return self.tensor_parallel_size * self.pipeline_parallel_size

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def serve_arguments(spec: LaunchSpec) -> tuple[str, ...]:
    """The arguments of ``vllm`` that a person would type: ``serve MODEL --host …``, then ``extra``."""
    words = ["serve", spec.model, "--host", spec.host, "--port", str(spec.port)]
    if spec.served_model_name:
        words += ["--served-model-name", *spec.served_model_name]
    for flag, value in (
        ("--revision", spec.revision),
        ("--tensor-parallel-size", spec.tensor_parallel_size if spec.tensor_parallel_size > 1 else ""),
        ("--pipeline-parallel-size", spec.pipeline_parallel_size if spec.pipeline_parallel_size > 1 else ""),
        ("--gpu-memory-utilization", spec.gpu_memory_utilization or ""),
        ("--max-model-len", spec.max_model_len or ""),
        ("--max-num-seqs", spec.max_num_seqs or ""),
        ("--quantization", spec.quantization),
        ("--kv-cache-dtype", spec.kv_cache_dtype),
        ("--dtype", spec.dtype),
    ):
        if value:
            words += [flag, str(value)]
    if spec.enable_prefix_caching is not None:
        words.append("--enable-prefix-caching" if spec.enable_prefix_caching else "--no-enable-prefix-caching")
    return (*words, *spec.extra)
