"""The launch specification of a vLLM server, and its command line."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import field, fields, replace
from typing import Any, Final

from fleet.dataclass import dataclass
from fleet.local.vllm_arguments import ARGUMENTS, VllmArgument

LOOPBACK: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8000
Value = str | int | float | bool | tuple[str, ...]
"""Value of an argument of vLLM."""


@dataclass(frozen=True, slots=True)
class LaunchSpec:
    """One server. An argument at its default here is left to vLLM: it is not put on the command line."""

    name: str
    """Name of the server here: letters, digits, dots and dashes."""
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
    """Environment variables in addition to those that this program sets."""
    extra: tuple[str, ...] = ()
    """Arguments of ``vllm serve`` that have no field here, as they are."""
    hub: bool = False
    """Allow downloads from the hub; offline otherwise."""
    usage_stats: bool = False
    """Allow usage statistics to be sent."""
    more: Mapping[str, Value] = field(default_factory=dict)
    """Values of arguments that have a row in ``vllm_arguments`` and no field here, by name."""

    @property
    def url(self) -> str:
        """URL by which this machine reaches it, without a path."""
        host = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def served(self) -> str:
        """The name that requests and metrics use."""
        return self.served_model_name[0] if self.served_model_name else self.model

    @property
    def gpus(self) -> int:
        """Number of GPUs of one engine, on a machine that has GPUs."""
        return self.tensor_parallel_size * self.pipeline_parallel_size

    @property
    def is_loopback(self) -> bool:
        """True if only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def serve_arguments(spec: LaunchSpec) -> tuple[str, ...]:
    """The arguments of ``vllm``, as a person would type them: ``serve MODEL --host …``, then ``extra``."""
    words = ["serve", spec.model]
    for argument in ARGUMENTS:
        words += argument.words(value_of(spec, argument))
    return (*words, *spec.extra)


_OWN: Final = frozenset(field.name for field in fields(LaunchSpec))


def value_of(spec: LaunchSpec, argument: VllmArgument) -> Any:
    """Return the value of an argument in a spec."""
    return getattr(spec, argument.name) if argument.name in _OWN else spec.more.get(argument.name, argument.plain)


def with_values(spec: LaunchSpec, values: Mapping[str, Any]) -> LaunchSpec:
    """The spec with other values of fields and arguments, by name."""
    own = {name: value for name, value in values.items() if name in _OWN}
    more = {**spec.more, **{name: value for name, value in values.items() if name not in _OWN}}
    plain = {argument.name: argument.plain for argument in ARGUMENTS}
    return replace(spec, **{**own, "more": {name: value for name, value in more.items() if value != plain.get(name)}})
