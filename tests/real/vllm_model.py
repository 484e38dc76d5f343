"""Make a tiny random Llama and its tokenizer: run by the Python that has vLLM, downloads nothing.

``python vllm_model.py DIR [LAYERS [WIDTH [SHARD]]]``: SHARD is the most that one file of the weights holds, in bytes.
The files are those that transformers saves, written without it: with PyTorch it takes seconds to import.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

WORDS, HEAD = 512, 64
BEGIN, END = 1, 2
"""Tokens at the ends of a text, by the defaults of a Llama."""

target = Path(sys.argv[1])
layers = int(sys.argv[2]) if len(sys.argv) > 2 else 4
width = int(sys.argv[3]) if len(sys.argv) > 3 else 256
most = int(sys.argv[4]) if len(sys.argv) > 4 else 5_000_000_000


def weights():
    """Names and shapes, in the order of the model."""
    square, up, down = (width, width), (2 * width, width), (width, 2 * width)
    yield "model.embed_tokens", (WORDS, width)
    for number in range(layers):
        parts = {f"self_attn.{each}_proj": square for each in "qkvo"}
        parts |= {"mlp.gate_proj": up, "mlp.up_proj": up, "mlp.down_proj": down}
        parts |= {"input_layernorm": (width,), "post_attention_layernorm": (width,)}
        yield from ((f"model.layers.{number}.{part}", shape) for part, shape in parts.items())
    yield "model.norm", (width,)
    yield "lm_head", (WORDS, width)


def write(name: str, content: object) -> None:
    (target / name).write_text(json.dumps(content, indent=2))


target.mkdir(parents=True, exist_ok=True)
tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
trainer = trainers.BpeTrainer(
    vocab_size=WORDS, special_tokens=["<s>", "</s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
)
tokenizer.train_from_iterator(["the quick brown fox jumps over the lazy dog and serves tokens all night long"], trainer)
tokenizer.save(str(target / "tokenizer.json"))
write(
    "tokenizer_config.json",
    {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "chat_template": "{% for m in messages %}{{ m['content'] }}{% endfor %}",
    },
)
write(
    "config.json",
    {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "dtype": "float32",
        "vocab_size": WORDS,
        "hidden_size": width,
        "intermediate_size": 2 * width,
        "num_hidden_layers": layers,
        "num_attention_heads": width // HEAD,
        "num_key_value_heads": width // HEAD,
        "head_dim": HEAD,
        "hidden_act": "silu",
        "max_position_embeddings": 2048,
        "rms_norm_eps": 1e-06,
        "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"},
        "tie_word_embeddings": False,
        "bos_token_id": BEGIN,
        "eos_token_id": END,
    },
)
write("generation_config.json", {"bos_token_id": BEGIN, "eos_token_id": END})

chance = np.random.default_rng(1)
files = [{}]
for name, shape in weights():
    made = (
        np.ones(shape, np.float32) if len(shape) == 1 else chance.standard_normal(shape, np.float32) * np.float32(0.02)
    )
    if files[-1] and sum(each.nbytes for each in files[-1].values()) + made.nbytes > most:
        files.append({})
    files[-1][f"{name}.weight"] = made
called = [f"model-{i + 1:05}-of-{len(files):05}.safetensors" for i in range(len(files))]
if len(files) == 1:
    called = ["model.safetensors"]
else:
    size = sum(each.nbytes for file in files for each in file.values())
    kept = {key: name for name, file in zip(called, files, strict=True) for key in file}
    write("model.safetensors.index.json", {"metadata": {"total_size": size}, "weight_map": kept})
for name, file in zip(called, files, strict=True):
    save_file(file, str(target / name), {"format": "pt"})
