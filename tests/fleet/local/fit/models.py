"""Folders of models, made on the spot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson

LLAMA_8B: Final[Mapping[str, Any]] = {
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "vocab_size": 128256,
    "max_position_embeddings": 4096,
    "torch_dtype": "bfloat16",
}
LLAMA_70B: Final[Mapping[str, Any]] = {
    **LLAMA_8B,
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
    "hidden_size": 8192,
    "intermediate_size": 28672,
}
DEEPSEEK_V3: Final[Mapping[str, Any]] = {
    "num_hidden_layers": 61,
    "num_attention_heads": 128,
    "num_key_value_heads": 128,
    "hidden_size": 7168,
    "kv_lora_rank": 512,
    "qk_rope_head_dim": 64,
}


def tensors(path: Path, sizes: Mapping[str, tuple[str, int]], cut: int = 0) -> None:
    """A safetensors file of tensors (name → dtype, bytes), the last ``cut`` bytes of it missing."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, (dtype, size) in sizes.items():
        header[name] = {"dtype": dtype, "shape": [size], "data_offsets": [at, at + size]}
        at += size
    raw = orjson.dumps(header)
    whole = len(raw).to_bytes(8, "little") + raw + bytes(at)
    path.write_bytes(whole[: len(whole) - cut])


def model(folder: Path, config: Mapping[str, Any] = LLAMA_8B, shards: int = 2) -> Path:
    """A whole one: config, tokenizer, index and shards of 64 bytes."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_bytes(orjson.dumps(dict(config)))
    (folder / "tokenizer.json").write_text("{}")
    names = [f"model-{number:05}-of-{shards:05}.safetensors" for number in range(1, shards + 1)]
    for name in names:
        tensors(folder / name, {f"w.{name}": ("BF16", 64)})
    index = {"weight_map": {f"w.{name}": name for name in names}}
    (folder / "model.safetensors.index.json").write_bytes(orjson.dumps(index))
    return folder
