"""Containers that are not created, do not stay, or never become ready."""

from __future__ import annotations

from tests.eval import pods
from tests.eval.case import Case
from tests.eval.plots import crashing, keys, not_starting
from tests.eval.registry import EVENTS, kind

_FAILED_PULL = "Failed"


@kind("image-denied", "the registry wants credentials that the pod does not have")
def image_denied(case: Case) -> None:
    text = (
        'failed to pull and unpack image "registry.example.com/llm/vllm:v0.32.1": pull access denied, 401 Unauthorized'
    )
    not_starting(
        case,
        "ImagePullBackOff",
        f'Back-off pulling image "registry.example.com/llm/vllm:v0.32.1": ErrImagePull: {text}',
        ("image-denied", "image-not-pulled"),
        says="denied|credential|image",
        evidence=("ImagePull|image", "denied|401|unauthorized"),
        event=(_FAILED_PULL, f"Failed to pull image: {text}"),
    )


@kind("registry-rate-limited", "the registry answers 429 to all pulls")
def rate_limited(case: Case) -> None:
    text = "429 Too Many Requests: toomanyrequests: You have reached your unauthenticated pull rate limit"
    not_starting(
        case,
        "ErrImagePull",
        text,
        ("registry-rate-limited", "image-not-pulled"),
        says="rate limit|too many|image",
        evidence=("ImagePull|image", "429|toomanyrequests|rate limit"),
        event=(_FAILED_PULL, f'Failed to pull image "vllm/vllm-openai:v0.32.0": {text}'),
    )


@kind("image-pull-slow", "an image of 12 GB comes over a slow line", needs=(EVENTS,), lasts=600)
def image_pull_slow(case: Case) -> None:
    not_starting(
        case,
        "ContainerCreating",
        "",
        ("image-pull-slow", "image-slow"),
        says="pull",
        evidence=("Pulling|pull",),
        event=("Pulling", 'Pulling image "vllm/vllm-openai:v0.32.0"'),
        actions=("describe", "nodes"),
    )


@kind("secret-missing", "a Secret that the pod's environment is from is not there")
def secret_missing(case: Case) -> None:
    not_starting(
        case,
        "CreateContainerConfigError",
        'secret "hf-token" not found',
        ("container-not-created", "secret-missing"),
        says="secret",
        evidence=("CreateContainerConfigError", "hf-token"),
        event=("Failed", 'Error: secret "hf-token" not found'),
    )


@kind("command-not-found", "the command of a new revision is not in its image")
def command_not_found(case: Case) -> None:
    text = 'failed to create containerd task: exec: "vllm-serve": executable file not found in $PATH'
    not_starting(
        case,
        "RunContainerError",
        text,
        ("container-not-created", "command-not-found"),
        says="command",
        evidence=("RunContainerError", "executable file not found"),
        event=("Failed", f"Error: {text}"),
    )


@kind("volume-attached-elsewhere", "the volume of a moved replica is still attached to its old node", needs=(EVENTS,))
def multi_attach(case: Case) -> None:
    not_starting(
        case,
        "ContainerCreating",
        "",
        ("volume-attached-elsewhere", "volume-not-attached", "volume-not-mounted"),
        says="volume",
        evidence=("Multi-Attach|attached",),
        event=(
            "FailedAttachVolume",
            'Multi-Attach error for volume "pvc-0d2c" Volume is already used by pod(s) {pod}-old',
        ),
        actions=("describe", "nodes"),
    )


@kind("init-container-fails", "the container that fetches the weights fails before the engine's turn")
def init_fails(case: Case) -> None:
    top, name = not_starting(
        case,
        "PodInitializing",
        "",
        ("init-container-fails", "crash-loop"),
        says="init|before the others",
        evidence=("Init:CrashLoopBackOff|CrashLoopBackOff",),
        actions=("previous", "logs", "describe", "rollback"),
    )

    def init(raw: pods.Raw, now: float) -> None:
        pods.condition(raw, "Initialized", "False", now, "ContainersNotInitialized")
        raw["spec"]["initContainers"] = [{"name": "fetch-weights", "image": "ghcr.io/example/fetch:1"}]
        ended = {"terminated": {"exitCode": 1, "reason": "Error"}}
        raw["status"]["initContainerStatuses"] = [
            {
                "name": "fetch-weights",
                "image": "ghcr.io/example/fetch:1",
                "imageID": "",
                "ready": False,
                "started": False,
                "restartCount": 3,
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed"}},
                "lastState": ended,
            }
        ]

    case.edit_pod(0, top, name, init)
    case.event(1, ("Pod", top.namespace, name), "BackOff", "Back-off restarting failed container fetch-weights")


@kind("crash-loop", "an engine ends with an error at every start")
def crash_loop(case: Case) -> None:
    crashing(case, 1, "Error", "crash-loop", says="dies|crash", evidence=("CrashLoopBackOff", r"\bexit|Error|restart"))


@kind("out-of-memory", "an engine is killed for its memory at every start")
def out_of_memory(case: Case) -> None:
    crashing(
        case,
        137,
        "OOMKilled",
        ("out-of-memory", "out-of-memory-again"),
        says="memory",
        evidence=("OOMKilled",),
        actions=("describe", "previous"),
    )


@kind("cuda-out-of-memory", "the GPU's memory is too small for the weights: the engine says so and ends")
def cuda_out_of_memory(case: Case) -> None:
    text = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB of 79.18 GiB"
    crashing(
        case,
        1,
        "Error",
        ("cuda-out-of-memory", "gpu-memory-short"),
        says="CUDA|memory of the GPU|GPU's memory",
        evidence=("CUDA out of memory",),
        message=text,
    )


@kind("startup-probe-too-short", "the weights take longer than the startup probe allows", lasts=600)
def startup_probe(case: Case) -> None:
    top = case.workload()
    pod = case.pod(top, 2)
    place = ("Pod", top.namespace, pod)
    case.edit_pod(-80, top, pod, pods.starting)
    for at in (0, 180, 360, 540):
        case.event(at - 10, place, "Unhealthy", "Startup probe failed: dial tcp: connect: connection refused")
        case.event(at, place, "Killing", "Container vllm failed startup probe, will be restarted", kind="Normal")

        def killed(raw: pods.Raw, now: float) -> None:
            pods.died(raw, now, 137)
            pods.starting(raw, now)

        case.edit_pod(at, top, pod, killed)
    case.fault(
        ("startup-probe-too-short", "killed-by-startup-probe", "probe-kills"),
        *keys(top, pod),
        says="probe",
        evidence=("startup probe|probe",),
        actions=("describe", "previous", "rollback"),
    )


@kind("liveness-kills-under-load", "the liveness probe kills an engine that is only busy", needs=(EVENTS,), lasts=600)
def liveness(case: Case) -> None:
    top = case.workload()
    pod = case.pod(top, 1)
    place = ("Pod", top.namespace, pod)
    for at in (0, 150, 300, 450):
        case.event(
            at - 5,
            place,
            "Unhealthy",
            'Liveness probe failed: Get "http://10.0.0.7:8000/health": context deadline exceeded',
        )
        case.event(at, place, "Killing", "Container vllm failed liveness probe, will be restarted", kind="Normal")

        def killed(raw: pods.Raw, now: float) -> None:
            pods.died(raw, now, 137)
            pods.starting(raw, now)

        case.edit_pod(at, top, pod, killed)
        case.edit_pod(at + 100, top, pod, pods.ready)
    case.fault(
        ("liveness-kills", "killed-by-liveness-probe", "probe-kills"),
        *keys(top, pod),
        says="probe",
        evidence=("liveness probe|probe",),
        actions=("describe", "previous"),
    )


@kind("readiness-fails", "an engine runs and its readiness probe fails")
def readiness(case: Case) -> None:
    top = case.workload()
    pod = case.pod(top, 1)
    case.edit_pod(0, top, pod, pods.unready)
    for at in (0, 60, 180):
        case.event(
            at,
            ("Pod", top.namespace, pod),
            "Unhealthy",
            "Readiness probe failed: HTTP probe failed with statuscode: 503",
        )
    case.fault(
        ("pod-not-ready", "readiness-fails"),
        *keys(top, pod),
        says="readiness|not ready",
        evidence=("ready",),
        actions=("describe", "logs"),
    )


@kind("evicted-for-disk", "the kubelet puts a pod out because its node's disk is full")
def evicted_for_disk(case: Case) -> None:
    top = case.workload()
    pod = case.pod(top, 1)
    node = case.node_of(top, pod)
    text = "The node was low on resource: ephemeral-storage. Threshold quantity: 350Gi, available: 320Gi."
    case.edit(
        0,
        ("Node", "", node),
        lambda raw, now: pods.condition(raw, "DiskPressure", "True", now, "KubeletHasDiskPressure"),
    )
    case.edit_pod(2, top, pod, lambda raw, now: pods.failed(raw, now, "Evicted", text))
    case.event(2, ("Pod", top.namespace, pod), "Evicted", text)
    taint = "1 node(s) had untolerated taint {node.kubernetes.io/disk-pressure: }"
    why = f"0/{len(case.raws('Node'))} nodes are available: {taint}"
    case.new_pod(3, top, lambda raw, now: pods.unplaced(raw, now, why))
    case.take_node(node)
    case.fault(
        ("node-pressure", "evicted", "node-disk-pressure"),
        node,
        *keys(top, pod),
        says="disk|short of",
        evidence=("DiskPressure|disk|ephemeral",),
        actions=("describe", "drain", "nodes"),
    )


@kind("pods-crash-on-one-node", "whatever runs on one node dies: its driver is broken")
def crash_on_one_node(case: Case) -> None:
    top = case.workload(replicas=4)
    by_node: dict[str, list[str]] = {}
    for name in case.pods(top):
        by_node.setdefault(case.node_of(top, name), []).append(name)
    node, names = max(by_node.items(), key=lambda item: (len(item[1]), item[0]))
    for number, name in enumerate(names):
        at = 4.0 * number
        for wait in (10, 20, 40, 80, 160):
            case.edit_pod(
                at, top, name, lambda raw, now: pods.died(raw, now, 1, message="CUDA driver initialization failed")
            )
            case.edit_pod(at + wait, top, name, pods.starting)
            at += wait + 8
    case.fault(
        ("node-breaks-pods", "pods-crash-on-one-node", "crash-loop"),
        node,
        *keys(top, *names),
        says="node|dies",
        evidence=("CrashLoopBackOff|driver",),
        actions=("cordon", "previous", "nodes"),
    )
