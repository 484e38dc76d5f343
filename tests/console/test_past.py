"""The running console goes back in time, and to now: what is shown, what is refused, and what reaches the cluster."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from actions.kinds.restart import Restart
from actions.kinds.scale import Scale
from actions.request import Target
from console.app.app import QuarterdeckApp
from console.commands.command import ScreenId
from console.config.options import Options
from console.config.settings import ClusterSettings, RecorderSettings, Settings
from console.session.cluster_session import ObservingSession
from console.session.failure import SessionError
from console.wiring.memory import Memory, recordings_folder
from console.wiring.past import RecordedMoment
from console.wiring.replay import RecordedWiring
from console.wiring.session import session_of
from fleet.model.in_past import is_past
from fleet.model.objects import Node
from fleet.model.snapshot import Cluster
from fleet.recorder.cluster_recordings import file_of
from fleet.recorder.reader import Recording
from fleet.recorder.writer import RecordingWriter
from tests.console.read_only_fuzz import Recorded, proxied
from tests.console.stage import Stage
from tests.fleet.recorder.seen import BEGAN, STEP, Plain, moments
from tests.simulator.api_process import simulator
from themes.look import Look, use
from widgets.grid import Grid

TICKS = 41
LAST = (TICKS - 1) * STEP
"""Seconds from the first to the last that is recorded; the last is a minute ago."""
THEN = "serving/chat-1"
"""A pod that there was then and is not now."""


class Traveller(Stage):
    """A console on a live fleet, of which there is a recording of other pods."""

    reached: Recorded
    ended: float
    """Unix time of the last that is recorded."""

    @property
    def header(self) -> str:
        return self.shown.splitlines()[0]

    async def at(self, text: str) -> None:
        """Go to a moment, and wait until it is shown."""
        before = self.snapshot
        await self.line(f"at {text}")
        await self.until(lambda: is_past(self.snapshot) and self.snapshot.at != before.at)

    async def refuses(self, command: str, words: str) -> None:
        """Run a command, and wait until the reason why not is shown."""
        front = self.desk.navigator.front
        assert front is not None
        front.say("")
        self.desk.line.run(command, front.context())
        await self.until(lambda: words in self.shown)

    async def pressed(self, *keys: str) -> str:
        """Press keys, and return what is then on the screen."""
        await self.pilot.press(*keys)
        await self.pilot.pause()
        return self.shown


def record(folder: Path, server: str) -> float:
    """Write what a console would have recorded of this server until a minute ago; return when the last was."""
    ended = time.time() - 60
    path = file_of(recordings_folder({"HOME": str(folder)}), "proxied", server)
    path.parent.mkdir(parents=True)
    writer = RecordingWriter(path, Plain())
    for now, moment in moments(TICKS):
        later = ended - LAST - BEGAN
        cluster = Cluster("proxied", "c", server)
        state = replace(moment.state, cluster=cluster)
        measurement = moment.measurement
        assert measurement is not None
        writer.note(moment._replace(state=state, measurement=replace(measurement, at=now + later)), now + later)
    writer.close()
    return ended


@asynccontextmanager
async def console(folder: Path, recorder: RecorderSettings | None = None) -> AsyncIterator[Traveller]:
    use(Look())
    with simulator("--pods", "4", "--seed", "7") as fleet:
        async with proxied(fleet, folder) as (kubeconfig, recorded):
            server = kubeconfig.read_text().split('"server": "')[1].split('"')[0]
            ended = record(folder, server)
            cluster = ClusterSettings(kubeconfig=str(kubeconfig))
            settings = Settings(cluster=cluster, recorder=recorder or RecorderSettings())
            session = session_of(settings, environ={"HOME": str(folder)})
            app = QuarterdeckApp(session, Options())
            async with app.run_test(size=(120, 40)) as pilot:
                stage = Traveller(app, pilot, session)
                stage.reached, stage.ended = recorded, ended
                await stage.until(lambda: app.desk is not None and app.desk.snapshot is not None)
                await stage.until(lambda: bool(stage.snapshot.pods) and stage.snapshot.measured_at is not None)
                yield stage


async def test_everything_is_as_it_was_and_nothing_can_be_done_until_one_is_back(tmp_path: Path) -> None:
    async with console(tmp_path) as stage:
        await stage.until(lambda: stage.snapshot.sequence > 1)
        live, service = stage.snapshot, stage.desk.actions.service
        assert service is not None
        row = next(w for w in live.workloads.values() if w.kind == "Deployment")
        target = Target("Deployment", row.namespace, row.name, row.uid, live.cluster.id)
        plan = await service.plan(Scale(target, 9))
        stage.reached.requests.clear()
        assert THEN not in live.pods

        await stage.at("-3m")
        assert THEN in stage.snapshot.pods
        assert stage.snapshot.cluster.id == live.cluster.id
        assert 0 <= stage.snapshot.at - (live.at - 180) < 30
        shown = time.strftime("%H:%M:%S", time.localtime(stage.snapshot.at))
        assert stage.header.startswith(f" ← {shown}  3m ago  actions off  esc now   proxied")
        assert "read-write" not in stage.header
        assert "live" not in stage.header, "what answered then may not answer now"
        assert "chat-1" in stage.shown
        stage.move_to(THEN)
        await stage.pilot.pause()
        assert not {"scale", "logs", "restart", "yaml"} & set(stage.keybar.split())

        assert stage.desk.actions.service is None
        assert "Scale: not in the past; :now goes back" in await stage.pressed("s")
        for command in ("scale 3", "restart", "logs", "yaml", "describe", "local", "up"):
            await stage.refuses(command, "not in the past; :now goes back")
        await stage.refuses("svc", "this is the past")
        with pytest.raises(SessionError, match="this is the past"):
            await service.plan(Scale(target, 9))
        with pytest.raises(SessionError, match="planned for"):
            await service.start(plan, "", "")
        with pytest.raises(SessionError, match="this is the past"):
            await stage.session.yaml(live.ref("Deployment", row.namespace, row.name))

        await stage.pressed("escape")
        await stage.until(lambda: not is_past(stage.snapshot))
        assert set(stage.snapshot.pods) >= set(live.pods)
        assert stage.snapshot.sequence >= live.sequence > 1, "the same observer has gone on"
        assert stage.header.startswith(" proxied")
        assert "read-write" in stage.header
        assert not stage.reached.mutating()
        # The live side goes on to look for Helm's releases, from time to time, in the metadata of Secrets.
        assert set(stage.reached.private()) <= {("GET", "/api/v1/secrets")}
        assert (await service.plan(Scale(target, 9))).title == plan.title


async def test_what_the_timeline_reads_of_the_recording_is_no_second_copy_of_the_nodes(tmp_path: Path) -> None:
    def nodes() -> list[Node]:
        gc.collect()
        return [one for one in gc.get_objects() if type(one) is Node]

    async with console(tmp_path) as stage:
        live = stage.snapshot
        path = file_of(recordings_folder({"HOME": str(tmp_path)}), "proxied", live.cluster.server)

        def recorded() -> bool:
            with Recording(path) as recording:
                return recording.at(time.time()).state.nodes.keys() == live.nodes.keys()

        await stage.until(recorded)
        before = nodes()
        found = await stage.session.timeline(live.cluster.id, live.at - 3600)
        assert "chat-0" in {entry.about.name for entry in found.single}, "what is in the recording alone was read"
        known = {id(one) for one in before}
        assert [one for one in nodes() if id(one) not in known and one in before] == []


async def test_an_action_that_is_started_while_a_moment_is_read_is_not_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with console(tmp_path) as stage:
        live, service = stage.snapshot, stage.desk.actions.service
        assert service is not None
        row = next(w for w in live.workloads.values() if w.kind == "Deployment")
        plan = await service.plan(Restart(Target("Deployment", row.namespace, row.name, row.uid, live.cluster.id)))
        play_up = RecordedMoment.play_up
        started = asyncio.get_running_loop()

        async def slowly(self: RecordedMoment) -> None:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(service.start(plan, "", "Apply"), started))
            await play_up(self)

        monkeypatch.setattr(RecordedMoment, "play_up", slowly)
        with pytest.raises(SessionError, match="an action is running on this cluster"):
            await stage.session.travel(live.at - 180)
        assert not is_past(stage.snapshot)
        (run,) = service.action_runs
        assert run.outcome is None
        service.stop(run.id)
        await stage.until(lambda: service.action_runs[0].outcome is not None)
        assert stage.reached.mutating()


async def test_the_place_is_kept_and_pages_of_now_are_not(tmp_path: Path) -> None:
    async with console(tmp_path) as stage:
        await stage.at("2m")
        front = stage.desk.navigator.front
        assert front is not None
        await stage.pressed("slash", *"chat", "enter")
        stage.move_to(THEN)
        await stage.at("3m")
        assert stage.desk.navigator.front is front
        assert front.query_one(Grid).cursor == THEN
        await stage.pressed("enter")
        assert stage.desk.navigator.is_in_front(ScreenId.DETAIL)
        assert "  :now   proxied" in stage.header, "esc leads to the fleet from here"
        await stage.pressed("h")
        await stage.until(lambda: stage.desk.navigator.is_in_front(ScreenId.TIMELINE))
        await stage.at("2m")
        assert stage.desk.navigator.is_in_front(ScreenId.DETAIL), "the timeline was that of another moment"
        await stage.line("now")
        await stage.until(lambda: not is_past(stage.snapshot))
        assert stage.desk.navigator.is_in_front(ScreenId.DETAIL)
        await stage.line("now")
        await stage.until(lambda: "this is now" in stage.shown)


async def test_a_time_that_was_not_kept_or_is_none_is_said_and_now_stays_in_view(tmp_path: Path) -> None:
    async with console(tmp_path) as stage:
        last = time.strftime("%H:%M:%S", time.localtime(stage.ended))
        await stage.refuses("at 3h", "nothing is recorded of")
        assert "what is kept is from" in stage.shown
        await stage.refuses("at 1s", f"to {last}.")
        await stage.refuses("at soon", '"soon" is not a time, such as 14:02, 2h')
        await stage.refuses("at 2099-01-01", "nothing is recorded of 2099-01-01 00:00:00;")
        await stage.refuses("at", "name a time")
        assert not is_past(stage.snapshot)
        assert "read-write" in stage.header


async def test_where_nothing_is_recorded_that_is_said(tmp_path: Path) -> None:
    async with console(tmp_path, RecorderSettings(enabled=False)) as stage:
        await stage.line("at 2m")
        await stage.until(lambda: "nothing of this cluster is recorded; recorder.enabled = true" in stage.shown)
        assert not is_past(stage.snapshot)


async def test_another_context_is_one_of_now(tmp_path: Path) -> None:
    async with console(tmp_path) as stage:
        await stage.at("2m")
        await stage.desk.scope.switch(context="proxied")
        await stage.until(lambda: not is_past(stage.snapshot) and bool(stage.snapshot.pods))
        assert THEN not in stage.snapshot.pods


async def test_a_replay_is_moved_in_either_direction_and_goes_on_where_it_was(tmp_path: Path) -> None:
    use(Look())
    ended = record(tmp_path, "http://127.0.0.1:1")
    (file,) = recordings_folder({"HOME": str(tmp_path)}).glob("*.qdr")
    app = QuarterdeckApp(
        session := ObservingSession(RecordedWiring(Settings(read_only=True), {}, file, ended - 300, 1.0)),
        Options(read_only=True),
    )
    async with app.run_test(size=(120, 40)) as pilot:
        stage = Traveller(app, pilot, session)
        await stage.until(lambda: app.desk is not None and app.desk.snapshot is not None)
        await stage.until(lambda: bool(stage.snapshot.pods))
        assert not is_past(stage.snapshot)
        for at in (ended - 100, ended - 400):
            await stage.desk.scope.travel(at)
            await stage.until(lambda at=at: stage.snapshot.at == at)  # type: ignore[misc]
            assert is_past(stage.snapshot)
            assert "READ-ONLY" in stage.header
        await stage.pressed("escape")
        await stage.until(lambda: not is_past(stage.snapshot))
        assert 0 <= stage.snapshot.at - (ended - 300) < 60


@pytest.mark.parametrize("is_bounded", [True, False])
def test_the_past_of_a_demo_has_the_limits_of_any_other(tmp_path: Path, *, is_bounded: bool) -> None:
    settings, file = RecorderSettings(enabled=False, hours=0.1), tmp_path / "recording.qdr"
    recorder = Memory(settings, {}, file, is_bounded=is_bounded).recorder(Cluster("demo"))
    assert recorder is not None
    for now, moment in moments(200):
        recorder.note(moment, now)
    recorder.close()
    assert not recorder.statuses()
    with Recording(file) as recording:
        assert recording.last == BEGAN + 199 * STEP
        assert (recording.first > BEGAN) is is_bounded
