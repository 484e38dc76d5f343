"""Targets of an action: the objects that were under the cursor, or marked, when it was asked for.

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
from fleet.model.objects import ObjectRef, Workload
from fleet.model.snapshot import Snapshot


class Chosen(NamedTuple):
    """An object as it was chosen."""

    ref: ObjectRef
    uid: str


Choice = tuple[Chosen, ...] | str
"""Result of a choice: at least one object, or why there is none."""


UNKNOWN: Final = "it is measured, but Kubernetes does not know it"


def choose(spec: ActionSpec, context: Context) -> Choice:
    """Return the targets of an action at this moment, or why there is none."""
    if "Node" in spec.targets:
        found = _node(context)
    elif spec.many:
        found = _pods(context)
    else:
        found = _under_cursor(spec, context)
    if isinstance(found, str) or context.snapshot is None:
        return found
    return next((why for each in found if (why := spec.available(context.snapshot, each.ref))), found)


def _is_here(context: Context) -> bool:
    return context.snapshot is not None and context.snapshot.is_machine


def _why_not_here() -> str:
    """Return why no action on a cluster is for what the context of this machine shows, and what is."""
    here = (spec for spec in specs() if spec.local and spec.launch is not Launch.NEW)
    names = [f":{spec.names[0]}" for spec in here if spec.names]
    return f"it is a server of this machine; {', '.join(names)} and :try are for it"


def _workload_of(context: Context) -> Workload | None:
    snapshot, subject = context.snapshot, context.subject
    return snapshot.workloads.get(subject) if snapshot is not None and subject is not None else None


def _under_cursor(spec: ActionSpec, context: Context) -> Choice:
    """The workload, or the pod, under the cursor."""
    kinds = tuple(kind for kind in spec.targets if kind != "Pod")
    if _is_here(context):
        return _why_not_here()
    if context.marked:
        what = "one" if len(kinds) < len(spec.targets) else "one workload"
        return f"{what} at a time; esc clears the marks"
    snapshot, subject = context.snapshot, context.subject
    pod = _pod(snapshot, subject or "") if snapshot is not None and "Pod" in spec.targets else None
    return (pod,) if pod is not None else _workload(() if spec.other_workloads else kinds, context)


def _workload(kinds: tuple[str, ...], context: Context) -> Choice:
    """A workload of one of these kinds; none given: of any kind that has replicas."""
    found = _workload_of(context)
    if found is not None and not found.uid:
        return UNKNOWN
    if context.snapshot is None or found is None:
        of_pod = context.snapshot is not None and context.subject in context.snapshot.pods
        return "this is a pod; { goes to its workload" if of_pod else "no workload is under the cursor"
    if kinds and found.kind not in kinds:
        return f"this is a {found.kind}, and it is for a {' or a '.join(kinds)}"
    if why := kind_of(found.kind).unscalable:
        return f"a {found.kind} {why}"
    return (Chosen(context.snapshot.ref(found.kind, found.namespace, found.name), found.uid),)


def _pods(context: Context) -> Choice:
    """The marked pods in the order of the screen, else the one under the cursor."""
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
            return "something else than pods is marked; esc clears the marks"
        if snapshot.pods.get(keys[0]) is not None:
            return UNKNOWN
        return "this is a workload; its pods are below it" if keys[0] in snapshot.workloads else "this is not a pod"
    return chosen


def _node(context: Context) -> Choice:
    """The node under the cursor, or that of the GPU under it."""
    snapshot, subject = context.snapshot, context.subject
    if _is_here(context):
        return "this is the machine that this program runs on; Kubernetes knows nothing of it"
    if context.marked:
        return "one node at a time; esc clears the marks"
    if snapshot is None or subject is None:
        return "no node is under the cursor"
    gpu = snapshot.gpus.get(subject)
    found = snapshot.nodes.get(gpu.node if gpu is not None else subject)
    return (
        "no node is under the cursor" if found is None else (Chosen(snapshot.ref("Node", "", found.name), found.uid),)
    )


def _pod(snapshot: Snapshot, key: str) -> Chosen | None:
    found = snapshot.pods.get(key)
    ref = ref_of(snapshot, key) if found is not None else None
    return Chosen(ref, found.uid) if found is not None and ref is not None else None
