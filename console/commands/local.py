"""The commands for the vLLM servers on this machine. Starting or ending one leads to a plan.

They apply to the server under the cursor on the screens of servers; on the fleet, if the context ``local`` is selected,
to the server of the pod under the cursor; and to any named in the command line.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

from actions.catalogue import specs
from actions.kinds.local_bench import LOCAL_BENCH
from actions.kinds.local_restart import LOCAL_RESTART
from actions.kinds.local_up import LOCAL_UP
from actions.request import LOCAL as HERE
from actions.request import LOCAL_SERVER, Target
from actions.spec import ActionSpec
from console.commands import on_screen
from console.commands.capabilities import Fillable
from console.commands.command import OWN, Command, Context, ScreenId
from console.commands.desk import Desk
from console.views.subject import has_pod, pod_for

if TYPE_CHECKING:
    from fleet.local.server import ServerState

_SUBJECTS = frozenset({ScreenId.FLEET, ScreenId.DETAIL})
_LOCAL = frozenset({ScreenId.LOCAL, ScreenId.LOCAL_SERVER})
_NOT_IN_A_LINE = frozenset(ScreenId) - {ScreenId.FORM, ScreenId.PLAN, ScreenId.CONFIRM}
SERVER = "[SERVER]"
"""Argument of commands for one of the servers."""
SAME = "same"
"""``:up same``: a server like the pod under the cursor."""


def server_of(context: Context) -> ServerState | None:
    """Return the server that applies: the named one, else the one under the cursor, else that of the pod there."""
    if context.argument:
        return next((server for server in context.servers if server.name == context.argument), None)
    snapshot, subject = context.snapshot, context.subject
    if context.where in OWN:
        return next((server for server in context.servers if server.name == subject), None)
    pod = pod_for(snapshot, subject) if snapshot is not None and subject is not None else None
    uid = snapshot.pods[pod].uid if snapshot is not None and pod is not None else ""
    return next((server for server in context.servers if server.record.id == uid), None)


def target_of(server: ServerState) -> Target:
    """The server as the target of a request."""
    return Target(LOCAL_SERVER, HERE, server.name, server.record.id)


def _needs_server(context: Context) -> str | None:
    if server_of(context) is not None:
        return None
    if context.argument:
        names = ", ".join(server.name for server in context.servers)
        return f"there is no server on this machine called {context.argument!r}" + (
            f"; there is {names}" if names else ""
        )
    return "no vLLM server on this machine is under the cursor; :local lists them"


def _needs_actions(context: Context) -> str | None:
    return None if context.actions is not None else "not before the cluster has been read once"


def _needs_both(context: Context) -> str | None:
    return _needs_server(context) or _needs_actions(context)


def _needs_ready(context: Context) -> str | None:
    from fleet.local.server import Phase

    lack, server = _needs_server(context), server_of(context)
    if lack is not None or server is None:
        return lack
    return (
        None if server.stage.phase is Phase.READY else f"{server.name} is not ready, it is {server.stage.phase.value}"
    )


def _needs_pod(context: Context) -> str | None:
    snapshot, subject = context.snapshot, context.subject
    there = snapshot is not None and subject is not None and has_pod(snapshot, subject)
    return _needs_actions(context) if there else "there is no pod under the cursor"


def _with_server(do: Callable[[Desk, str], None]) -> Callable[[Desk, Context], None]:
    def run(desk: Desk, context: Context) -> None:
        server = server_of(context)
        if server is not None:
            do(desk, server.name)

    return run


async def _open_same(desk: Desk, context: Context) -> None:
    if context.subject is not None:
        await desk.local_pages.open_same(context.subject)


def _open_launch(desk: Desk, context: Context) -> Awaitable[None] | None:
    if context.argument == SAME:
        return _open_same(desk, context)
    desk.local_pages.open_up(context.argument)
    return None


def _needs_for_up(context: Context) -> str | None:
    return _needs_pod(context) if context.argument == SAME else _needs_actions(context)


def _plan(spec: ActionSpec) -> Callable[[Desk, Context], None]:
    """Return a command that plans at once, if the server is all it needs."""

    def run(desk: Desk, context: Context) -> None:
        server = server_of(context)
        if server is not None:
            desk.actions.open_plan(spec.make({}, (target_of(server),)))

    return run


def _action(
    spec: ActionSpec,
    run: Callable[[Desk, Context], Awaitable[None] | None] | None = None,
    *,
    where: frozenset[ScreenId] = OWN | _SUBJECTS,
    bound: frozenset[ScreenId] = _LOCAL,
    argument: str = SERVER,
    available: Callable[[Context], str | None] = _needs_both,
) -> Command:
    """Return a command from the declaration of an action. ``run``: how it begins if a form is filled in first."""
    return Command(
        f"local.{spec.kind.removeprefix('local-')}",
        spec.title,
        run or _plan(spec),
        spec.keys,
        spec.names,
        where=where,
        bound=bound,
        hint=spec.hint,
        argument=argument,
        dangerous=True,
        available=available,
    )


def _formless_actions(*known: ActionSpec) -> Iterator[Command]:
    """Actions on a server for which no form is opened first."""
    return (_action(spec) for spec in specs() if spec.local and spec.names and spec not in known)


LOCAL: tuple[Command, ...] = (
    Command(
        "open.local",
        "vLLM servers on this machine",
        lambda desk, _: desk.local_pages.open_list(),
        ("m",),
        ("local", "servers", "nodes-here"),
        where=_NOT_IN_A_LINE,
        bound=_SUBJECTS | {ScreenId.NODES},
        only_now=True,
    ),
    _action(
        LOCAL_UP,
        _open_launch,
        where=_NOT_IN_A_LINE,
        bound=frozenset({ScreenId.LOCAL}),
        argument="[MODEL | PRESET | same]",
        available=_needs_for_up,
    ),
    Command(
        "local.same",
        "Start a server on this machine with the pod's settings",
        _open_same,
        ("equals_sign",),
        (SAME,),
        where=_SUBJECTS,
        dangerous=True,
        available=_needs_pod,
    ),
    *_formless_actions(LOCAL_UP, LOCAL_RESTART, LOCAL_BENCH),
    _action(LOCAL_RESTART, _with_server(lambda desk, name: desk.local_pages.open_restart(name))),
    Command(
        "local.try",
        "Try it: send a prompt and stream the answer",
        _with_server(lambda desk, name: desk.local_pages.open_try(name)),
        ("t",),
        ("try",),
        where=OWN | _SUBJECTS,
        bound=_LOCAL,
        hint="try",
        argument=SERVER,
        dangerous=True,
        available=_needs_ready,
    ),
    _action(
        LOCAL_BENCH,
        _with_server(lambda desk, name: desk.local_pages.open_bench(name)),
        bound=_LOCAL | {ScreenId.BENCHES},
        available=lambda context: _needs_ready(context) or _needs_actions(context),
    ),
    Command(
        "open.benches",
        "Benchmarks of its model, compared with earlier ones and the fleet",
        _with_server(lambda desk, name: desk.local_pages.open_benches(name)),
        ("v",),
        ("benches",),
        where=OWN | _SUBJECTS,
        bound=_LOCAL,
        hint="results",
        argument=SERVER,
        available=_needs_server,
    ),
    Command(
        "open.entries",
        "Configuration for gateways and nginx",
        _with_server(lambda desk, name: desk.local_pages.open_entries(name)),
        ("y",),
        ("entry",),
        where=OWN | _SUBJECTS,
        bound=_LOCAL,
        hint="entry",
        argument=SERVER,
        available=_needs_server,
    ),
    Command(
        "form.plan",
        "Plan with these values",
        on_screen.call(Fillable.submit),
        ("ctrl+s",),
        where=frozenset({ScreenId.FORM}),
        hint="plan it",
        needs=Fillable,
        dangerous=True,
    ),
)
