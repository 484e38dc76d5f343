"""The actions on a simulated cluster that runs as a process of its own: over HTTP, with all of its controllers."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from actions.audit.opened_logs import open_folder
from actions.audit.who import Who
from actions.cluster import ClusterExecutor
from actions.planning.plan import Mutation, Plan
from actions.planning.plan_context import ClusterContext
from actions.request import Request, Target
from actions.running.progress import Outcome
from actions.running.runner import Runner
from actions.running.writer import Writer
from actions.undo import plan_undo
from console.config.settings import ClusterSettings, Settings
from console.wiring import sources
from console.wiring.actions import runner
from console.wiring.audit_folder import audit_folder
from fleet.guard import may_change
from fleet.model.snapshot import Snapshot
from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.reads import KubeReads
from fleet.sources.kube.source import KubernetesSource
from tests.simulator.api_process import Process, simulator
from tests.waiting import PATIENCE


@dataclass
class Simulated:
    """One cluster, observed and acted on."""

    kubeconfig: Path
    source: KubernetesSource
    reads: KubeReads
    runner: Runner
    newest: list[Snapshot]

    @property
    def snapshot(self) -> Snapshot:
        """The newest one."""
        return self.newest[-1]

    async def raw(self, target: Target) -> dict[str, Any]:
        """An object as the server has it now."""
        return await self.reads.get_raw(target.kind, target.namespace, target.name)

    async def do(self, plan: Plan, reason: str = "") -> Outcome:
        """Carry a plan out to its end."""
        async with asyncio.timeout(PATIENCE):
            return await self.runner.wait(self.runner.start(plan, reason, "test").id)

    def context(self) -> ClusterContext:
        """Return the context that a plan would get now."""
        return cast("ClusterExecutor", self.runner.executor).context()

    async def until(self, condition: Callable[[], bool | Awaitable[bool]]) -> None:
        """Wait until the condition holds."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = condition()
                if await found if isinstance(found, Awaitable) else found:
                    return
                await asyncio.sleep(0.05)

    async def done(self, request: Request) -> Outcome:
        """Plan it and carry it out."""
        return await self.do(await self.runner.executor.plan(request))

    async def undo(self) -> Plan:
        """The plan that takes back what was done last, from the audit log."""
        cluster = await self.source.identify()
        log = open_folder(audit_folder(Settings(), os.environ))
        return await plan_undo(log.actions, Who.of_this_process(cluster.user, cluster.groups), self.runner.executor)

    async def write(self, mutation: Mutation) -> dict[str, Any]:
        """Write a change as another user in between."""
        writer = Writer(KubeClient(self.source.client.access, guard=may_change))
        try:
            return (await writer.send(mutation)).document
        finally:
            await writer.close()


@asynccontextmanager
async def simulated(*flags: str) -> AsyncIterator[Simulated]:
    """A cluster of its own whose fleet has been seen once."""
    with simulator(*flags) as process:
        async with observed(process) as it:
            yield it


@asynccontextmanager
async def observed(process: Process) -> AsyncIterator[Simulated]:
    """A cluster that others may have changed before, whose fleet has been seen once."""
    settings = replace(Settings(), cluster=ClusterSettings(kubeconfig=str(process.kubeconfig)))
    source = sources.kubernetes(settings, "", "")
    assert isinstance(source, KubernetesSource)
    observer = sources.observer(settings, source, time.time())
    first = asyncio.Event()
    newest: list[Snapshot] = []

    def deliver(snapshot: Snapshot) -> None:
        newest[:] = [snapshot]
        if snapshot.pods and snapshot.workloads and snapshot.measured_at is not None:
            first.set()

    observing = asyncio.create_task(observer.run(deliver))
    acting = runner(settings, source, lambda: newest[-1])
    try:
        async with asyncio.timeout(PATIENCE):
            await first.wait()
            await source.identify()
        yield Simulated(process.kubeconfig, source, KubeReads(source.client), acting, newest)
    finally:
        await acting.close()
        observing.cancel()
        await asyncio.gather(observing, return_exceptions=True)
