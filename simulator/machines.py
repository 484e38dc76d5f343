"""The GPU nodes: their capacity, what is free, and their Node objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from simulator.blueprint import NodePool
from simulator.gpu import Gpu
from simulator.objects import Object, timestamp
from simulator.selection import tolerates
from simulator.store import Store

CORDON = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
"""The taint of a cordoned node."""


@dataclass(slots=True)
class Machine:
    """A GPU node; `gpus` has one entry per GPU or per MIG instance."""

    name: str
    number: int
    pool: NodePool
    gpus: list[Gpu] = field(default_factory=list)
    images: set[str] = field(default_factory=set)
    """Images that were pulled before and need not be pulled again."""
    idle: int = 0
    """Number of working GPUs without a holder."""
    registered: bool = False
    """True if there is a Node object; what follows is from it."""
    unschedulable: bool = False
    taints: tuple[Mapping[str, str], ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    version: int = 0
    """The resourceVersion of the Node object when it was last read."""

    def __post_init__(self) -> None:
        for index in range(self.pool.gpus):
            for instance in range(self.pool.mig_per_gpu or 1):
                mig_id = instance + 1 if self.pool.mig else -1
                self.gpus.append(Gpu(self.pool.gpu, self.name, index, self.pool.mig, mig_id))

        self.idle = len(self.gpus)

    def take(self, count: int, holder: tuple[str, str, str]) -> list[Gpu]:
        """Give some of the GPUs that work and are idle to a container (namespace, pod, name)."""
        taken = [gpu for gpu in self.gpus if gpu.holder is None and not gpu.lost][:count]
        for gpu in taken:
            gpu.holder = holder
        self.idle -= len(taken)
        return taken

    def release(self, gpus: Sequence[Gpu]) -> None:
        """Take GPUs back from a container that has ended."""
        for gpu in gpus:
            gpu.holder = None
            gpu.memory_used = 0.0
            self.idle += not gpu.lost

    def untolerated(self, tolerations: object) -> Mapping[str, str] | None:
        """The first taint that keeps a pod with these tolerations away."""
        return next(
            (
                taint
                for taint in self.taints
                if taint["effect"] in ("NoSchedule", "NoExecute") and not tolerates(tolerations, taint)
            ),
            None,
        )


def follow_nodes(machines: Mapping[str, Machine], store: Store, now: float) -> list[Object]:
    """Read the Node objects that changed, and taint cordoned ones, as the node lifecycle controller does.

    Return those that were cordoned or uncordoned: their kubelets report it.
    """
    turned = []
    entries = store.table("v1", "Node").entries
    for machine in machines.values():
        entry = entries.get(("", machine.name))
        if entry is None:
            machine.registered = False
        elif entry.version != machine.version:
            _taint(entry.obj, store, now)
            entry = entries["", machine.name]
            spec = entry.obj["spec"]
            if machine.registered and machine.unschedulable != bool(spec.get("unschedulable")):
                turned.append(entry.obj)
            machine.registered = True
            machine.unschedulable = bool(spec.get("unschedulable"))
            machine.taints = tuple(spec.get("taints") or ())
            machine.labels = entry.labels
            machine.version = entry.version
    return turned


def _taint(node: Object, store: Store, now: float) -> None:
    spec = node["spec"]
    others = [taint for taint in spec.get("taints") or () if taint["key"] != CORDON["key"]]
    tainted = len(others) < len(spec.get("taints") or ())
    if bool(spec.get("unschedulable")) == tainted:
        return
    if not tainted:
        others.append(CORDON | {"timeAdded": timestamp(now)})
    store.put(node | {"spec": spec | {"taints": others}})
