"""A reflector that mirrors the pods of a scripted API server, and its requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fleet.model.objects import Pod
from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.pace import Pace
from fleet.sources.kube.reflector import Reflector
from fleet.sources.kube.resources import PODS, Resource
from tests.fleet.sources.kube.api import PODS as PODS_PATH
from tests.fleet.sources.kube.api import Api, Asked
from tests.fleet.sources.kube.conftest import QUICK

SMALL_PAGES = Resource("pods", "", "v1", "Pod", PODS.project, "pods", page=2)


class Mirror:
    """A running reflector, and the number of its change notifications."""

    def __init__(self, api: Api, scope: str = "", resource: Resource[Pod] = SMALL_PAGES, pace: Pace = QUICK) -> None:
        self.client = KubeClient(api.access())
        self.changes = 0
        self.reflector = Reflector(
            self.client,
            resource,
            scope,
            interner=Interner(),
            pace=pace,
            changed=self._count,
            attempted=lambda: None,
        )

    def _count(self) -> None:
        self.changes += 1

    @property
    def versions(self) -> dict[str, str]:
        return {key: row.resource_version for key, row in self.reflector.rows.items()}


@asynccontextmanager
async def mirror(
    api: Api, scope: str = "", resource: Resource[Pod] = SMALL_PAGES, pace: Pace = QUICK
) -> AsyncIterator[Mirror]:
    """A running reflector."""
    made = Mirror(api, scope, resource, pace)
    task = asyncio.create_task(made.reflector.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await made.client.close()


def lists(api: Api) -> list[Asked]:
    return [asked for asked in api.requests if asked.path == PODS_PATH and not asked.watch]


def watches(api: Api) -> list[Asked]:
    return [asked for asked in api.requests if asked.path == PODS_PATH and asked.watch]
