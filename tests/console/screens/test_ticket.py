"""``!``: one key saves what is wrong as a file and copies it, and the screen says where it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.app.navigator import CLIPBOARD
from console.config.options import Options
from console.config.saved_files import shown_path
from console.session.failure import SessionError
from fleet.timeline.kinship import Kinship
from fleet.timeline.timeline import Timeline
from tests.console.screens.desk import Desk, desk
from tests.console.screens.scripted import ScriptedSession
from tests.console.screens.test_incidents import two
from tests.console.test_ticket import entry


def _saved(folder: Path) -> list[Path]:
    return sorted((folder / "saved").glob("ticket-*.md"))


async def _ticket(d: Desk) -> None:
    await d.press("exclamation_mark")
    await d.until(lambda: d.screen.message_text.startswith("ticket"))


async def test_from_the_fleet_it_is_everything_and_private(tmp_path: Path) -> None:
    snapshot = two()
    async with desk(snapshot, options=Options(state=tmp_path)) as d:
        await _ticket(d)
        (path,) = _saved(tmp_path)
        assert str(path) in d.screen.message_text
        assert path.stat().st_mode & 0o077 == 0
        text = path.read_text()
        assert d.app.clipboard == text
        assert "### 2. " in text
        # A second one at the same moment does not replace the first.
        await d.press("j")
        await _ticket(d)
        assert len(_saved(tmp_path)) == 2


async def test_its_name_says_cluster_and_time(tmp_path: Path) -> None:
    snapshot = two()
    async with desk(snapshot, options=Options(state=tmp_path)) as d:
        await _ticket(d)
        (path,) = _saved(tmp_path)
        cluster = snapshot.cluster.context or snapshot.cluster.cluster or "cluster"
        assert path.name.startswith(f"ticket-{cluster}-20")
        assert path.name.endswith("Z.md")


async def test_from_an_incident_a_workload_and_a_pod_it_is_about_that(tmp_path: Path) -> None:
    snapshot = two()
    first, second = snapshot.incidents
    async with desk(snapshot, options=Options(state=tmp_path)) as d:
        await d.press("f", "enter")
        await _ticket(d)
        text = d.app.clipboard
        shown = first if first.key in text else second
        other = second if shown is first else first
        assert f"incident `{shown.key}`" in text
        assert f"incident `{other.key}`" not in text
        await d.press("escape", "escape")
        await d.open("serving/chat-3")
        await _ticket(d)
        assert "### Pod serving/chat-3" in d.app.clipboard
        assert "incident `gpu-lost" not in d.app.clipboard


async def test_an_open_log_adds_its_errors(tmp_path: Path) -> None:
    session = ScriptedSession(log_lines=("INFO fine", "ERROR 11-29 21:35:24 [core.py:1] NCCL timeout"))
    async with desk(two(), session=session, options=Options(state=tmp_path)) as d:
        await d.press("l")
        await d.until(lambda: "NCCL" in d.text)
        await _ticket(d)
        assert "NCCL timeout" in d.app.clipboard
        assert "INFO fine" not in d.app.clipboard


async def test_without_the_past_there_is_a_ticket_that_says_so(tmp_path: Path) -> None:
    session = ScriptedSession(fails=SessionError("the API server does not answer", "check the VPN"))
    async with desk(two(), session=session, options=Options(state=tmp_path)) as d:
        await _ticket(d)
        assert "what changed before: the API server does not answer; check the VPN" in d.app.clipboard


async def test_in_read_only_mode_it_works(tmp_path: Path) -> None:
    async with desk(two(), options=Options(state=tmp_path, read_only=True)) as d:
        await _ticket(d)
        assert _saved(tmp_path)


async def test_a_console_that_writes_no_files_copies_it() -> None:
    async with desk(two()) as d:
        await _ticket(d)
        assert d.screen.message_text == "ticket copied; this console writes no files"
        assert d.app.clipboard.startswith("# ")


async def test_one_too_large_for_a_clipboard_is_only_saved(tmp_path: Path) -> None:
    snapshot = two()
    long = tuple(entry(snapshot.at - 60, "x " * CLIPBOARD) for _ in range(2))
    session = ScriptedSession(happened=Timeline(snapshot.at - 3600, snapshot.at, long[:1], Kinship()))
    async with desk(snapshot, session=session, options=Options(state=tmp_path)) as d:
        await _ticket(d)
        assert "too large to copy" in d.screen.message_text
        assert not d.app.clipboard
        assert _saved(tmp_path)[0].stat().st_size > CLIPBOARD


async def test_a_full_disk_is_reported_and_the_copy_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "saved").write_text("a file where the folder has to be")
    async with desk(two(), options=Options(state=tmp_path)) as d:
        await _ticket(d)
        assert "not saved: " in d.screen.message_text
        assert d.app.clipboard


def test_a_path_below_the_home_folder_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert shown_path(tmp_path / "saved" / "ticket.md") == "~/saved/ticket.md"
    assert shown_path(Path("/elsewhere/ticket.md")) == "/elsewhere/ticket.md"
