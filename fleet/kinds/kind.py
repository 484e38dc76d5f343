"""A kind of workload: where its objects are, how its pods are found, what it counts, what can be done to it.

One kind is one module beside this one and one line in ``fleet.kinds.registry``. Sources list it, joins follow it,
actions ask it for capabilities, the command line knows its names, and roles, doctor and reports name its permissions:
none of them asks what it is called. Everything here only reads raw JSON, in which anything may stand.
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
    """How many of them."""
    spec: Raw


@dataclass(frozen=True, slots=True)
class ReplicaGroup:
    """A replica that is several pods, of which one leads; they say so in labels. It starts and ends as one."""

    workload: str
    """The label that holds the workload's name; its domain marks everything that the workload makes."""
    index: str
    """The label that says which replica a pod is of."""
    worker: str
    """The label that says which pod of it; ``0`` leads, and takes the requests."""
    variable: str = ""
    """The environment variable in which each pod is told the same; empty for none."""

    def place_of(self, labels: Mapping[str, str]) -> tuple[str, str] | None:
        """(workload, index) of the group that a pod with these labels is of; None where they do not say both."""
        workload, index = labels.get(self.workload), labels.get(self.index)
        return None if workload is None or index is None else (workload, index)

    def leads(self, labels: Mapping[str, str]) -> bool:
        """Whether a pod with these labels takes the requests of its group."""
        return labels.get(self.worker) == "0"


class Revisions(StrEnum):
    """The kind of the objects in which the templates of before are kept."""

    REPLICA_SETS = "ReplicaSet"
    CONTROLLER_REVISIONS = "ControllerRevision"


class Update(StrEnum):
    """The field of the spec that says how pods are replaced, and with that what may stand in it."""

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
    """Pods that are not ready, then those of the lowest deletion cost, then the youngest."""


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
    """True if its status has all of these and ``observedGeneration``: one that is not there is 0. Of other kinds that
    is not known, and what is not there is taken as reached."""

    def wanted(self, obj: Raw) -> int:
        """Replicas that it wants."""
        return count_at(obj, self.desired, self.unset)


def match_labels(obj: Raw) -> Mapping[str, str]:
    """Return the values that the LabelSelector at ``spec.selector`` names."""
    labels = mapping(mapping(mapping(obj, "spec"), "selector"), "matchLabels")
    return {key: value for key, value in labels.items() if isinstance(value, str)}


def one_template(obj: Raw) -> tuple[PodTemplate, ...]:
    """The template at ``spec.template``, of which a replica is one pod."""
    return (PodTemplate(1, mapping(mapping(mapping(obj, "spec"), "template"), "spec")),)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadKind:
    """One kind. The defaults are those of a kind that nobody has described: it can do as little as possible."""

    kind: str
    group: str = ""
    version: str = ""
    plural: str = ""
    """Plural in paths and RBAC rules; empty for a kind that is only known as somebody's owner."""
    short: tuple[str, ...] = ()
    """Short names, as kubectl and k9s know them."""

    lost: str = ""
    """Facts that are missing where its objects may not be listed, as a noun phrase for messages.

    Empty for a kind that is never listed: its rows are made from what its objects own.
    """
    custom: bool = False
    """True for a custom resource: a cluster without it is no problem."""
    link: bool = False
    """A step between another workload and its pods, of which there may be many without any: a row only where nothing
    owns it and it has pods."""

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
    """True if it runs a pod on each node: drains leave those alone, and they serve no model."""
    replaces: str = ""
    """Reaction to the loss of a pod, as a predicate of its name; empty if it does not replace one."""
    lets_go: bool = False
    """True if it lets go of a pod whose labels it no longer selects, and starts another beside it."""
    leaving: Leaving = Leaving.HIGHEST_ORDINAL

    scale: str = "scale"
    """The subresource through which replicas are changed; empty where it has none."""
    unscalable: str = ""
    """Reason why it cannot be scaled, as a predicate of its name."""
    update: Update | None = None
    restartable: bool = False
    """A change of ``spec.template`` replaces its pods."""
    revisions: Revisions | None = None
    """Earlier templates, each of which may be written to ``spec.template`` again."""
    pausable: bool = False
    """``spec.paused`` holds its rollouts."""
    ordered: Callable[[Raw], bool] = lambda _: False
    """Whether a pod that does not become ready holds up those after it."""

    replicas_at: str = ""
    """The place where a person changes its replicas, ``{part}`` being the part that a name ends with."""
    template_at: str = ""
    """The place where a person changes the template of its pods."""
    parts: tuple[str, ...] = ()
    """Endings of the names of the workloads that it makes."""

    @property
    def listed(self) -> bool:
        """Whether its objects are listed and watched."""
        return bool(self.lost)

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
        """Whether its rollouts may add pods first, and so wait for GPUs that there are not."""
        return self.update is Update.STRATEGY and self.restartable

    def place(self, words: str, name: str) -> str:
        """``replicas_at`` or ``template_at`` of it for a workload of this name that it makes."""
        part = next((part for part in self.parts if name.endswith(f"-{part}")), next(iter(self.parts), ""))
        return words.format(part=part)


def value_at(obj: Raw, field: Field) -> Any:
    """Return the value at a path; None for nothing."""
    for key in field[:-1]:
        obj = mapping(obj, key)
    return obj.get(field[-1]) if field else None


def count_at(obj: Raw, field: Field, default: int = 0) -> int:
    """The whole number that stands there."""
    for key in field[:-1]:
        obj = mapping(obj, key)
    return integer(obj, field[-1], default) if field else default
