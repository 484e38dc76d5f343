"""Tests of this machine as a cluster: the real console and the real session on servers of a fake vLLM, driven by
keys.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from actions.kinds.local_up import LocalUp
from console.app.app import QuarterdeckApp
from console.commands.command import ScreenId
from console.config.local_settings import LocalSettings
from console.config.options import Options
from console.config.settings import ClusterSettings, Settings
from console.session.failure import SessionError
from console.views.subject import assessment_of
from console.wiring.audit_folder import audit_logs
from console.wiring.session import session_of
from fleet.local.server import Phase
from fleet.model.objects import ObjectRef
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity
from tests.console.machine import a_machine, run, started
from tests.console.stage import Stage
from tests.local.fakes import Box
from tests.simulator.api_process import simulator
from themes.look import Look, use

SECRET = "sk-that-nobody-shall-see"
SERVER = "local/tiny"
KV = 0.25
"""KV cache usage that the fake reports."""


@pytest.fixture
async def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Box]:
    """The machine of the test, which is also that of the console."""
    async with a_machine(tmp_path, monkeypatch) as made:
        yield made


@asynccontextmanager
async def console(
    box: Box, *, context: str = "local", kubeconfig: str = "", audit_of_cluster: Path | None = None
) -> AsyncIterator[Stage]:
    """The console on this machine, after the first look. ``audit_of_cluster`` is for clusters alone, as in the demo."""
    use(Look())
    local = LocalSettings(vllm=str(box.vllm), grace=5.0)
    here = Settings(cluster=ClusterSettings(kubeconfig=kubeconfig, context=context), local=local)
    settings, options = here, Options(servers=box.servers)
    if audit_of_cluster is not None:
        settings = replace(here, actions=replace(here.actions, audit_dir=str(audit_of_cluster)))
        options = replace(options, audit=audit_of_cluster, audit_here=audit_logs(here, os.environ))
    session = session_of(settings, here)
    app = QuarterdeckApp(session, options)
    async with app.run_test(size=(120, 40)) as pilot:
        stage = Stage(app, pilot, session)
        await stage.until(lambda: app.desk is not None and app.desk.snapshot is not None)
        yield stage


async def test_from_the_form_to_the_fleet_and_down_again(box: Box) -> None:
    async with console(box) as stage:
        await stage.until(lambda: "no vLLM server on this machine" in stage.shown)
        await stage.line(f"up {box.model}")
        await stage.until(
            lambda: stage.desk.navigator.front is not None and stage.desk.navigator.front.where is ScreenId.FORM
        )
        await stage.pilot.press("ctrl+s")
        plan = (await stage.planned()).plan
        assert plan is not None
        assert isinstance(plan.request, LocalUp)
        done = await stage.apply()
        assert done.action_run is not None
        assert done.action_run.outcome is not None
        assert done.action_run.outcome.ok, done.action_run.outcome
        stage.desk.navigator.go_home()
        await stage.until(lambda: stage.snapshot.by_pod.value("local/model", Quantity.KV_USAGE) == KV)
        await stage.until(lambda: "● model" in stage.shown)
        await stage.line("down model")
        await stage.planned()
        done = await stage.apply()
        assert done.action_run is not None
        assert done.action_run.outcome is not None
        assert done.action_run.outcome.ok, done.action_run.outcome
        stage.desk.navigator.go_home()
        await stage.until(lambda: not stage.snapshot.pods)
        assert [(a.intent.kind, a.outcome) for a in stage.recorded()] == [
            ("local-up", "converged"),
            ("local-down", "converged"),
        ]
    assert not box.processes()


async def test_what_is_for_clusters_is_refused_with_what_is_there_instead(box: Box) -> None:
    await started(box)
    async with console(box) as stage:
        await stage.until(lambda: "● tiny" in stage.shown)
        for key in (SERVER, "local/Process/tiny"):
            stage.move_to(key)
            await stage.pilot.pause()
            for command in ("scale 2", "restart", "drain", "rollback"):
                await stage.line(command)
                assert stage.desk.navigator.front is not None
                assert stage.desk.navigator.front.where is ScreenId.FLEET
                assert "a server on this machine; use :down" in stage.desk.navigator.front.message_text, command
        assert "scale" not in stage.keybar
        await stage.line("down")
        plan = (await stage.planned()).plan
        assert plan is not None
        assert plan.target.name == "tiny"


async def test_its_node_is_no_node_of_kubernetes(box: Box) -> None:
    await started(box)
    async with console(box) as stage:
        await stage.until(lambda: bool(stage.snapshot.nodes))
        await stage.line("nodes")
        await stage.pilot.press("a")
        (name,) = stage.snapshot.nodes
        await stage.until(lambda: name in stage.shown)
        stage.move_to(name)
        await stage.pilot.pause()
        for command in ("cordon", "drain-node"):
            await stage.line(command)
            assert stage.desk.navigator.front is not None
            assert "not a Kubernetes node" in stage.desk.navigator.front.message_text, command


async def test_describe_yaml_and_log_of_a_server_tell_no_secret(box: Box) -> None:
    await started(box, env={"HF_TOKEN": SECRET, "VLLM_LOGGING_LEVEL": "INFO"})
    async with console(box) as stage:
        await stage.until(lambda: SERVER in stage.snapshot.pods)
        session = stage.session
        pod, workload = ObjectRef("Pod", "local", "tiny"), ObjectRef("Process", "local", "tiny")
        assert await session.namespaces() == ("local",)
        lines = [await session.describe(pod), await session.yaml(pod), await session.describe(workload)]
        assert all("tiny" in text and "HF_TOKEN" in text for text in lines), lines
        assert f"  {box.model}" in lines[0]
        key = (box.servers / "tiny" / "key").read_text().strip()
        assert not [text for text in lines if SECRET in text or key in text]
        stream = session.logs(pod, "vllm", follow=False, previous=False, tail=3, since=0)
        assert [line.text for line in [line async for line in stream]][-1].endswith("Application startup complete.")
        with pytest.raises(SessionError, match="every start begins a new one"):
            _ = [line async for line in session.logs(pod, "", follow=False, previous=True, tail=3, since=0)]
        with pytest.raises(SessionError, match="there is no server on this machine called other"):
            await session.describe(ObjectRef("Pod", "local", "other"))
        (node,) = stage.snapshot.nodes
        assert "tiny: Running" in await session.describe(ObjectRef("Node", "", node))
        assert f"name: {node}" in await session.yaml(ObjectRef("Node", "", node))


async def test_the_timeline_has_what_a_server_did_and_what_was_done_to_it(box: Box) -> None:
    await started(box)
    async with console(box) as stage:
        await stage.until(lambda: "● tiny" in stage.shown)
        stage.move_to(SERVER)
        await stage.line("down")
        await stage.planned()
        await stage.apply()
        stage.desk.navigator.go_home()
        await stage.line(f"up {box.model}")
        await stage.until(
            lambda: stage.desk.navigator.front is not None and stage.desk.navigator.front.where is ScreenId.FORM
        )
        await stage.pilot.press("ctrl+s")
        await stage.planned()
        await stage.apply()
        stage.desk.navigator.go_home()
        await stage.until(lambda: "● model" in stage.shown)
        found = await stage.session.timeline(ObjectRef("Pod", "local", "model"), 0.0)
        whats = [entry.what for entry in found.entries]
        assert f"server started with {box.model}" in whats
        assert any(what.endswith(": converged") for what in whats), whats
        every = await stage.session.timeline(stage.snapshot.cluster.id, 0.0)
        assert [entry.about.name for entry in every.entries if ": converged" in entry.what] == ["tiny", "model"]
        await stage.line("down model")
        await stage.planned()
        await stage.apply()


async def test_a_server_that_is_killed_is_critical_and_told_of(box: Box) -> None:
    await started(box)
    async with console(box) as stage:
        await stage.until(lambda: SERVER in stage.snapshot.pods and bool(stage.desk.local.states))
        state = await box.server()
        os.kill(state.record.identity.pid, 9)
        await stage.until(lambda: assessment_of(stage.snapshot, SERVER).severity is Severity.CRITICAL)
        assert stage.desk.navigator.front is not None
        await stage.until(
            lambda: (
                "tiny died"
                in (stage.desk.navigator.front.message_text if stage.desk.navigator.front is not None else "")
            )
        )
        assert (await box.server()).stage.phase is Phase.DEAD


async def test_to_a_cluster_and_back_with_one_log_of_what_was_done(box: Box) -> None:
    await started(box)
    with simulator("--pods", "4", "--seed", "7") as fleet:
        async with console(box, context="demo", kubeconfig=str(fleet.kubeconfig)) as stage:
            await stage.until(lambda: bool(stage.snapshot.pods))
            assert stage.session.contexts()[-1] == "local"
            assert SERVER not in stage.snapshot.pods
            await stage.line("local")
            # 25 % of its KV cache, though the view is elsewhere.
            await stage.until(lambda: "25" in next((x for x in stage.shown.splitlines() if " tiny " in x), ""))
            stage.desk.navigator.go_home()
            await stage.line("ctx local")
            await stage.until(lambda: set(stage.snapshot.pods) == {SERVER})
            await stage.line("down")
            assert (await stage.planned()).plan is not None
            done = await stage.apply()
            assert done.action_run is not None
            await stage.line("ctx demo")
            await stage.until(lambda: len(stage.snapshot.pods) > 1)
            assert [action.intent.kind for action in stage.recorded()] == ["local-down"]
            assert stage.desk.local.observe().snapshot is None


async def test_what_is_done_here_from_a_demo_is_in_ones_own_log(box: Box, tmp_path: Path) -> None:
    await started(box)
    simulated_log = tmp_path / "of the simulated fleet"
    with simulator("--pods", "4", "--seed", "7") as fleet:
        place = {"context": "demo", "kubeconfig": str(fleet.kubeconfig), "audit_of_cluster": simulated_log}
        async with console(box, **place) as stage:  # type: ignore[arg-type]
            await stage.until(lambda: bool(stage.snapshot.pods))
            await stage.line("local")
            await stage.until(lambda: any(" tiny " in line for line in stage.shown.splitlines()))
            await stage.line("down")
            assert (await stage.planned()).plan is not None
            await stage.apply()
            assert [action.intent.kind for action in stage.recorded()] == ["local-down"]
            assert not simulated_log.exists()
            stage.desk.navigator.go_home()
            await stage.line("audit")
            await stage.until(lambda: "no action is recorded" in stage.shown)
            stage.desk.navigator.go_home()
            await stage.line("local")
            await stage.line("audit")
            await stage.until(lambda: "tiny" in stage.shown)


async def test_the_timeline_of_this_machine_on_the_command_line(box: Box) -> None:
    await started(box)
    every, one, nobody = await asyncio.gather(
        run(box, "timeline", "--context", "local", "--json"),
        run(box, "timeline", "process/tiny", "--context", "local"),
        run(box, "timeline", "other", "--context", "local"),
    )
    document = json.loads(every.stdout)
    assert any(entry["what"].startswith("server started with") for entry in document["entries"])
    assert (one.returncode, one.stderr) == (0, "")
    assert "local/pod/tiny" in one.stdout
    assert nobody.returncode == 1


async def test_the_command_line_on_this_machine(box: Box) -> None:
    await started(box)
    shot, doctor, scale = await asyncio.gather(
        run(box, "snapshot", "--json", "--context", "local"),
        run(box, "doctor", "--context", "local"),
        run(box, "scale", "tiny", "2", "--context", "local", "--yes"),
    )
    document = json.loads(shot.stdout)
    (pod,) = document["pods"]
    assert (shot.returncode, pod["name"], pod["ready"]) == (0, "tiny", True)
    assert pod["readings"]["kv_cache_usage"]["value"] == KV
    assert document["workloads"][0]["kind"] == "Process"
    assert doctor.returncode == 0
    assert f"ok    vLLM here      {box.vllm}; its version is checked" in doctor.stdout
    assert "ok    servers        1, 1 of them running" in doctor.stdout
    assert "tiny: Running, http://127.0.0.1:" in doctor.stdout
    assert (scale.returncode, scale.stdout) == (2, "")
    assert "local is this machine and not a cluster" in scale.stderr
    assert "quarterdeck local up, down, restart and undo" in scale.stderr


async def test_the_doctor_says_what_to_do_about_what_is_missing_and_what_died(box: Box) -> None:
    await started(box)
    os.kill((await box.server()).record.identity.pid, 9)
    await box.until(lambda state: not state.alive)
    box.vllm.unlink()
    doctor = await run(box, "doctor", "--context", "local")
    assert doctor.returncode == 0
    assert "warn  vLLM here      not installed" in doctor.stdout
    assert "pip install 'quarterdeck[local]'" in doctor.stdout
    assert "1, 0 of them running" in doctor.stdout
    assert "fix: quarterdeck local down tiny" in doctor.stdout


async def test_where_the_kubeconfig_has_a_context_called_local_that_one_is_meant(box: Box, tmp_path: Path) -> None:
    await started(box)
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        json.dumps(
            {
                "current-context": "local",
                "contexts": [{"name": "local", "context": {"cluster": "c", "user": "u"}}],
                "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}],
                "users": [{"name": "u", "user": {}}],
            }
        )
    )
    flag = ("--kubeconfig", str(kubeconfig))
    cluster, here = await asyncio.gather(
        run(box, "snapshot", "--wait", "2", "--context", "local", *flag),
        run(box, "snapshot", "--json", "--context", "this-machine", *flag),
    )
    assert cluster.returncode == 3
    assert json.loads(here.stdout)["pods"][0]["name"] == "tiny"
