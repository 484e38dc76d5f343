"""``make docs``: the pictures in docs/, drawn by the console itself on the simulated fleet, and the reference of keys.

Takes some minutes: the fleets have to get into trouble, and the strips need some history to show.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from console.app.app import QuarterdeckApp
from console.app.desk import ConsoleDesk
from console.commands.reference import keys_markdown, with_actions
from console.config.local_settings import LocalSettings
from console.config.settings import AlertmanagerSettings, ClusterSettings, RulesSettings, Settings
from console.wiring.demo import simulated
from console.wiring.session import session_of
from fleet.local.server import Phase
from fleet.model.finding import FindingState
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity
from fleet.model.snapshot import Snapshot
from tests.fleet.sources.alerts.servers import alertmanager, prometheus_with_rules
from tests.real.vllm_server import installation

DOCS = Path(__file__).parents[1] / "docs"
SIZE = (120, 36)
PATIENCE = 240.0
"""Seconds after which a fleet that does not get into trouble is an error."""
HISTORY = 9
"""Points that a strip should have."""
FLEET = ("--seed", "7", "--speed", "4")
Pictures = dict[str, tuple[str, ...]]
"""Name of a file → the keys that lead to it from the first screen."""


def in_trouble(snapshot: Snapshot) -> bool:
    """True when a serving workload has a warning, and there is some history of it."""
    sick = [key for key in snapshot.model_of if snapshot.assessments[key].severity is Severity.WARNING]
    return any(len(snapshot.history.strip(key, Quantity.WAITING, 60)) >= HISTORY for key in sick)


def crashed(snapshot: Snapshot) -> bool:
    """True when a pod has restarted and waits for its next start."""
    return any(pod.restarts > 1 and pod.status == "CrashLoopBackOff" for pod in snapshot.pods.values())


def hung(snapshot: Snapshot) -> bool:
    """True when an incident has lasted for long enough to count, with some history."""
    return in_trouble(snapshot) and any(each.state is FindingState.FIRING for each in snapshot.incidents)


async def draw(scenario: str, pictures: Pictures, ready: Callable[[Snapshot], bool]) -> None:
    """One scenario, and the keys that lead from the first screen to each picture and back (``escape``)."""
    with simulated(["--scenario", scenario, *FLEET]) as fleet:
        settings = Settings(cluster=ClusterSettings(kubeconfig=str(fleet.kubeconfig)))
        await _draw(QuarterdeckApp(session_of(settings)), pictures, ready)


async def draw_alerts(folder: Path) -> None:
    """Draw the alerts about a pod that hangs, and their credibility. ``folder`` is for its data."""
    rules = [
        {"alert": "VLLMQueueDeep", "expr": "vllm:num_requests_waiting > 50", "labels": {"severity": "warning"}},
        {"alert": "VLLMErrors", "expr": "rate(vllm:request_failure_total[5m]) > 0.1", "labels": {"severity": "page"}},
    ]
    with (
        simulated(["--scenario", "stuck-engine", *FLEET]) as fleet,
        alertmanager(folder / "alertmanager") as manager,
        prometheus_with_rules(folder / "prometheus", rules) as store,
    ):
        settings = Settings(
            cluster=ClusterSettings(kubeconfig=str(fleet.kubeconfig)),
            alertmanager=AlertmanagerSettings(url=manager.url),
            rules=RulesSettings(url=store.url),
        )

        def is_diagnosed(snapshot: Snapshot) -> bool:
            if not hung(snapshot):
                return False
            pod = next(
                pod for pod in snapshot.pods.values() if snapshot.assessments[pod.key].severity is Severity.CRITICAL
            )
            named = {"namespace": pod.namespace, "pod": pod.name, "severity": "page"}
            manager.post({"alertname": "NoTokens", **named}, summary="no token for two minutes")
            manager.post(
                {"alertname": "NodeDiskFills", "node": pod.node, "severity": "warning"}, summary="full by noon"
            )
            return True

        alerts, monitoring = (("colon", *line, "enter") for line in ("alerts", "monitoring"))
        pictures = {"alerts": (*alerts, "wait:15000"), "monitoring": (*monitoring, "wait:3000")}
        await _draw(QuarterdeckApp(session_of(settings)), pictures, is_diagnosed)


async def _draw(app: QuarterdeckApp, pictures: Pictures, ready: Callable[[Snapshot], bool]) -> None:
    async with app.run_test(size=SIZE) as pilot:
        desk = await ready_app(app, pilot, ready)
        for name, keys in pictures.items():
            await pilot.press(*keys)
            await asyncio.sleep(1.0)
            await pilot.pause()
            # Paths of this machine do not belong in the documentation.
            picture = app.export_screenshot(title="quarterdeck").replace(str(Path.home()), "/home/ops")
            (DOCS / f"{name}.svg").write_text(picture)
            desk.navigator.go_home()
            await pilot.pause()


async def draw_local(vllm: Path, folder: Path) -> None:
    """A server on this machine: its plan, its loading, a word with it. ``vllm`` is an environment with a real one."""
    home, model = folder / "home", folder / "models" / "tiny"
    for name in ("CONFIG", "STATE", "CACHE"):
        os.environ[f"XDG_{name}_HOME"] = str(home / name.lower())
    maker = Path(__file__).parent / "real" / "vllm_model.py"
    await asyncio.to_thread(subprocess.run, [vllm / "bin" / "python", maker, model], check=True, capture_output=True)
    local = LocalSettings(vllm=str(vllm / "bin" / "vllm"))
    app = QuarterdeckApp(session_of(Settings(cluster=ClusterSettings(context="local"), local=local)))

    def write(name: str) -> None:
        picture = app.export_screenshot(title="quarterdeck")
        (DOCS / f"{name}.svg").write_text(picture.replace(str(vllm), "/opt/vllm").replace(str(folder), "/srv"))

    async with app.run_test(size=SIZE) as pilot:
        desk = await ready_app(app, pilot, lambda _: True)

        async def until(*phases: Phase) -> None:
            async with asyncio.timeout(PATIENCE):
                while [server.stage.phase for server in desk.local.states[:1]] not in [[phase] for phase in phases]:
                    await pilot.pause(0.2)

        await pilot.press("m", "n", *str(model), "ctrl+s", "wait:3000")
        write("local-plan")
        await pilot.press("tab", "enter", "wait:2000", "escape", "m")
        await until(Phase.COMPILING, Phase.CAPTURING)
        await pilot.press("wait:2500")
        write("local")
        await until(Phase.READY)
        await pilot.press("t", *"Why is the sky blue?", "enter", "wait:4000")
        write("try")
        await pilot.press("escape", "s", "wait:2000", "tab", "enter")
        async with asyncio.timeout(PATIENCE):
            while desk.local.states:
                await pilot.pause(0.2)


async def ready_app(app: QuarterdeckApp, pilot: Pilot[None], ready: Callable[[Snapshot], bool]) -> ConsoleDesk:
    """Return the desk of the app once its Snapshot is as wanted. Raises TimeoutError."""
    async with asyncio.timeout(PATIENCE):
        while app.desk is None or app.desk.snapshot is None or not ready(app.desk.snapshot):
            await pilot.pause(0.5)
    return app.desk


def main() -> int:
    """Write everything; the references alone with ``keys`` as the argument."""
    (DOCS / "keys.md").write_text(keys_markdown())
    (DOCS / "actions.md").write_text(with_actions((DOCS / "actions.md").read_text()))
    if sys.argv[1:] != ["keys"]:
        sources = ("colon", *"sources", "enter")
        asyncio.run(draw("kv-thrash", {"fleet": (), "help": ("question_mark",), "sources": sources}, in_trouble))
        plan = ("g", "colon", *"scale", "space", "plus", "1", "enter", "wait:3000")
        actions = {"plan": plan, "action": (*plan, "tab", "enter", "wait:2000")}
        # Actions on the simulated fleet do not belong in the author's audit log.
        with tempfile.TemporaryDirectory() as folder:
            os.environ["XDG_STATE_HOME"] = folder
            pages = {"pod": ("down", "enter"), "why": ("down", "w", "wait:3000"), "nodes": ("o",)}
            asyncio.run(draw("slow-replica", {**pages, **actions}, in_trouble))
        asyncio.run(draw("crash-loop", {"logs": ("down", "p", "t"), "timeline": ("down", "h", "wait:2000")}, crashed))
        incidents = {
            "incidents": ("f",),
            "incident": ("f", "g", "enter"),
            "plot": ("g", "v", "down", "down", "wait:2000"),
            "themes": ("colon", *"theme", "enter"),
            # The last one: the first screen shows that moment from then on.
            "past": ("f", "g", "at", "wait:3000"),
        }
        # Nor does what was recorded of it belong to the author's clusters.
        with tempfile.TemporaryDirectory() as folder:
            os.environ["XDG_STATE_HOME"] = folder
            asyncio.run(draw("stuck-engine", incidents, hung))
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(draw_alerts(Path(folder)))
        vllm = installation()
        if vllm is None:
            print("no vLLM (VLLM_FOR_TESTS): the pictures of local servers stay as they are", file=sys.stderr)
        else:
            with tempfile.TemporaryDirectory() as folder:
                asyncio.run(draw_local(vllm, Path(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
