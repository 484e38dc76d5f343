"""The actor of a change is the one that the cluster names, however late it does so."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actions.audit.reading import read_log, records
from console.config.settings import Settings
from console.wiring.actions import runner
from console.wiring.audit_folder import audit_folder
from fleet.model.snapshot import Snapshot
from fleet.sources.kube.errors import ServerError
from fleet.sources.kube.resources import PODS, all_resources
from fleet.sources.kube.source import KubernetesSource
from tests.fleet.sources.kube.api import Api, pod, reply
from tests.prefork import quarterdeck

REVIEWS = "/selfsubjectreviews"


@pytest.fixture
async def cluster() -> AsyncIterator[Api]:
    async with Api() as api:
        for resource in all_resources():
            if not resource.optional:
                api.objects.setdefault(resource.path(), {})
        api.put(pod("a"), PODS.path())
        api.user = {"username": "jane", "groups": ["dev"]}
        yield api


def overloaded(cluster: Api, times: int) -> None:
    cluster.next(lambda request: request.path.endswith(REVIEWS), reply(503, "overloaded"), times=times)


async def test_a_record_names_who_the_cluster_says_we_are_though_the_snapshot_is_older(cluster: Api) -> None:
    source = KubernetesSource(cluster.access())
    before = Snapshot(0, 0.0, source.cluster)
    acting = runner(Settings(), source, lambda: before)
    try:
        overloaded(cluster, 1)
        with pytest.raises(ServerError, match="overloaded"):
            await source.identify()
        assert source.cluster.user == "tester", "the kubeconfig's name, until the cluster has said another"
        assert (await source.identify()).user == "jane"
        await acting.reviewed("0123")
        assert acting.executor.context().scope.user == "jane"
    finally:
        await acting.close()
        await source.close()
    assert before.cluster.user == "tester"
    [who] = {json.dumps(record.who) for record in records(read_log(audit_folder(Settings(), os.environ)))}
    assert (json.loads(who)["identity"], json.loads(who)["groups"]) == ("jane", ["dev"])


async def test_undo_asks_again_who_we_are_where_the_server_was_overloaded(cluster: Api, tmp_path: Path) -> None:
    overloaded(cluster, 1)
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        json.dumps(
            {
                "current-context": "c",
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "tester"}}],
                "clusters": [{"name": "c", "cluster": {"server": cluster.access().server}}],
                "users": [{"name": "tester", "user": {}}],
            }
        )
    )
    done = await asyncio.to_thread(quarterdeck, "undo", "--yes", "--kubeconfig", str(kubeconfig))
    assert "jane has done nothing on this cluster that could be undone" in done.stderr
    assert done.returncode == 2
