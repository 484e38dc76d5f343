"""The shape of a model from config.json: all that its KV cache and its weights depend on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fleet.dataclass import dataclass
from fleet.local.fit.attention import NONE, Attention, attention

BYTES: Final = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0, "half": 2.0, "float": 4.0, "fp8": 1.0, "int8": 1.0}


@dataclass(frozen=True, slots=True)
class Architecture:
    """The shape of a model. Lengths in tokens; 0 if not stated."""

    layers: int
    heads: int
    """Attention heads."""
    kv_heads: int
    head_dim: int
    latent: int = 0
    """MLA: kv_lora_rank + qk_rope_head_dim, kept once per token and layer; 0 for ordinary attention."""
    attention: Attention = NONE
    """Layers, and the tokens that each keeps."""
    longest: int = 0
    """Default sequence length in tokens: max_position_embeddings, with RoPE scaling applied."""
    bound: int = 0
    """Largest sequence length that may be requested, in tokens: no version of vLLM accepts more."""
    dtype: str = ""
    quantization: str = ""
    """quant_method of quantization_config."""
    parameters: int = 0
    """Parameter count estimated from the shape, for a model whose weights are not here; 0 if unknown."""


def architecture(config: Mapping[str, Any]) -> Architecture | None:
    """Return the shape of the language model; None if config.json lacks the number of layers or heads."""
    text = config.get("text_config") or config.get("llm_config") or config.get("language_config") or config
    if not isinstance(text, Mapping):
        return None
    text = {key: config[key] for key in _OF_ALL if key in config} | dict(text)
    layers = _number(text, "num_hidden_layers", "n_layer", "n_layers", "num_layers")
    heads = _number(text, "num_attention_heads", "n_head", "n_heads")
    hidden = _number(text, "hidden_size", "n_embd", "d_model", "dim")
    if not layers or not heads:
        return None
    kv_heads = _kv_heads(text) or heads
    rank = _number(text, "kv_lora_rank")
    longest, bound = _lengths(text)
    return Architecture(
        layers=layers,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=_head_dim(text, hidden, heads),
        latent=rank + _number(text, "qk_rope_head_dim") if rank else 0,
        attention=attention(text, layers),
        longest=longest,
        bound=bound,
        dtype=str(
            text.get("dtype") or text.get("torch_dtype") or config.get("torch_dtype") or config.get("dtype") or ""
        ),
        quantization=str((config.get("quantization_config") or {}).get("quant_method") or ""),
        parameters=_parameters(text, layers, hidden, heads, kv_heads),
    )


_OF_ALL: Final = ("model_type", "is_encoder_decoder")
"""Keys of a larger model's config that also apply to its language model, if that lacks them."""
_HEAD_DIMS: Final[Mapping[str, int]] = {
    "gemma": 256,
    "gemma2": 256,
    "gemma3": 256,
    "gemma3_text": 256,
    "gpt_oss": 64,
    "qwen3": 128,
    "glm4": 128,
}
"""Widths of a head where config.json names none and it is not the hidden size shared out (transformers' defaults)."""


def _head_dim(text: Mapping[str, Any], hidden: int, heads: int) -> int:
    configured = _number(text, "head_dim", "hidden_size_per_head")
    return configured or _HEAD_DIMS.get(str(text.get("model_type")), hidden // heads if hidden else 0)


def _kv_heads(text: Mapping[str, Any]) -> int:
    """Return the number of KV heads; 0 if not stated, which means as many as attention heads."""
    # Falcon has one KV head for all heads, unless it is the newer architecture.
    if text.get("multi_query") is True and text.get("new_decoder_architecture") is not True:
        return 1
    nested = text.get("attn_config")
    inner = _number(nested, "kv_n_heads") if isinstance(nested, Mapping) else 0
    names = ("num_key_value_heads", "n_kv_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num")
    return _number(text, *names, "num_attention_groups") or inner


_UNSCALED: Final = frozenset({"default", "su", "longrope", "llama3", "mrope"})
_MOST: Final = 1000.0
_ONCE: Final = frozenset({"yarn", "deepseek_yarn", "deepseek_llama_scaling"})
"""max_position_embeddings is scaled already; earlier versions scaled the original one themselves."""


def _lengths(text: Mapping[str, Any]) -> tuple[int, int]:
    """``longest`` and ``bound``, as vLLM derives them (vllm/config/model.py, _get_and_verify_max_len)."""
    base = _number(text, "max_position_embeddings", "n_positions", "max_seq_len", "seq_length")
    longest = bound = base
    for rope in _ropes(text):
        kind = str(rope.get("rope_type") or rope.get("type") or "default")
        factor = rope.get("factor")
        # Gemma 3 states the scaled length. No model is scaled down or a thousandfold: such a value is not a factor.
        known = isinstance(factor, int | float) and 1 <= factor <= _MOST
        scale = float(factor or 1) if known and "gemma3" not in str(text.get("model_type")) else 1.0
        original = _number(rope, "original_max_position_embeddings") or base
        if kind == "longrope":
            # Longer sequences are possible at the cost of shorter ones: vLLM starts with the original length.
            longest = _number(text, "original_max_position_embeddings") or base
        elif kind in _ONCE:
            bound = max(bound, int(original * scale))
        elif kind not in _UNSCALED:
            longest = bound = int(base * scale)
    return longest, max(bound, longest, _number(text, "model_max_length"))


def _ropes(text: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Return the settings of RoPE: one, or one for each kind of layers."""
    configured = text.get("rope_parameters") or text.get("rope_scaling")
    if not isinstance(configured, Mapping):
        return ()
    nested = tuple(each for each in configured.values() if isinstance(each, Mapping))
    return nested or (configured,)


def _parameters(text: Mapping[str, Any], layers: int, hidden: int, heads: int, kv_heads: int) -> int:
    """Embeddings, attention and MLP of a decoder with gated MLPs; experts counted where config.json names them."""
    inner, vocabulary = _number(text, "intermediate_size", "n_inner", "ffn_dim"), _number(text, "vocab_size")
    if not hidden or not inner or not vocabulary:
        return 0
    dim = _number(text, "head_dim") or hidden // heads
    attention = hidden * dim * (2 * heads + 2 * kv_heads)
    experts = _number(text, "num_local_experts", "num_experts", "n_routed_experts")
    width = _number(text, "moe_intermediate_size") or inner
    mlp = 3 * hidden * (width * (experts + _number(text, "n_shared_experts")) if experts else inner)
    embeddings = vocabulary * hidden * (1 if text.get("tie_word_embeddings") else 2)
    return embeddings + layers * (attention + mlp)


def _number(config: Mapping[str, Any], *names: str) -> int:
    for name in names:
        value = config.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return 0
