"""What a person asks for: one small dataclass per action, and its JSON.

A request names its target by uid where it was chosen on a screen: the object that was under the cursor when the key
went down, whatever has taken its name or its row since. The JSON form is what the audit log records, for the request
itself and for the one that undoes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, ClassVar, Final, TypeVar

from fleet.local.spec import LaunchSpec
from fleet.model.objects import ObjectRef

LOCAL_NODE: Final = "LocalNode"
"""The kind of a target that is a vLLM node of this machine; its namespace is LOCAL, its uid the id of its record."""
LOCAL: Final = "local"
"""The cluster, and the namespace, of such nodes."""


class Kind(StrEnum):
    """The actions, as the command line and the audit log call them."""

    SCALE = "scale"
    BOUNDS = "bounds"
    HOLD = "hold"
    DRAIN = "drain"
    RESTORE = "restore"
    DRAIN_NODE = "drain-node"
    CORDON = "cordon"
    UNCORDON = "uncordon"
    ROLL_BACK = "rollback"
    RESTART = "restart"
    PAUSE = "pause"
    RESUME = "resume"
    UNBLOCK = "unblock"
    LOCAL_UP = "local-up"
    LOCAL_DOWN = "local-down"
    LOCAL_RESTART = "local-restart"
    LOCAL_BENCH = "local-bench"


class Method(StrEnum):
    """How a pod is taken out of service before it is drained."""

    AUTO = "auto"
    LABEL = "label"
    """A label that only the Service selects is changed: the workload keeps the pod, no replacement starts."""
    ORPHAN = "orphan"
    """A label of the workload's selector is changed: a replacement starts at once."""
    EVICT = "evict"
    """Evicted at once; its endpoints end with it."""


class AtDeadline(StrEnum):
    """What happens to requests that still run when a drain's deadline comes."""

    EVICT = "evict"
    """The pod is evicted all the same; its grace period is all that they get."""
    STOP = "stop"
    """The drain ends there; the pod stays out of service and goes on."""


@dataclass(frozen=True, slots=True)
class Target:
    """One object of the cluster; ``namespace`` is empty for a node, ``uid`` where only the name was given."""

    kind: str
    namespace: str
    name: str
    uid: str = ""

    @property
    def ref(self) -> ObjectRef:
        """The object by name."""
        return ObjectRef(self.kind, self.namespace, self.name)

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Request:
    """Base of all requests."""

    kind: ClassVar[Kind]
    target: Target


@dataclass(frozen=True, slots=True)
class Scale(Request):
    """Change the replicas of anything with a scale subresource."""

    kind: ClassVar[Kind] = Kind.SCALE
    replicas: int


@dataclass(frozen=True, slots=True)
class Bounds(Request):
    """Change what an autoscaler may do. The target is a HorizontalPodAutoscaler or a ScaledObject; None leaves it."""

    kind: ClassVar[Kind] = Kind.BOUNDS
    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Hold(Request):
    """Pause a ScaledObject at a number of replicas; None lets it go on."""

    kind: ClassVar[Kind] = Kind.HOLD
    replicas: int | None = None


@dataclass(frozen=True, slots=True)
class Drain(Request):
    """Take a pod out of service, wait for its running requests, evict it. ``others`` are drained after it, in turn."""

    kind: ClassVar[Kind] = Kind.DRAIN
    others: tuple[Target, ...] = ()
    method: Method = Method.AUTO
    replacement_first: bool | None = None
    """Wait for a replacement before anything is taken away; None where the plan shall choose."""
    deadline: float | None = None
    """Seconds for the running requests; None for the default of the settings."""
    at_deadline: AtDeadline = AtDeadline.EVICT


@dataclass(frozen=True, slots=True)
class Restore(Request):
    """Put a pod back into service: the inverse of a drain that has not evicted yet. ``labels``: None removes one."""

    kind: ClassVar[Kind] = Kind.RESTORE
    labels: Mapping[str, str | None]
    others: tuple[Target, ...] = ()
    """Pods that get the same labels back; those that are gone are left out."""


@dataclass(frozen=True, slots=True)
class DrainNode(Request):
    """Cordon a node and drain every pod on it that kubectl drain would."""

    kind: ClassVar[Kind] = Kind.DRAIN_NODE
    deadline: float | None = None
    at_deadline: AtDeadline = AtDeadline.EVICT
    delete_empty_dir: bool = False
    force: bool = False
    """Also pods that nothing would start again."""


@dataclass(frozen=True, slots=True)
class Cordon(Request):
    """Let no new pod onto a node."""

    kind: ClassVar[Kind] = Kind.CORDON


@dataclass(frozen=True, slots=True)
class Uncordon(Request):
    """Let pods onto a node again."""

    kind: ClassVar[Kind] = Kind.UNCORDON


@dataclass(frozen=True, slots=True)
class RollBack(Request):
    """Give a workload the template of an earlier revision, named by its ReplicaSet or ControllerRevision."""

    kind: ClassVar[Kind] = Kind.ROLL_BACK
    revision: str = ""
    """Name of the ReplicaSet or ControllerRevision: a rollback re-numbers revisions. Empty: the one before."""


@dataclass(frozen=True, slots=True)
class Restart(Request):
    """Restart a workload pod by pod, or one pod by deleting it."""

    kind: ClassVar[Kind] = Kind.RESTART


@dataclass(frozen=True, slots=True)
class Pause(Request):
    """Hold a Deployment's rollout where it is."""

    kind: ClassVar[Kind] = Kind.PAUSE


@dataclass(frozen=True, slots=True)
class Resume(Request):
    """Let a paused rollout go on."""

    kind: ClassVar[Kind] = Kind.RESUME


@dataclass(frozen=True, slots=True)
class Unblock(Request):
    """Let a rollout that waits for GPUs replace pods instead of adding them; values as in ``rollingUpdate``."""

    kind: ClassVar[Kind] = Kind.UNBLOCK
    max_surge: int | str = 0
    max_unavailable: int | str = 1


@dataclass(frozen=True, slots=True)
class LocalUp(Request):
    """Start a vLLM node on this machine. The target's name is the spec's."""

    kind: ClassVar[Kind] = Kind.LOCAL_UP
    spec: LaunchSpec
    verify: bool = False
    """Also read all weights to compare their checksums, however large they are."""


@dataclass(frozen=True, slots=True)
class LocalDown(Request):
    """Take a node of this machine down: no new requests, the running ones to their end, then the process."""

    kind: ClassVar[Kind] = Kind.LOCAL_DOWN
    grace: float | None = None
    """Seconds for the running requests; None for the default of the settings."""


@dataclass(frozen=True, slots=True)
class LocalRestart(Request):
    """Take a node down and start it again, with other arguments where ``spec`` differs."""

    kind: ClassVar[Kind] = Kind.LOCAL_RESTART
    spec: LaunchSpec
    grace: float | None = None
    verify: bool = False


@dataclass(frozen=True, slots=True)
class LocalBench(Request):
    """Measure a node under load: each level of concurrency in turn, with prompts and outputs of a fixed length."""

    kind: ClassVar[Kind] = Kind.LOCAL_BENCH
    concurrency: tuple[int, ...] = (1, 4, 16)
    """Requests under way at once."""
    prompt_tokens: int = 256
    output_tokens: int = 128
    requests: int = 0
    """At each level; 0 for four times its concurrency, 8 at least."""


REQUESTS: Mapping[Kind, type[Request]] = {
    request.kind: request
    for request in (
        Scale,
        Bounds,
        Hold,
        Drain,
        Restore,
        DrainNode,
        Cordon,
        Uncordon,
        RollBack,
        Restart,
        Pause,
        Resume,
        Unblock,
        LocalUp,
        LocalDown,
        LocalRestart,
        LocalBench,
    )
}


R = TypeVar("R", bound=Request)


def expect(request: Request, kind: type[R]) -> R:
    """The request as what its action takes. Raises TypeError for another: the registry has sent it to the wrong one."""
    if not isinstance(request, kind):
        raise TypeError(f"{kind.__name__} expected, not {type(request).__name__}")
    return request


def to_json(request: Request) -> dict[str, Any]:
    """The request as JSON values; ``kind`` says which one it is."""
    return {"kind": str(request.kind)} | asdict(request)


def from_json(document: Mapping[str, Any]) -> Request:
    """The request that ``to_json`` wrote. Raises ValueError for anything else."""
    from pydantic import TypeAdapter

    content = dict(document)
    kind = Kind(content.pop("kind", ""))
    # pydantic's ValidationError is a ValueError.
    return TypeAdapter(REQUESTS[kind]).validate_python(content)
