"""The declaration of one kind of action: everything except planning and execution, as data.

Command line, flags, keys, palette, help, documents, permission checks and roles are made from it, in every mode: a
declaration changes nothing and imports nothing that could. Planning and execution are behind ``ActionSpec.action``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from actions.permissions import Permission, TargetResource, plural_of
from actions.request import LOCAL_SERVER, Request, Target, in_turn, shown_kind
from fleet.dataclass import dataclass

if TYPE_CHECKING:
    from actions.local.context import LocalAction
    from actions.running.execution_context import ClusterAction
    from fleet.kinds.kind import WorkloadKind
    from fleet.model.objects import ObjectRef
    from fleet.model.snapshot import Snapshot

MOST_REPLICAS: Final = 2**31 - 1
"""Kubernetes' APIs have replicas as int32."""
BY_NAME: Final = "deployment/NAME, statefulset/NAME, or an unambiguous name"
"""Help for the name of a workload on the command line."""


class UsageError(Exception):
    """Raised if the typed words do not make a request; the text says why."""


class Takes(Enum):
    """The type of an argument's value."""

    TEXT = "text"
    INTEGER = "an integer"
    SECONDS = "a duration in seconds"
    LENGTH = "a duration with its unit: 30m, 2h"
    SWITCH = "nothing: it is given or it is not"


class Argument(NamedTuple):
    """One argument of a command, and the field of the request that it fills."""

    field: str
    """Empty for an accepted flag without effect."""
    flag: str = ""
    """Flag as typed, ``--deadline``; empty for a word behind the target, which may be left out."""
    takes: Takes = Takes.TEXT
    metavar: str = ""
    help: str = ""
    choices: tuple[str, ...] = ()
    convert: Callable[[Any], Any] = lambda value: value
    """Conversion from the value to the field's."""
    negative: str = ""
    """The help of ``--no-FLAG``; empty where there is none."""


class Api(Enum):
    """The API that the requests of an action on a cluster go to."""

    KUBERNETES = "the API server"
    ALERTMANAGER = "an Alertmanager"
    RECORD = "none: it only writes a record to the person's audit log"


class Listed(Enum):
    """Lists from which an argument may be chosen."""

    REVISIONS = "revisions"


class Launch(Enum):
    """The server that an action on this machine starts."""

    NEW = "a new server"
    AGAIN = "its target, with other arguments where they are given"


class Inline(NamedTuple):
    """The argument that may follow the name in the console's own command line."""

    field: str
    shown: str
    """Word in the help: ``[REPLICAS | +N | -N]``."""
    what: str
    """Unit of a number: ``replicas``. Prompted for on a separate line if it was not typed."""
    current: Callable[[Snapshot, ObjectRef], int] | None = None
    """The current number, to which ``+1`` and ``-1`` are relative; None if it is text."""
    example: str = ""
    choose_from: Listed | None = None
    """List shown for choosing one if nothing was typed. On the command line ``--list`` prints it."""


Values = Mapping[str, Any]
"""Values of the arguments, by field; None, or absent, if not given."""


def always(snapshot: Snapshot, target: ObjectRef) -> str | None:
    """Return None: always available."""
    del snapshot, target
    return None


def patch(resource: TargetResource) -> tuple[Permission, ...]:
    """Return the permission for an action that only patches its target."""
    return (Permission("patch", resource.group, resource.plural),)


def no_permissions(resource: TargetResource) -> tuple[Permission, ...]:
    """Return no permissions: this machine has its own checks."""
    del resource
    return ()


def replicas(count: int) -> int:
    """A number of replicas that Kubernetes takes. Raises UsageError."""
    if count < 0:
        raise UsageError("replicas cannot be fewer than 0")
    if count > MOST_REPLICAS:
        raise UsageError(f"replicas cannot be more than {MOST_REPLICAS}")
    return count


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionSpec:
    """One kind of action. Its name is the ``kind`` of its request."""

    request: type[Request]
    action: Callable[[], ClusterAction] | Callable[[], LocalAction]
    """Makes its planner and executor; the only place that imports them."""

    title: str
    """Title in the help and the palette: its name, then perhaps ``:`` and an explanation."""
    about: str
    """Description, as one sentence: in its own ``--help`` and in docs/actions.md."""
    done: str
    """Participle for its target, as in ``nothing is scaled``."""
    sends: str
    """Requests to the API server, for docs/actions.md."""

    workloads: Callable[[WorkloadKind], object] | None = None
    """Capability that a kind of workload must have; None where it is for no workload."""
    objects: tuple[str, ...] = ()
    """The other kinds of its target: Pod, Node …"""
    other_workloads: bool = False
    """True if screens also offer it for other kinds of workloads: its plan determines what they support."""
    many: bool = False
    """Several targets at once, which its request has as ``others``. Of all others on a cluster several are done in
    turn."""
    before: Callable[[Target], Request] | None = None
    """Done to all of several targets before the first of them is begun; None for nothing."""
    each: bool = False
    """Several servers on this machine at once, an action for each: they are carried out side by side."""
    launch: Launch | None = None
    """The server that it starts, with the arguments of vLLM that its request has as ``spec``; None for none."""
    available: Callable[[Snapshot, ObjectRef], str | None] = always
    """Return why it cannot be done to a target now, as one clause; None where it can."""
    permissions: Callable[[TargetResource], tuple[Permission, ...]] = patch
    """Return the permissions for a target of this resource."""
    reads: tuple[Permission, ...] = ()
    """Reads of its plan beyond what the console watches: without one, the plan reports it as unknown."""

    arguments: tuple[Argument, ...] = ()
    build: Callable[[Values, tuple[Target, ...]], Request] | None = None
    """The request, where it is more than its target and its fields. Raises UsageError."""
    target_metavar: str = "TARGET"
    target_help: str = ""
    inline: Inline | None = None

    names: tuple[str, ...] = ()
    """Names in the console's own command line, the first one being completed; empty if no screen offers it.

    Kinds for objects of different screens may share one.
    """
    keys: tuple[str, ...] = ()
    """Default keys, in Textual's names."""
    hint: str = ""
    """The word beside the key in the key bar."""

    api: Api = Api.KUBERNETES
    """The API that its requests go to. Checks of plans declare their API; a Kubernetes object is read again before its
    plan, and gets a note.
    """
    sets_replicas: bool = False
    """True if its changes are numbers of replicas, which need another confirmation if the step is large."""
    undo_requires: frozenset[str] = frozenset()
    """Changes that must still be in place to undo it; empty for all of them."""

    @property
    def targets(self) -> tuple[str, ...]:
        """Kinds of its target; the first is the default for a name without a kind."""
        # Imported here: building the flags of an action does not need it.
        from fleet.kinds.registry import kinds_that

        workloads = self.workloads
        able = kinds_that(lambda kind: kind.listed and workloads(kind)) if workloads is not None else ()
        return (*(kind.kind for kind in able), *self.objects)

    @property
    def local(self) -> bool:
        """True if it applies to the servers on this machine, and to no cluster."""
        return LOCAL_SERVER in self.objects

    @property
    def takes_several(self) -> bool:
        """True if several targets may be typed: a text behind them could be one more."""
        behind = [argument for argument in self.arguments if argument.field and not argument.flag]
        return self.api is not Api.RECORD and all(argument.takes is Takes.INTEGER for argument in behind)

    @property
    def kind(self) -> str:
        """Kind as the command line and the audit log call it."""
        return self.request.kind

    def permissions_for(self, target: str, plural: tuple[str, str] | None = None) -> tuple[Permission, ...]:
        """Return the permissions for a target of this kind. ``plural``: group and plural of other kinds."""
        found = plural or plural_of(target) or ("", target.lower() + "s")
        return self.permissions(TargetResource(target, *found))

    def _requires(self, field: str) -> bool:
        """True if this field of the request is required."""
        of = next((one for one in fields(self.request) if one.name == field), None)
        return of is not None and of.default is MISSING and of.default_factory is MISSING

    def make(self, values: Values, targets: tuple[Target, ...]) -> Request:
        """Return the request for these values. Raises UsageError."""
        first, *others = targets
        if others and not self.many:
            if self.local or not self.takes_several:
                raise UsageError(f"one {shown_kind(first.kind)} at a time")
            return self.in_turn([self.make(values, (target,)) for target in targets])
        if self.build is not None:
            return self.build(values, targets)
        given = {a.field: a.convert(values[a.field]) for a in self.arguments if values.get(a.field) is not None}
        if self.launch is not None:
            given["spec"] = values["spec"]
        if self.many:
            given["others"] = tuple(others)
        for argument in self.arguments:
            if argument.field not in given and self._requires(argument.field):
                called = argument.flag or argument.metavar or argument.field
                raise UsageError(f"missing {called}: {argument.help}" if argument.help else f"missing {called}")
        return cast("Callable[..., Request]", self.request)(first, **given)

    def in_turn(self, requests: Sequence[Request]) -> Request:
        """One request for several of this kind, each to a target of its own."""
        before = self.before
        first = [] if before is None or len(requests) == 1 else [before(request.target) for request in requests]
        return in_turn([*first, *requests])
