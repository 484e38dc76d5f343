"""A source that follows the simulated API server, and its status."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fleet.model.snapshot import Health, SourceStatus
from fleet.sources.kube.source import KubernetesSource
from tests.fleet.sources.kube.api import Api, Object
from tests.fleet.sources.kube.conftest import QUICK
from tests.waiting import until


def thing(name: str, namespace: str = "serving") -> Object:
    where = {"namespace": namespace} if namespace else {}
    return {"metadata": {"name": name, "uid": f"uid-{name}", **where}}


@asynccontextmanager
async def following(api: Api, **options: Any) -> AsyncIterator[KubernetesSource]:
    """A started source, stopped at the end."""
    access = options.pop("access", None) or api.access()
    source = KubernetesSource(access, pace=options.pop("pace", QUICK), **options)
    await source.start()
    try:
        yield source
    finally:
        await source.close()


def health(source: KubernetesSource) -> Health:
    return source.statuses()[0].health


async def status_when(source: KubernetesSource, wanted: Health) -> SourceStatus:
    await until(lambda: health(source) is wanted)
    return source.statuses()[0]
