"""One timeline from several sources: order, span, folding, and the timeline of one object."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from fleet.model.objects import ObjectRef
from fleet.timeline.entry import Entry, EntryKind, Evidence
from fleet.timeline.kinship import Kinship
from fleet.timeline.source import Gap, SourceTimeline
from fleet.timeline.timeline import Timeline, ask, merged

CHAT = ObjectRef("Deployment", "serving", "chat")
ONE, TWO = (ObjectRef("Pod", "serving", f"chat-{name}") for name in ("one", "two"))
NODE = ObjectRef("Node", "", "gpu-1")


def entry(at: float, what: str, about: ObjectRef = ONE, kind: EntryKind = EntryKind.END, **more: object) -> Entry:
    found = {"evidence": (Evidence(f"{about} {at}", "x"),), **more}
    return Entry(at, 1.0, kind, what, about, **found)  # type: ignore[arg-type]


def kin() -> Kinship:
    found = Kinship()
    for pod in (ONE, TWO):
        found.note_maker(pod, CHAT)
    found.note(ONE, NODE)
    return found


def timeline(*entries: Entry, since: float = 0.0) -> Timeline:
    return merged([SourceTimeline(entries, kin())], since, 1000.0)


def rows_of(found: Timeline) -> list[tuple[float, str, int]]:
    return [(one.at, one.what, one.times) for one in found.entries]


def test_the_first_seen_is_first_whoever_tells_it() -> None:
    both = merged(
        [SourceTimeline((entry(20, "b"),), kin()), SourceTimeline((entry(10, "a"), entry(30, "c")), Kinship())],
        0.0,
        100.0,
    )
    assert rows_of(both) == [(10, "a", 1), (20, "b", 1), (30, "c", 1)]


def test_what_began_before_the_span_and_lasted_into_it_is_told() -> None:
    found = timeline(entry(10, "long", last=60.0, times=4), entry(20, "short"), since=50.0)
    assert rows_of(found) == [(10, "long", 4)]


def test_the_same_of_several_pods_of_a_workload_within_minutes_is_one_entry_with_all_its_evidence() -> None:
    found = timeline(entry(10, "vllm ended: OOMKilled (137)"), entry(40, "vllm ended: OOMKilled (137)", TWO))
    (one,) = found.entries
    assert (one.about, one.objects, one.times, one.last) == (CHAT, (ONE, TWO), 2, 40)
    assert len(one.evidence) == 2
    # Of each of the objects it is still known.
    assert rows_of(found.narrowed_to(CHAT)) == [(10, "vllm ended: OOMKilled (137)", 2)]


@pytest.mark.parametrize(
    ("first", "again", "shown"),
    [
        ("refused by 10.0.0.1:8000", "refused by 10.0.0.2:8000", "refused by …"),
        ("back-off of pod chat-one_serving(x)", "back-off of pod chat-two_serving(x)", "back-off of pod …(x)"),
        (
            "sandbox 6f9619ff-8b86-d011-b42d-00c04fc964ff",
            "sandbox 7f9619ff-8b86-d011-b42d-00c04fc964ff",
            "sandbox …",
        ),
    ],
)
def test_of_several_objects_what_names_them_may_differ_and_is_not_shown_as_if_it_were_of_all(
    first: str, again: str, shown: str
) -> None:
    (one,) = timeline(entry(10, first), entry(11, again, TWO)).entries
    assert (one.what, one.times, one.about) == (shown, 2, CHAT)


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ("vllm ended: Error (1)", "vllm ended: Error (139)"),
        ("scaled from 0 to 1", "scaled from 1 to 2"),
        ("vllm restarted, 1 in all", "vllm restarted, 4 in all"),
        ("waits 5m", "waits 10m"),
    ],
)
@pytest.mark.parametrize("other", [ONE, TWO])
def test_what_is_said_is_never_made_one_with_something_else(first: str, again: str, other: ObjectRef) -> None:
    assert rows_of(timeline(entry(10, first), entry(11, again, other))) == [(10, first, 1), (11, again, 1)]


def test_pods_of_two_workloads_of_one_application_are_not_one() -> None:
    known = kin()
    other = ObjectRef("Deployment", "serving", "embed")
    three = ObjectRef("Pod", "serving", "embed-three")
    known.note_maker(three, other)
    for workload in (CHAT, other):
        known.note(workload, ObjectRef("Application", "argocd", "fleet"))
    found = merged([SourceTimeline((entry(10, "ready"), entry(11, "ready", three)), known)], 0.0, 100.0)
    assert [one.about for one in found.entries] == [ONE, three]
    assert len(found.narrowed_to(ObjectRef("Application", "argocd", "fleet")).entries) == 2


def test_of_a_namespace_its_own_and_what_is_in_none() -> None:
    elsewhere = ObjectRef("Pod", "batch", "night-1")
    source = SourceTimeline((entry(10, "a"), entry(11, "b", elsewhere), entry(12, "c", NODE)), kin())
    assert [one.what for one in merged([source], 0.0, 100.0, "serving").entries] == ["a", "c"]
    assert [one.what for one in merged([source], 0.0, 100.0).entries] == ["a", "b", "c"]


def test_thousands_of_pods_that_say_the_same_are_put_together_once() -> None:
    known = Kinship()
    pods = [ObjectRef("Pod", "serving", f"chat-{number}") for number in range(5000)]
    for pod in pods:
        known.note_maker(pod, CHAT)
    source = SourceTimeline(tuple(entry(10 + number / 100, "ready", pod) for number, pod in enumerate(pods)), known)
    (one,) = merged([source], 0.0, 1000.0).entries
    assert (one.times, len(one.objects), len(one.evidence)) == (5000, 5000, 5000)


def test_changes_are_never_folded_and_nothing_is_over_a_gap() -> None:
    changed = timeline(entry(10, "x", kind=EntryKind.CHANGE), entry(11, "x", kind=EntryKind.CHANGE))
    assert len(changed.entries) == 2
    assert len(timeline(entry(10, "x"), entry(900, "x")).entries) == 2


def test_what_holds_again_is_not_folded_with_what_held_before() -> None:
    held = [entry(at, "well", topic="Ready=True") for at in (10, 20)]
    lost = entry(30, "not well", topic="Ready=False")
    found = timeline(*held, lost, entry(40, "well", topic="Ready=True"), entry(50, "well", TWO, topic="Ready=True"))
    assert rows_of(found) == [(10, "well", 3), (30, "not well", 1), (40, "well", 1)]


def test_an_object_has_what_belongs_to_it_and_not_what_was_folded_with_it() -> None:
    alone = entry(5, "made", TWO, EntryKind.START)
    found = timeline(alone, entry(10, "ended"), entry(40, "ended", TWO), entry(50, "lost", NODE))
    assert rows_of(found.narrowed_to(TWO)) == [(5, "made", 1), (40, "ended", 1)]
    assert rows_of(found.narrowed_to(NODE)) == [(10, "ended", 1), (50, "lost", 1)]


def test_objects_are_found_by_name_and_by_kind_and_in_a_namespace() -> None:
    found = timeline(entry(10, "ended"))
    assert found.find("", "chat") == (CHAT,)
    assert found.find("deployment", "chat", "serving") == (CHAT,)
    assert found.find("Pod", "chat") == ()
    assert found.find("", "chat", "batch") == ()
    assert found.find("Node", "gpu-1", "batch") == (NODE,)


def test_kinship_that_goes_round_ends() -> None:
    found = Kinship()
    found.note(ONE, TWO)
    found.note(TWO, ONE)
    assert found.of(ONE) == {ONE, TWO}
    assert found.workload(ONE) in {ONE, TWO}


async def test_all_sources_are_asked_and_what_one_cannot_read_is_a_gap() -> None:
    class Source:
        name = "x"

        def __init__(self, entries: Sequence[Entry], gap: Gap) -> None:
            self._told = SourceTimeline(tuple(entries), Kinship(), (gap,))

        async def read(self, since: float) -> SourceTimeline:
            assert since == 3.0
            return self._told

    found = await ask([Source([entry(9, "a")], Gap("pods", "403")), Source([], Gap("nodes", "403"))], 3.0, 10.0)
    assert rows_of(found) == [(9, "a", 1)]
    assert [gap.what for gap in found.gaps] == ["pods", "nodes"]
