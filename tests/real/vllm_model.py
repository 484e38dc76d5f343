"""Make a tiny random Llama and its tokenizer: run by the Python that has vLLM, downloads nothing.

``python vllm_model.py DIR [LAYERS [WIDTH [SHARD]]]``: SHARD is the most that one file of the weights holds (``2MB``).
"""

from __future__ import annotations

import sys

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

target = sys.argv[1]
layers = int(sys.argv[2]) if len(sys.argv) > 2 else 4
width = int(sys.argv[3]) if len(sys.argv) > 3 else 256
shard = sys.argv[4] if len(sys.argv) > 4 else "5GB"
tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
trainer = trainers.BpeTrainer(
    vocab_size=512, special_tokens=["<s>", "</s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
)
tokenizer.train_from_iterator(["the quick brown fox jumps over the lazy dog and serves tokens all night long"], trainer)
fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")
fast.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
fast.save_pretrained(target)
config = LlamaConfig(
    vocab_size=512,
    hidden_size=width,
    intermediate_size=2 * width,
    num_hidden_layers=layers,
    num_attention_heads=width // 64,
    num_key_value_heads=width // 64,
    max_position_embeddings=2048,
)
LlamaForCausalLM(config).save_pretrained(target, max_shard_size=shard)
