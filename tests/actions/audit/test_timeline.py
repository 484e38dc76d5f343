"""Our own records as part of a timeline."""

from __future__ import annotations

from pathlib import Path

import pytest

from actions.audit.timeline import AuditTimeline
from fleet.model.objects import ClusterId, ObjectRef
from fleet.timeline.entry import EntryKind
from tests.actions.audit.logs import filled, intent, log_in

SERVER = "https://10.0.0.1:6443"
HERE = ClusterId("prod", SERVER)


async def test_what_was_done_on_this_server_is_told_with_who_and_why(tmp_path: Path) -> None:
    log = log_in(tmp_path)
    log.append("intent", "a1", intent("chat", title="Scale chat to 6", reason="queue", scope={"server": SERVER}))
    log.append("result", "a1", {"result": "converged"})
    log.append("intent", "b1", intent("chat", title="Scale chat to 7", scope={"server": "https://elsewhere"}))
    timeline = await AuditTimeline(tmp_path, HERE).read(0.0)
    (entry,) = timeline.entries
    assert entry.what == "Scale chat to 6: converged (queue)"
    assert entry.about == ObjectRef("Deployment", "serving", "chat")
    assert entry.kind is EntryKind.CHANGE
    assert entry.who
    assert entry.evidence[0].value == "a1"
    assert entry.last is not None
    assert entry.last >= entry.at


async def test_what_was_done_through_another_context_of_the_same_server_says_so(tmp_path: Path) -> None:
    """A proxy may serve many clusters, and distinguish them by the caller."""
    log = log_in(tmp_path)
    for context in ("prod", "staging"):
        scope = {"context": context, "server": SERVER}
        log.append("intent", context, intent("chat", title="Scale chat to 6", reason="", scope=scope))
        log.append("result", context, {"result": "converged"})
    timeline = await AuditTimeline(tmp_path, HERE).read(0.0)
    assert [entry.what for entry in timeline.entries] == [
        "Scale chat to 6: converged",
        "Scale chat to 6: converged [through the context staging]",
    ]


async def test_what_is_older_is_not_told(tmp_path: Path) -> None:
    filled(tmp_path, 2)
    assert not (await AuditTimeline(tmp_path, ClusterId()).read(4e9)).entries


async def test_no_log_is_no_gap_and_one_that_cannot_be_read_is(tmp_path: Path) -> None:
    assert not (await AuditTimeline(tmp_path / "none", HERE).read(0.0)).gaps
    (tmp_path / "file").write_text("")
    timeline = await AuditTimeline(tmp_path / "file", HERE).read(0.0)
    assert [gap.what for gap in timeline.gaps] == ["what was done from here"]


@pytest.mark.parametrize("field", ["target", "scope", "title"])
async def test_a_record_may_hold_anything(tmp_path: Path, field: str) -> None:
    log_in(tmp_path).append("intent", "a1", {"scope": {"server": SERVER}, field: 7})
    await AuditTimeline(tmp_path, HERE).read(0.0)
