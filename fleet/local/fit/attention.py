"""The attention layers of a model and the tokens that each keeps in the KV cache, as vLLM derives them from
config.json.

A config.json lists the kinds (``layer_types``), gives a pattern, or relies on the defaults of its model's class in
transformers (``configuration_*.py``), which are repeated here. An unknown layout is reported as unknown: an invented
number would let a start pass that vLLM refuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fleet.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Attention:
    """Number of layers of each kind; lengths in tokens."""

    full: int
    """Layers that keep every token."""
    sliding: int = 0
    """Layers that keep the last ``window`` tokens of a sequence."""
    window: int = 0
    chunked: int = 0
    """Layers that keep only the current chunk of ``chunk`` tokens of a sequence (Llama 4)."""
    chunk: int = 0
    unknown: str = ""
    """The reason why the KV cache cannot be worked out; empty where it can."""
    at_most: bool = False
    """True if, with ``unknown``, no more is kept than if each layer were ``full``."""

    @property
    def layers(self) -> int:
        """Number of layers with a KV cache."""
        return self.full + self.sliding + self.chunked


NONE: Final = Attention(0)
"""The attention of a model without layers."""
_EVERY: Final[Mapping[str, int]] = {
    "gemma2": 2,
    "gpt_oss": 2,
    "cohere2": 4,
    "exaone4": 4,
    "olmo3": 4,
    "gemma3": 6,
    "gemma3_text": 6,
}
"""Models in which every n-th layer has full attention if config.json has neither kinds nor a pattern; the others have a
sliding window.
"""
_WINDOWS: Final[Mapping[str, int]] = {
    "gemma2": 4096,
    "gemma3": 4096,
    "gemma3_text": 4096,
    "cohere2": 4096,
    "exaone4": 4096,
    "olmo3": 4096,
    "mistral": 4096,
    "gpt_oss": 128,
}
"""Window if config.json names none. A null window is none."""
_WIDER: Final = frozenset({"cohere2"})
"""Models whose window excludes the current token (vLLM, commandr.py)."""
_SWITCHED: Final = ("qwen", "smollm3")
"""Models that have a window only where ``use_sliding_window`` turns it on."""
_CHUNK: Final = 8192
"""attention_chunk_size of Llama 4 where config.json does not name it."""
_FULL: Final = frozenset({"full_attention", "attention", "full", "global", "global_attention"})
_SLIDING: Final = frozenset({"sliding_attention", "sliding", "sliding_window", "local", "local_attention"})
_CHUNKED: Final = frozenset({"chunked_attention"})
_KINDS: Final = ("layer_types", "layers_block_type", "attention_layers", "attn_type_list", "hybrid_layer_pattern")
_STATE: Final = ("mamba", "linear", "recurrent", "conv", "ssm", "lightning", "hybrid")
"""Names of layers that keep a state and no tokens."""
_STATES: Final = (
    "mamba_",
    "ssm_",
    "linear_",
    "rwkv_",
    "attn_layer_",
    "full_attn_idxs",
    "full_attention_interval",
    "hybrid_",
    "attn_type_list",
    "block_types",
    "conv_l_cache",
    "lightning_",
)
"""Beginnings of keys in config.json that only models with such layers have."""
_OTHERS: Final[Mapping[str, str]] = {
    "num_kv_shared_layers": "layers share their KV cache",
    "block_configs": "its layers differ from each other",
    "global_head_dim": "its layers differ in their heads",
    "num_global_key_value_heads": "its layers differ in their heads",
    "attention_other_setting": "its layers differ in their heads",
    "swa_num_key_value_heads": "its layers differ in their heads",
    "swa_head_dim": "its layers differ in their heads",
    "index_topk": "it has sparse attention with its own index",
    "compress_ratios": "its KV cache is compressed",
    "cla_share_factor": "layers share their KV cache",
    "is_encoder_decoder": "it also has an encoder's KV cache",
}
"""Keys with which the KV cache no longer follows from heads and layers."""
_PLAIN_MLA: Final = frozenset(
    {
        "deepseek_v2",
        "deepseek_v3",
        "kimi_k2",
        "glm4_moe_lite",
        "pangu_ultra_moe",
        "axk1",
        "",
    }
)
"""Models with ``kv_lora_rank`` whose latent vLLM stores once per token and layer (is_deepseek_mla)."""


def attention(text: Mapping[str, Any], layers: int) -> Attention:
    """Return the kinds of the ``layers`` layers of a language model; ``text`` is its part of config.json."""
    model = str(text.get("model_type") or "")
    if (odd := _why_unknown(text, model)) is not None:
        return Attention(layers, unknown=odd)
    kinds = next((kinds for key in _KINDS if isinstance(kinds := text.get(key), list) and kinds), None)
    if kinds is not None:
        return _of_kinds([str(kind) for kind in kinds], text, model, layers)
    if text.get("attention_chunk_size") or model.startswith("llama4"):
        return _llama4(text, layers)
    return _of_pattern(text, model, layers)


def _why_unknown(text: Mapping[str, Any], model: str) -> str | None:
    """Return why the layout is unknown; None if it is known."""
    if any(str(key).lower().startswith(_STATES) and value for key, value in text.items()):
        return "some of its layers keep a state instead of tokens (Mamba, linear attention)"
    for key, why in _OTHERS.items():
        if text.get(key):
            return why
    if isinstance(text.get("num_key_value_heads"), list) or isinstance(text.get("num_attention_heads"), list):
        return "its layers differ in their heads"
    if text.get("kv_lora_rank"):
        return None if model in _PLAIN_MLA else f"how {model} stores its latent"
    # Values and keys differ in width: MiMo.
    if (values := text.get("v_head_dim")) and values != text.get("head_dim"):
        return "its values and keys differ in width"
    return None


def _of_kinds(kinds: list[str], text: Mapping[str, Any], model: str, layers: int) -> Attention:
    if any(any(word in kind.lower() for word in _STATE) for kind in kinds):
        return Attention(layers, unknown="some of its layers keep a state instead of tokens (Mamba, linear attention)")
    sliding, chunked = (sum(kind in names for kind in kinds) for names in (_SLIDING, _CHUNKED))
    strange = next((kind for kind in kinds if kind not in _FULL | _SLIDING | _CHUNKED), "")
    window = _window(text, model)
    chunk = _positive(text.get("attention_chunk_size")) or (_CHUNK if model.startswith("llama4") else 0)
    if strange or len(kinds) != layers or (sliding and not window) or (chunked and not chunk):
        why = f'of the kind "{strange[:40]}"' if strange else "whose cache size config.json does not state"
        return Attention(layers, unknown=f"it has layers {why}", at_most=not strange)
    return Attention(layers - sliding - chunked, sliding, window if sliding else 0, chunked, chunk if chunked else 0)


def _llama4(text: Mapping[str, Any], layers: int) -> Attention:
    """Layers with rotary positions see their chunk only (vLLM, llama4.py)."""
    chunk = _positive(text.get("attention_chunk_size", _CHUNK))
    if not chunk:
        return Attention(layers)
    turned = text.get("no_rope_layers")
    if isinstance(turned, list) and turned:
        full = sum(not each for each in turned)
    else:
        full = layers // (_positive(text.get("no_rope_layer_interval")) or 4)
    return Attention(full, chunked=layers - full, chunk=chunk)


def _of_pattern(text: Mapping[str, Any], model: str, layers: int) -> Attention:
    window = _window(text, model)
    if not window:
        return Attention(layers)
    pattern = text.get("sliding_window_pattern", text.get("_sliding_window_pattern"))
    every = _positive(pattern) or (len(pattern) if isinstance(pattern, str) and pattern.endswith("G") else 0)
    every = every or _EVERY.get(model, 0)
    if every:
        return Attention(layers // every, layers - layers // every, window)
    if "use_sliding_window" in text or "max_window_layers" in text:
        # Which layers these are depends on the version.
        return Attention(layers, unknown="how many of its layers have a sliding window", at_most=True)
    # By default vLLM applies the window to all layers (engine/arg_utils.py).
    return Attention(0, layers, window)


def _window(text: Mapping[str, Any], model: str) -> int:
    """Tokens of the sliding window; 0 for none."""
    switch = text.get("use_sliding_window")
    if switch is False or (switch is None and model.startswith(_SWITCHED)):
        return 0
    window = _positive(text.get("sliding_window", _WINDOWS.get(model)))
    return window + 1 if window and model in _WIDER else window


def _positive(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
