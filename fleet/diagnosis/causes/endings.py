"""Containers that end for a reason found in their log: the table of log reasons, as causes of a pod.

The patterns are in fleet/model/log_reasons.py, shared by servers of this machine and pods.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from fleet.diagnosis.cause import Help, Stage, says
from fleet.diagnosis.causes.symptoms import ENDED, GPU_AWAY, OVERLOAD, SETTLES
from fleet.diagnosis.families.ending_cause import EndingCause
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subjects.subject import EndedSubject
from fleet.model.log_reasons import REASONS
from fleet.model.severity import Severity


class _OfPod(NamedTuple):
    """A row of that table, worded for a pod."""

    id: str
    """Id of the cause."""
    remedy: str
    text: str = ""
    """Description, if a server of this machine has another; empty if they share it."""


OF_POD: Final[Mapping[str, _OfPod]] = {
    "arguments": _OfPod("engine-arguments-wrong", "compare the arguments with the image's version"),
    "port-taken": _OfPod(
        "engine-port-taken", "give each container its own port", "its port is already in use in the pod"
    ),
    "shard-missing": _OfPod("weights-missing", "fetch the model again: its index lists the files that belong to it"),
    "shard-broken": _OfPod("weights-damaged", "fetch that file again and compare its checksum"),
    "gated": _OfPod("model-gated", "accept the model's terms on the hub and give the pod a token"),
    "offline": _OfPod(
        "model-not-reachable",
        "mount the model, or let the pod reach the hub (proxy, NetworkPolicy)",
        "the model is not in the pod, and the hub cannot be reached",
    ),
    "model-not-found": _OfPod("model-not-found", "check the path or the name of the model, and the pod's volume"),
    "tokenizer-missing": _OfPod(
        "tokenizer-missing", "fetch the model again (tokenizer.json, tokenizer.model), or name one with --tokenizer"
    ),
    "token": _OfPod("model-token-refused", "give the pod a valid token"),
    "name-resolution": _OfPod(
        "name-not-resolved", "check the name, the pod's dnsPolicy, the cluster's DNS, and policies for port 53"
    ),
    "not-trusted": _OfPod(
        "server-not-trusted", "mount the certificate authority (SSL_CERT_FILE), or mend the server's certificate"
    ),
    "rate-limited": _OfPod("download-rate-limited", "fetch the model once into a volume, or use a mirror"),
    "storage-denied": _OfPod(
        "storage-access-denied", "check the Secret or the role of its service account, and the rights on that bucket"
    ),
    "group-not-reached": _OfPod(
        "group-not-reached", "see whether all pods of its group run, their headless Service, and NetworkPolicies"
    ),
    "server-not-reached": _OfPod(
        "server-not-reached", "check that server's Service, a proxy, and NetworkPolicies for what leaves the pod"
    ),
    "fabric-not-ready": _OfPod(
        "gpu-fabric-not-ready", "see the fabric manager of its node: its version must be the driver's"
    ),
    "gpu-unsupported": _OfPod("gpu-model-unsupported", "use an image for it, or nodes with another model of GPU"),
    "gpu-fault": _OfPod("gpu-fault-in-log", "cordon its node, and read the XID in the kernel's log"),
    "reads-fail": _OfPod("storage-reads-fail", "check the volume that the line names, and its server"),
    "limits": _OfPod("process-limit-reached", "raise the limit of the pod (podPidsLimit) or of its runtime"),
    "environment": _OfPod("environment-missing", "set it in the pod: its Secret or ConfigMap may lack the key"),
    "command": _OfPod("command-missing", "check its command and its image"),
    "kv-transfer": _OfPod("kv-transfer-not-set-up", "check the RDMA devices of the pod, and what the image has"),
    "compiler": _OfPod("kernels-not-compiled", "use an image with a compiler, or one whose kernels are built"),
    "cuda-oom": _OfPod(
        "cuda-out-of-memory", "reduce context or sequences, use more tensor parallelism or an fp8 KV cache"
    ),
    "gpu-not-free": _OfPod("gpu-memory-taken", "see what else uses its GPU: a leftover process, a shared slice"),
    "no-kv-room": _OfPod("no-room-for-kv-cache", "raise --gpu-memory-utilization, or use more tensor parallelism"),
    "context-too-long": _OfPod("context-too-long", "lower --max-model-len, use an fp8 KV cache, or more GPUs"),
    "max-model-len": _OfPod("context-beyond-model", "lower --max-model-len to what config.json says"),
    "driver-too-old": _OfPod("gpu-driver-too-old", "run it on nodes with a newer driver, or use an older image"),
    "tensor-parallel": _OfPod(
        "tensor-parallel-wrong", "use a tensor parallelism that divides the number of attention heads"
    ),
    "too-few-gpus": _OfPod(
        "too-few-gpus",
        "request as many GPUs as tensor times pipeline parallelism",
        "it needs more GPUs than the pod has",
    ),
    "no-gpu": _OfPod("no-gpu-in-pod", "see its limits, its runtime class and the device plugin of its node"),
    "nccl": _OfPod("gpu-communication-failed", "check the links of its GPUs, enlarge /dev/shm, set NCCL_DEBUG=INFO"),
    "remote-code": _OfPod("remote-code-refused", "review that code, then add --trust-remote-code"),
    "architecture": _OfPod("architecture-unknown", "a newer image may know it"),
    "dtype": _OfPod("number-format-unsupported", "use another --dtype, or nodes with newer GPUs"),
    "quantization": _OfPod("quantization-unsupported", "omit --quantization: config.json names the method"),
    "tokenizer": _OfPod("tokenizer-not-read", "a newer format needs a newer image"),
    "chat-template": _OfPod("chat-template-not-read", "check that file, its syntax, and the ConfigMap that it is from"),
    "adapter": _OfPod("adapter-not-loaded", "check its path, its base model, and --max-lora-rank"),
    "file": _OfPod("file-not-read", "check the path in its arguments, and what is mounted there"),
    "shared-memory": _OfPod(
        "shared-memory-too-small", "mount an emptyDir of medium Memory on /dev/shm", "its /dev/shm is too small"
    ),
    "disk-full": _OfPod("disk-full-in-pod", "see which of its volumes is full, or whether the node's disk is"),
    "host-oom": _OfPod("host-memory-exhausted", "raise its memory limit", "it ran out of the host's memory"),
    "cpu-memory": _OfPod("kv-cache-beyond-memory", "give the KV cache less memory, or raise the memory limit"),
    "exec-format": _OfPod(
        "image-architecture-wrong",
        "use an image for this CPU (amd64, arm64), or nodes of its kind",
        "its image is for another kind of CPU (exec format error)",
    ),
    "installation": _OfPod("image-broken", "use another image", "a module that it needs cannot be imported"),
    "permission": _OfPod("file-permission-denied", "see runAsUser and fsGroup, and who owns that file"),
    "cpu-feature": _OfPod("cpu-feature-missing", "use other nodes, or an image for this CPU"),
    "illegal-instruction": _OfPod("illegal-instruction", "use other nodes, or an image for this CPU"),
    "segfault": _OfPod("engine-crashed-in-native-code", "the stack in its log names the library"),
    "process-killed": _OfPod("engine-process-killed", "see the memory limit, and the kernel's log of the node"),
    "engine-died": _OfPod("engine-crashed", "check its GPU for an XID: if it happens there again, the GPU is broken"),
    "value": _OfPod("engine-value-refused", "the log line names the value", "the engine rejects an argument's value"),
}
"""Id of a log reason → its wording for a pod."""


def _cause(reason: str, text: str, of: _OfPod) -> EndingCause:
    ending = of.text or text
    sign: Fact[EndedSubject] = Fact(
        ending,
        "the end of its log",
        lambda subject: subject.words.reason == reason,
        lambda subject: f"{subject.words.line} ({subject.words.where}, container {subject.words.container})",
    )
    return EndingCause(
        id=of.id,
        stage=Stage.BROKEN,
        severity=Severity.CRITICAL,
        sentence=f"A container ended: {ending}.",
        words=says(ending),
        must=(sign,),
        explains=(*ENDED, *OVERLOAD, "rollout-stuck"),
        peers=True,
        after=SETTLES if of.id in GPU_AWAY else 0.0,
        helps=(
            Help("read the end of the log before it exited", "previous"),
            Help(of.remedy),
            Help("see what changed before", "past"),
            Help("roll back to the previous revision", "rollback"),
        ),
        avoid=("Do not restart it: the kubelet already does, and it ends the same way.",),
    )


ENDINGS: Final = tuple(_cause(row.id, row.text, OF_POD[row.id]) for row in REASONS)
