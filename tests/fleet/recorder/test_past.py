"""Past events from a recording: the rows of each half hour show them, up to the moment of playback."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fleet.model.objects import Condition, Container, Event, ModelVersion, ObjectRef
from fleet.recorder.moment import Moment
from fleet.recorder.recorded_past import RecordedTimeline
from fleet.recorder.writer import RecordingWriter
from fleet.sources.kube.state import KubeState
from fleet.timeline.timeline import Timeline, ask
from tests.fleet.recorder.seen import BEGAN, Plain
from tests.fleet.rows import deployment, kube, node, pod

HOUR = 3600.0
CHAT = ObjectRef("Deployment", "serving", "chat")


def seen(at: float, *events: Event) -> KubeState:
    """A pod that was killed for its memory, of a Deployment whose second revision is an hour old."""
    killed = Container("vllm", "vllm:2", restarts=3, last_reason="OOMKilled", last_exit_code=137, last_finished=at - 60)
    top, first = deployment("chat", created=BEGAN - 9 * HOUR)
    first = replace(first, revision="1", created=BEGAN - 9 * HOUR, version=ModelVersion("vllm:1"))
    second = replace(
        first, name="chat-2", uid="uid-rs-2", revision="2", created=BEGAN - HOUR, version=ModelVersion("vllm:2")
    )
    held = (Condition("Ready", "True", since=BEGAN - 3000),)
    pods = [pod("chat-x", created=BEGAN - HOUR, containers=(killed,), conditions=held, node="gpu-1")]
    found = kube(pods, [top, first, second], [node("gpu-1", created=BEGAN - 9 * HOUR)])
    return replace(found, events={event.key: event for event in events})


def event(name: str, reason: str, message: str, at: float) -> Event:
    about = ObjectRef("ReplicaSet", "serving", "chat-1")
    return Event("serving", name, name, "1", about, "", "Normal", reason, message, 1, at, "replicaset-controller", at)


async def timeline_in(file: Path, now: float) -> Timeline:
    return (await ask([RecordedTimeline(file, lambda: now)], 0.0, now)).narrowed_to(CHAT)


async def test_rows_say_what_happened_and_nothing_of_later(tmp_path: Path) -> None:
    file = tmp_path / "x.qdr"
    recorder = RecordingWriter(file, Plain())
    deleted = event("a", "SuccessfulDelete", "Deleted pod: chat-old", BEGAN - 30)
    later = event("b", "SuccessfulDelete", "Deleted pod: chat-y", BEGAN + 2 * HOUR)
    recorder.note(Moment(seen(BEGAN, deleted), (), None), BEGAN)
    # The first event has expired by then.
    recorder.note(Moment(seen(BEGAN + 2 * HOUR, later), (), None), BEGAN + 2 * HOUR)
    recorder.close()
    found = await timeline_in(file, BEGAN + HOUR)
    assert [(entry.at - BEGAN, entry.what) for entry in found.entries] == [
        (-9 * HOUR, "Deployment created"),
        (-9 * HOUR, "revision 1 made"),
        (-HOUR, "revision 2: image vllm:1 → vllm:2"),
        (-HOUR, "pod made"),
        (-3000, "ready"),
        (-60, "vllm ended: OOMKilled (137), the last of 3 times"),
        (-30, "pod deleted"),
    ]
    assert all(entry.evidence for entry in found.entries)
    assert [gap.what for gap in found.gaps] == ["who changed anything but templates, and arguments of templates"]
    whole = await timeline_in(file, BEGAN + 2 * HOUR)
    ends = [entry.at - BEGAN for entry in whole.entries if "ended" in entry.what]
    assert ends == [-60, 2 * HOUR - 60], "each end that was seen, not the last alone"
    assert [entry.about.name for entry in whole.entries if entry.what == "pod deleted"] == ["chat-old", "chat-y"]


async def test_what_cannot_be_read_is_a_gap(tmp_path: Path) -> None:
    (gap,) = [gap for gap in (await timeline_in(tmp_path / "none.qdr", BEGAN)).gaps if "rest" in gap.what]
    assert "No such file" in gap.problem
