"""History of the servers on this machine: times, precision and evidence."""

from __future__ import annotations

from dataclasses import replace

from fleet.local.kube_rows import PROCESS
from fleet.local.server import Phase, ServerState
from fleet.model.objects import ObjectRef
from fleet.timeline.entry import Entry, EntryKind, Weight
from fleet.timeline.local import LocalTimeline
from fleet.timeline.timeline import ask
from tests.fleet.local.servers import BEGUN, dead, record, state

POD = ObjectRef("Pod", "local", "tiny")


async def entries_of(*states: ServerState) -> tuple[Entry, ...]:
    source = LocalTimeline(lambda: states, "this-host", "LocalNode")
    return (await ask([source], BEGUN - 1, BEGUN + 3600)).entries


async def test_a_start_is_told_phase_by_phase() -> None:
    started, ready = await entries_of(state(record()))
    assert (started.at, started.what, started.kind) == (BEGUN, "server started with org/tiny", EntryKind.START)
    assert started.evidence[0].value == "vllm serve org/tiny --port 8000"
    assert (ready.at, ready.what, ready.weight) == (BEGUN + 30, str(Phase.READY), Weight.GOOD)
    assert {entry.about for entry in (started, ready)} == {POD}


async def test_an_end_has_its_reason() -> None:
    *_, ended = await entries_of(dead(record()))
    assert ended.what == "server ended: the GPU has too little free memory"
    assert (ended.kind, ended.weight) == (EntryKind.END, Weight.BAD)


async def test_of_an_end_that_nobody_saw_it_is_known_between_when_it_was() -> None:
    unseen = replace(dead(record()), end_seen=False, at=BEGUN + 600)
    *_, ended = await entries_of(unseen)
    assert (ended.at, ended.at + ended.within) == (BEGUN + 30, BEGUN + 600)


async def test_what_was_done_to_a_server_and_what_it_did_are_of_its_process_and_machine() -> None:
    source = LocalTimeline(lambda: (state(record()), state(record("other"))), "this-host", "LocalNode")
    found = await ask([source], BEGUN - 1, BEGUN + 3600)
    assert len(found.narrowed_to(ObjectRef(PROCESS, "local", "tiny")).entries) == 2
    assert len(found.narrowed_to(ObjectRef("Node", "", "this-host")).entries) == 4
    assert POD in found.kin.of(ObjectRef("LocalNode", "local", "tiny"))
