"""Actions from the key to the cluster: the console and the real session on the simulated fleet."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from actions.audit.folder import log_files
from console.app.app import QuarterdeckApp
from console.commands.command import ScreenId
from console.config.options import Options
from console.config.settings import ClusterSettings, Settings
from console.session.cluster_session import ObservingSession
from console.wiring.audit_folder import audit_folder
from console.wiring.session import session_of
from fleet.model.objects import ObjectRef, Workload
from fleet.model.snapshot import Snapshot
from tests.console.stage import PATIENT, Stage
from tests.simulator.api_process import Process, simulator
from tests.waiting import PATIENCE
from themes.look import Look, use

IMPORTS = """
import asyncio, sys
from console.app.app import QuarterdeckApp
from console.config.options import Options
from console.config.settings import ClusterSettings, Settings
from console.wiring.session import session_of

async def main(read_only):
    settings = Settings(read_only=read_only, cluster=ClusterSettings(kubeconfig="/no/such/kubeconfig"))
    app = QuarterdeckApp(session_of(settings), Options(read_only=read_only))
    async with app.run_test(size=(80, 24)) as pilot:
        while app.desk is None or app.desk.snapshot is None:
            await pilot.pause(0.01)
        await pilot.press("s", "r", "b", "z", "t", "ctrl+d", "colon", *"scale", "space", "3", "enter", "question_mark")
        await pilot.pause()

asyncio.run(main(sys.argv[1] == "read-only"))
acting = ("console.session.actions", "console.wiring.actions")
acting += ("actions.running.runner", "actions.running.writer")
print([name for name in acting if name in sys.modules])
"""


class FleetStage(Stage):
    """A console on a simulated fleet."""

    def __init__(self, app: QuarterdeckApp, pilot: Pilot[None], session: ObservingSession, fleet: Process) -> None:
        super().__init__(app, pilot, session)
        self.fleet = fleet

    async def replicas(self, workload: Workload) -> int:
        """Return the number of replicas on the server now."""
        text = await self.session.yaml(ObjectRef(workload.kind, workload.namespace, workload.name))
        lines = text.splitlines()
        spec = lines[lines.index("spec:") :]
        return int(next(line for line in spec if line.startswith("  replicas:")).split(":")[1])

    async def replicas_become(self, workload: Workload, number: int) -> bool:
        """Wait until the server has that many."""
        async with asyncio.timeout(PATIENCE):
            while await self.replicas(workload) != number:
                await self.pilot.pause(PATIENT)
        return True


@asynccontextmanager
async def acting(*flags: str, context: str = "") -> AsyncIterator[FleetStage]:
    """The console, read-write, on a fleet that has been seen and measured."""
    use(Look())
    with simulator("--seed", "7", *flags) as fleet:
        cluster = ClusterSettings(kubeconfig=str(fleet.kubeconfig), context=context)
        session = session_of(Settings(cluster=cluster))
        app = QuarterdeckApp(session, Options())
        async with app.run_test(size=(120, 40)) as pilot:
            stage = FleetStage(app, pilot, session, fleet)
            await stage.until(lambda: app.desk is not None and app.desk.snapshot is not None)
            await stage.until(lambda: bool(stage.snapshot.pods) and stage.snapshot.measured_at is not None)
            yield stage


def unscaled(snapshot: Snapshot) -> str:
    """A Deployment with several replicas and no autoscaler."""
    return next(
        key
        for key, w in snapshot.workloads.items()
        if w.kind == "Deployment" and w.desired > 1 and w.ready == w.desired and key not in snapshot.autoscalers
    )


async def test_scale_from_the_key_to_the_cluster_and_back() -> None:
    async with acting("--speed", "4") as stage:
        key = unscaled(stage.snapshot)
        workload = stage.snapshot.workloads[key]
        stage.move_to(key)
        await stage.pilot.pause()
        await stage.line("scale -1")
        screen = await stage.planned()
        assert screen.plan is not None
        assert screen.plan.target.uid == workload.uid
        assert await stage.replicas(workload) == workload.desired
        done = await stage.apply()
        assert done.action_run is not None
        assert done.action_run.outcome is not None
        assert done.action_run.outcome.ok, done.action_run.outcome
        assert await stage.replicas(workload) == workload.desired - 1
        await stage.pilot.press("z")
        screen = await stage.planned()
        assert screen.plan is not None
        assert screen.plan.title.startswith("Undo “Scale")
        await stage.pilot.press("tab", "enter")
        await stage.until(lambda: stage.desk.actions.under_way == 1)
        assert await stage.replicas_become(workload, workload.desired)
        first, _ = stage.recorded()
        assert (first.intent.kind, first.outcome) == ("scale", "converged")


async def test_an_identity_that_may_not_sees_the_action_disabled_and_why() -> None:
    async with acting(context="demo-auditor") as stage:
        stage.move_to(unscaled(stage.snapshot))
        await stage.pilot.pause()
        front = stage.desk.navigator.front
        assert front is not None
        await stage.until(lambda: "s scale" not in stage.keybar)
        await stage.pilot.press("s")
        await stage.until(lambda: "you may not patch deployments/scale.apps" in front.message_text)
        assert front.where is ScreenId.FLEET


@pytest.mark.parametrize(("mode", "imported"), [("read-only", False), ("read-write", True)])
def test_what_acts_is_not_even_imported_in_read_only_mode(mode: str, imported: bool, tmp_path: Path) -> None:
    script = tmp_path / "console_alone.py"
    script.write_text(IMPORTS)
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, str(script), mode],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found = json.loads(done.stdout.strip().splitlines()[-1].replace("'", '"'))
    assert ("console.session.actions" in found) is imported
    assert imported or found == []
    assert imported or log_files(audit_folder(Settings(), os.environ)) == []
