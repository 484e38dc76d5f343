"""Changes of objects without history, from the states that the console kept: known to the time between two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from fleet.model.alerts import Alert, Notified
from fleet.model.coverage import Coverage
from fleet.model.facts import Dated, Facts
from fleet.model.objects import Event, HorizontalPodAutoscaler, ModelVersion, Node, ObjectRef, Pod, Workload
from fleet.recorder.moment import Moment
from fleet.recorder.recorded_past import RecordedPast, RecordingsTimeline
from fleet.recorder.writer import RecordingWriter
from fleet.sources.kube.state import KubeState
from fleet.timeline.entry import Entry
from fleet.timeline.timeline import ask
from tests.fleet.recorder.seen import BEGAN, Plain
from tests.fleet.rows import deployment, kube, node, pod

HELD = ("pods", "nodes", "deployments.apps", "statefulsets.apps", "horizontalpodautoscalers.autoscaling")
OLD = BEGAN - 90_000


def seen(
    pods: Sequence[Pod] = (),
    nodes: Sequence[Node] = (),
    workloads: Sequence[Workload] = (),
    autoscalers: Sequence[HorizontalPodAutoscaler] = (),
    coverage: Coverage | None = None,
) -> KubeState:
    found = kube([replace(one, created=OLD) for one in pods], workloads, [replace(one, created=OLD) for one in nodes])
    scalers = {one.key: one for one in autoscalers}
    return replace(found, synced=frozenset(HELD), autoscalers=scalers, coverage=coverage or Coverage())


def hpa(least: int, most: int) -> HorizontalPodAutoscaler:
    return HorizontalPodAutoscaler(
        "serving", "chat", "uid-hpa", "1", ObjectRef("Deployment", "serving", "chat"), least, most, 1, 1
    )


async def entries_of(tmp_path: Path, *looks: tuple[float, KubeState], uid: str = "") -> list[Entry]:
    """Return the entries of a console that saw these states, without what the objects report themselves."""
    file = tmp_path / "kept.qdr"
    writer = RecordingWriter(file, Plain())
    writer.describe(uid="this one")
    for at, state in looks:
        writer.note(Moment(state, (), None), BEGAN + at)
    writer.close()
    return await _read(file, uid)


async def _read(file: Path, uid: str = "") -> list[Entry]:
    async def known() -> str:
        return uid

    found = await ask([RecordingsTimeline(RecordedPast(file), known, lambda: BEGAN + 1e6)], BEGAN - 1, BEGAN + 1e6)
    assert found.gaps == ()
    return list(found.single)


def lines(entries: Sequence[Entry]) -> list[tuple[float, float, str, str]]:
    return [(one.at - BEGAN, one.within, str(one.about), one.what) for one in entries]


async def test_a_pod_that_was_there_and_is_not_is_told_to_the_time_between_two_looks(tmp_path: Path) -> None:
    one, other = pod("chat-a"), pod("chat-b")
    looks = [(at, seen([one, other])) for at in (0, 2, 4)]
    found = await entries_of(tmp_path, *looks, (6, seen([one])), (8, seen([one])))
    assert lines(found) == [(4, 2, "serving/Pod/chat-b", "pod gone")]
    (evidence,) = found[0].evidence
    assert "uid uid-chat-b was there at" in evidence.value


async def test_another_pod_of_the_same_name_is_the_end_of_the_first(tmp_path: Path) -> None:
    again = pod("chat-0", uid="another")
    assert lines(await entries_of(tmp_path, (0, seen([pod("chat-0")])), (2, seen([again])))) == [
        (0, 2, "serving/Pod/chat-0", "pod gone")
    ]


async def test_what_is_not_in_view_is_not_gone_until_it_could_be_seen_and_is_not(tmp_path: Path) -> None:
    blind = Coverage(limited={"pods": ("batch",)})
    pods = [pod("chat-a"), pod("chat-b")]
    found = await entries_of(
        tmp_path,
        (0, seen(pods)),
        (2, seen(coverage=blind)),
        (4, seen(coverage=Coverage(pending=frozenset({"pods"})))),
        (6, seen(pods[:1])),
    )
    assert lines(found) == [(0, 6, "serving/Pod/chat-b", "pod gone")]


async def test_what_happened_while_no_console_ran_is_known_to_that_time(tmp_path: Path) -> None:
    there = seen([pod("chat-a")])
    await entries_of(tmp_path, (0, there), (2, there))
    found = await entries_of(tmp_path, (600, seen()))
    # The first console has not recorded its last look: nothing had changed.
    assert lines(found) == [(0, 600, "serving/Pod/chat-a", "pod gone")]


async def test_a_clock_that_is_set_back_invents_no_time(tmp_path: Path) -> None:
    found = await entries_of(tmp_path, (100, seen([pod("chat-a")])), (50, seen()))
    assert lines(found) == [(50, 0, "serving/Pod/chat-a", "pod gone")]


async def test_changes_of_which_nothing_keeps_the_one_before_the_last(tmp_path: Path) -> None:
    top, link = deployment("chat", 4, created=OLD)
    sts = Workload("StatefulSet", "serving", "kv", "uid-kv", "1", OLD, 1, version=ModelVersion("kv:1"))
    before = seen([], [node("gpu-1", 8)], [top, link, sts], [hpa(1, 8)])
    cordoned = replace(node("gpu-1", 7), unschedulable=True, taints=(("team", "a", "NoSchedule"),))
    after = seen(
        [],
        [cordoned],
        [
            replace(top, desired=6, paused=True, version=ModelVersion("v:2")),
            link,
            replace(sts, version=ModelVersion("kv:2")),
        ],
        [hpa(1, 12)],
    )
    found = await entries_of(tmp_path, (0, before), (2, after), (4, before))
    assert [(at, what) for at, _, _, what in lines(found)] == [
        (0, "cordoned: accepts no new pods"),
        (0, "nvidia.com/gpu allocatable 8 → 7"),
        (0, "taint team:NoSchedule added"),
        (0, "replicas 4 → 6"),
        (0, "rollouts paused"),
        (0, "maxReplicas 8 → 12"),
        (0, "image kv:1 → kv:2"),
        (2, "nvidia.com/gpu allocatable 7 → 8"),
        (2, "taint team:NoSchedule removed"),
        (2, "uncordoned: accepts pods again"),
        (2, "replicas 6 → 4"),
        (2, "rollouts no longer paused"),
        (2, "maxReplicas 12 → 8"),
        (2, "image kv:2 → kv:1"),
    ]
    assert all(one.within == 2 and one.evidence for one in found)
    assert all(one.unknown for one in found), "nobody is known to have done it, and that is said"


async def test_what_an_event_says_as_well_is_one_thing_and_known_as_well_as_the_better_of_both(tmp_path: Path) -> None:
    about = ObjectRef("Node", "", "gpu-1")
    event = Event(
        "", "e", "uid-e", "1", about, "", "Normal", "NodeNotSchedulable", "", 1, BEGAN + 5, "kubelet", BEGAN + 5
    )
    before, machine = seen(nodes=[node("gpu-1")]), replace(node("gpu-1"), unschedulable=True)
    after = replace(seen(nodes=[machine]), events={event.key: event})
    found = [one for one in await entries_of(tmp_path, (2, before), (4, after)) if "cordoned" in one.what]
    assert [(one.at - BEGAN, one.within, len(one.evidence)) for one in found] == [(2, 2, 2)]


async def test_a_pod_that_is_asked_to_end_and_then_is_gone_are_two_things(tmp_path: Path) -> None:
    ending = replace(pod("chat-a"), deleted=BEGAN + 32)
    found = await entries_of(tmp_path, (0, seen([pod("chat-a")])), (2, seen([ending])), (30, seen()))
    assert lines(found) == [
        (0, 2, "serving/Pod/chat-a", "asked to stop"),
        (2, 28, "serving/Pod/chat-a", "pod gone"),
    ]


@pytest.mark.parametrize(("uid", "count"), [("", 1), ("this one", 1), ("a cluster of the same address", 0)])
async def test_what_was_kept_of_another_cluster_is_not_told(tmp_path: Path, uid: str, count: int) -> None:
    found = await entries_of(tmp_path, (0, seen([pod("chat-a")])), (2, seen()), uid=uid)
    assert len(found) == count


def test_who_asks_again_reads_what_came_since_and_is_told_the_same(tmp_path: Path) -> None:
    file, pods = tmp_path / "kept.qdr", [pod(f"chat-{number}") for number in range(9)]
    known, writer = RecordedPast(file), RecordingWriter(file, Plain())
    for number in range(8):
        writer.note(Moment(seen(pods[: 9 - number]), (), None), BEGAN + 2 * number)
        found, problem = known.read(BEGAN - 1, BEGAN + 2 * number + 1)
        fresh, _ = RecordedPast(file).read(BEGAN - 1, BEGAN + 2 * number + 1)
        assert problem is None
        assert set(found.entries) == set(fresh.entries)
        assert len([one for one in found.entries if one.what == "pod gone"]) == number
    writer.close()
    # A different file in its place, and a larger request than before.
    file.unlink()
    writer = RecordingWriter(file, Plain())
    for number in range(2):
        writer.note(Moment(seen(pods[: 2 - number]), (), None), BEGAN + 2 * number)
    writer.close()
    found, _ = known.read(BEGAN - 1, BEGAN + 100)
    assert [one.about.name for one in found.entries if one.what == "pod gone"] == ["chat-1"]
    assert known.read(BEGAN - 90_000, BEGAN + 100)[0].entries == found.entries


async def test_nothing_was_kept(tmp_path: Path) -> None:
    assert await _read(tmp_path / "none.qdr") == []


async def test_alerts_that_began_and_ended_are_told_without_a_metrics_store(tmp_path: Path) -> None:
    def heard(at: float, *alerts: Alert) -> Facts:
        return Facts({"alertmanager": Dated(BEGAN + at, Notified(alerts, ()))})

    labels = {"alertname": "QueueGrows", "namespace": "serving", "deployment": "chat"}
    slow = Alert(labels, since=BEGAN + 20)
    old = Alert({"alertname": "Watchdog"}, since=OLD)
    waits = Alert({"alertname": "Later"}, firing=False)
    file, state = tmp_path / "kept.qdr", seen()
    writer = RecordingWriter(file, Plain())
    for at, facts in ((0, heard(0, old)), (30, heard(30, old, slow, waits)), (60, heard(60, old))):
        writer.note(Moment(state, (), None, facts), BEGAN + at)
    writer.close()
    found = await _read(file)
    assert lines(found) == [
        (20, 10, "serving/Deployment/chat", "alert QueueGrows fires"),
        (30, 30, "serving/Deployment/chat", "alert QueueGrows ended"),
    ]
