"""Nodes, the control plane, and what measures."""

from __future__ import annotations

from fleet.model.snapshot import Health
from tests.eval import pods
from tests.eval.case import Case
from tests.eval.numbers import Numbers
from tests.eval.plots import keys
from tests.eval.registry import GPUS, NUMBERS, kind


def _node(case: Case) -> str:
    """A node with engines on it, to whose workloads nothing else happens."""
    top = case.workload()
    node = case.node_of(top, case.pod(top, case.random.randrange(9)))
    case.take_node(node)
    return node


def _condition(case: Case, name: str, reason: str, message: str, cause: tuple[str, ...], says: str) -> None:
    node = _node(case)
    case.edit(0, ("Node", "", node), lambda raw, now: pods.condition(raw, name, "True", now, reason, message))
    case.event(0, ("Node", "", node), f"NodeHas{name}", f"Node {node} status is now: NodeHas{name}")
    case.fault(cause, node, says=says, evidence=(name,), actions=("describe", "drain", "cordon"))


@kind("node-disk-pressure", "a node's disk is nearly full")
def disk_pressure(case: Case) -> None:
    message = "kubelet has disk pressure"
    _condition(
        case,
        "DiskPressure",
        "KubeletHasDiskPressure",
        message,
        ("node-pressure", "node-disk-pressure"),
        "disk|short of",
    )


@kind("node-memory-pressure", "a node's memory is nearly used up")
def memory_pressure(case: Case) -> None:
    message = "kubelet has insufficient memory available"
    _condition(case, "MemoryPressure", "KubeletHasInsufficientMemory", message, ("node-pressure",), "memory|short of")


@kind("node-network-unavailable", "a node has no route to the pods of others")
def network_unavailable(case: Case) -> None:
    message = "RouteController failed to create a route"
    _condition(case, "NetworkUnavailable", "NoRouteCreated", message, ("node-network-unavailable",), "network|route")


@kind("zone-lost", "the kubelets of all nodes of one kind fall silent within a minute", alone=True)
def zone_lost(case: Case) -> None:
    names = [raw["metadata"]["name"] for raw in case.raws("Node")]
    stem = max((name.rpartition("-")[0] for name in names), key=lambda one: sum(name.startswith(one) for name in names))
    lost = [name for name in names if name.startswith(stem)]
    every: list[str] = []
    for number, node in enumerate(lost):
        on_it = case.take_node(node)
        every += on_it
        case.edit(
            number * 12.0,
            ("Node", "", node),
            lambda raw, now: pods.condition(
                raw, "Ready", "Unknown", now, "NodeStatusUnknown", "Kubelet stopped posting node status."
            ),
        )
        for key in on_it:
            namespace, _, name = key.partition("/")
            case.edit(
                number * 12.0 + 1, ("Pod", namespace, name), lambda raw, now: pods.condition(raw, "Ready", "False", now)
            )
        case.shape(lambda numbers, _, some=on_it, where=node: _silent(numbers, some, where), after=number * 12.0 - 40)  # type: ignore[misc]
    case.fault(
        ("kubelet-silent", "zone-lost", "nodes-lost"),
        *lost,
        says="kubelet|nodes",
        evidence=("Unknown",),
        actions=("past", "cordon", "nodes"),
    )


def _silent(numbers: Numbers, those: list[str], node: str) -> None:
    for pod in those:
        numbers.silence(pod, "i/o timeout")
    numbers.silence_gpus(*numbers.gpus_on(node))


@kind("node-removed", "a node is taken away with the pods that were on it")
def node_removed(case: Case) -> None:
    top = case.workload()
    pod = case.pod(top, 1)
    node = case.node_of(top, pod)
    gone = case.take_node(node)
    case.at(0, lambda _: case.remove("Node", "", node))
    case.event(
        0, ("Node", "", node), "RemovingNode", f"Node {node} event: Removing Node {node} from Controller", kind="Normal"
    )
    case.event(
        0, ("Node", "", node), "DeletingNode", f"Deleting node {node} because it does not exist in the cloud provider"
    )
    for raw in case.raws("DaemonSet"):
        # Its controller wants a pod per node.
        meta = raw["metadata"]
        case.edit(2, ("DaemonSet", meta["namespace"], meta["name"]), _one_less)
    waiting = []
    why = (
        f"0/{len(case.raws('Node')) - 1} nodes are available: {len(case.raws('Node')) - 1} Insufficient nvidia.com/gpu"
    )
    for number, key in enumerate(gone):
        namespace, _, name = key.partition("/")
        case.at(2, lambda _, place=("Pod", namespace, name): case.remove(*place))  # type: ignore[misc]
        owner = next((one for one in case.tops() if one.namespace == namespace and name in case.pods(one)), None)
        if owner is not None:
            waiting.append(
                f"{namespace}/{case.new_pod(3 + number * 0.1, owner, lambda raw, now: pods.unplaced(raw, now, why))}"
            )
            waiting.append(owner.key)
    case.shape(lambda numbers, _: _silent(numbers, gone, node), after=1)
    case.fault(
        ("node-removed", "node-gone"),
        node,
        *waiting,
        says="node .*(gone|removed|taken away)|lost its node",
        evidence=("node", "GPU"),
        actions=("nodes", "past", "describe"),
    )


def _one_less(raw: pods.Raw, _: float) -> None:
    status = raw["status"]
    for name in ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "numberAvailable"):
        if name in status:
            status[name] -= 1


@kind("prometheus-down", "Prometheus does not answer", needs=(NUMBERS,), alone=True)
def prometheus_down(case: Case) -> None:
    def down(_: float) -> None:
        case.measures = False
        case.health["prometheus"] = (Health.DOWN, "connection refused")

    case.at(0, down)
    case.fault(
        "metrics-source-down",
        "prometheus",
        says="does not answer|measures",
        evidence=("answer|refused",),
        actions=("sources",),
    )


@kind("prometheus-stale", "Prometheus answers, and scrapes nothing any more", needs=(NUMBERS,), lasts=480, alone=True)
def prometheus_stale(case: Case) -> None:
    def ages(numbers: Numbers, since: float) -> None:
        for pod in numbers.pods:
            numbers.age(pod, since + 8)

    case.shape(ages)
    case.fault(
        ("metrics-source-stale", "scrapes-stopped", "prometheus-stale", "prometheus-behind"),
        "prometheus",
        says="scrape|Prometheus",
        evidence=(r"\bold\b|age|stale",),
        actions=("sources", "monitoring"),
    )


@kind("scrape-target-down", "one engine is ready, and its metrics are not to be had", needs=(NUMBERS,))
def target_down(case: Case) -> None:
    top = case.workload()
    pod = f"{top.namespace}/{case.pod(top, 1)}"
    case.shape(lambda numbers, _: numbers.silence(pod, "context deadline exceeded"))
    case.fault(
        ("no-metrics", "scrape-target-down", "target-down"),
        pod,
        top.key,
        says="nobody measures|target|scrape",
        evidence=("nothing measures it|deadline",),
        actions=("sources", "logs", "monitoring"),
    )


@kind("gpu-exporter-down", "the exporter of one node's GPUs is gone", needs=(GPUS, NUMBERS), lasts=420)
def exporter_down(case: Case) -> None:
    node = _node(case)
    exporter = next(
        raw["metadata"]["name"]
        for raw in case.raws("Pod")
        if raw["metadata"]["namespace"] == "gpu-operator" and raw["spec"].get("nodeName") == node
    )
    place = ("Pod", "gpu-operator", exporter)
    for at in (0.0, 30.0, 80.0, 170.0, 300.0):
        case.edit(at, place, lambda raw, now: pods.died(raw, now, 1))
    case.shape(lambda numbers, _: numbers.silence_gpus(*numbers.gpus_on(node)))
    case.fault(
        ("gpu-exporter-down", "crash-loop", "exporter-down"),
        f"gpu-operator/{exporter}",
        "gpu-operator/DaemonSet/dcgm-exporter",
        node,
        says="exporter|dies",
        evidence=("CrashLoopBackOff",),
        actions=("previous", "logs", "describe"),
    )


@kind("gateway-down", "no replica of the gateway in front of the engines runs", lasts=300)
def gateway_down(case: Case) -> None:
    names = [raw["metadata"]["name"] for raw in case.raws("Pod") if raw["metadata"]["name"].startswith("gateway-")]
    for name in names:
        at = 0.0
        for wait in (10, 20, 40, 80, 160):
            case.edit(
                at, ("Pod", "serving", name), lambda raw, now: pods.died(raw, now, 1, message="listen tcp :8080: bind")
            )
            case.edit(at + wait, ("Pod", "serving", name), pods.starting)
            at += wait + 3
    case.shape(lambda numbers, since: numbers.load_all(numbers.pods, max(0.02, 1 - since / 60)))
    case.fault(
        ("crash-loop", "gateway-down"),
        "serving/Deployment/gateway",
        *(f"serving/{name}" for name in names),
        says="gateway|dies",
        evidence=("CrashLoopBackOff",),
        actions=("previous", "rollback", "logs"),
    )


@kind(
    "service-selects-nothing",
    "somebody changed a label: the Service of a model selects none of its pods",
)
def service_selects_nothing(case: Case) -> None:
    top = case.workload()
    case.edit(
        0,
        ("Service", top.namespace, top.name),
        lambda raw, _: raw["spec"]["selector"].update({"app.kubernetes.io/name": f"{top.name}-v2"}),
    )
    those = [f"{top.namespace}/{name}" for name in case.pods(top)]

    def empties(numbers: Numbers, since: float) -> None:
        for pod in those:
            numbers.load(pod, max(0.0, 1 - since / 45))

    case.shape(empties)
    case.fault(
        ("service-without-endpoints", "service-selects-nothing"),
        f"{top.namespace}/{top.name}",
        f"{top.namespace}/Service/{top.name}",
        *keys(top, *case.pods(top)),
        says="service|endpoint",
        evidence=("selector|Service",),
        actions=("describe", "past"),
    )
