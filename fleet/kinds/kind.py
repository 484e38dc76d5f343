"""A kind of workload: where its objects are, how its pods are found, what it counts, what can be done to it.

A kind is one module beside this one and one line in ``fleet.kinds.registry``. Sources list it, joins follow it, actions
check its capabilities, the command line knows its names, and roles, doctor and reports name its permissions: none of
them compares its name. Everything here only reads raw JSON, which may contain anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

from fleet.dataclass import dataclass
from fleet.json_fields import Raw, integer, mapping

AT_ONCE: Final = "starts another at once"
"""The usual reaction of a kind to the loss of a pod."""

Field = tuple[str, ...]
"""Path of a value in an object: ``("status", "readyReplicas")``."""


class PodTemplate(NamedTuple):
    """The template of the pods of one replica."""

    pods: int
    """Number of pods made from it."""
    spec: Raw


@dataclass(frozen=True, slots=True)
class ReplicaGroup:
    """A replica made of several pods, one of which leads, as their labels say. It starts and ends as a unit."""

    workload: str
    """The label that holds the workload's name; its domain marks everything that the workload makes."""
    index: str
    """Label that says which replica a pod belongs to."""
    worker: str
    """Label that says which pod of the replica it is; ``0`` leads, and takes the requests."""
    variable: str = ""
    """Environment variable that tells each pod the same; empty if there is none."""
    revision: str = ""
    """Label with the revision that all pods of a replica are made from, each from a template of its own."""

    def place_of(self, labels: Mapping[str, str]) -> tuple[str, str] | None:
        """Return (workload, index) of the group of a pod with these labels; None if either is missing."""
        workload, index = labels.get(self.workload), labels.get(self.index)
        return None if workload is None or index is None else (workload, index)

    def leads(self, labels: Mapping[str, str]) -> bool:
        """True if a pod with these labels takes the requests of its group."""
        return labels.get(self.worker) == "0"


class Revisions(StrEnum):
    """The kind of object that stores earlier templates."""

    REPLICA_SETS = "ReplicaSet"
    CONTROLLER_REVISIONS = "ControllerRevision"


class Update(StrEnum):
    """The field of the spec that says how pods are replaced, and so which values it may have."""

    STRATEGY = "strategy"
    """``Recreate``, or pods added first (maxSurge) and taken away first (maxUnavailable)."""
    UPDATE_STRATEGY = "updateStrategy"
    """``OnDelete``, or one after the other from the highest ordinal down to ``partition``."""
    ROLLOUT_STRATEGY = "rolloutStrategy"
    """Strategy of groups; not read any further."""


class Leaving(StrEnum):
    """The pods that go first when there are to be fewer."""

    HIGHEST_ORDINAL = "highest ordinal"
    UNREADY_FIRST = "unready first"
    """Pods that are not ready, then those with the lowest deletion cost, then the youngest."""


@dataclass(frozen=True, slots=True)
class Replicas:
    """Paths of the counts of replicas, wanted and had. The server leaves out a count of 0."""

    desired: Field = ("spec", "replicas")
    unset: int = 1
    """Replicas that are wanted where the number is left out."""
    total: Field = ("status", "replicas")
    updated: Field = ("status", "updatedReplicas")
    ready: Field = ("status", "readyReplicas")
    available: Field = ("status", "availableReplicas")
    arrived: Field = ("status", "readyReplicas")
    """The count by which `kubectl rollout status` calls a rollout complete."""
    complete: bool = False
    """True if its status has all of these and ``observedGeneration``, so that a missing one is 0. For other kinds that
    is unknown, and a missing one counts as reached.
    """

    def wanted(self, obj: Raw) -> int:
        """Replicas that it wants."""
        return count_at(obj, self.desired, self.unset)


def match_labels(obj: Raw) -> Mapping[str, str]:
    """Return the values that the LabelSelector at ``spec.selector`` names."""
    labels = mapping(mapping(mapping(obj, "spec"), "selector"), "matchLabels")
    return {key: value for key, value in labels.items() if isinstance(value, str)}


def one_template(obj: Raw) -> tuple[PodTemplate, ...]:
    """Return the template at ``spec.template``, for kinds whose replica is one pod."""
    return (PodTemplate(1, mapping(mapping(mapping(obj, "spec"), "template"), "spec")),)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadKind:
    """A kind of workload. The defaults describe an unknown kind, which can do as little as possible."""

    kind: str
    group: str = ""
    version: str = ""
    plural: str = ""
    """Plural in paths and RBAC rules; empty for a kind only met as an owner."""
    short: tuple[str, ...] = ()
    """Short names, as in kubectl and k9s."""

    lost: str = ""
    """Facts that are missing if its objects may not be listed, as a noun phrase for messages.

    Empty for a kind that is never listed: its rows are made from what its objects own.
    """
    link: bool = False
    """True for a step between another workload and its pods, many of which may have no pods: it gets a row only if
    nothing owns it and it has pods.
    """

    replicas: Replicas | None = None
    """None where its status does not count ready replicas."""
    revision: Field = ()
    """Path of the name or number of the newest template."""
    templates: Callable[[Raw], tuple[PodTemplate, ...]] = one_template
    """Templates of a replica's pods; the first is that of the pod that takes the requests."""

    selector: Callable[[Raw], Mapping[str, str]] = match_labels
    """The labels that its pods have; others may have them too."""
    through: str = ""
    """The kind of the links through which it makes its pods. Each is named after it and the hash of its template."""
    replica: ReplicaGroup | None = None
    """The labels that group the pods of one replica, if it is several pods: drained and restarted together."""
    per_node: bool = False
    """True if it runs a pod on each node: drains skip those, and they serve no model."""
    replaces: str = ""
    """Reaction to the loss of a pod, as a predicate of its name; empty if it does not replace one."""
    lets_go: bool = False
    """True if it releases a pod whose labels it no longer selects, and starts a replacement."""
    leaving: Leaving = Leaving.HIGHEST_ORDINAL

    scale: str = "scale"
    """The subresource through which replicas are changed; empty where it has none."""
    unscalable: str = ""
    """Reason why it cannot be scaled, as a predicate of its name."""
    update: Update | None = None
    restartable: bool = False
    """A change of ``spec.template`` replaces its pods."""
    revisions: Revisions | None = None
    """Earlier templates, each of which may be written back to ``spec.template``."""
    pausable: bool = False
    """``spec.paused`` holds its rollouts."""
    ordered: Callable[[Raw], bool] = lambda _: False
    """True if a pod that does not become ready holds up those after it."""

    replicas_at: str = ""
    """The place where a person changes its replicas, ``{part}`` being the part that a name ends with."""
    template_at: str = ""
    """The place where a person changes the template of its pods."""
    parts: tuple[str, ...] = ()
    """Endings of the names of the workloads that it makes."""

    @property
    def listed(self) -> bool:
        """True if its objects are listed and watched."""
        return bool(self.lost)

    @property
    def custom(self) -> bool:
        """True for a custom resource: a cluster without it is no problem. Its group is a domain; ``apps`` is none."""
        return "." in self.group

    @property
    def qualified(self) -> str:
        """Name as in `kubectl auth can-i`: ``deployments.apps``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def api_version(self) -> str:
        """Value of ``apiVersion``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def names(self) -> tuple[str, ...]:
        """Names that a person may type, in lower case, as kubectl takes them."""
        plain = (self.kind.lower(), self.plural) if self.plural else (self.kind.lower(),)
        return (*plain, *self.short, *(f"{name}.{self.group}" for name in plain if self.group))

    @property
    def unblockable(self) -> bool:
        """True if its rollouts may add pods first, and so wait for GPUs that do not exist."""
        return self.update is Update.STRATEGY and self.restartable

    def place(self, words: str, name: str) -> str:
        """``replicas_at`` or ``template_at`` of it for a workload of this name that it makes."""
        part = next((part for part in self.parts if name.endswith(f"-{part}")), next(iter(self.parts), ""))
        return words.format(part=part)


def value_at(obj: Raw, field: Field) -> Any:
    """Return the value at a path; None if there is none."""
    for key in field[:-1]:
        obj = mapping(obj, key)
    return obj.get(field[-1]) if field else None


def count_at(obj: Raw, field: Field, default: int = 0) -> int:
    """Return the integer at a path, or ``default``."""
    for key in field[:-1]:
        obj = mapping(obj, key)
    return integer(obj, field[-1], default) if field else default
