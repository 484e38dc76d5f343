"""``quarterdeck scale``, ``drain``, ``rollback`` …: plan, ask, do, follow; the same code as behind the screens."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from actions.audit.errors import AuditError
from actions.audit.opened import open_folder
from actions.audit.who import Who
from actions.plan import Plan
from actions.progress import Outcome, Result
from actions.request import Target
from actions.revisions import revisions
from actions.runner import RefusedError, Runner
from actions.undertaking import Undertaking
from console import assembly, doing
from console.auditing import audit_folder
from console.cli import exits
from console.cli.action_request import UsageError, request_of
from console.cli.dispatch import Invocation, say
from console.cli.named import NotNamedError, find
from console.cli.observe import explain
from console.config.settings import Settings
from console.report.action import to_json
from console.views.plan import plan_lines, plan_title
from console.views.revisions import revision_text
from console.views.undertakings import outcome_lines
from fleet import door
from fleet.kube.errors import ForbiddenError, KubeconfigError, KubeError, UnreachableError
from fleet.kube.source import KubernetesSource
from fleet.model.snapshot import Snapshot
from themes.glyphs import Glyphs
from themes.look import choose_glyphs
from widgets.line import Line
from widgets.untrusted import untrusted

_WORKLOADS = ("Deployment", "StatefulSet", "LeaderWorkerSet")
_KINDS = {
    "scale": (*_WORKLOADS, "ReplicaSet"),
    "drain": ("Pod", "Node"),
    "cordon": ("Node",),
    "uncordon": ("Node",),
    "rollback": ("Deployment", "StatefulSet"),
    "restart": ("Deployment", "StatefulSet", "Pod"),
    "pause": ("Deployment",),
    "resume": ("Deployment",),
    "unblock": ("Deployment",),
    "bounds": ("HorizontalPodAutoscaler", "ScaledObject"),
    "hold": ("ScaledObject",),
}
"""What each command takes."""
_MEASURED = 8.0
"""Seconds that the first measurement may take before the plan is made without one, and says so."""


def run(invocation: Invocation) -> int:
    """The exit code: see docs/actions.md."""
    settings = invocation.load().settings
    if door.is_shut():
        say(f"{invocation.options.command} was refused: {door.READ_ONLY}")
        return exits.REFUSED
    if invocation.options.timeout is not None:
        settings = replace(settings, actions=replace(settings.actions, follow_timeout=invocation.options.timeout))
    try:
        return asyncio.run(_act(invocation, settings))
    except (NotNamedError, UsageError) as error:
        say(error)
        return exits.USAGE
    except (KubeError, KubeconfigError) as error:
        say(error.message + (f"\n  {error.remedy}" if error.remedy else ""))
        return _code(error)


def _code(error: KubeError | KubeconfigError) -> int:
    if isinstance(error, ForbiddenError):
        return exits.REFUSED
    if isinstance(error, UnreachableError):
        return exits.UNREACHABLE
    return exits.USAGE if isinstance(error, KubeconfigError) else exits.PROBLEM


async def _act(invocation: Invocation, settings: Settings) -> int:
    options = invocation.options
    source = assembly.kubernetes(settings, settings.cluster.context, settings.cluster.namespace)
    if not isinstance(source, KubernetesSource):
        status = source.state().status
        say(f"{status.problem}\n  {status.remedy}")
        return exits.USAGE
    async with _observed(settings, source, options.wait) as newest:
        snapshot = newest[-1]
        if snapshot.cluster.server and not snapshot.pods and not snapshot.nodes:
            for line in explain(snapshot):
                say(line)
            return exits.UNREACHABLE
        teller = _Teller()
        runner = doing.runner(settings, source, lambda: newest[-1], teller.changed)
        try:
            return await _plan_and_do(invocation, settings, source, snapshot, runner)
        finally:
            await runner.close()


async def _plan_and_do(
    invocation: Invocation, settings: Settings, source: KubernetesSource, snapshot: Snapshot, runner: Runner
) -> int:
    options = invocation.options
    if options.command == "undo":
        log = await asyncio.to_thread(open_folder, audit_folder(settings, invocation.environ))
        cluster = snapshot.cluster
        plan = await runner.plan_undo(log.actions, Who.here(cluster.user, cluster.groups, invocation.environ))
    else:
        targets = _targets(options.command, options, snapshot, source)
        if options.command == "rollback" and options.list:
            for revision in await revisions(targets[0], source.reads):
                print(revision_text(revision, time.time()))
            return exits.OK
        plan = await runner.plan(request_of(options.command, options, targets))
    if not options.json:
        _print_plan(plan, requests=options.dry_run, to_stdout=options.dry_run)
    code, outcome = await _confirm_and_do(plan, invocation, runner)
    if options.json:
        # Not print(): JSON is UTF-8 whatever the locale says.
        sys.stdout.buffer.write(to_json(plan, outcome, reason=options.reason).encode() + b"\n")
    elif outcome is not None:
        for line in outcome_lines(outcome, _width(), _glyphs()):
            print(_text(line))
    return code


async def _confirm_and_do(plan: Plan, invocation: Invocation, runner: Runner) -> tuple[int, Outcome | None]:
    options = invocation.options
    if plan.blocks:
        for check in plan.blocks:
            say(f"refused: {untrusted(check.text)}" + (f"\n  {untrusted(check.fix)}" if check.fix else ""))
        return exits.REFUSED, None
    if options.dry_run:
        return exits.OK, None
    confirmed = "--yes" if options.yes else await asyncio.to_thread(_asked, plan)
    if not confirmed:
        say("nothing was sent")
        return exits.REFUSED, None
    try:
        state = runner.start(plan, options.reason, confirmed)
    except (RefusedError, AuditError) as error:
        say(f"refused: {error}")
        return exits.REFUSED, None
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, runner.stop, state.id)
    outcome = await runner.wait(state.id)
    if outcome.result is Result.STOPPED:
        return exits.INTERRUPTED, outcome
    return (exits.OK if outcome.ok else exits.PROBLEM), outcome


def _asked(plan: Plan) -> str:
    """How the person confirmed; empty for no."""
    if not sys.stdin.isatty():
        say("--yes is needed where nobody can be asked")
        return ""
    wanted = plan.target.name if plan.scope.production else "yes"
    what = f"the name {wanted}" if plan.scope.production else wanted
    print(f"Type {what} to go on, anything else to leave it: ", end="", file=sys.stderr, flush=True)
    typed = sys.stdin.readline().strip()
    return f"typed {typed}" if typed == wanted else ""


def _targets(command: str, options: object, snapshot: Snapshot, source: KubernetesSource) -> tuple[Target, ...]:
    named: list[str] = getattr(options, "targets", None) or [getattr(options, "target", "")]
    namespace = snapshot.cluster.namespace
    default = source.access.namespace or "default"
    return tuple(find(name, snapshot, namespace, default, _KINDS[command]) for name in named)


@asynccontextmanager
async def _observed(settings: Settings, source: KubernetesSource, wait: float) -> AsyncIterator[list[Snapshot]]:
    """The newest Snapshot, in a list of one; the sources run for as long as the block does."""
    newest: list[Snapshot] = []
    arrived = asyncio.Event()

    def deliver(snapshot: Snapshot) -> None:
        newest[:] = [snapshot]
        arrived.set()

    observer = assembly.observer(settings, source, time.time())
    observer.focus(None)
    observing = asyncio.create_task(observer.run(deliver))
    try:
        await source.wait_synced(wait)
        with suppress(TimeoutError):
            async with asyncio.timeout(_MEASURED):
                while not newest or newest[-1].measured_at is None:
                    arrived.clear()
                    await arrived.wait()
        if not newest:
            await arrived.wait()
        yield newest
    finally:
        observing.cancel()
        await asyncio.gather(observing, return_exceptions=True)


class _Teller:
    """Progress on stderr: one line per change."""

    def __init__(self) -> None:
        self._said = ""

    def changed(self, state: Undertaking) -> None:
        """A newer state of the action."""
        latest = state.latest
        if latest is None or state.outcome is not None:
            return
        step = state.plan.steps[latest.step].title
        count = f" [{latest.done:.0f}/{latest.total:.0f}]" if latest.total else ""
        line = f"{latest.step + 1}. {step}{count}{': ' + latest.text if latest.text else ''}"
        if line != self._said:
            self._said = line
            eta = f", about {latest.eta:.0f} s more" if latest.eta else ""
            print(untrusted(f"{line}{eta}"), file=sys.stderr, flush=True)


def _print_plan(plan: Plan, *, requests: bool, to_stdout: bool) -> None:
    out = sys.stdout if to_stdout else sys.stderr
    width, glyphs = _width(), _glyphs()
    page = plan_lines(plan, width, glyphs, diff=bool(plan.diff), requests=requests, keys=False)
    for line in (plan_title(plan, width, glyphs), *page):
        print(_text(line), file=out)


def _text(line: Line) -> str:
    return "".join(span.text for span in line.spans).rstrip()


def _width() -> int:
    return shutil.get_terminal_size().columns


def _glyphs() -> Glyphs:
    return choose_glyphs(os.environ, sys.stdout.encoding, "auto")
