"""Faults."""

from __future__ import annotations

from fleet.model.quantity import Family, Quantity
from fleet.model.snapshot import Health
from tests.eval import pods
from tests.eval.case import Case, share
from tests.eval.numbers import Numbers
from tests.eval.plots import NO_TOKENS, crashing, freeze, keys, not_starting, on_gpu, pending
from tests.eval.registry import EVENTS, GPUS, NUMBERS, kind

Q = Quantity


@kind("taint-not-tolerated", "the free nodes have a taint that a new replica does not tolerate")
def taint(case: Case) -> None:
    count = len(case.raws("Node"))
    told = f"0/{count} nodes are available: {count} node(s) had untolerated taint {{workload: inference}}."
    pending(case, told, ("taint-not-tolerated", "untolerated-taint"), says="taint|tolerat", evidence=("taint",))


@kind("gpus-not-advertised", "the device plugin of a new node does not run: it has GPUs and offers none", lasts=420)
def not_advertised(case: Case) -> None:
    top = case.workload()
    node = case.node_of(top, case.pod(top))
    count = len(case.raws("Node"))
    made = pods.copied(case.raw("Node", "", node))
    made["metadata"] |= {"name": f"{node}9", "uid": "node-9", "creationTimestamp": pods.stamp(case.onset - 900)}
    made["status"]["allocatable"] |= {"nvidia.com/gpu": "0"}
    case.at(-85, lambda _: case.put(made))
    told = f"0/{count + 1} nodes are available: {count + 1} Insufficient nvidia.com/gpu."
    pending(
        case,
        told,
        ("gpus-not-advertised", "node-without-gpus", "device-plugin-down"),
        says="advertis|device plugin|offers none|has GPUs",
        evidence=("GPU",),
        top=top,
        beside=(f"{node}9",),
    )


@kind("volume-not-mounted", "the export of the weights does not answer", needs=(EVENTS,))
def not_mounted(case: Case) -> None:
    told = (
        'MountVolume.SetUp failed for volume "weights" : mount failed: exit status 32: mount.nfs: Connection timed out'
    )
    not_starting(
        case,
        "ContainerCreating",
        "",
        ("volume-not-mounted", "mount-fails", "volume-not-attached"),
        says="volume|mount",
        evidence=("MountVolume|mount",),
        event=("FailedMount", told),
        actions=("describe", "nodes"),
    )


@kind("image-not-found", "a new revision names an image that is not there")
def image_not_found(case: Case) -> None:
    told = 'rpc error: code = NotFound desc = failed to pull "docker.io/vllm/vllm-openai:v0.32.9": not found'
    not_starting(
        case,
        "ImagePullBackOff",
        f'Back-off pulling image "vllm/vllm-openai:v0.32.9": ErrImagePull: {told}',
        ("image-not-found", "image-not-pulled"),
        says="image",
        evidence=("ImagePull|image", "not found"),
        event=("Failed", f"Failed to pull image: {told}"),
    )


@kind("sandbox-not-created", "the network plugin of a node has no more addresses", needs=(EVENTS,))
def sandbox(case: Case) -> None:
    told = "Failed to create pod sandbox: plugin type=cni failed: no IP addresses available in range set"
    not_starting(
        case,
        "ContainerCreating",
        "",
        ("sandbox-not-created", "pod-network-fails"),
        says="sandbox|network|address",
        evidence=("sandbox|addresses",),
        event=("FailedCreatePodSandBox", told),
        actions=("describe", "nodes", "cordon"),
    )


@kind("segfault", "an engine ends by signal 11 a minute after each start")
def segfault(case: Case) -> None:
    crashing(
        case,
        139,
        "Error",
        ("crash-loop", "segfault"),
        says="dies|crash|signal",
        evidence=("CrashLoopBackOff", "139|signal"),
    )


@kind("model-loads-for-too-long", "a replica has loaded for 25 minutes; its peers took two", lasts=600)
def loads_long(case: Case) -> None:
    top = case.workload()
    pod = case.pod(top, 1)
    case.edit_pod(-85, top, pod, lambda raw, now: pods.starting(raw, now - 900))
    case.fault(
        ("model-loads-for-too-long", "load-slow", "start-slow"),
        *keys(top, pod),
        says="load|start",
        evidence=("load|start",),
        actions=("logs", "describe", "nodes"),
    )


@kind("evicted-for-memory", "the kubelet puts a pod out because its node is short of memory")
def evicted(case: Case) -> None:
    top = case.workload()
    pod = case.pod(top, 1)
    node = case.node_of(top, pod)
    case.take_node(node)
    told = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 80Mi."
    case.edit(
        0,
        ("Node", "", node),
        lambda raw, now: pods.condition(raw, "MemoryPressure", "True", now, "KubeletHasInsufficientMemory"),
    )
    case.edit_pod(1, top, pod, lambda raw, now: pods.failed(raw, now, "Evicted", told))
    case.event(1, ("Pod", top.namespace, pod), "Evicted", told)
    case.fault(
        ("node-pressure", "evicted", "node-memory-pressure"),
        node,
        *keys(top, pod),
        says="memory|short of",
        evidence=("MemoryPressure|memory",),
        actions=("describe", "drain", "nodes"),
    )


@kind("stuck-terminating", "a pod has been leaving for ten minutes beyond its grace", lasts=600)
def terminating(case: Case) -> None:
    top = case.workload()
    pod = case.pod(top, 1)
    case.edit_pod(0, top, pod, lambda raw, now: pods.leaving(raw, now - 120, 60))
    case.fault(
        ("stuck-terminating", "pod-does-not-end"),
        *keys(top, pod),
        says="terminat|leav|delet",
        evidence=("delet|grace|terminat",),
        actions=("describe", "nodes", "logs"),
    )


def _node(case: Case, status: str, reason: str, message: str) -> str:
    top = case.workload()
    node = case.node_of(top, case.pod(top, case.random.randrange(9)))
    on_it = case.take_node(node)
    case.edit(0, ("Node", "", node), lambda raw, now: pods.condition(raw, "Ready", status, now, reason, message))
    case.event(0, ("Node", "", node), "NodeNotReady", f"Node {node} status is now: NodeNotReady")
    for key in on_it:
        namespace, _, name = key.partition("/")
        case.edit(1, ("Pod", namespace, name), lambda raw, now: pods.condition(raw, "Ready", "False", now))
    case.shape(lambda numbers, _: _gone(numbers, on_it, node), after=-20 if status == "Unknown" else 5)
    return node


def _gone(numbers: Numbers, those: list[str], node: str) -> None:
    for pod in those:
        numbers.silence(pod, "i/o timeout")
    numbers.silence_gpus(*numbers.gpus_on(node))


@kind("node-not-ready", "the container runtime of a node is down, and its kubelet says so")
def node_not_ready(case: Case) -> None:
    node = _node(case, "False", "KubeletNotReady", "container runtime is down")
    case.fault("node-not-ready", node, says="not ready", evidence=("Ready",), actions=("describe", "cordon"))


@kind("kubelet-silent", "a node has gone: nobody hears from its kubelet")
def kubelet_silent(case: Case) -> None:
    node = _node(case, "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
    case.fault("kubelet-silent", node, says="kubelet|down", evidence=("Unknown",), actions=("past", "cordon"))


@kind("node-pid-pressure", "a node is short of process ids")
def pid_pressure(case: Case) -> None:
    top = case.workload()
    node = case.node_of(top, case.pod(top))
    case.take_node(node)
    case.edit(
        0,
        ("Node", "", node),
        lambda raw, now: pods.condition(raw, "PIDPressure", "True", now, "KubeletHasInsufficientPID"),
    )
    case.fault("node-pressure", node, says="process|short of", evidence=("PIDPressure",), actions=("describe", "drain"))


@kind("api-server-down", "the API server does not answer; engines serve on", alone=True)
def api_down(case: Case) -> None:
    def down(_: float) -> None:
        case.health["kubernetes"] = (Health.DOWN, "connection refused")

    case.at(0, down)
    case.fault(
        ("source-down", "api-server-down"),
        "kubernetes",
        says="does not answer",
        evidence=("answer|refused",),
        actions=("sources",),
    )


@kind("clock-skew", "the clock of Prometheus is 45 seconds ahead", needs=(NUMBERS,), alone=True)
def clock_skew(case: Case) -> None:
    case.shape(lambda numbers, _: numbers.skew(45.0))
    case.fault(
        ("clock-skew", "clocks-differ"),
        "prometheus",
        says="clock",
        evidence=("clock|ahead|45",),
        actions=("sources", "monitoring"),
    )


@kind(
    "gpu-fallen-off-the-bus", "XID 79: a GPU is lost, its engine dies and finds no device again", needs=(NUMBERS, GPUS)
)
def off_the_bus(case: Case) -> None:
    top = case.workload()
    pod = case.pod(top, 1)
    gpu = on_gpu(case, top, pod, {Q.XID: 79.0, Q.GPU_UTIL: 0.0})
    crashing(case, 1, "Error", "", says="", evidence=(), top=top, pod=pod)
    case.faults.pop()
    node = case.node_of(top, pod)
    case.fault(
        "gpu-lost",
        gpu,
        node,
        *keys(top, pod),
        says="off the bus",
        evidence=(r"XID\D*79",),
        actions=("cordon", "drain", "logs"),
    )


@kind("gpu-power-brake", "the supply of a node tells all of its GPUs to slow down", needs=(NUMBERS, GPUS))
def power_brake(case: Case) -> None:
    top = case.workload()
    node = case.node_of(top, case.pod(top))
    case.take_node(node)
    gpus = case.first.gpus_on(node)

    def braked(numbers: Numbers, _: float) -> None:
        for gpu in gpus:
            numbers.set_gpu(gpu, {Q.THROTTLE: 0.9, Q.SM_CLOCK: 800.0, Q.GPU_POWER: 180.0})
            numbers.reasons[gpu] = ("power brake",)

    case.shape(braked)
    objects = [f"{raw['metadata']['namespace']}/{raw['metadata']['name']}" for raw in case.raws("Pod")]
    case.fault(
        "gpu-power-brake", node, *gpus, *objects, says="power supply", evidence=("power",), actions=("nodes", "cordon")
    )


@kind("gpu-vanished", "a GPU is gone from its exporter's page and from what its node offers", needs=(NUMBERS, GPUS))
def vanished(case: Case) -> None:
    top = case.workload()
    pod = case.pod(top, 1)
    gpu = min(case.first.gpus_of(f"{top.namespace}/{pod}"))
    node = case.node_of(top, pod)
    case.shape(lambda numbers, _: numbers.silence_gpus(gpu))

    def fewer(raw: pods.Raw, _: float) -> None:
        for name, count in raw["status"]["allocatable"].items():
            if name.startswith("nvidia.com/"):
                raw["status"]["allocatable"][name] = str(int(count) - 1)

    case.edit(2, ("Node", "", node), fewer)
    case.fault(
        ("gpu-vanished", "gpu-lost", "gpu-missing"),
        gpu,
        node,
        *keys(top, pod),
        says="GPU.*(gone|missing|vanish|fewer|lost)",
        evidence=("GPU",),
        actions=("cordon", "drain", "nodes"),
    )


@kind("engine-takes-nothing", "an engine takes up no request: all wait, none runs", needs=(NUMBERS,))
def takes_nothing(case: Case) -> None:
    top = case.workload()
    pod = case.pod(top, 1)
    freeze(case, f"{top.namespace}/{pod}", NO_TOKENS | {Q.RUNNING: 0.0, Q.WAITING: 12.0, Q.KV_USAGE: 0.0})
    case.fault(
        "engine-takes-nothing",
        *keys(top, pod),
        says="hangs",
        evidence=("waiting", "tokens"),
        actions=("logs", "restart"),
    )


@kind(
    "kv-cache-full",
    "the KV cache of one replica is full of long conversations, and requests wait",
    needs=(NUMBERS,),
    lasts=480,
)
def kv_full(case: Case) -> None:
    top = case.workload()
    pod = f"{top.namespace}/{case.pod(top, 1)}"

    def full(numbers: Numbers, since: float) -> None:
        numbers.set(pod, {Q.KV_USAGE: 0.99, Q.WAITING: float(min(24, 5 + since // 20))})
        numbers.stretch(pod, {Family.QUEUE: 1 + 5 * share(since), Family.TTFT: 1 + 2 * share(since)})

    case.shape(full)
    case.fault(
        "kv-cache-full",
        *keys(top, case.pod(top, 1)),
        says="KV cache",
        evidence=("KV", "waiting"),
        actions=("scale", "past"),
    )


@kind(
    "replica-overloaded",
    "a router sends half of all to one replica: there they wait, elsewhere is room",
    needs=(NUMBERS,),
    lasts=600,
)
def overloaded(case: Case) -> None:
    top = case.workload(replicas=3)
    pod = f"{top.namespace}/{case.pod(top, 1)}"
    others = [f"{top.namespace}/{name}" for name in case.pods(top) if not pod.endswith(name)]

    def uneven(numbers: Numbers, since: float) -> None:
        numbers.set(pod, {Q.RUNNING: 60.0, Q.WAITING: float(min(28, 4 + since // 10)), Q.KV_USAGE: 0.9})
        for other in others:
            numbers.load(other, 0.5)
            numbers.set(other, {Q.WAITING: 0.0, Q.KV_USAGE: 0.2})

    case.shape(uneven)
    case.fault(
        ("replica-overloaded",),
        *keys(top, case.pod(top, 1)),
        says="not spread|share",
        evidence=("wait|share|running",),
        actions=("describe", "nodes"),
    )


@kind(
    "speculation-collapse",
    "the draft model does not fit the new target: a tenth of its tokens are taken",
    needs=(NUMBERS,),
    lasts=1200,
)
def speculation(case: Case) -> None:
    top = case.workload()
    those = [f"{top.namespace}/{name}" for name in case.pods(top)]

    def before(numbers: Numbers, _: float) -> None:
        for pod in those:
            numbers.set(pod, {Q.SPEC_DRAFTED: 900.0, Q.SPEC_ACCEPTED: 610.0, Q.SPEC_ACCEPTANCE: 0.68})

    def after(numbers: Numbers, since: float) -> None:
        for pod in those:
            numbers.blend(pod, {Q.SPEC_ACCEPTED: 85.0, Q.SPEC_ACCEPTANCE: 0.09}, share(since))
            numbers.stretch(pod, {Family.ITL: 1 + 0.7 * share(since)})

    case.shape(before, after=-200)
    case.shape(after)
    case.fault(
        ("speculation-collapse", "drafts-rejected"),
        *keys(top, *case.pods(top)),
        says="specul|draft",
        evidence=("accept",),
        actions=("past", "rollback", "describe"),
    )


@kind(
    "all-replicas-start",
    "all pods of a model were deleted at once: nobody serves until the weights are loaded",
    lasts=300,
)
def cold_start(case: Case) -> None:
    top = case.workload()
    new = []
    for number, old in enumerate(case.pods(top)):
        where = case.node_of(top, old)
        name = case.new_pod(2 + 0.1 * number, top, lambda raw, now, node=where: pods.placed(raw, now, node))  # type: ignore[misc]
        case.edit_pod(6, top, name, pods.starting)
        case.at(0, lambda _, place=("Pod", top.namespace, old): case.remove(*place))  # type: ignore[misc]
        new.append(name)
    case.fault(
        ("all-replicas-start", "no-replica-ready-yet", "cold-start"),
        *keys(top, *new),
        says="no replica is ready|start at once|nobody serves",
        evidence=("ready",),
        actions=("past", "describe", "logs"),
        after=2,
    )


@kind("group-worker-lost", "the worker of an engine on two pods ends: the leader hangs with it", needs=(NUMBERS,))
def worker_lost(case: Case) -> None:
    names = sorted(
        raw["metadata"]["name"] for raw in case.raws("Pod") if raw["metadata"]["name"].startswith("night-72b-")
    )
    leader, worker = names[0], names[1]
    at = 0.0
    for wait in (10, 20, 40, 80, 160):
        case.edit(at, ("Pod", "batch", worker), lambda raw, now: pods.died(raw, now, 1))
        case.edit(at + wait, ("Pod", "batch", worker), pods.starting)
        at += wait + 10
    freeze(case, f"batch/{leader}", NO_TOKENS | {Q.RUNNING: 6.0, Q.WAITING: 4.0}, after=3)
    case.fault(
        ("crash-loop", "group-worker-lost", "group-broken"),
        f"batch/{worker}",
        "batch/LeaderWorkerSet/night-72b",
        says="worker|group|dies",
        evidence=("CrashLoopBackOff",),
        actions=("previous", "logs", "restart"),
    )


@kind("service-account-missing", "the ServiceAccount of a workload was deleted: its pods are not made")
def account_missing(case: Case) -> None:
    top = case.workload(kinds=("Deployment",))
    told = f'pods "{top.name}-x" is forbidden: error looking up service account {top.namespace}/{top.name}: not found'
    rs = case.raw("Pod", top.namespace, case.pod(top))["metadata"]["ownerReferences"][0]["name"]
    case.desire(0, top, len(case.pods(top)) + 1)
    for seconds in (0.5, 20, 90):
        case.event(seconds, ("ReplicaSet", top.namespace, rs), "FailedCreate", f"Error creating: {told}")
    case.edit(0.5, top, lambda raw, now: pods.condition(raw, "ReplicaFailure", "True", now, "FailedCreate", told))
    case.fault(
        ("service-account-missing", "pods-refused", "pods-not-made"),
        top.key,
        says="service account|refuse|forbidden",
        evidence=("service account",),
        actions=("describe", "rollback"),
    )


@kind("image-wrong-architecture", "the image is for another processor: exec format error at every start")
def wrong_architecture(case: Case) -> None:
    crashing(
        case,
        255,
        "Error",
        ("image-wrong-architecture", "crash-loop"),
        says="architecture|dies|crash",
        evidence=("CrashLoopBackOff", "exec format error"),
        message="exec /usr/local/bin/vllm: exec format error",
    )


@kind("rollout-paused", "somebody paused a rollout half-way and went home", lasts=600)
def rollout_paused(case: Case) -> None:
    top = case.workload(kinds=("Deployment",))

    def pause(raw: pods.Raw, now: float) -> None:
        raw["spec"]["paused"] = True
        raw["status"] |= {"updatedReplicas": 1}
        raw["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "3"
        raw["metadata"]["generation"] = raw["metadata"].get("generation", 1) + 1
        pods.condition(raw, "Progressing", "Unknown", now, "DeploymentPaused", "Deployment is paused")
        raw["status"]["conditions"][-1]["lastUpdateTime"] = pods.stamp(now)

    case.edit(0, top, pause)
    case.fault(
        ("rollout-paused",), top.key, says="paused", evidence=("paused",), actions=("resume", "rollback", "describe")
    )
