"""Requests of users: one small dataclass per action, declared beside it in actions.kinds, and its JSON.

A request names its target by uid if it was chosen on a screen: the object under the cursor when the key was pressed,
whatever has its name or its row by now. The JSON form is recorded in the audit log, for the request itself and for its
undo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from typing import Any, ClassVar, Final, Self, TypeVar

from fleet.dataclass import dataclass
from fleet.model.objects import SAME_CLUSTER, ClusterId, ObjectRef

LOCAL_SERVER: Final = "LocalNode"
"""The kind of a target that is a vLLM server on this machine; its namespace is LOCAL, its uid the id of its record."""
LOCAL: Final = "local"
"""The cluster, and the namespace, of such servers."""


def shown_kind(kind: str) -> str:
    """Return the kind of a target for display; logs and requests have the kind itself."""
    return "server" if kind == LOCAL_SERVER else kind


@dataclass(frozen=True, slots=True)
class Target:
    """One object; ``namespace`` is empty for a node, ``uid`` if only the name was given.

    ``cluster`` is where it was chosen: the same name, and even the same uid, is another object in another cluster. A
    typed or recorded target belongs to the cluster on which it is planned.
    """

    kind: str
    namespace: str
    name: str
    uid: str = ""
    cluster: ClusterId = SAME_CLUSTER

    @classmethod
    def of(cls, ref: ObjectRef, uid: str) -> Self:
        """The object of this name and uid."""
        return cls(ref.kind, ref.namespace, ref.name, uid, ref.cluster)

    @property
    def ref(self) -> ObjectRef:
        """The object by name."""
        return ObjectRef(self.kind, self.namespace, self.name, self.cluster)

    def sibling(self, kind: str, name: str, uid: str = "") -> Target:
        """Return another object in its namespace."""
        return Target(kind, self.namespace, name, uid, self.cluster)

    def to_json(self) -> dict[str, Any]:
        """Return it as the audit log and ``--json`` have it."""
        return asdict(self, dict_factory=_recorded)

    @property
    def is_server(self) -> bool:
        """True if it is a server on this machine, and so in no cluster."""
        return self.kind == LOCAL_SERVER

    def __str__(self) -> str:
        return f"{shown_kind(self.kind)} {self.name}"


@dataclass(frozen=True, slots=True)
class Request:
    """Base of all requests."""

    kind: ClassVar[str]
    """Kind of the action on the command line and in the audit log."""
    target: Target

    @property
    def targets(self) -> tuple[Target, ...]:
        """All that it is about, in their order."""
        return (self.target,)

    @property
    def does(self) -> str:
        """Kind of the action on its targets; for several in turn, the kind of each."""
        return self.kind

    @property
    def reason(self) -> str:
        """The reason in the request itself, if none is given otherwise; empty for none."""
        return ""


@dataclass(frozen=True, slots=True)
class InTurn(Request):
    """Several requests under one confirmation, each begun when the previous one has finished.

    ``target`` is the first one's.
    """

    kind: ClassVar[str] = "in-turn"
    parts: tuple[Request, ...]

    @property
    def targets(self) -> tuple[Target, ...]:
        return tuple(dict.fromkeys(target for part in self.parts for target in part.targets))

    @property
    def does(self) -> str:
        # The preparation of all of them is included.
        return self.parts[-1].does


def in_turn(parts: Sequence[Request]) -> Request:
    """Return one request for all of them, at least one."""
    return parts[0] if len(parts) == 1 else InTurn(parts[0].target, tuple(parts))


R = TypeVar("R", bound=Request)


def expect(request: Request, kind: type[R]) -> R:
    """Return the request as its action's type. Raises TypeError for another: the registry has dispatched it wrongly."""
    if not isinstance(request, kind):
        raise TypeError(f"{kind.__name__} expected, not {type(request).__name__}")
    return request


class OtherClusterError(Exception):
    """A request, or a plan, belongs to another cluster than the one that would execute it. Nothing was sent."""

    def __init__(self, meant: ClusterId, here: ClusterId) -> None:
        super().__init__(f"it is for {meant}, and this is {here}: choose its target again here")


def placed(request: R, here: ClusterId) -> R:
    """Return the request with every target assigned to cluster ``here``. Raises OtherClusterError for one of
    another.
    """
    return replace(request, **{each.name: _placed(getattr(request, each.name), here) for each in fields(request)})


def _placed(value: Any, here: ClusterId) -> Any:
    match value:
        case Target(cluster=cluster):
            if cluster not in (SAME_CLUSTER, here):
                raise OtherClusterError(cluster, here)
            return replace(value, cluster=here)
        case Request():
            return placed(value, here)
        case tuple():
            return tuple(_placed(each, here) for each in value)
        case _:
            return value


def to_json(request: Request) -> dict[str, Any]:
    """Return the request as JSON values, with its ``kind``."""
    if isinstance(request, InTurn):
        return {
            "kind": request.kind,
            "target": request.target.to_json(),
            "parts": [to_json(part) for part in request.parts],
        }
    return {"kind": request.kind} | asdict(request, dict_factory=_recorded)


def _recorded(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the fields of a request and of its targets without the cluster, which is in the plan's scope."""
    return {name: value for name, value in pairs if not isinstance(value, ClusterId)}
