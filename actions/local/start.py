"""Starting a server: the spec that would be started, and following it until it serves or has died."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from pathlib import Path

from actions.local.context import LocalExecution
from actions.local.environment import set_for
from actions.local.leftovers import ServerResources, left_of
from actions.local.machine import Installed, Machine
from actions.local.steps import removing, starting
from actions.local.store import claim, last_of, mark_ready, prepare, remember_start, without_secrets
from actions.number_words import count
from actions.planning.plan import Mutation, Step
from actions.running.progress import Outcome, Result
from fleet.local.arguments import lifted
from fleet.local.errors import LocalError
from fleet.local.record import servers_folder
from fleet.local.server import Phase, ServerState
from fleet.local.spec import LaunchSpec, serve_arguments
from fleet.model.log_reasons import STOPPED

DRAIN = "--shutdown-timeout"
QUIET = "--disable-access-log-for-endpoints"
LOADS = 1
"""Number of steps of ``steps_of`` before the one in which it loads."""


def start_of(spec: LaunchSpec, installed: Installed, machine: Machine, needed: dict[str, str]) -> Mutation:
    """Return the start as a mutation: command line and environment, with masks in place of secrets."""
    argv = (installed.executable, *serve_arguments(in_its_places(spec)))
    if installed.drains and not any(word.startswith(DRAIN) for word in spec.extra):
        argv = (*argv, DRAIN, str(round(machine.grace)))
    if installed.quiet and not any(word.startswith(QUIET) for word in spec.extra):
        argv = (*argv, QUIET, "/health,/metrics")
    shown = without_secrets(in_its_places(spec))
    return starting(
        shown,
        uuid.uuid4().hex,
        argv,
        set_for(shown, needed),
        version=installed.version,
        drains=installed.drains,
        cpu=installed.cpu,
        begun=0.0,
    )


def steps_of(mutation: Mutation, spec: LaunchSpec) -> tuple[Step, ...]:
    """The steps of a start."""
    return (
        Step("start vLLM", f"in its own session: it continues when this terminal closes; {spec.url}", (mutation,)),
        Step("load the model", "until /health answers and /v1/models lists it"),
    )


async def start(spec: LaunchSpec, mutation: Mutation, execution: LocalExecution, first: int = 0) -> Outcome:
    """Start it and follow it; ``first`` is the index of the first of ``steps_of`` among the plan's steps."""
    machine = execution.machine
    folder = servers_folder(machine.state) / spec.name
    execution.step(first)
    body = mutation.body | {"begun": execution.now()}
    with await asyncio.to_thread(claim, folder):
        await _clear(folder, execution)
        await asyncio.to_thread(prepare, folder, spec)
        await execution.send(Mutation(mutation.method, mutation.path, body, query={}, about=mutation.about))
    execution.step(first + LOADS)
    server = body["id"]
    state: ServerState | None = None

    async def settled() -> bool:
        nonlocal state
        state = await server_of(machine, server)
        if state is None:
            return True
        execution.say(*_progress_of(state))
        return state.stage.phase in (Phase.READY, Phase.DEAD)

    if not await execution.until(settled, execution.rules.follow_timeout):
        waited = f"{execution.rules.follow_timeout:.0f} s"
        return Outcome(Result.TIMED_OUT, f"after {waited} it is still not ready: it continues to load", _UP_TO_YOU)
    if state is None or (state.reason is not None and state.reason.id == STOPPED.id):
        return Outcome(Result.STOPPED, "it was stopped while it was loading")
    if state.stage.phase is Phase.DEAD:
        return _died(state)
    await asyncio.to_thread(mark_ready, state.record, state.record.ready or execution.now())
    await asyncio.to_thread(remember_start, servers_folder(machine.state), state)
    return Outcome(
        Result.CONVERGED,
        f"ready after {state.elapsed:.0f} s at {spec.url} as {', '.join(state.models) or spec.served}",
        f"its API key is in {folder / 'key'}",
    )


async def _clear(folder: Path, execution: LocalExecution) -> None:
    """Remove the remains of a dead server with this name: without its record, they could not be attributed.

    Raises LocalError if processes of it still run.
    """
    dead = await asyncio.to_thread(last_of, folder)
    if dead is None:
        return
    left = await asyncio.to_thread(left_of, dead, ServerResources())
    if left.processes:
        what = f"{count(len(left.processes), 'process', 'processes')} of the dead {dead.name} still run"
        raise LocalError(what, f"To end them: quarterdeck local down {dead.name}")
    for path in sorted(left.shared):
        await execution.send(removing(path, f"unused shared memory of the last start of {dead.name}"))
    if dead.runtime:
        await execution.send(removing(dead.runtime, f"temporary files of the last start of {dead.name}"))


async def server_of(machine: Machine, server: str) -> ServerState | None:
    """The server with this id as it is now; None where there is none (any more)."""
    return next((state for state in await machine.servers.poll() if state.record.id == server), None)


async def server_named(machine: Machine, name: str, server: str = "") -> ServerState:
    """The server of this name; with an id it must be that one. Raises LocalError."""
    found = next((state for state in await machine.servers.poll() if state.name == name), None)
    if found is None:
        raise LocalError(f"there is no server {name} on this machine", "quarterdeck local ls lists the servers.")
    if server and found.record.id != server:
        raise LocalError(f"{name} is not the one that was chosen: it was restarted meanwhile", "Choose it again.")
    return found


def in_its_places(spec: LaunchSpec) -> LaunchSpec:
    """Return the spec with the absolute path of a folder (the server has another working directory), and each argument
    in its field: a preset, or an earlier version's record, may have it elsewhere.
    """
    spec = lifted(spec)
    try:
        path = Path(spec.model).expanduser()
        if not spec.model.startswith(("/", "./", "../", "~")) and not path.exists():
            return spec
        whole = path.resolve()
    except (OSError, RuntimeError):
        # An unknown user's home, a name that is too long, a loop of links: the check of the model reports it.
        return spec
    return replace(spec, model=str(whole), served_model_name=spec.served_model_name or (whole.name,))


def _progress_of(state: ServerState) -> tuple[str, float, float, float | None]:
    """Return the progress for ``LocalExecution.say``."""
    stage = state.stage
    words = f"{stage.phase.value}{': ' + stage.detail if stage.detail else ''}, {state.elapsed:.0f} s"
    return words, stage.done, stage.total, state.eta


def _died(state: ServerState) -> Outcome:
    reason = state.reason
    text = f"it died while {_DOING.get(_last(state), 'starting')}: {reason.text if reason else 'for an unknown reason'}"
    line = f"\n{reason.line}" if reason and reason.line else ""
    return Outcome(Result.FAILED, text + line, reason.remedy if reason else "")


def _last(state: ServerState) -> Phase:
    return next((stage.phase for stage in reversed(state.stages) if stage.phase is not Phase.DEAD), Phase.STARTING)


_DOING: dict[Phase, str] = {
    Phase.DOWNLOADING: "downloading",
    Phase.LOADING: "reading weights",
    Phase.COMPILING: "compiling",
    Phase.CAPTURING: "capturing graphs",
}
_UP_TO_YOU = "watch it with :local, or stop it: quarterdeck local down"
