"""Targets of an action: the objects that were under the cursor, or marked, when it was requested.

Names and uids come from the Snapshot of that moment, which the context carries: whatever has taken a row or a name
since is another object.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from actions.catalogue import specs
from actions.spec import ActionSpec, Launch
from console.commands.command import Context
from console.views.subject import ref_of
from fleet.kinds.registry import kind_of
from fleet.model.objects import ObjectRef
from fleet.model.snapshot import Snapshot


class Chosen(NamedTuple):
    """An object as it was chosen."""

    ref: ObjectRef
    uid: str


Choice = tuple[Chosen, ...] | str
"""Result of a choice: at least one object, or why there is none."""


UNKNOWN: Final = "it is measured, but Kubernetes does not know it"
_NO_WORKLOAD: Final = "no workload is under the cursor"
_NO_NODE: Final = "no node is under the cursor"


def choose(spec: ActionSpec, context: Context) -> Choice:
    """Return the targets of an action at this moment, or why there is none."""
    if "Node" in spec.targets:
        found = _nodes(context)
    elif spec.many:
        found = _pods(context)
    else:
        found = _under_cursor(spec, context)
    if isinstance(found, str) or context.snapshot is None:
        return found
    for each in found:
        if why := spec.available(context.snapshot, each.ref):
            return _marked(each.ref.name, why) if len(found) > 1 else why
    return found


def _is_here(context: Context) -> bool:
    return context.snapshot is not None and context.snapshot.is_machine


def _why_not_here() -> str:
    """Return why cluster actions do not apply to this machine's context, and which do."""
    here = (spec for spec in specs() if spec.local and spec.launch is not Launch.NEW)
    names = [f":{spec.names[0]}" for spec in here if spec.names]
    return f"it is a server on this machine; use {', '.join(names)} or :try"


def _under_cursor(spec: ActionSpec, context: Context) -> Choice:
    """The marked workloads (and pods, where it is for pods) in the order of the screen, else what the cursor is on."""
    if _is_here(context):
        return _why_not_here()
    found: list[Chosen] = []
    for key in context.marked or (context.subject,):
        chosen = _one(spec, context, key)
        if isinstance(chosen, str):
            name = (key or "").rpartition("/")[2]
            return _marked(name, chosen) if context.marked else chosen
        found.append(chosen)
    if len({chosen.ref.kind == "Pod" for chosen in found}) > 1:
        return "workloads and pods are marked; esc clears the marks"
    return tuple(found)


def _marked(name: str, why: str) -> str:
    """Say of one of several that are marked why it cannot be done, as one clause."""
    clause = "this is not a workload" if why == _NO_WORKLOAD else why.partition(";")[0]
    return f"{clause} ({name}); esc clears the marks"


def _one(spec: ActionSpec, context: Context, key: str | None) -> Chosen | str:
    """The workload, or the pod, of a row."""
    kinds = tuple(kind for kind in spec.targets if kind != "Pod")
    snapshot = context.snapshot
    pod = _pod(snapshot, key or "") if snapshot is not None and "Pod" in spec.targets else None
    if pod is not None:
        return pod
    if snapshot is not None and key in snapshot.pods and not context.marked:
        # What is for workloads alone can only mean that of the pod; its name is in the line that asks and in the plan.
        key = snapshot.workload_of.get(key or "")
    return _workload(() if spec.other_workloads else kinds, snapshot, key)


def _workload(kinds: tuple[str, ...], snapshot: Snapshot | None, key: str | None) -> Chosen | str:
    """A workload of one of these kinds; none given: of any kind that has replicas."""
    found = snapshot.workloads.get(key) if snapshot is not None and key is not None else None
    if found is not None and not found.uid:
        return UNKNOWN
    if snapshot is None or found is None:
        of_pod = snapshot is not None and key in snapshot.pods
        return "this is a pod; { goes to its workload" if of_pod else _NO_WORKLOAD
    if kinds and found.kind not in kinds:
        return f"this is a {found.kind}, and this takes a {' or a '.join(kinds)}"
    if why := kind_of(found.kind).unscalable:
        return f"a {found.kind} {why}"
    return Chosen(snapshot.ref(found.kind, found.namespace, found.name), found.uid)


def _pods(context: Context) -> Choice:
    """Return the marked pods in screen order, else the one under the cursor."""
    snapshot = context.snapshot
    if _is_here(context):
        return _why_not_here()
    keys = context.marked or ((context.subject,) if context.subject is not None else ())
    if snapshot is None or not keys:
        return "no pod is under the cursor"
    found = [_pod(snapshot, key) for key in keys]
    chosen = tuple(pod for pod in found if pod is not None)
    if len(chosen) < len(keys):
        if context.marked:
            return "not all marked objects are pods; esc clears the marks"
        if snapshot.pods.get(keys[0]) is not None:
            return UNKNOWN
        return "this is a workload; its pods are below it" if keys[0] in snapshot.workloads else "this is not a pod"
    return chosen


def _nodes(context: Context) -> Choice:
    """The marked nodes in screen order, else the one under the cursor; for a GPU, its node."""
    snapshot = context.snapshot
    if _is_here(context):
        return "this is the machine that this program runs on, not a Kubernetes node"
    keys = context.marked or ((context.subject,) if context.subject is not None else ())
    if snapshot is None or not keys:
        return _NO_NODE
    names = dict.fromkeys(gpu.node if (gpu := snapshot.gpus.get(key)) is not None else key for key in keys)
    found = [node for name in names if (node := snapshot.nodes.get(name)) is not None]
    if len(found) < len(names):
        return "not all marked objects are nodes; esc clears the marks" if context.marked else _NO_NODE
    return tuple(Chosen(snapshot.ref("Node", "", node.name), node.uid) for node in found)


def _pod(snapshot: Snapshot, key: str) -> Chosen | None:
    found = snapshot.pods.get(key)
    ref = ref_of(snapshot, key) if found is not None else None
    return Chosen(ref, found.uid) if found is not None and ref is not None else None
