"""An action on a cluster from the command line: plan, confirm, execute, follow; the same code as behind the screens."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from actions.audit.opened_logs import open_folder
from actions.audit.who import Who
from actions.catalogue import is_known, spec_of, specs_of
from actions.kinds.ack import INCIDENT
from actions.kinds.silence import ALERT
from actions.planning.plan import Plan
from actions.planning.plan_snapshot import lacking, wait_until_known
from actions.request import Target
from actions.revisions import Revision, revisions
from actions.running.runner import Runner
from actions.spec import Api, UsageError
from actions.undo import last_undo, plan_undo
from console.cli import exit_codes, interruptible
from console.cli.action_flags import names_of, request_of, targets_of
from console.cli.confirm import ProgressPrinter, execute
from console.cli.dispatch import Invocation, say
from console.cli.find_incident import acknowledgements_are_known, find_incident
from console.cli.find_object import NotNamedError, find, parse
from console.cli.latest_snapshot import LatestSnapshot, alerts_are_known
from console.cli.one_snapshot import explain
from console.cli.output import glyphs_of, write_sheet
from console.cli.progress import waiting_for, with_progress
from console.config.settings import Settings
from console.report.action import revisions_json
from console.report.sheets.revisions import revisions_sheet
from console.wiring import actions, sources
from console.wiring.audit_folder import audit_folder
from console.wiring.contexts import is_machine, not_a_cluster
from fleet.model.snapshot import Snapshot
from fleet.sources.kube.errors import (
    ClusterError,
    ForbiddenError,
    KubeconfigError,
    KubeError,
    NotFoundError,
    NotKubernetesError,
    ServerError,
    UnauthorizedError,
    UnreachableError,
)
from fleet.sources.kube.health import in_words
from fleet.sources.kube.resources import all_resources
from fleet.sources.kube.source import KubernetesSource

_MEASURED = 8.0
"""Seconds that the first measurement may take before the plan is made without it, and says so."""


def run(invocation: Invocation, settings: Settings) -> int:
    """The exit code: see docs/actions.md."""
    if invocation.options.timeout is not None:
        settings = replace(settings, actions=replace(settings.actions, follow_timeout=invocation.options.timeout))
    try:
        return interruptible.run(_act(invocation, settings))
    except (NotNamedError, UsageError) as error:
        say(error)
        return exit_codes.USAGE
    except ClusterError as error:
        say(error.message + (f"\n  {error.remedy}" if error.remedy else ""))
        return _code(error)


def _code(error: ClusterError) -> int:
    if isinstance(error, ForbiddenError):
        return exit_codes.REFUSED
    if isinstance(error, UnreachableError | UnauthorizedError | NotKubernetesError | ServerError):
        return exit_codes.UNREACHABLE
    # Before anything is sent: no such target, no such revision, nothing to undo.
    return exit_codes.USAGE if isinstance(error, KubeconfigError | NotFoundError) else exit_codes.PROBLEM


async def _act(invocation: Invocation, settings: Settings) -> int:
    options = invocation.options
    if is_machine(settings, settings.cluster.context, invocation.environ):
        raise not_a_cluster(settings.cluster.context)
    source = sources.kubernetes(settings, settings.cluster.context, settings.cluster.namespace)
    if not isinstance(source, KubernetesSource):
        status = source.statuses()[0]
        say(f"{status.problem}\n  {status.remedy}")
        return exit_codes.USAGE
    async with _observing(settings, source, options.wait) as (watched, refresh):
        # Prometheus data alone do not justify an action: the API server's error comes first.
        if source.trouble is not None:
            raise in_words(source.trouble, source.access)
        snapshot = watched.newest()
        if lack := lacking(snapshot):
            say(f"{lack}: no plan is made from incomplete data, and nothing was sent")
            for line in explain(snapshot):
                say(line)
            return exit_codes.UNREACHABLE
        printer = ProgressPrinter()
        runner = actions.runner(settings, source, watched.newest, printer.changed, invocation.environ, refresh=refresh)
        try:
            return await _plan_and_do(invocation, settings, source, watched, runner)
        except ClusterError as error:
            raise in_words(error, source.access) from error
        finally:
            await runner.close()


async def _plan_and_do(
    invocation: Invocation, settings: Settings, source: KubernetesSource, watched: LatestSnapshot, runner: Runner
) -> int:
    options = invocation.options
    if getattr(options, "form", "") and not options.list:
        raise UsageError("-o is the format of --list")
    if getattr(options, "list", False):
        return await _list_revisions(settings, options, source, watched)
    plan = await with_progress(lambda: "making the plan", _plan(invocation, settings, source, watched, runner))
    code, _ = await execute(plan, options, runner)
    return code


async def _plan(
    invocation: Invocation, settings: Settings, source: KubernetesSource, watched: LatestSnapshot, runner: Runner
) -> Plan:
    """Return the plan of what was typed, for the objects that it names."""
    options = invocation.options
    if options.command == "undo":
        cluster = await source.identify()
        log = await asyncio.to_thread(open_folder, audit_folder(settings, invocation.environ))
        who = Who.of_this_process(cluster.user, cluster.groups, invocation.environ)
        last = last_undo(log.actions, who, runner.executor.context().scope.cluster)
        if last is not None and is_known(last.intent.kind) and spec_of(last.intent.kind).api is Api.ALERTMANAGER:
            await watched.until(alerts_are_known, options.wait)
        return await plan_undo(log.actions, who, runner.executor)
    specs = specs_of(options.command)
    if any(spec.api is Api.ALERTMANAGER for spec in specs):
        await watched.until(alerts_are_known, options.wait)
    if any(spec.api is Api.RECORD for spec in specs):
        await watched.until(acknowledgements_are_known, options.wait)
    targets = await _targets(options, source, watched)
    await source.identify()
    return await runner.executor.plan(request_of(specs, options, targets))


async def _list_revisions(
    settings: Settings, options: argparse.Namespace, source: KubernetesSource, watched: LatestSnapshot
) -> int:
    async def read() -> tuple[Target, tuple[Revision, ...]]:
        targets = await _targets(options, source, watched)
        if len(targets) > 1:
            raise UsageError("--list is for one workload at a time")
        return targets[0], await revisions(targets[0], source.reads)

    target, found = await with_progress(lambda: "reading the revisions", read())
    glyphs = glyphs_of(settings.ui.glyphs)
    sheet = revisions_sheet(target.kind, found, time.time(), glyphs)
    form = options.form or ("json" if options.json else "table")
    write_sheet(form, sheet, lambda: revisions_json(target, found), glyphs)
    return exit_codes.OK


async def _targets(
    options: argparse.Namespace, source: KubernetesSource, watched: LatestSnapshot
) -> tuple[Target, ...]:
    """Return the objects that were named."""
    specs = specs_of(options.command)
    named = names_of(specs, options)
    return tuple([await _target(name, targets_of(specs), watched.newest(), source) for name in named])


async def _target(typed: str, kinds: tuple[str, ...], snapshot: Snapshot, source: KubernetesSource) -> Target:
    """Return the named object. If it may not be listed, or is not listed yet, the server is asked for it by name."""
    namespace, default = snapshot.cluster.namespace, source.access.namespace or "default"
    if kinds == (ALERT,):
        from console.cli.find_alert import find_alert

        return find_alert(typed, snapshot, namespace)
    if kinds == (INCIDENT,):
        return find_incident(typed, snapshot, namespace)
    try:
        return find(typed, snapshot, namespace, default, kinds)
    except NotNamedError as missing:
        where = namespace or default
        unseen = {
            resource.kind for resource in all_resources() if not snapshot.coverage.sees(resource.qualified, where)
        }
        kind, name = parse(typed)
        wanted = [each for each in ((kind,) if kind else kinds) if each in unseen & set(kinds)]
        refused: KubeError = NotFoundError(str(missing))
        for each in wanted:
            try:
                found = await source.reads.get_raw(each, "" if each == "Node" else where, name)
            except NotFoundError:
                continue
            except ForbiddenError as error:
                refused = error
                continue
            uid = str(found.get("metadata", {}).get("uid", ""))
            return Target(each, "" if each == "Node" else where, name, uid)
        if isinstance(refused, ForbiddenError):
            raise refused from missing
        raise


@asynccontextmanager
async def _observing(
    settings: Settings, source: KubernetesSource, wait: float
) -> AsyncIterator[tuple[LatestSnapshot, Callable[[], None]]]:
    """The newest Snapshot of the whole cluster, and how to ask its sources at once; they run during the block.

    The first one is from after the cluster was listed, if that took at most ``wait`` seconds.
    """
    watched = LatestSnapshot()
    observer = sources.observer(settings, source, time.time())
    observer.focus(None)
    observing = asyncio.create_task(observer.run(watched.deliver))
    try:
        await with_progress(lambda: waiting_for(observer.statuses()), _until_known(watched, source, wait))
        yield watched, observer.wake
    finally:
        observing.cancel()
        await asyncio.gather(observing, return_exceptions=True)


async def _until_known(watched: LatestSnapshot, source: KubernetesSource, wait: float) -> None:
    if not await wait_until_known(watched.last, watched.arrived, wait):
        await watched.until(partial(_is_measured, source), _MEASURED)
    await watched.until(lambda _: True)


def _is_measured(source: KubernetesSource, snapshot: Snapshot) -> bool:
    """True if no measurement need be waited for: it exists, or the API server itself has failed."""
    return source.trouble is not None or snapshot.measured_at is not None
