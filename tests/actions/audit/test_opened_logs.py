"""The logs of several persons in one folder: each has a chain of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from actions.audit import opened_logs
from actions.audit.folder import stamp
from actions.audit.opened_logs import open_folder
from actions.audit.reading import LogSnapshot, read_log
from actions.audit.words import Tone, opened_text
from tests.actions.audit.logs import filled, intent, log_in, only_file


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The logs of two persons, and what does not belong to a log."""
    filled(tmp_path / "mia", 2)
    log_in(tmp_path / "bob").append("intent", "b1", intent("llama"))
    (tmp_path / "lost+found").mkdir()
    (tmp_path / "README").write_text("logs of the site")
    return tmp_path


def test_every_log_in_a_folder_is_read_and_checked_on_its_own(site: Path) -> None:
    found = open_folder(site)
    assert found.intact
    assert [(chain.place.name, chain.verdict.records) for chain in found.chains] == [("bob", 1), ("mia", 10)]
    assert [action.id for action in found.actions] == ["b1", "a1", "a2"]
    assert [fact.text for fact in opened_text(found)] == ["2 logs intact, 11 records"]


def test_the_broken_one_is_named_first(site: Path) -> None:
    file = only_file(site / "mia")
    file.write_bytes(file.read_bytes().replace(b"INC-7", b"INC-8", 1))
    found = open_folder(site)
    assert not found.intact
    broken, whole = opened_text(found)
    assert (broken.tone, whole.tone) == (Tone.BAD, Tone.GOOD)
    assert f"BROKEN at {file}:1: changed" in broken.text
    assert whole.text == "1 log intact, 1 record"


def test_one_that_may_not_be_read_is_said_and_the_others_are_shown(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(folder: Path) -> LogSnapshot:
        if folder.name == "mia":
            raise PermissionError(13, "Permission denied", str(folder))
        return read_log(folder)

    monkeypatch.setattr(opened_logs, "read_log", look)
    found = open_folder(site)
    assert [action.id for action in found.actions] == ["b1"]
    assert [fact.text for fact in opened_text(found)] == ["1 log intact, 1 record", f"{site / 'mia'} may not be read"]


def test_what_is_written_to_any_of_them_changes_the_stamp(site: Path) -> None:
    before = stamp(site)
    assert stamp(site) == before
    log_in(site / "bob").append("intent", "b2", intent())
    after = stamp(site)
    assert after != before
    filled(site / "eve", 1)
    assert stamp(site) != after
