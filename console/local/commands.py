"""The rows of the table for the vLLM nodes of this machine. What starts or ends one leads to a plan.

On the screens of nodes the one under the cursor is meant; on the fleet, where the cluster ``local`` is in view, the one
whose pod is under it; and any by its name in the command line.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from console.commands.command import OWN, Command, Context, ScreenId
from console.commands.desk import Desk
from console.views.subject import has_pod, pod_for

if TYPE_CHECKING:
    from actions.request import Target
    from fleet.local.node import NodeState

_SUBJECTS = frozenset({ScreenId.FLEET, ScreenId.DETAIL})
_LOCAL = frozenset({ScreenId.LOCAL, ScreenId.LOCAL_NODE})
_NOT_IN_A_LINE = frozenset(ScreenId) - {ScreenId.FORM, ScreenId.PLAN, ScreenId.CONFIRM}
NODE = "[NODE]"
"""What may follow the name of a command for one of them."""
SAME = "same"
"""``:up same``: what the pod under the cursor runs."""


def node_of(context: Context) -> NodeState | None:
    """The node that is meant: the one that was named, else the one under the cursor, else the one of a pod there."""
    if context.argument:
        return next((node for node in context.nodes if node.name == context.argument), None)
    snapshot, subject = context.snapshot, context.subject
    if context.where in OWN:
        return next((node for node in context.nodes if node.name == subject), None)
    pod = pod_for(snapshot, subject) if snapshot is not None and subject is not None else None
    uid = snapshot.pods[pod].uid if snapshot is not None and pod is not None else ""
    return next((node for node in context.nodes if node.record.id == uid), None)


def target_of(node: NodeState) -> Target:
    """The node as the target of a request."""
    from actions.request import LOCAL, LOCAL_NODE, Target

    return Target(LOCAL_NODE, LOCAL, node.name, node.record.id)


def _needs_node(context: Context) -> str | None:
    if node_of(context) is not None:
        return None
    if context.argument:
        names = ", ".join(node.name for node in context.nodes)
        return f"no node of this machine is called {context.argument!r}" + (f"; there is {names}" if names else "")
    return "no vLLM node of this machine is under the cursor; :local lists them"


def _needs_acting(context: Context) -> str | None:
    return None if context.acting is not None else "not before the first look at the cluster"


def _needs_both(context: Context) -> str | None:
    return _needs_node(context) or _needs_acting(context)


def _needs_ready(context: Context) -> str | None:
    from fleet.local.node import Phase

    lack, node = _needs_node(context), node_of(context)
    if lack is not None or node is None:
        return lack
    return None if node.stage.phase is Phase.READY else f"{node.name} is not ready, it is {node.stage.phase.value}"


def _needs_pod(context: Context) -> str | None:
    snapshot, subject = context.snapshot, context.subject
    there = snapshot is not None and subject is not None and has_pod(snapshot, subject)
    return _needs_acting(context) if there else "there is no pod under the cursor"


def _with_node(do: Callable[[Desk, str], None]) -> Callable[[Desk, Context], None]:
    def run(desk: Desk, context: Context) -> None:
        node = node_of(context)
        if node is not None:
            do(desk, node.name)

    return run


async def _same(desk: Desk, context: Context) -> None:
    if context.subject is not None:
        await desk.open_same(context.subject)


def _up(desk: Desk, context: Context) -> Awaitable[None] | None:
    if context.argument == SAME:
        return _same(desk, context)
    desk.open_up(context.argument)
    return None


def _needs_for_up(context: Context) -> str | None:
    return _needs_pod(context) if context.argument == SAME else _needs_acting(context)


def _down(desk: Desk, context: Context) -> None:
    from actions.kinds.local_down import LocalDown

    node = node_of(context)
    if node is not None:
        desk.open_plan(LocalDown(target_of(node)))


LOCAL: tuple[Command, ...] = (
    Command(
        "open.local",
        "vLLM nodes of this machine",
        lambda desk, _: desk.open_local(),
        ("m",),
        ("local", "nodes-here"),
        where=_NOT_IN_A_LINE,
        bound=_SUBJECTS | {ScreenId.NODES},
    ),
    Command(
        "local.up",
        "Start a vLLM node on this machine",
        _up,
        ("n",),
        ("up", "local-up"),
        where=_NOT_IN_A_LINE,
        bound=frozenset({ScreenId.LOCAL}),
        hint="new",
        argument="[MODEL | PRESET | same]",
        dangerous=True,
        available=_needs_for_up,
    ),
    Command(
        "local.same",
        "Start on this machine what the pod runs",
        _same,
        ("equals_sign",),
        (SAME,),
        where=_SUBJECTS,
        dangerous=True,
        available=_needs_pod,
    ),
    Command(
        "local.down",
        "Take the node down: its running requests end first",
        _down,
        ("s", "x"),
        ("down", "local-down"),
        where=OWN | _SUBJECTS,
        bound=_LOCAL,
        hint="stop",
        argument=NODE,
        dangerous=True,
        available=_needs_both,
    ),
    Command(
        "local.restart",
        "Restart the node, with other arguments where they are changed",
        _with_node(lambda desk, name: desk.open_restart(name)),
        ("r",),
        ("local-restart",),
        where=OWN | _SUBJECTS,
        bound=_LOCAL,
        hint="restart",
        argument=NODE,
        dangerous=True,
        available=_needs_both,
    ),
    Command(
        "local.try",
        "Try it: a prompt, and the answer as it comes",
        _with_node(lambda desk, name: desk.open_try(name)),
        ("t",),
        ("try",),
        where=OWN | _SUBJECTS,
        bound=_LOCAL,
        hint="try",
        argument=NODE,
        dangerous=True,
        available=_needs_ready,
    ),
    Command(
        "local.bench",
        "Benchmark it",
        _with_node(lambda desk, name: desk.open_bench(name)),
        ("b",),
        ("bench",),
        where=OWN | _SUBJECTS,
        bound=_LOCAL | {ScreenId.BENCHES},
        hint="bench",
        argument=NODE,
        dangerous=True,
        available=lambda context: _needs_ready(context) or _needs_acting(context),
    ),
    Command(
        "open.benches",
        "Benchmarks of its model, beside earlier ones and the fleet",
        _with_node(lambda desk, name: desk.open_benches(name)),
        ("v",),
        ("benches",),
        where=OWN | _SUBJECTS,
        bound=_LOCAL,
        hint="results",
        argument=NODE,
        available=_needs_node,
    ),
    Command(
        "open.entries",
        "The node as an entry for gateways and nginx",
        _with_node(lambda desk, name: desk.open_entries(name)),
        ("y",),
        ("entry",),
        where=OWN | _SUBJECTS,
        bound=_LOCAL,
        hint="entry",
        argument=NODE,
        available=_needs_node,
    ),
    Command(
        "form.plan",
        "Plan what was filled in",
        lambda _, context: context.view.submit(),
        ("ctrl+s",),
        where=frozenset({ScreenId.FORM}),
        hint="plan it",
        dangerous=True,
    ),
)
