"""Containers that are not created, do not stay, or never become ready, in the words of the kubelet and the runtimes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from simulator.objects import timestamp
from tests.fleet.diagnosis.cluster import (
    SPACE,
    Cluster,
    Failure,
    condition,
    crashing,
    failed,
    running,
    unready,
    waiting,
)
from tests.fleet.rows import NOW

POD = f"{SPACE}/chat-2"
_PULL = 'failed to pull and unpack image "registry.example.com/llm/vllm:v1": '
_RUNC = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
    "unable to start container process: "
)


def _waits(name: str, cause: str, says: str, reason: str, message: str) -> Failure:
    def change(cluster: Cluster) -> None:
        waiting(cluster.pod(), reason, message)
        for at in (-2, 60, 125, 300, 630):
            cluster.pod_event("Failed", f"Error: {message}", at=at)

    return Failure(name, cause, POD, says, change)


def _pull(name: str, says: str, message: str, reason: str = "ErrImagePull") -> Failure:
    return _waits(f"image: {name}", "image-not-pulled", says, reason, message)


def _crash(name: str, cause: str, says: str, code: int, reason: str = "Error", message: str = "") -> Failure:
    def change(cluster: Cluster) -> None:
        crashing(cluster.pod(), code, reason, message)
        cluster.pod_event("BackOff", "Back-off restarting failed container vllm in pod chat-2")

    return Failure(name, cause, POD, says, change)


def _failed(name: str, cause: str, says: str, reason: str, message: str) -> Failure:
    def change(cluster: Cluster) -> None:
        failed(cluster.pod(), reason, message)
        cluster.pod_event(reason, message)

    return Failure(name, cause, POD, says, change)


def _pull_secret(cluster: Cluster) -> None:
    waiting(cluster.pod(), "ImagePullBackOff", f"Back-off pulling image: ErrImagePull: {_PULL}401 Unauthorized")
    text = "Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed."
    for at in (-2, 60, 125, 300, 630):
        cluster.pod_event("FailedToRetrieveImagePullSecret", text, at=at)


def _sidecar(cluster: Cluster) -> None:
    """A sidecar of the kind that init containers are (restartPolicy Always) dies while the engine runs."""
    raw = cluster.pod()
    raw["spec"]["initContainers"] = [{"name": "mesh", "image": "mesh:1", "restartPolicy": "Always"}]
    unready(raw, "containers with unready status: [mesh]")
    ended = {"exitCode": 1, "reason": "Error", "finishedAt": timestamp(NOW - 1)}
    state = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container=mesh"}}
    raw["status"]["initContainerStatuses"] = [
        running("mesh", ready=False, started=False, restartCount=5, state=state, lastState={"terminated": ended})
    ]


def _second_container(cluster: Cluster) -> None:
    raw = cluster.pod()
    raw["spec"]["containers"].append({"name": "exporter", "image": "exporter:1"})
    crashing(raw, 2, name="exporter")


def _init_oom(cluster: Cluster) -> None:
    raw = cluster.pod()
    raw["spec"]["initContainers"] = [{"name": "fetch", "image": "fetch:1"}]
    waiting(raw, "PodInitializing")
    condition(raw, "Initialized", "False", "ContainersNotInitialized")
    ended = {"exitCode": 137, "reason": "OOMKilled", "finishedAt": timestamp(NOW - 1)}
    state = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container=fetch"}}
    raw["status"]["initContainerStatuses"] = [
        running("fetch", ready=False, started=False, restartCount=5, state=state, lastState={"terminated": ended})
    ]


def _not_ready(cluster: Cluster, message: str) -> None:
    raw = cluster.pod()
    unready(raw)
    raw["status"]["containerStatuses"][0]["ready"] = False
    for at in (-2, 60, 125, 300, 630):
        cluster.pod_event("Unhealthy", message, at=at)


def _gate(cluster: Cluster) -> None:
    raw = cluster.pod()
    text = 'the status of pod readiness gate "target-health.elbv2.k8s.aws/chat" is not "True", but False'
    condition(raw, "Ready", "False", "ReadinessGatesNotReady", text)


def _killed(probe: str) -> Callable[[Cluster], None]:
    def change(cluster: Cluster) -> None:
        raw = cluster.pod()
        unready(raw)
        status = raw["status"]["containerStatuses"][0]
        status |= {"ready": False, "started": False, "restartCount": 4}
        for at in (-2, 60, 125, 300, 630):
            cluster.pod_event("Unhealthy", f"{probe.capitalize()} probe failed: HTTP probe failed: 404", at=at - 1)
            text = f"Container vllm failed {probe} probe, will be restarted"
            cluster.pod_event("Killing", text, at=at, normal=True)

    return change


def _past_deadline(cluster: Cluster) -> None:
    failed(cluster.pod(), "DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
    ended = {"exitCode": 137, "reason": "Error", "finishedAt": timestamp(NOW)}
    cluster.pod()["status"]["containerStatuses"] = [running("vllm", ready=False, state={"terminated": ended})]


def _stays(cluster: Cluster, reason: str, message: str) -> None:
    """A deleted pod that the kubelet cannot end."""
    cluster.pod()["metadata"] |= {"deletionTimestamp": timestamp(NOW), "deletionGracePeriodSeconds": 30}
    for at in (35, 125, 300, 630):
        cluster.pod_event(reason, message, at=at)


def _node_oom(cluster: Cluster, before: float = 2) -> None:
    crashing(cluster.pod(), 137, "OOMKilled")
    text = "System OOM encountered, victim process: VLLM::EngineCore, pid: 41"
    cluster.event("Node", "n2", "SystemOOM", text, at=-before)
    cluster.event("Node", "n1", "SystemOOM", text)


def _no_events(cluster: Cluster, made: str) -> None:
    waiting(cluster.pod(), "ContainerCreating")
    condition(cluster.pod(), "PodReadyToStartContainers", made)


FAILURES = (
    Failure("out of memory of its node", "killed-for-memory-of-node", POD, "System OOM", _node_oom),
    Failure("out of memory long after its node", "out-of-memory", POD, "OOMKilled", partial(_node_oom, before=600)),
    Failure("hangs without sandbox", "containers-created-late", POD, "not an image", partial(_no_events, made="False")),
    Failure("hangs with sandbox", "containers-created-late", POD, "an image hangs", partial(_no_events, made="True")),
    _pull("not found", "not found", f"{_PULL}registry.example.com/llm/vllm:v1: not found"),
    _pull("digest", "not found", f"{_PULL}manifest unknown: sha256:0123 not found"),
    _pull("denied", "access denied", f"{_PULL}failed to authorize: 401 Unauthorized"),
    _pull("rate limit", "rate limit", "429 Too Many Requests - toomanyrequests: You have reached your pull rate limit"),
    _pull("architecture", "platform", f"{_PULL}no match for platform in manifest: not found"),
    _pull("registry fails", "registry fails", f"{_PULL}unexpected status from HEAD request: 503 Service Unavailable"),
    _pull("registry slow", "unreachable", f"{_PULL}net/http: TLS handshake timeout"),
    _pull("name", "invalid", 'couldn\'t parse image name "Vllm:v1": invalid reference format', "InvalidImageName"),
    _pull("never", "Never", 'Container image "vllm:v1" is not present with pull policy of Never', "ErrImageNeverPull"),
    _pull("disk", "no space left", f"{_PULL}write /var/lib/containerd/blob: no space left on device"),
    Failure("image: pull secret", "image-pull-secret-missing", POD, "regcred", _pull_secret),
    _waits("secret", "container-not-created", 'secret "hf"', "CreateContainerConfigError", 'secret "hf" not found'),
    _waits(
        "key of a secret",
        "container-not-created",
        "HF_TOKEN",
        "CreateContainerConfigError",
        "couldn't find key HF_TOKEN in Secret serving/hf",
    ),
    _waits(
        "root",
        "container-not-created",
        "runAsNonRoot",
        "CreateContainerConfigError",
        "container has runAsNonRoot and image will run as root (pod: chat-2, container: vllm)",
    ),
    _waits(
        "sub-path",
        "container-not-created",
        "subPath",
        "CreateContainerConfigError",
        'failed to prepare subPath for volumeMount "weights" of container "vllm"',
    ),
    _waits(
        "name reserved",
        "container-not-created",
        "is reserved for",
        "CreateContainerError",
        'failed to reserve container name "vllm_chat-2_serving": name "vllm_chat-2_serving" is reserved for "1f"',
    ),
    _waits(
        "hook after start",
        "lifecycle-hook-fails",
        "PostStartHookError",
        "PostStartHookError",
        "Exec lifecycle hook ([/warm.sh]) for Container vllm failed - error: command '/warm.sh' exited with 126",
    ),
    _crash(
        "command missing",
        "container-cannot-start",
        "executable file not found",
        128,
        "StartError",
        _RUNC + 'exec: "vllm-serve": executable file not found in $PATH: unknown',
    ),
    _crash(
        "exec format",
        "container-cannot-start",
        "exec format error",
        128,
        "StartError",
        _RUNC + 'exec: "/entrypoint": exec format error',
    ),
    _crash(
        "gpu hook",
        "container-cannot-start",
        "driver not loaded",
        128,
        "StartError",
        _RUNC
        + "error during container init: error running prestart hook #0: exit status 1, stderr: Auto-detected mode "
        "as 'legacy' nvidia-container-cli: initialization error: nvml error: driver not loaded",
    ),
    _crash(
        "device by cdi",
        "container-cannot-start",
        "unresolvable CDI devices",
        128,
        "StartError",
        "failed to inject CDI devices: unresolvable CDI devices runtime.nvidia.com/gpu=GPU-1",
    ),
    _crash(
        "exec format in the log",
        "image-architecture-wrong",
        "exec format error",
        255,
        "Error",
        "exec /vllm: exec format error",
    ),
    _crash(
        "dns",
        "name-not-resolved",
        "resolve",
        1,
        "Error",
        "ConnectionError: Failed to resolve 'redis' ([Errno -3] Temporary failure in name resolution)",
    ),
    _crash(
        "read-only file system",
        "file-permission-denied",
        "Read-only",
        1,
        "Error",
        "OSError: [Errno 30] Read-only file system: '/root/.cache'",
    ),
    _crash("crash", "crash-loop", "exit code 1", 1),
    _crash("out of memory", "out-of-memory", "OOMKilled", 137, "OOMKilled"),
    _crash("segfault", "crash-loop", "SIGSEGV", 139),
    Failure("sidecar", "sidecar-fails", POD, "mesh", _sidecar),
    Failure("second container", "crash-loop", POD, "exporter", _second_container),
    Failure("init container out of memory", "out-of-memory", POD, "fetch", _init_oom),
    _failed(
        "evicted for memory",
        "evicted",
        "low on resource: memory",
        "Evicted",
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 60Mi.",
    ),
    _failed(
        "evicted for its limit",
        "storage-limit-exceeded",
        "exceeds the limit",
        "Evicted",
        'Usage of EmptyDir volume "cache" exceeds the limit "20Gi". ',
    ),
    _failed(
        "evicted for its container's limit",
        "storage-limit-exceeded",
        "local ephemeral storage limit",
        "Evicted",
        'Container vllm exceeded its local ephemeral storage limit "10Gi". ',
    ),
    _failed(
        "device gone at admission",
        "refused-by-node",
        "Available: 0",
        "UnexpectedAdmissionError",
        "Pod was rejected: Allocate failed due to requested number of devices unavailable for nvidia.com/gpu. "
        "Requested: 1, Available: 0, which is unexpected",
    ),
    _failed(
        "numa",
        "refused-by-node",
        "Topology locality",
        "TopologyAffinityError",
        "Pod was rejected: Resources cannot be allocated with Topology locality",
    ),
    _failed(
        "sysctl", "refused-by-node", "net.core", "SysctlForbidden", 'forbidden sysctl: "net.core.somaxconn" not allowed'
    ),
    _failed(
        "critical pod",
        "refused-by-node",
        "critical pod",
        "Preempting",
        "Preempted in order to admit critical pod",
    ),
    Failure("deadline of the pod", "pod-failed", POD, "longer than the specified deadline", _past_deadline),
    Failure("killed by startup probe", "killed-by-startup-probe", POD, "startup probe", _killed("startup")),
    Failure("killed by liveness probe", "killed-by-liveness-probe", POD, "liveness probe", _killed("liveness")),
    Failure(
        "readiness answers 503",
        "readiness-probe-fails",
        POD,
        "statuscode: 503",
        partial(_not_ready, message="Readiness probe failed: HTTP probe failed with statuscode: 503"),
    ),
    Failure(
        "readiness at a wrong port",
        "readiness-probe-fails",
        POD,
        "connection refused",
        partial(
            _not_ready,
            message='Readiness probe failed: Get "http://10.0.0.12:8001/health": dial tcp 10.0.0.12:8001: connect: '
            "connection refused",
        ),
    ),
    Failure("readiness gate", "readiness-gate-closed", POD, "target-health.elbv2", _gate),
    Failure(
        "not killed",
        "pod-stuck-terminating",
        POD,
        "DeadlineExceeded",
        partial(
            _stays,
            reason="FailedKillPod",
            message='error killing pod: failed to "KillContainer" for "vllm" with KillContainerError: "rpc error: '
            'code = DeadlineExceeded"',
        ),
    ),
)
