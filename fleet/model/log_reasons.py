"""Reasons why a server dies, and the words by which the end of its log gives them.

The rows know what servers of models have in common: Python, PyTorch, CUDA, the hub, the kernel. How one product words a
reason in its own log is data of its dialect (``LogWording``).
"""

# ruff: noqa: E501  a pattern is not cut in two
from __future__ import annotations

from typing import Final

from fleet.model.log_wording import LogReason, Reason

ILLEGAL_INSTRUCTION: Final = "this CPU lacks an instruction that it was built with (illegal instruction)"

REASONS: Final = (
    LogReason(
        "arguments",
        r"error: unrecognized arguments?:|got an unexpected keyword argument|invalid (?:tool call|reasoning) parser|unrecognized arguments|error: argument \S+:|error: the following arguments",
        "it rejects an argument or its value",
        "compare the arguments with its version's",
    ),
    LogReason(
        "port-taken",
        "address already in use|errno 98|errno 48|EADDRINUSE|failed to listen on any local network address",
        "another process took its port between the check and the start",
        "use another port",
    ),
    LogReason(
        "shard-missing",
        r"No such file or directory: \S*\.safetensors|referenced in index but missing|missing shard|No files? (?:was|were) found.*weights",
        "a file of the weights is missing",
        "fetch the model again: its index lists the files that belong to it",
    ),
    LogReason(
        "shard-broken",
        "SafetensorError|HeaderTooLarge|InvalidHeader|MetadataIncompleteBuffer|IncompleteMetadata|invalid load key|PytorchStreamReader failed",
        "a file of the weights is cut off or damaged",
        "fetch that file again and compare its checksum",
    ),
    LogReason(
        "gated",
        "access (?:a )?gated repo|GatedRepoError|Access to model .* is restricted",
        "the hub refuses the model: it is gated",
        "accept its terms on the hub and pass HF_TOKEN with --env",
    ),
    LogReason(
        "not-trusted",
        r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|x509: certificate|SELF_SIGNED_CERT",
        "it does not trust the certificate of a server that it needs",
        "give it the certificate authority (SSL_CERT_FILE, REQUESTS_CA_BUNDLE), or mend the certificate",
    ),
    LogReason(
        "rate-limited",
        r"429 Client Error|429 Too Many Requests|too many 429 error|\bSlowDown\b",
        "the server of its model refuses: too many requests",
        "wait, or fetch it once and share it (a volume, a mirror)",
    ),
    LogReason(
        "offline",
        "OfflineModeIsEnabled|offline mode is enabled|couldn't connect to .*huggingface|LocalEntryNotFoundError|Cannot find an appropriate cached snapshot",
        "the model is not on this machine, and the hub cannot be reached or is off limits",
        "give the model's folder, or let it download with --hub",
    ),
    LogReason(
        "tokenizer-missing",
        r"Couldn't instantiate the backend tokenizer|Can't load tokenizer for|Can't load the configuration of \S+ tokenizer|Failed to load the tokenizer",
        "the model's folder lacks its tokenizer, or it cannot be read",
        "fetch the model again: tokenizer.json or tokenizer.model belongs to it; --tokenizer names another",
    ),
    LogReason(
        "model-not-found",
        r"RepositoryNotFoundError|is not a local folder and is not a valid model identifier|Invalid repository ID|HFValidationError|does not appear to have a file named|No config\.json|Incorrect path_or_model_id|No supported config format found|404 Client Error|NoSuchBucket|NoSuchKey|bucket does not exist|No model found in ",
        "there is no such model: neither a folder with a config.json nor a name on the hub",
        "check the path or the name; a private model needs HF_TOKEN with --env",
    ),
    LogReason(
        "storage-denied",
        r"NoCredentialsError|Unable to locate credentials|\(AccessDenied\)|\(403\) when calling|InvalidAccessKeyId|SignatureDoesNotMatch|\(ExpiredToken\)|does not have storage\.|DefaultCredentialsError|AuthorizationPermissionMismatch",
        "the storage of its model refuses its credentials",
        "check the credentials, and the rights on that bucket",
    ),
    # After the one above: without a token the hub also answers 401 for an unknown name.
    LogReason(
        "token",
        "401 Client Error|403 Client Error|Unauthorized|Invalid credentials",
        "the hub refuses the model: the token is missing or wrong",
        "pass a valid HF_TOKEN with --env",
    ),
    LogReason(
        "name-resolution",
        r"Temporary failure in name resolution|Name or service not known|NameResolutionError|getaddrinfo failed",
        "it cannot resolve the name of a host that it needs (DNS)",
        "check the name, and the resolver of this machine",
    ),
    LogReason(
        "group-not-reached",
        r"DistNetworkError|DistStoreError|client socket has timed out|seconds waiting for clients|Could not find any running Ray instance|Failed to connect to (?:the )?(?:GCS|Ray)\b|node has not been updated within",
        "it does not reach the other processes of its group",
        "see whether all of them run, and whether their host and port can be reached",
    ),
    LogReason(
        "server-not-reached",
        r"Max retries exceeded with url|ConnectTimeout|ConnectionRefusedError|connect: connection refused|ProxyError|EndpointConnectionError|Could not connect to the endpoint|ConnectionFailedError|Error 111 connecting|50[234] Server Error|IncompleteRead|InvalidChunkLength",
        "a server that it needs does not answer",
        "the line names it: check its address, a proxy, and what may be reached from here",
    ),
    LogReason(
        "cuda-oom",
        "CUDA out of memory|OutOfMemoryError|CUDA error: out of memory|HIP out of memory",
        "the GPU ran out of memory",
        "reduce context or sequences, use an fp8 KV cache, more tensor parallelism or a quantised model, or stop what else uses the GPU",
    ),
    LogReason(
        "gpu-not-free",
        "CUDA-capable devices are busy",
        "the GPU has less free memory than --gpu-memory-utilization requests: something else uses it",
        "stop what else uses the GPU, or request less",
    ),
    LogReason(
        "no-kv-room",
        "",
        "no memory is left for the KV cache after the weights",
        "raise --gpu-memory-utilization, use more tensor parallelism, or a quantised model",
    ),
    LogReason(
        "context-too-long",
        "",
        "one request of the maximum length does not fit into the KV cache",
        "lower --max-model-len, use an fp8 KV cache, or more GPUs",
    ),
    LogReason(
        "max-model-len",
        "",
        "--max-model-len is longer than the model supports",
        "lower it to what config.json says",
    ),
    LogReason(
        "fabric-not-ready",
        r"system not yet initialized|Error 802|cudaErrorSystemNotReady|CUDA_ERROR_SYSTEM_NOT_READY",
        "the GPUs are not ready: the fabric manager of their NVSwitch does not run",
        "start the fabric manager: its version must be the driver's",
    ),
    LogReason(
        "gpu-unsupported",
        r"no kernel image is available|FlashAttention only supports|out of resource: shared memory|is not compatible with the current PyTorch installation|(?:requires?|needs?) compute capability",
        "it has no code for this model of GPU",
        "use a build for it, or another model of GPU",
    ),
    LogReason(
        "gpu-fault",
        r"uncorrectable (?:NVLink |ECC )?error|ECC error (?:was )?encountered|GPU is lost|fallen off the bus",
        "a GPU failed: its memory, its link, or all of it",
        "dmesg shows its XID: reset it, or replace it",
    ),
    LogReason(
        "driver-too-old",
        "driver (?:on your system )?is too old|CUDA driver version is insufficient|cudaErrorInsufficientDriver|Error 803|forward compatibility was attempted",
        "the driver of the GPUs is older than its CUDA needs",
        "update the driver, or use a build for an older CUDA",
    ),
    LogReason(
        "tensor-parallel",
        "",
        "tensor parallelism does not divide the attention heads of the model",
        "use one that does, usually 1, 2, 4 or 8",
    ),
    LogReason(
        "too-few-gpus",
        "invalid device ordinal|required GPUs exceeds the total number of available GPUs",
        "it needs more GPUs than this machine has",
        "lower tensor or pipeline parallelism",
    ),
    LogReason(
        "no-gpu",
        r"No CUDA GPUs are available|Found no \w+ driver|no CUDA-capable device|CUDA error: unknown error|Torch not compiled with CUDA",
        "it needs a GPU and finds none",
        "check which devices it is given; without a GPU, use a CPU build",
    ),
    LogReason(
        "nccl",
        "NCCL error|ncclInternalError|ncclSystemError|ncclUnhandledCudaError|ncclRemoteError|NCCL WARN|caught collective operation timeout",
        "the GPUs cannot talk to each other (NCCL)",
        "NCCL_DEBUG=INFO with --env says more; /dev/shm may be too small, or peer access broken",
    ),
    LogReason(
        "remote-code",
        r"contains custom code|pass the argument `?trust_remote_code|set the option `?trust_remote_code|(?:requires|needs|use|set|pass)[^\n]{0,40}--trust-remote-code",
        "the model brings its own code, which runs only if that is allowed",
        "review that code, then add -- --trust-remote-code",
    ),
    LogReason(
        "architecture",
        "Unsupported model|does not recognize this architecture",
        "it does not know the model's architecture",
        "a newer version may know it",
    ),
    LogReason(
        "dtype",
        "compute capability .* required|not supported .*dtype|Unknown dtype|dtype .* is not supported",
        "the number format is not supported here",
        "--dtype half on older GPUs, --dtype float32 or bfloat16 on CPUs",
    ),
    LogReason(
        "quantization",
        "",
        "the quantisation is not supported here, or is not the model's",
        "omit --quantization: config.json names the model's method",
    ),
    LogReason(
        "tokenizer",
        r"untagged enum ModelWrapper",
        "it does not know the format of the model's tokenizer",
        "a newer format needs newer libraries",
    ),
    LogReason(
        "chat-template",
        r"chat template [^\n]{0,200}failed to be opened|TemplateSyntaxError|TemplateAssertionError",
        "its chat template cannot be read",
        "check the file that the line names, and its syntax",
    ),
    LogReason(
        "adapter",
        r"LoRA rank \d+ is greater than|Loading lora \S+ failed|No adapter found for",
        "an adapter (LoRA) cannot be loaded",
        "check its path, its base model, and --max-lora-rank",
    ),
    LogReason(
        "shared-memory",
        r"Bus error|unable to (?:open|allocate) shared memory|No space left on device: '?/?(?:psm_|dev/shm)|unable to (?:write to|resize|mmap[^<]*) file </|unable to write to file </torch_|exit ?code:? -7\b",
        "the machine's shared memory (/dev/shm) is too small",
        "enlarge it (in a container: --shm-size)",
    ),
    LogReason(
        "disk-full",
        r"No space left on device|Disk quota exceeded|database or disk is full|\bENOSPC\b|\[Errno (?:28|122)\]",
        "the disk is full",
        "free some space",
    ),
    LogReason(
        "reads-fail",
        r"\[Errno (?:5|107|116|121)\]|Input/output error|Stale file handle|Remote I/O error|Transport endpoint is not connected",
        "files that it needs cannot be read: the storage below them fails",
        "check the mount that the line names, and the kernel's log",
    ),
    LogReason(
        "host-oom",
        "oom-kill|out of memory: killed process|MemoryError|std::bad_alloc|Cannot allocate memory|allocate [^\n]{0,40}pinned memory|DefaultCPUAllocator: can't allocate",
        "the machine ran out of memory",
        "use a smaller model or KV space, or stop what else runs here",
    ),
    LogReason(
        "limits",
        r"can't start new thread|pthread_create failed|Too many open files|\[Errno (?:11|24)\]|Resource temporarily unavailable",
        "it reached a limit of threads, processes or open files",
        "raise the limit: ulimit -u, ulimit -n, pids of its container",
    ),
    LogReason(
        "cpu-memory",
        "",
        "the KV cache does not fit into this machine's memory",
        "give the KV cache less memory",
    ),
    LogReason(
        "exec-format",
        r"exec format error|cannot execute binary file",
        "it is built for another kind of CPU (exec format error)",
        "use a build for this CPU (amd64, arm64)",
    ),
    LogReason(
        "installation",
        "ModuleNotFoundError|ImportError|undefined symbol|cannot open shared object file|PackageNotFoundError",
        "its installation is broken: a module that it needs cannot be imported",
        "install it again in a fresh environment",
    ),
    LogReason(
        "permission",
        "PermissionError|Permission denied|Read-only file system",
        "it may not read or write something that it needs",
        "check who owns the file that the line names",
    ),
    LogReason(
        "environment",
        r"KeyError: '[A-Z][A-Z0-9_]{2,60}'|environment variable \S{1,60} (?:is not|not|must be) set",
        "an environment variable that it needs is not set",
        "set the one that the line names",
    ),
    LogReason(
        "command",
        r"command not found|python3?: can't open file|executable file not found",
        "what it should run does not exist",
        "check its command, and where it is installed",
    ),
    LogReason(
        "kv-transfer",
        r"nixlBackendError|NIXL_ERR_|NIXL is not available|mooncake[^\n]{0,80}(?:failed|error)",
        "it cannot set up the transfer of KV blocks to other engines",
        "check its transport (UCX, RDMA), and whether it is installed",
    ),
    LogReason(
        "compiler",
        r"Failed to find C compiler|Could not find nvcc|InductorError|ninja: build stopped|PTXASError",
        "it cannot compile the kernels that it needs",
        "the line names what is missing: a compiler, a header, room in its cache",
    ),
    LogReason(
        "cpu-feature",
        r"(?:requires?|needs?|without)\b[^\n]{0,60}\b(?:AVX-?\d|AVX-?512|AMX|SVE|NEON)|(?:AVX-?512|AVX2|AMX)\b[^\n]{0,40}(?:is|are) not (?:supported|available)",
        "this CPU lacks an instruction set that it needs",
        "omit what the line names: --kv-cache-dtype fp8, for example, needs AVX-512 or AMX on a CPU",
    ),
    LogReason(
        "illegal-instruction",
        r"Illegal instruction|\bSIGILL\b|exit ?code:? -4\b",
        ILLEGAL_INSTRUCTION,
        "use a build for this CPU (AVX2 if lscpu shows no AVX-512)",
    ),
    LogReason(
        "segfault",
        r"Segmentation fault|Segfault encountered|free\(\): invalid|double free or corruption|malloc\(\): |Fatal Python error: (?:Aborted|Bus error|Floating)",
        "one of its processes crashed in compiled code",
        "the stack in its log names the library",
    ),
    LogReason(
        "process-killed",
        r"exit code:? -9\b",
        "one of its processes was killed (SIGKILL), as the kernel does when memory runs out",
        "dmesg or journalctl -k shows whether it was the kernel: then use a smaller model or KV space",
    ),
    LogReason(
        "file",
        r"FileNotFoundError|NotADirectoryError|IsADirectoryError|JSONDecodeError|ScannerError|TOMLDecodeError",
        "a file that it needs does not exist or cannot be read",
        "the line names it: check its path, and what is mounted there",
    ),
    LogReason(
        "engine-died",
        "illegal memory access|CUDA error|died unexpectedly",
        "its engine crashed",
        "the traceback above that line shows where; if the same GPU fails again it is broken: dmesg shows its XID",
    ),
    LogReason(
        "value",
        r"ValidationError: \d+ validation error|ValueError: ",
        "it rejects a value",
        "the line names it",
    ),
)
"""The reasons in the order in which they are looked for: the root before what follows from it."""
SERVING: Final = frozenset(
    {
        "cuda-oom",
        "no-gpu",
        "nccl",
        "shared-memory",
        "disk-full",
        "host-oom",
        "illegal-instruction",
        "segfault",
        "process-killed",
        "gpu-fault",
        "limits",
        "reads-fail",
        "engine-died",
    }
)
"""Reasons that can end a running server. In its log, the words of any other belong to a rejected request."""
FULL: Final = Reason(
    "disk-full",
    "it ended without a message, and the disk of its log is full: most likely that is why",
    "free some space: df -h, df -i",
)
STOPPED: Final = Reason("stopped", "it was stopped on request", "")
