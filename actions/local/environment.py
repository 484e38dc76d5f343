"""The environment of a node: the person's own, made safe by default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fleet.local.spec import LaunchSpec

NODE: Final = "QUARTERDECK_NODE"
"""Every process of a node has it: its record's id. So they are found whoever their parent is by then."""
SOCKETS: Final = "VLLM_RPC_BASE_PATH"
"""Where vLLM puts its sockets. It leaves them behind, so they get a folder that goes with the node."""
_OFFLINE: Final = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
_SILENT: Final = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
_OURS: Final = "QUARTERDECK_"


def set_for(spec: LaunchSpec, needed: Mapping[str, str]) -> dict[str, str]:
    """What this program sets for a node: what the machine needs (``needed``), then the spec's own, which wins."""
    online = {} if spec.hub else _OFFLINE
    silent = {} if spec.usage_stats else _SILENT
    # A line of the log must not wait in a buffer for the next one.
    return {"PYTHONUNBUFFERED": "1", **online, **silent, **needed, **spec.env}


def inherited(environ: Mapping[str, str], spec: LaunchSpec) -> dict[str, str]:
    """What a node gets of the person's environment: nothing that is for this program, no key of another server."""
    dropped = {"VLLM_API_KEY", SOCKETS, "PYTHONHOME", "PYTHONPATH"}
    if not spec.hub:
        # It talks to no hub: it needs no token for one.
        dropped |= {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN"}
    return {name: value for name, value in environ.items() if name not in dropped and not name.startswith(_OURS)}
