"""Objects by name as typed: ``deploy/chat``, ``chat-7c9f-x2k``, ``node/gpu-1``."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from actions.request import Target
from fleet.kinds.registry import kinds_that
from fleet.model.snapshot import Snapshot

_OTHERS: Mapping[str, str] = {
    **dict.fromkeys(("pod", "pods", "po"), "Pod"),
    **dict.fromkeys(("node", "nodes", "no"), "Node"),
    **dict.fromkeys(
        ("horizontalpodautoscaler", "horizontalpodautoscalers", "hpa", "horizontalpodautoscaler.autoscaling"),
        "HorizontalPodAutoscaler",
    ),
    **dict.fromkeys(("scaledobject", "scaledobjects", "so", "scaledobject.keda.sh"), "ScaledObject"),
}
"""kubectl's spellings of other kinds than workloads."""
_UNSEEN = frozenset({"HorizontalPodAutoscaler", "ScaledObject"})
"""Kinds that are found by name alone: no Snapshot has them under their own."""


class NotNamedError(Exception):
    """No object, or several, have that name; the text lists them."""


def parse(typed: str) -> tuple[str, str]:
    """(kind, name) as typed; the kind is empty where none was."""
    prefix, slash, name = typed.rpartition("/")
    return _kind(prefix) if slash else "", name


def _kind(typed: str) -> str:
    """Return the kind of a spelling; the typed text if it is unknown."""
    spelled = typed.lower()
    workload = next(iter(kinds_that(lambda kind: spelled in kind.names)), None)
    return workload.kind if workload is not None else _OTHERS.get(spelled, typed)


def find(typed: str, snapshot: Snapshot, namespace: str, default: str, kinds: tuple[str, ...]) -> Target:
    """Return the named object, with its uid.

    ``namespace`` is the requested one, empty for none: then ``default`` (the context's) is searched before the others.
    ``kinds`` are those that the command accepts, the first one for names without a kind. Raises NotNamedError.
    """
    kind, name = parse(typed)
    if kind and kind not in kinds:
        raise NotNamedError(f"{typed}: expected {' or '.join(kinds)}, not {kind}")
    if kind in _UNSEEN and name:
        return Target(kind, namespace or default, name)
    known = [target for target in _targets(snapshot) if target.kind in kinds and (not kind or target.kind == kind)]
    inside = [t for t in known if not namespace or not t.namespace or t.namespace == namespace]
    # A pod without an owner is listed twice: it is its own workload.
    found = list(dict.fromkeys(t for t in inside if t.name == name))
    if not found:
        # An owned workload can also be named directly; the plan shows its owner.
        parts = [t for t in _parts(snapshot) if t.kind in kinds and (not kind or t.kind == kind) and t.name == name]
        found = [t for t in parts if not namespace or t.namespace == namespace]
    if len(found) > 1:
        found = [t for t in found if t.namespace == (namespace or default)] or found
    if len(found) == 1:
        return found[0]
    if found:
        places = ", ".join(f"{t.kind.lower()}/{t.name} in {t.namespace}" for t in found)
        raise NotNamedError(f"{typed} is ambiguous: {places}; use -n and KIND/NAME")
    where = f" in {namespace}" if namespace else ""
    if maker := _makes(name, snapshot, namespace, kinds):
        raise NotNamedError(maker)
    near = difflib.get_close_matches(name, sorted({t.name for t in inside}), n=3)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise NotNamedError(
        f"no {_kinds_text((kind,) if kind else kinds)} {name}{where}{hint}{_other(name, snapshot, kinds)}"
    )


def _kinds_text(kinds: tuple[str, ...]) -> str:
    """The kinds that a command takes: several kinds of workloads are workloads."""
    workloads = [kind for kind in kinds if kind not in _OTHERS.values()]
    words = [kind.lower() for kind in kinds if kind not in workloads]
    found = ["workload"] if len(workloads) > 1 else [kind.lower() for kind in workloads]
    return " or ".join([*found, *words])


def _other(name: str, snapshot: Snapshot, kinds: tuple[str, ...]) -> str:
    """Return in words that an object of another kind has this name; empty if none has."""
    found = next((t for t in _targets(snapshot) if t.name == name and t.kind not in kinds), None)
    if found is None:
        return ""
    of = [pod.name for pod in (snapshot.pods[key] for key in snapshot.pods_of.get(_key(found), ()))]
    pods = f"; its pods: {', '.join(sorted(of)[:3])}{' …' if len(of) > 3 else ''}" if of and "Pod" in kinds else ""
    return f"; {name} is a {found.kind.lower()}{pods}"


def _key(target: Target) -> str:
    return f"{target.namespace}/{target.kind}/{target.name}"


def key_of(target: Target, snapshot: Snapshot) -> str:
    """Return the key of a named object in a Snapshot: of a part that of the workload which shows it."""
    if target.kind == "Node":
        return target.name
    return f"{target.namespace}/{target.name}" if target.kind == "Pod" else snapshot.top(_key(target))


def _makes(name: str, snapshot: Snapshot, namespace: str, kinds: tuple[str, ...]) -> str:
    """Explain a name that belongs to an owner of another kind: what it is, and which of its parts could be intended."""
    for workload in snapshot.workloads.values():
        if workload.name != name or (namespace and workload.namespace != namespace) or workload.kind in kinds:
            continue
        made = [t for t in _parts(snapshot) if snapshot.top(f"{t.namespace}/{t.kind}/{t.name}") == workload.key]
        usable = ", ".join(f"{t.kind.lower()}/{t.name}" for t in made if t.kind in kinds)
        if usable:
            return f"{name} is {workload.kind} {name} in {workload.namespace}; it created {usable}"
    return ""


def _parts(snapshot: Snapshot) -> Iterable[Target]:
    for workload in snapshot.parts.values():
        yield Target(workload.kind, workload.namespace, workload.name, workload.uid)


def _targets(snapshot: Snapshot) -> Iterable[Target]:
    for workload in snapshot.workloads.values():
        if workload.uid:
            yield Target(workload.kind, workload.namespace, workload.name, workload.uid)
    for pod in snapshot.pods.values():
        if pod.uid:
            yield Target("Pod", pod.namespace, pod.name, pod.uid)
    for node in snapshot.nodes.values():
        yield Target("Node", "", node.name, node.uid)
