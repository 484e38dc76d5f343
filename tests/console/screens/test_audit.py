"""The audit log on the screen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from actions.audit.line import seal
from actions.audit.log import AuditLog
from actions.audit.opened_logs import open_folder
from actions.audit.who import Who
from console.config.options import Options
from fleet.model.in_past import PAST
from fleet.model.snapshot import Health, SourceStatus
from tests.actions.audit.logs import EVENT, NOW, PATCH, WHO, answered, filled, intent, log_in, only_file
from tests.console.screens.desk import SIZES, Desk, desk, fleet


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A log with an action that converged, one that failed, and one begun on another machine."""
    log = filled(tmp_path / "audit", 1)
    log.append("intent", "b1", intent("mixtral", kind="drain", title="Drain mixtral-7", reason="INC-8"))
    log.append("result", "b1", {"result": "failed", "text": "the budget allows none"})
    log.append("intent", "c1", intent("llama", title="Scale llama to 6", reason=""))
    log.append("sending", "c1", PATCH)
    log.append("answered", "c1", answered())
    log.append("sending", "c1", EVENT)
    return tmp_path / "audit"


def _files(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.iterdir()}


async def _open(d: Desk) -> None:
    await d.type(":audit")
    await d.press("enter")
    await d.until(lambda: ("intact" in d.text or "BROKEN" in d.text) and "RESULT" in d.text)
    await d.settle()


async def test_in_the_past_it_ends_there_and_says_what_is_of_now(folder: Path) -> None:
    then = fleet()
    began = {action.id: action.began for action in open_folder(folder).actions}
    at = began["b1"] + 0.5
    past = replace(then, at=at, sources=(*then.sources, SourceStatus(PAST, Health.OFF, at)))
    async with desk(then, size=(120, 30), options=Options(audit=folder)) as d:
        await d.deliver(past)
        await _open(d)
        assert "Drain mixtral-7" in d.text
        assert "Scale llama" not in d.text
        assert "with their results as of now" in d.text
        await d.deliver(then)
        await _open(d)
        assert "Scale llama" in d.text
        assert "as of now" not in d.text


@SIZES
async def test_it_shows_the_chain_and_a_row_per_action_the_latest_first(folder: Path, size: tuple[int, int]) -> None:
    async with desk(fleet(), size=size, options=Options(audit=folder)) as d:
        await _open(d)
        assert "intact, 11 records, since 2026-09-21 14:13:20Z" in d.text
        assert str(folder)[:40] in d.text
        rows = [line for line in d.lines if "2026-09-21 14:13:2" in line and "intact" not in line]
        assert [row.split()[3] for row in rows] == ["Scale", "Drain", "Scale"]
        assert "out of sight" in d.line_with("Scale llama")
        assert "failed" in d.line_with("Drain mixtral-7")
        assert "converged" in d.line_with("Scale chat-70b")
        assert "oncall@corp" in d.line_with("Scale chat-70b")


async def test_the_filter_takes_words_and_labels(folder: Path) -> None:
    async with desk(fleet(), options=Options(audit=folder)) as d:
        await _open(d)
        await d.press("slash")
        await d.type("inc-8")
        await d.press("enter")
        assert "Drain mixtral-7" in d.text
        assert "Scale" not in d.text
        await d.press("escape", "slash")
        await d.type("-l action=scale,result=converged")
        await d.press("enter")
        assert "Scale chat-70b" in d.text
        assert "llama" not in d.text
        await d.press("escape", "slash")
        await d.type("nobody")
        await d.press("enter")
        assert "no recorded action matches" in d.text


async def test_enter_shows_everything_of_an_action(folder: Path) -> None:
    async with desk(fleet(), options=Options(audit=folder)) as d:
        await _open(d)
        d.grid.move_to("c1")
        await d.press("enter")
        text = " ".join(d.text.split())
        assert "Scale llama to 6 out of sight" in text
        assert "oncall@corp, mia on laptop, from 10.1.2.3 port 51000" in text
        assert "replicas 4 → 6" in text
        assert "warn: autoscaler: an HPA would undo it" in text
        assert "PATCH /apis/apps/v1/namespaces/serving/deployments/chat-70b/scale?fieldManager=quarterdeck" in text
        assert '{"spec": {"replicas": 6}}' in text
        assert "200, resourceVersion 42, audit id aud-1" in text
        assert "no answer is recorded: whether the server did it is not known" in text
        assert "2 sent, 1 answered, 1 unknown" in text
        assert '"replicas": 4' in text
        await d.press("escape")
        assert "Drain mixtral-7" in d.text


@pytest.mark.parametrize("read_only", [False, True])
async def test_an_action_that_was_cut_off_is_reviewed_once_somebody_has_read_of_it(
    folder: Path, read_only: bool
) -> None:
    here = replace(WHO, host=Who.of_this_process("", ()).host)
    log = AuditLog(folder, here, clock=lambda: NOW + 99)
    log.append("intent", "f1", intent(title="Restart qwen"))
    file = only_file(folder)
    # As if its process had ended.
    *lines, last = file.read_bytes().splitlines(keepends=True)
    document = json.loads(last) | {"process": {"pid": 1, "ticks": -1}}
    del document["hash"]
    file.write_bytes(b"".join(lines) + seal(document) + b"\n")
    async with desk(fleet(), options=Options(read_only=read_only, audit=folder)) as d:
        await _open(d)
        assert "cut off" in d.line_with("Restart qwen")
        for key in ("f1", "a1"):
            d.grid.move_to(key)
            await d.press("enter")
            await d.settle()
            await d.press("escape")
        reviewed = [asked for asked in d.session.acts.asked if asked[0] == "reviewed"]
        assert reviewed == ([] if read_only else [("reviewed", "f1")])
        assert d.session.acted == (0 if read_only else 1)


async def test_a_log_that_was_edited_is_shown_as_broken_with_the_place(folder: Path) -> None:
    file = only_file(folder)
    file.write_bytes(file.read_bytes().replace(b"INC-8", b"INC-9"))
    async with desk(fleet(), size=(160, 40), options=Options(audit=folder)) as d:
        await _open(d)
        text = " ".join("".join(line.strip() + " " for line in d.lines).split())
        assert f"BROKEN at {file}:6: changed: the line's hash does not match its content" in text
        assert "Drain mixtral-7" in d.text


async def test_it_is_there_in_read_only_mode_and_leaves_the_log_as_it_is(folder: Path) -> None:
    before = _files(folder)
    async with desk(fleet(), options=Options(read_only=True, audit=folder)) as d:
        await _open(d)
        assert "Scale chat-70b" in d.text
    assert _files(folder) == before


async def test_what_is_written_meanwhile_comes_with_the_next_tick(folder: Path) -> None:
    async with desk(fleet(), options=Options(audit=folder)) as d:
        await _open(d)
        log_in(folder).append("intent", "d1", intent("qwen", title="Scale qwen to 2"))
        assert "qwen" not in d.text
        await d.deliver(fleet(sequence=2))
        await d.until(lambda: "Scale qwen to 2" in d.text)
        assert "intact, 12 records" in d.text


async def test_without_a_log_it_says_that_nothing_is_recorded(tmp_path: Path) -> None:
    async with desk(fleet(), options=Options(audit=tmp_path / "none")) as d:
        await d.type(":audit")
        await d.press("enter")
        await d.until(lambda: "nothing is recorded yet" in d.text)
        assert "no action is recorded" in d.text


async def test_a_log_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit" / "audit-000001.jsonl").mkdir()
    async with desk(fleet(), options=Options(audit=tmp_path / "audit")) as d:
        await d.type(":audit")
        await d.press("enter")
        await d.until(lambda: "Is a directory" in d.text)


async def test_what_is_in_a_record_steers_no_terminal(folder: Path) -> None:
    log_in(folder).append("intent", "e1", intent("x", title="[red]Scale\x1b[31m x\r\n to 2", reason="\x1b]0;owned\x07"))
    async with desk(fleet(), size=(160, 40), options=Options(audit=folder)) as d:
        await _open(d)
        assert "[red]Scale x" in d.text
        d.app.written.clear()
        d.grid.move_to("e1")
        await d.press("enter")
        # The reason would be invisible: its code points are shown, which are harmless.
        written = "".join(d.app.written)
        assert r'"\x1b]0;owned\x07"' in written
        assert "\x1b]0;" not in written
