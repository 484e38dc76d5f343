"""The environment of a server: the user's own, made safe by default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from actions.audit.redaction_marks import MARK
from fleet.local.spec import LaunchSpec

SERVER_ID: Final = "QUARTERDECK_NODE"
"""Variable in every process of a server, with its record's id, so that they are found whatever their parent is by
then.
"""
SOCKETS: Final = "VLLM_RPC_BASE_PATH"
"""Folder for vLLM's sockets. vLLM leaves them behind, so they get a folder that is removed with the server."""
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
"""Prefixes of variables that affect compiled code, PyTorch and vLLM."""
_STEERING_WHOLE: Final = frozenset({"PATH", "LANG", "HOME", "XDG_CACHE_HOME", "VIRTUAL_ENV"})
TOKENS: Final = frozenset({"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN"})
_OF_THE_SERVER: Final = frozenset({SERVER_ID, SOCKETS, "VLLM_API_KEY", *TOKENS})
"""Variables of the server that no other process gets."""


def set_for(spec: LaunchSpec, needed: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that this program sets for a server: those the machine needs (``needed``), overridden by the
    spec's.
    """
    online = {} if spec.hub else _OFFLINE
    silent = {} if spec.usage_stats else _SILENT
    # Log lines must not wait in a buffer, and a crash in compiled code must leave a stack.
    return {"PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1", **online, **silent, **needed, **spec.env}


def inherited(environ: Mapping[str, str], spec: LaunchSpec) -> dict[str, str]:
    """Return the user's environment for a server, without this program's own variables and other servers' keys."""
    dropped = {"VLLM_API_KEY", SOCKETS, "PYTHONHOME", "PYTHONPATH"}
    if not spec.hub:
        # It contacts no hub, so it needs no token.
        dropped |= TOKENS
    return {name: value for name, value in environ.items() if name not in dropped and not name.startswith(_OURS)}


def steers(name: str) -> bool:
    """True if a variable affects compiled code, PyTorch and vLLM: a process that accompanies a server needs the
    same.
    """
    return name not in _OF_THE_SERVER and (name.startswith(_STEERING) or name in _STEERING_WHOLE)


def to_keep(env: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Return the part of a server's environment that a benchmark needs: variables that affect it, and ``given`` ones.

    Secrets in ``given`` are masked; they are stored elsewhere.
    """
    names = {name for name, value in given.items() if MARK not in value} - _OF_THE_SERVER
    return {name: value for name, value in env.items() if name in names or (steers(name) and name not in given)}


def environment_beside(
    environ: Mapping[str, str], kept: Mapping[str, str], secrets: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of a process that accompanies a server: the server's (``kept`` by ``to_keep``, and its
    ``secrets``), and the user's neutral variables.
    """
    own = {name: value for name, value in environ.items() if not steers(name) or name in _STEERING_WHOLE - kept.keys()}
    return {**own, **kept, **{name: value for name, value in secrets.items() if name not in _OF_THE_SERVER}}
