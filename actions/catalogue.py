"""Every kind of action, one line each.

A line costs no import: ``--help`` is written from these lines alone, and only the modules that are used are imported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from actions.request import Request
    from actions.spec import ActionSpec


class CatalogueEntry(NamedTuple):
    """One kind of action."""

    kind: str
    """Kind as the audit log has it."""
    where: str
    """``module:NAME`` of its ActionSpec."""
    command: str = ""
    """Command of the command line, possibly two words (``local up``); empty if it has none.

    Kinds that share a command are distinguished by their targets.
    """
    summary: str = ""
    """Line of ``--help``, with the first kind of a command."""


KINDS: tuple[CatalogueEntry, ...] = (
    CatalogueEntry("scale", "actions.kinds.scale:SCALE", "scale", "change how many replicas a workload has"),
    CatalogueEntry(
        "restart", "actions.kinds.restart:RESTART", "restart", "restart a workload one pod at a time, or a single pod"
    ),
    CatalogueEntry(
        "drain",
        "actions.kinds.drain:DRAIN",
        "drain",
        "take pods, or all pods of a node, out of service, then evict them",
    ),
    CatalogueEntry(
        "rollback",
        "actions.kinds.rollback:ROLL_BACK",
        "rollback",
        "go back to an earlier revision; --list shows them",
    ),
    CatalogueEntry("pause", "actions.kinds.pausing:PAUSE", "pause", "pause a rollout where it is"),
    CatalogueEntry("resume", "actions.kinds.pausing:RESUME", "resume", "continue a paused rollout"),
    CatalogueEntry(
        "unblock",
        "actions.kinds.unblock:UNBLOCK",
        "unblock",
        "let a rollout that waits for GPUs replace pods instead of adding them",
    ),
    CatalogueEntry("cordon", "actions.kinds.cordon:CORDON", "cordon", "keep new pods off a node"),
    CatalogueEntry("uncordon", "actions.kinds.cordon:UNCORDON", "uncordon", "allow pods on a node again"),
    CatalogueEntry("drain-node", "actions.kinds.drain_node:DRAIN_NODE", "drain"),
    CatalogueEntry("bounds", "actions.kinds.bounds:BOUNDS", "bounds", "change the bounds of an autoscaler"),
    CatalogueEntry("hold", "actions.kinds.hold:HOLD", "hold", "pause KEDA at a number of replicas"),
    CatalogueEntry("restore", "actions.kinds.restore:RESTORE"),
    CatalogueEntry("silence", "actions.kinds.silence:SILENCE", "silence", "mute an alert for a time"),
    CatalogueEntry("expire", "actions.kinds.silence:EXPIRE", "expire", "end a silence: notifications resume"),
    CatalogueEntry("ack", "actions.kinds.ack:ACK", "ack", "acknowledge an incident, with a note"),
    CatalogueEntry(
        "local-up",
        "actions.kinds.local_up:LOCAL_UP",
        "local up",
        "start a server: from a model, a preset, or a pod's settings",
    ),
    CatalogueEntry(
        "local-down",
        "actions.kinds.local_down:LOCAL_DOWN",
        "local down",
        "stop servers after their running requests have finished",
    ),
    CatalogueEntry(
        "local-restart",
        "actions.kinds.local_restart:LOCAL_RESTART",
        "local restart",
        "restart a server, optionally with other arguments",
    ),
    CatalogueEntry(
        "local-bench", "actions.kinds.local_bench:LOCAL_BENCH", "local bench", "measure a server's speed under load"
    ),
)


def is_known(kind: str) -> bool:
    """True if there is such a kind: a log may contain kinds of a newer version."""
    return any(entry.kind == kind for entry in KINDS)


@cache
def spec_of(kind: str) -> ActionSpec:
    """Return the declaration of a kind; imports its module. Raises ValueError if it is unknown."""
    entry = next((entry for entry in KINDS if entry.kind == kind), None)
    if entry is None:
        raise ValueError(f"{kind!r} is not an action known to this version")
    module, _, name = entry.where.partition(":")
    spec: ActionSpec = getattr(import_module(module), name)
    return spec


def is_record(request: Request) -> bool:
    """True if a request only writes a record of the person; of several in turn, if each does."""
    from actions.spec import Api

    return spec_of(request.does).api is Api.RECORD


def specs() -> Iterator[ActionSpec]:
    """Yield the declarations of all kinds, in display order."""
    return (spec_of(entry.kind) for entry in KINDS)


def commands(group: str = "") -> tuple[str, ...]:
    """Return the acting commands outside any group, or those of a group (``up`` of ``local``), in display order."""
    split = (entry.command.rpartition(" ") for entry in KINDS if entry.command)
    return tuple(dict.fromkeys(name for of, _, name in split if of == group))


def specs_of(command: str) -> tuple[ActionSpec, ...]:
    """Return the declarations of the kinds behind a command."""
    return tuple(spec_of(entry.kind) for entry in KINDS if command and entry.command == command)


def from_json(document: Mapping[str, Any]) -> Request:
    """The request that ``actions.request.to_json`` wrote. Raises ValueError for anything else."""
    from pydantic import TypeAdapter

    from actions.request import InTurn

    content = dict(document)
    kind = str(content.pop("kind", ""))
    if kind == InTurn.kind:
        parts = content.get("parts")
        if not isinstance(parts, list | tuple) or not all(isinstance(part, Mapping) for part in parts):
            raise ValueError("its parts are missing")
        # The target does not determine the kinds of the parts: each is parsed by its own kind.
        return TypeAdapter(InTurn).validate_python(content | {"parts": tuple(from_json(part) for part in parts)})
    spec = spec_of(kind)
    # pydantic's ValidationError is a ValueError.
    return TypeAdapter(spec.request).validate_python(content)
