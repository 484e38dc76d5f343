"""The recorder, its replay, plots, baselines and the timeline where a source is missing.

No metrics store is there, one namespace is all that may be seen, or the API server does not answer: through the wiring
that the console has, against a simulated cluster.
"""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from console.cli.dispatch import dispatch
from console.config.settings import ClusterSettings, Settings
from console.session.connection import Connection
from console.session.failure import SessionError
from console.views.series import series_of
from console.wiring.session import SettingsWiring
from fleet.model.baseline import BaselineQuestion
from fleet.model.curve import CurveQuestion, time_range
from fleet.model.quantity import Quantity
from fleet.model.snapshot import RECORDER, Health, Snapshot
from fleet.recorder.reader import Recording
from fleet.recorder.recorded_past import RecordedTimeline
from fleet.timeline.entry import WHOLE_SECONDS, Entry
from fleet.timeline.timeline import ask
from tests.console.cli import kubeconfig
from tests.simulator.api_process import Process, simulator
from tests.waiting import PATIENCE

WORKLOAD = "serving/Deployment/chat-8b"


@pytest.fixture(scope="module")
def fleet() -> Iterator[Process]:
    with simulator("--pods", "12") as running:
        yield running


@asynccontextmanager
async def seen(config: Path, home: Path, context: str, namespace: str = "") -> AsyncIterator[tuple[Connection, Path]]:
    """A console that has recorded at least once; and its file."""
    settings = Settings(cluster=ClusterSettings(kubeconfig=str(config)))
    environ = {"HOME": str(home), "KUBECONFIG": str(config)}
    connection = SettingsWiring(settings, settings, environ).connect(context, namespace)
    kept = asyncio.Event()

    def deliver(snapshot: Snapshot) -> None:
        status = snapshot.source(RECORDER)
        if status is not None and status.health is Health.LIVE:
            kept.set()

    running = asyncio.create_task(connection.observer.run(deliver))
    try:
        await asyncio.wait_for(kept.wait(), PATIENCE)
        (file,) = (home / ".local" / "state" / "quarterdeck" / "recordings").glob("*.qdr")
        yield connection, file
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_without_a_store_objects_and_scraped_numbers_are_kept_and_plots_are_drawn_from_them(
    fleet: Process, tmp_path: Path
) -> None:
    async with seen(fleet.kubeconfig, tmp_path, "demo") as (connection, file):
        snapshot = await connection.observer.tick()
        series = series_of(snapshot, WORKLOAD)
        assert series is not None
        now = time.time()
        curve = None
        while curve is None:
            # Numbers are kept every fifteen seconds, the first at once.
            with suppress(SessionError):
                moments = time_range(time.time() + 1, 60.0, 60, 1.0)
                curve = await connection.reader.curve(
                    CurveQuestion(Quantity.RUNNING, series, moments, 60.0, None, WORKLOAD)
                )
            await asyncio.sleep(0)
        assert curve.is_recorded
        usual = await connection.reader.baselines(BaselineQuestion(WORKLOAD, series, (Quantity.RUNNING,), now))
        assert (usual.of, usual.problem) == ({}, "no metrics store answers here")
        timeline = await connection.reader.timeline(None, now - 3600)
        assert timeline.entries
        assert [gap.what for gap in timeline.gaps] == [
            "deleted objects, and changes before the last, that no console saw"
        ]
    with Recording(file) as recording:
        moment = recording.at(recording.last)
    assert moment.state.pods
    assert moment.measurement is not None
    assert moment.measurement.source == "scrape"


def test_where_one_namespace_is_permitted_that_one_is_kept_and_what_is_missing_with_it(
    fleet: Process, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def keep() -> Path:
        async with seen(fleet.kubeconfig, tmp_path, "demo-teamlead", "serving") as (connection, file):
            timeline = await connection.reader.timeline(None, time.time() - 7 * 86_400)
            assert timeline.entries
            assert {entry.about.namespace for entry in timeline.entries} <= {"", "serving"}
            assert any("nodes" in gap.what for gap in timeline.gaps)
            return file

    file = asyncio.run(keep())
    with Recording(file) as recording:
        moment = recording.at(recording.last)
    assert {pod.namespace for pod in moment.state.pods.values()} == {"serving"}
    (kubernetes,) = [one for one in moment.statuses if one.name == "kubernetes"]
    assert kubernetes.health is Health.DEGRADED
    assert "only namespace serving" in kubernetes.problem
    # A replay says the same of what was not seen then.
    environ = {"KUBECONFIG": str(fleet.kubeconfig), "HOME": str(tmp_path)}
    assert dispatch("quarterdeck", ["replay", str(file)], environ, tmp_path / "none") == 0
    assert "serving" in capsys.readouterr().out


async def test_without_the_api_server_its_silence_is_kept_and_the_timeline_says_what_is_lost(tmp_path: Path) -> None:
    config = kubeconfig(tmp_path, "http://127.0.0.1:9")
    async with seen(config, tmp_path, "") as (connection, file):
        timeline = await connection.reader.timeline(None, time.time() - 3600)
        assert timeline.entries == ()
        assert any("the objects of the cluster" in gap.what for gap in timeline.gaps)
        assert all("127.0.0.1:9" in gap.problem or "Prometheus" in gap.problem for gap in timeline.gaps)
    with Recording(file) as recording:
        moment = recording.at(recording.last)
    assert moment.state.pods == {}
    (kubernetes,) = [one for one in moment.statuses if one.name == "kubernetes"]
    assert kubernetes.health is Health.DOWN
    assert moment.measurement is None


@pytest.mark.real("kubectl")
async def test_authors_of_rollouts_are_told_that_a_later_write_has_replaced_in_the_cluster(
    fleet: Process, tmp_path: Path
) -> None:
    kubectl = ["kubectl", f"--kubeconfig={fleet.kubeconfig}", f"--cache-dir={tmp_path}", "-n", "serving"]
    managers = ("release-bot", "hotfix-by-hand")

    async def run(*arguments: str) -> str:
        done = await asyncio.to_thread(subprocess.run, [*kubectl, *arguments], capture_output=True, check=True)
        return done.stdout.decode()

    async with seen(fleet.kubeconfig, tmp_path, "demo") as (connection, file):
        now = time.time()
        names = (await run("get", "deploy/chat-8b", "-o", "jsonpath={.spec.template.spec.containers[*].name}")).split()
        for place, manager in enumerate(managers):
            if place:
                # Later than the seconds in which both writes could have begun the first rollout.
                await asyncio.sleep(WHOLE_SECONDS * 2)
            await run(
                "set", "image", "deploy/chat-8b", f"{names[0]}=vllm/vllm-openai:v9.{place}", "--field-manager", manager
            )

            def kept() -> str:
                with Recording(file) as recording:
                    write = recording.at(recording.last).state.workloads[WORKLOAD].template_write
                return write.manager if write is not None else ""

            async with asyncio.timeout(PATIENCE):
                while True:
                    if await asyncio.to_thread(kept) == manager:
                        break
                    await asyncio.sleep(0.1)
        left = await run(
            "get", "deploy/chat-8b", "-o", "jsonpath={.metadata.managedFields[*].manager}", "--show-managed-fields"
        )
        assert managers[0] not in left.split(), "its fields are the other's now: the cluster does not know it any more"
        # The second rollout is there once its controller has created its ReplicaSet.
        rollouts: list[Entry] = []
        async with asyncio.timeout(PATIENCE):
            while [entry.who for entry in rollouts] != list(managers):
                found = await connection.reader.timeline(None, now - 5)
                rollouts = [
                    entry
                    for entry in found.entries
                    if entry.topic.startswith("rollout=") and entry.about.name == "chat-8b"
                ]
        assert "as the console saw it" in rollouts[0].evidence[-1].where
    played = await ask([RecordedTimeline(file, time.time)], now - 5, time.time())
    assert [one.who for one in played.entries if one.topic.startswith("rollout=")] == list(managers)
