"""The source as a whole: from an empty console to rows, and through the troubles of a cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fleet.kube.source import KubernetesSource
from fleet.model.snapshot import Health
from tests.fleet.kube.api import Api, pod
from tests.fleet.kube.conftest import QUICK, until


@asynccontextmanager
async def following(api: Api, **options: Any) -> AsyncIterator[KubernetesSource]:
    """A started source, stopped at the end."""
    access = options.pop("access", None) or api.access()
    source = KubernetesSource(access, pace=QUICK, **options)
    await source.start()
    try:
        yield source
    finally:
        await source.stop()


async def test_pods_are_listed_and_then_followed(api: Api) -> None:
    api.put(pod("a"))
    async with following(api) as source:
        assert await source.wait_synced(5)
        assert set(source.state().pods) == {"serving/a"}
        api.put(pod("b"))
        api.put(pod("a", phase="Failed"))
        await until(lambda: len(source.state().pods) == 2)
        assert source.state().pods["serving/a"].phase == "Failed"
        api.delete("a")
        await until(lambda: set(source.state().pods) == {"serving/b"})
        assert source.state().status.health in {Health.LIVE, Health.DEGRADED}
