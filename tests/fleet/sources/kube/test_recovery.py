"""Automatic recovery and its delay: a new namespace, a server that works again, new authorities."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import trustme

from fleet.model.snapshot import Health
from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.errors import UnreachableError
from fleet.sources.kube.kubeconfig import load_access
from fleet.sources.kube.pace import Pace
from fleet.sources.kube.source import KubernetesSource
from tests.fleet.sources.kube.api import Api, pod, reply, status
from tests.fleet.sources.kube.followed import following, health, status_when
from tests.fleet.sources.kube.tls import Tls, b64
from tests.waiting import PATIENCE, until


async def test_a_namespace_that_does_not_exist_is_said_until_it_does(cluster: Api) -> None:
    cluster.absent = {"serving"}
    async with following(cluster, namespace="serving") as source:
        assert await source.wait_synced(PATIENCE)
        found = source.statuses()[0]
        assert found.health is Health.DEGRADED
        assert "no namespace 'serving'" in found.problem
        assert "--namespace" in found.remedy
        cluster.absent = set()
        cluster.put(pod("a"))
        await status_when(source, Health.LIVE)
        assert set(source.state().pods) == {"serving/a"}


async def test_an_empty_namespace_is_fine(cluster: Api) -> None:
    async with following(cluster, namespace="serving") as source:
        assert await source.wait_synced(PATIENCE)
        assert health(source) is Health.LIVE


async def test_who_may_not_ask_for_the_namespace_is_told_nothing_of_it(cluster: Api) -> None:
    cluster.denied = {"/api/v1/namespaces/serving"}
    async with following(cluster, namespace="serving") as source:
        assert await source.wait_synced(PATIENCE)
        assert health(source) is Health.LIVE


async def test_when_the_server_works_again_nothing_waits_for_its_own_backoff(cluster: Api) -> None:
    fail = reply(500, status(500, "InternalError", "etcd is on fire"))
    cluster.next(lambda request: request.path != "/version", fail, times=100)
    # Each waits half an hour at least after its first failure: without help none would come back.
    source = KubernetesSource(
        cluster.access(), pace=Pace(first=3600.0, longest=3600.0, quiet=60.0, probe=0.1, answer=PATIENCE)
    )
    await source.start()
    try:
        await status_when(source, Health.DOWN)
        source.tick()
        lists = [reflector for feed in source._feeds for reflector in feed.reflectors.values()]
        await until(lambda: any(reflector.trouble is not None for reflector in lists))
        cluster.recover()
        # The first whose time has come. Others may still be about to hear of their failure.
        next(reflector for reflector in lists if reflector.trouble is not None).wake()

        def caught_up() -> bool:
            source.tick()
            return all(reflector.trouble is None and reflector.synced for reflector in lists)

        await until(caught_up)
    finally:
        await source.close()


def kubeconfig(path: Path, server: str, authority: dict[str, Any]) -> None:
    document = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "joe"}}],
        "clusters": [{"name": "c", "cluster": {"server": server, **authority}}],
        "users": [{"name": "joe", "user": {"token": "t"}}],
    }
    path.write_text(json.dumps(document), encoding="utf-8")


@pytest.mark.parametrize("inline", [True, False])
async def test_new_authorities_in_the_kubeconfig_are_trusted_without_a_restart(tmp_path: Path, inline: bool) -> None:
    tls = Tls()
    await tls.start()
    config, authority = tmp_path / "config", tmp_path / "ca.pem"

    def trust(ca: trustme.CA) -> None:
        pem = ca.cert_pem.bytes()
        authority.write_bytes(pem)
        where = {"certificate-authority-data": b64(pem)} if inline else {"certificate-authority": str(authority)}
        kubeconfig(config, f"https://127.0.0.1:{tls.port}", where)

    try:
        trust(trustme.CA())
        client = KubeClient(load_access(config), renewal=0.0)
        with pytest.raises(UnreachableError, match="is not trusted"):
            await client.get("/version")
        trust(tls.authority)
        assert (await client.get("/version")).status == 200
        await client.close()
    finally:
        await tls.stop()
