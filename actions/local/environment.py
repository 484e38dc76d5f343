"""The environment of a server: the person's own, made safe by default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from actions.audit.redaction_marks import MARK
from fleet.local.spec import LaunchSpec

SERVER_ID: Final = "QUARTERDECK_NODE"
"""Every process of a server has it: its record's id. So they are found whoever their parent is by then."""
SOCKETS: Final = "VLLM_RPC_BASE_PATH"
"""Folder in which vLLM puts its sockets. It leaves them behind, so they get one that goes with the server."""
_OFFLINE: Final = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
_SILENT: Final = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
_OURS: Final = "QUARTERDECK_"
_STEERING: Final = (
    "ATEN_",
    "CUDA_",
    "DNNL_",
    "GLIBC_",
    "GOMP_",
    "HF_",
    "HIP_",
    "KMP_",
    "LD_",
    "LC_",
    "MALLOC_",
    "MKL_",
    "NCCL_",
    "NUMBA_",
    "NVIDIA_",
    "OMP_",
    "ONEDNN_",
    "OPENBLAS_",
    "PYTORCH_",
    "ROCR_",
    "SAFETENSORS_",
    "TORCH",
    "TOKENIZERS_",
    "TRANSFORMERS_",
    "TRITON_",
    "VLLM_",
)
"""Beginnings of variables that decide what compiled code, PyTorch and vLLM do."""
_STEERING_WHOLE: Final = frozenset({"PATH", "LANG", "HOME", "XDG_CACHE_HOME", "VIRTUAL_ENV"})
TOKENS: Final = frozenset({"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN"})
_OF_THE_SERVER: Final = frozenset({SERVER_ID, SOCKETS, "VLLM_API_KEY", *TOKENS})
"""Variables that nobody else must have, or need not."""


def set_for(spec: LaunchSpec, needed: Mapping[str, str]) -> dict[str, str]:
    """Return what this program sets for a server: what the machine needs (``needed``), then the spec's own: it wins."""
    online = {} if spec.hub else _OFFLINE
    silent = {} if spec.usage_stats else _SILENT
    # A line of the log must not wait in a buffer for the next one; and who crashes in compiled code says in which.
    return {"PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1", **online, **silent, **needed, **spec.env}


def inherited(environ: Mapping[str, str], spec: LaunchSpec) -> dict[str, str]:
    """Return a server's share of the person's environment: nothing for this program, no key of another server."""
    dropped = {"VLLM_API_KEY", SOCKETS, "PYTHONHOME", "PYTHONPATH"}
    if not spec.hub:
        # It talks to no hub: it needs no token for one.
        dropped |= TOKENS
    return {name: value for name, value in environ.items() if name not in dropped and not name.startswith(_OURS)}


def steers(name: str) -> bool:
    """Whether a variable decides what compiled code, PyTorch and vLLM do: what runs beside a server needs the same."""
    return name not in _OF_THE_SERVER and (name.startswith(_STEERING) or name in _STEERING_WHOLE)


def to_keep(env: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Return the part of a server's environment that a benchmark needs: what steers it, and what it was ``given``.

    ``given`` has masks in place of secrets; those are kept elsewhere.
    """
    names = {name for name, value in given.items() if MARK not in value} - _OF_THE_SERVER
    return {name: value for name, value in env.items() if name in names or (steers(name) and name not in given)}


def environment_beside(
    environ: Mapping[str, str], kept: Mapping[str, str], secrets: Mapping[str, str]
) -> dict[str, str]:
    """The environment of what runs beside a server: the server's (``kept`` by ``to_keep``, and its ``secrets``); of the
    person's, what steers nothing.
    """
    own = {name: value for name, value in environ.items() if not steers(name) or name in _STEERING_WHOLE - kept.keys()}
    return {**own, **kept, **{name: value for name, value in secrets.items() if name not in _OF_THE_SERVER}}
