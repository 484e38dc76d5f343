"""Actions of ``quarterdeck local``: plan, confirm, execute, follow, as each is declared. Never in read-only mode.

``undo`` and ``try`` are not in the catalogue: they have their own functions.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

from actions.audit.opened_logs import open_folder
from actions.audit.who import Who
from actions.catalogue import specs_of
from actions.local.installation import installed
from actions.local.machine import Reading, unheard
from actions.local.prompt import ask
from actions.request import LOCAL, LOCAL_SERVER, Target
from actions.running.action_run import ActionRun
from actions.running.progress import Outcome, Result
from actions.running.runner import Runner
from actions.spec import ActionSpec, Launch
from actions.undo import plan_undo
from console.cli import exit_codes, interruptible
from console.cli.confirm import ProgressPrinter, execute, execute_all
from console.cli.dispatch import Invocation, say
from console.cli.local.server_request import addressed, base_spec, like_pod, with_flags
from console.cli.local.start_progress import PhasePrinter
from console.config.settings import Settings
from console.session.local.presets import defaults
from console.session.local.watcher import SharedWatcher
from console.wiring import local_actions
from console.wiring.audit_folder import audit_folder
from fleet.dataclass import dataclass
from fleet.local.errors import LocalError
from fleet.local.gpus import read_gpus
from fleet.local.same_as_pod import Difference
from fleet.local.server import ServerState
from fleet.local.spec import LaunchSpec
from fleet.sources.kube.errors import KubeconfigError, NotFoundError
from widgets.untrusted import untrusted, untrusted_line

_TAIL = 20
"""Last lines of a dead server's log that are printed."""


def act(invocation: Invocation, settings: Settings) -> int:
    """Run an acting command; return the exit code. Raises LocalError for an invalid request."""
    timeout = getattr(invocation.options, "timeout", None)
    if timeout is not None:
        settings = replace(settings, actions=replace(settings.actions, follow_timeout=timeout))
    asked, name = _Asked(invocation, settings), invocation.options.local_command
    own = _OWN.get(name)
    return interruptible.run(own(asked) if own is not None else _carry_out(asked, specs_of(f"local {name}")[0]))


@dataclass(frozen=True, slots=True)
class _Asked:
    """One command line."""

    invocation: Invocation
    settings: Settings

    @property
    def options(self) -> argparse.Namespace:
        return self.invocation.options

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[SharedWatcher]:
        """Yield the watcher of the servers on this machine."""
        here = SharedWatcher(self.settings, self.invocation.environ)
        try:
            yield here
        finally:
            await here.close()

    @asynccontextmanager
    async def running(
        self, here: SharedWatcher, changed: Callable[[ActionRun], None], reading: Reading = unheard
    ) -> AsyncIterator[Runner]:
        """Yield the runner of the actions."""
        runner = local_actions.local_runner(
            self.settings, self.invocation.environ, here, changed, reading=reading, asking=_say_it
        )
        try:
            yield runner
        finally:
            await runner.close()


async def _carry_out(asked: _Asked, spec: ActionSpec) -> int:
    """Plan and carry out an action on servers: on each named one, or on the one that it starts."""
    options = asked.options
    async with asked.watching() as here:
        if spec.launch is not None:
            return await _start(asked, here, spec)
        servers = await _named_servers(asked, here, spec)
        if not servers:
            say("there are no servers on this machine")
            return exit_codes.OK
        async with asked.running(here, ProgressPrinter(several=len(servers) > 1).changed) as runner:
            plans = [await runner.executor.plan(spec.make(vars(options), (_target(server),))) for server in servers]
            ended = await execute_all(plans, options, runner)
        return next((code for code, _ in ended if code != exit_codes.OK), exit_codes.OK)


async def _named_servers(asked: _Asked, here: SharedWatcher, spec: ActionSpec) -> Sequence[ServerState]:
    """The servers that were named. Raises LocalError."""
    options = asked.options
    if not spec.each:
        return (_find_server(await here.poll(), options.name, here.problems),)
    if bool(options.names) is options.all:
        raise LocalError("name a server, or use --all", "quarterdeck local ls lists them.")
    known = await here.poll()
    return known if options.all else [_find_server(known, name, here.problems) for name in dict.fromkeys(options.names)]


async def _new(asked: _Asked, servers: Sequence[ServerState]) -> LaunchSpec:
    """Return the spec of a new server, beside the existing ones. Raises LocalError."""
    options, settings = asked.options, asked.settings
    ports = {server.record.spec.port for server in servers if server.alive}
    if options.like:
        if options.model or options.preset:
            raise LocalError("--like takes the model from the pod: omit MODEL and --preset")
        spec = await _spec_like_pod(asked, ports)
    else:
        spec = base_spec(options, settings, asked.invocation.environ)
    spec = with_flags(spec, options, options.extra)
    # A dead server of the same name is replaced, as the plan says.
    taken = {server.name for server in servers if server.alive}
    return addressed(spec, options.name or "", taken, settings.local.port, ports)


async def _start(asked: _Asked, here: SharedWatcher, spec: ActionSpec) -> int:
    """Plan and execute an action that ends with a loading server."""
    options, servers = asked.options, await here.poll()
    if spec.launch is Launch.NEW:
        launched = await _new(asked, servers)
        target = Target(LOCAL_SERVER, LOCAL, launched.name)
    else:
        server = _find_server(servers, options.name, here.problems)
        launched = with_flags(server.record.spec, options, options.extra)
        target = _target(server)
    name = launched.name
    request = spec.make({**vars(options), "spec": launched}, (target,))
    begun: list[str] = []
    if getattr(options, "verify", False):
        say("weights with a checksum are verified by reading them once")

    def loading(state: ActionRun) -> None:
        if not begun:
            begun.append(state.id)
            if options.detach:
                runner.stop(state.id)

    def in_words(outcome: Outcome) -> Outcome:
        if outcome.result is not Result.STOPPED or not begun:
            return outcome
        remedy = f"quarterdeck local ls shows its progress, local logs {name} -f its log; local down {name} stops it"
        return replace(outcome, text=f"{name} continues to load", remedy=remedy)

    teller = PhasePrinter(loading)
    async with asked.running(here, teller.changed, teller.reading) as runner:
        code, _ = await execute(await runner.executor.plan(request), options, runner, in_words)
    if code == exit_codes.PROBLEM:
        await _tell_last_words(here, name)
    return exit_codes.OK if options.detach and begun and code == exit_codes.INTERRUPTED else code


async def _tell_last_words(here: SharedWatcher, name: str) -> None:
    server = next((server for server in await here.poll() if server.name == name), None)
    if server is not None and not server.alive:
        for line in server.tail[-_TAIL:]:
            print(f"  {untrusted_line(line)}", file=sys.stderr)
        say(f"its log: {server.record.log}")


async def _undo(asked: _Asked) -> int:
    log = await asyncio.to_thread(open_folder, audit_folder(asked.settings, asked.invocation.environ))
    machine = local_actions.this_machine()
    who = Who.of_this_process(machine.user, machine.groups, asked.invocation.environ)
    async with asked.watching() as here, asked.running(here, ProgressPrinter().changed) as runner:
        try:
            plan = await plan_undo(log.actions, who, runner.executor)
        except NotFoundError as error:
            raise LocalError(error.message, error.remedy) from error
        code, _ = await execute(plan, asked.options, runner)
        return code


async def _try(asked: _Asked) -> int:
    """The answer on stdout as it comes, the numbers on stderr."""
    options = asked.options
    async with asked.watching() as here:
        server = _find_server(await here.poll(), options.name, here.problems)
    model = server.models[0] if server.models else server.record.spec.served
    task = asyncio.current_task()
    if task is not None:
        interruptible.when_ended(task.cancel)
    shown, piece = 0, None
    try:
        async with aclosing(ask(server.record, model, " ".join(options.prompt), tokens=options.tokens)) as pieces:
            async for piece in pieces:
                _put(piece.text[shown:])
                shown = len(piece.text)
    except LocalError as error:
        print()
        say(untrusted(error.message) + (f"\n  {untrusted(error.remedy)}" if error.remedy else ""))
        return exit_codes.PROBLEM
    except asyncio.CancelledError:
        print()
        return exit_codes.INTERRUPTED
    print()
    if piece is not None:
        ttft = "" if piece.ttft is None else f", TTFT {piece.ttft:.3f} s"
        rate = "" if piece.rate is None else f", {piece.rate:.1f} tokens/s"
        stopped = f", ended: {untrusted(piece.stopped)}" if piece.stopped else ""
        say(f"{piece.tokens} tokens in {piece.elapsed:.2f} s{ttft}{rate}{stopped}")
    return exit_codes.OK


def _put(text: str) -> None:
    """Print a model's answer. It may hold anything: no control character of it reaches the terminal."""
    print("\n".join(untrusted_line(line) for line in text.split("\n")), end="", flush=True)


def _say_it(text: str) -> None:
    say(untrusted(text))


async def _spec_like_pod(asked: _Asked, ports: set[int]) -> LaunchSpec:
    """Return a spec like a pod of the cluster; print the differences."""
    from console.cli.one_snapshot import any_answered, explain, observe

    settings, environ = asked.settings, asked.invocation.environ
    try:
        snapshot = await observe(settings, asked.options.wait)
    except KubeconfigError as error:
        raise LocalError(error.message, error.remedy) from error
    if not any_answered(snapshot):
        raise LocalError("; ".join(explain(snapshot)) or "the cluster cannot be reached")
    found = await installed(settings.local.vllm, environ, _say_it)
    gpus = 0 if found is not None and found.cpu else len((await asyncio.to_thread(read_gpus)).gpus)
    given = {name: value for name, value in vars(asked.options).items() if name in {"host", "port", "hub"}}
    same = like_pod(
        asked.options.like,
        snapshot,
        settings.cluster.namespace,
        replace(defaults(settings, ports), **given),
        gpus,
        found.version if found is not None else "",
    )
    for line in _differences(same.differences):
        print(line, file=sys.stderr)
    return same.spec


def _differences(differences: tuple[Difference, ...]) -> list[str]:
    lines = ["Differences from the pod:"] if differences else []
    return lines + [untrusted(f"  {d.what}: {d.there} → {d.here} ({d.why})") for d in differences]


def _find_server(servers: tuple[ServerState, ...], name: str, problems: Sequence[str]) -> ServerState:
    found = next((server for server in servers if server.name == name), None)
    if found is None:
        # It may be the one with an unreadable record.
        for problem in problems:
            say(untrusted(problem))
        known = ", ".join(server.name for server in servers) or "none"
        raise LocalError(f"there is no server {name} on this machine", f"Servers: {known}.")
    return found


def _target(server: ServerState) -> Target:
    return Target(LOCAL_SERVER, LOCAL, server.name, server.record.id)


_OWN: dict[str, Callable[[_Asked], Coroutine[None, None, int]]] = {"undo": _undo, "try": _try}
