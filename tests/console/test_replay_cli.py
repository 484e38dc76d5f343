"""``quarterdeck replay``: without a terminal, and the error messages about files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from console.cli.dispatch import dispatch
from console.config.settings import Settings
from console.session.failure import SessionError
from console.wiring.redaction import Redacting
from console.wiring.replay import RecordedWiring
from fleet import guard
from fleet.model.objects import Container, Event, ObjectRef
from fleet.model.snapshot import Cluster
from fleet.recorder.cluster_recordings import ContinuousRecorder, RecordingPolicy
from fleet.recorder.moment import Moment
from fleet.recorder.reader import Recording
from fleet.recorder.thinning import Retention
from fleet.recorder.writer import RecordingWriter
from fleet.sources.kube.errors import KubeconfigError
from tests.console.cli import kubeconfig
from tests.fleet.recorder.seen import BEGAN, Plain, moments
from tests.fleet.rows import kube, pod


@pytest.fixture
def file(tmp_path: Path) -> Path:
    recorder = RecordingWriter(tmp_path / "x.qdr", Plain())
    for now, moment in moments(20):
        recorder.note(moment, now)
    recorder.close()
    return tmp_path / "x.qdr"


def run(tmp_path: Path, *arguments: str) -> int:
    try:
        return dispatch("quarterdeck", arguments, {"HOME": str(tmp_path)}, tmp_path / "no-policy")
    except SystemExit as ended:
        return int(ended.code or 0)


def test_without_a_terminal_it_is_the_fleet_as_it_was_at_the_end(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "replay", str(file)) == 0
    out = capsys.readouterr().out
    assert "a recording of 2026-11-29 09:04:45 UTC" in out
    assert "chat-1" in out
    # Nothing of this process changes anything from then on.
    assert guard.is_locked()


def test_at_any_moment_of_it(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "replay", str(file), "--at", "2026-11-29T09:01Z") == 0
    assert "2026-11-29 09:01:00 UTC" in capsys.readouterr().out


def test_a_moment_that_it_does_not_have_is_said(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "replay", str(file), "--at", "1999-01-01") == 2
    assert "is from 2026-11-29 09:00:00 to 2026-11-29 09:04:45 UTC" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("replay", "/nowhere/x"), "No such file"),
        (("replay", "/"), "is not a file"),
        (("replay", __file__), "not a recording of quarterdeck"),
        (("replay", "x", "--speed", "-1"), "is not a speed"),
        (("snapshot", "--record", "x"), "unknown flag"),
        (("--record", "x"), "the console needs a terminal"),
        (("--record", "x", "snapshot"), "--record works only with the console and demo"),
    ],
)
def test_bad_input_is_said(
    arguments: tuple[str, ...], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, *arguments) == 2
    err = capsys.readouterr().err
    assert expected in err
    assert "Traceback" not in err


async def test_what_only_a_cluster_can_answer_is_not_asked(file: Path) -> None:
    wiring = RecordedWiring(Settings(), {}, file, BEGAN, 1.0)
    assert wiring.contexts() == ("recording x.qdr",)
    assert not wiring.leads_somewhere("prod")
    with pytest.raises(KubeconfigError, match="no context"):
        wiring.check("prod")
    connection = wiring.connect("", "")
    with pytest.raises(KubeconfigError, match="recording"):
        connection.reads()
    with pytest.raises(KubeconfigError, match="recording"):
        await connection.identify()
    with pytest.raises(SessionError, match="recording"):
        await connection.reader.yaml(ObjectRef("Pod", "serving", "chat-1"))
    happened = await connection.reader.timeline(ObjectRef("Deployment", "serving", "chat"), 0.0)
    assert "pod made" in [entry.what for entry in happened.entries], "what the rows tell of the past is in it"
    await connection.observer.close()


async def test_it_can_be_left_and_looked_at_again(file: Path) -> None:
    wiring = RecordedWiring(Settings(), {}, file, BEGAN, 1.0)
    for _ in range(2):
        observer = wiring.connect("", "").observer
        assert (await observer.tick()).pods
        await observer.close()


def test_no_secret_of_a_command_line_or_a_message_is_written_down(tmp_path: Path) -> None:
    secret = "sk-proj-aB3dE5fG7hI9jK1lM3nO5pQ7"
    vllm = Container("vllm", "vllm:1", command=("vllm", "serve", "--api-key", secret, "--port", "8000"))
    seen = kube([pod("chat-1", containers=(vllm,))])
    event = Event(
        "serving", "e", "u", "1", ObjectRef("Pod", "serving", "chat-1"), "", "Warning", "Failed", secret, 1, BEGAN
    )
    writer = RecordingWriter(tmp_path / "x.qdr", Redacting())
    writer.note(Moment(replace(seen, events={event.key: event}), (), None), BEGAN)
    writer.close()
    with Recording(tmp_path / "x.qdr") as recording:
        state = recording.at(BEGAN).state
    assert secret not in repr(state)
    command = state.pods["serving/chat-1"].containers[0].command
    assert (command[:3], command[4:]) == (("vllm", "serve", "--api-key"), ("--port", "8000"))


SERVER = "https://kube.example.com:6443"


def keep(tmp_path: Path) -> None:
    """Keep a recording of that server, as the console would."""
    folder = tmp_path / ".local" / "state" / "quarterdeck" / "recordings"
    keeping = ContinuousRecorder(RecordingPolicy(folder, Retention(), Plain), Cluster("c", "c", SERVER))
    for now, moment in moments(300):
        keeping.note(moment, now)
    keeping.close()


def test_without_a_file_it_is_what_is_kept_of_the_context(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(tmp_path)
    asking = ("--kubeconfig", str(kubeconfig(tmp_path, SERVER)), "replay")
    assert run(tmp_path, *asking) == 0
    out = capsys.readouterr().out
    assert "a recording of 2026-11-29 10:14:45 UTC" in out
    assert "chat-1" in out
    assert run(tmp_path, *asking, "--at", "2026-11-29T09:01Z") == 0
    assert "2026-11-29 09:01:00 UTC" in capsys.readouterr().out


def test_where_nothing_is_kept_that_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(kubeconfig(tmp_path, SERVER))
    assert run(tmp_path, "--kubeconfig", file, "replay") == 2
    assert "there is no recording of c yet" in capsys.readouterr().err
    assert run(tmp_path, "--kubeconfig", file, "--context", "nowhere", "replay") == 2
    assert "nowhere" in capsys.readouterr().err
    assert not (tmp_path / ".local").exists(), "who only asks makes nothing"


def test_a_recording_can_be_scrubbed_and_played(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.qdr"
    assert run(tmp_path, "record", "scrub", str(file), str(out)) == 0
    assert "names replaced" in capsys.readouterr().out
    assert run(tmp_path, "replay", str(out)) == 0
    shown = capsys.readouterr().out
    assert "pod-1" in shown
    assert "chat-" not in shown


def test_what_cannot_be_scrubbed_is_said(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "record", "scrub", str(file), str(file)) == 2
    assert "already exists" in capsys.readouterr().err
    assert run(tmp_path, "record", "scrub", __file__, str(tmp_path / "out.qdr")) == 2
    assert "not a recording" in capsys.readouterr().err
    assert not (tmp_path / "out.qdr").exists()
