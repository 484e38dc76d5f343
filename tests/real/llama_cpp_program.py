"""llama.cpp's own server on a tiny random model, until standard input ends: run by the Python that has it.

``python llama_cpp_program.py MODEL.gguf PORT ALIAS SLOTS METRICS``: the model is written first, nothing is downloaded.
"""

from __future__ import annotations

import os
import sys

import gguf
import numpy as np
import xllamacpp

LAYERS, WIDTH, HEADS, CONTEXT = 2, 64, 4, 8192


def write(path: str) -> None:
    """A Llama of random weights whose tokens are bytes."""
    random = np.random.default_rng(7)
    out = gguf.GGUFWriter(path, "llama")
    out.add_block_count(LAYERS)
    out.add_context_length(CONTEXT)
    out.add_embedding_length(WIDTH)
    out.add_feed_forward_length(2 * WIDTH)
    out.add_head_count(HEADS)
    out.add_layer_norm_rms_eps(1e-5)
    out.add_rope_dimension_count(WIDTH // HEADS)
    out.add_file_type(gguf.LlamaFileType.ALL_F32)
    kinds = gguf.TokenType
    tokens = [b"<unk>", b"<s>", b"</s>", *(b"<0x%02X>" % byte for byte in range(256))]
    out.add_tokenizer_model("llama")
    out.add_token_list(tokens)
    out.add_token_scores([0.0] * len(tokens))
    out.add_token_types([kinds.UNKNOWN, kinds.CONTROL, kinds.CONTROL, *[kinds.BYTE] * 256])
    out.add_bos_token_id(1)
    out.add_eos_token_id(2)
    out.add_unk_token_id(0)
    out.add_vocab_size(len(tokens))
    out.add_chat_template("{% for m in messages %}{{ m['content'] }}{% endfor %}")

    def weights(name: str, *shape: int) -> None:
        out.add_tensor(name, (random.standard_normal(shape) * 0.05).astype(np.float32))

    def ones(name: str) -> None:
        out.add_tensor(name, np.ones(WIDTH, np.float32))

    weights("token_embd.weight", len(tokens), WIDTH)
    weights("output.weight", len(tokens), WIDTH)
    ones("output_norm.weight")
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        ones(f"{block}.attn_norm.weight")
        ones(f"{block}.ffn_norm.weight")
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            weights(f"{block}.{part}.weight", WIDTH, WIDTH)
        weights(f"{block}.ffn_gate.weight", 2 * WIDTH, WIDTH)
        weights(f"{block}.ffn_up.weight", 2 * WIDTH, WIDTH)
        weights(f"{block}.ffn_down.weight", WIDTH, 2 * WIDTH)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


def serve(path: str, port: int, alias: str, slots: int, *, metrics: bool) -> None:
    """Answer on loopback until standard input ends. ``xllamacpp`` is llama.cpp's server as a library."""
    wanted = xllamacpp.CommonParams()
    wanted.model.path = path
    wanted.model_alias = {alias}
    wanted.hostnames = ["127.0.0.1"]
    wanted.port = port
    wanted.n_parallel = slots
    wanted.n_ctx = CONTEXT * slots
    wanted.endpoint_metrics = metrics
    wanted.cpuparams.n_threads = wanted.cpuparams_batch.n_threads = 1
    wanted.warmup = False
    _server = xllamacpp.Server(wanted)
    sys.stdin.read()
    # Its destructor waits for the requests in flight, and some never end.
    os._exit(0)


if __name__ == "__main__":
    write(sys.argv[1])
    serve(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), metrics=sys.argv[5] == "metrics")
