"""Views in the configuration file: written without a byte of the rest being another."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from console.config.load import load
from console.config.problem import ConfigError
from console.config.ui_tables import SavedView
from console.config.view_file import save_view

VIEW = SavedView("nodes", "is:free", "temp", namespace="serving")
OTHER = SavedView(filter='-l app="x"', sort="name", ascending=True, others=True)
FILE = """\
# my own words
[ui]
refresh = 5   # slow link

[ui.views.old]   # of last week
screen = "fleet"
filter = "chat"

# about Prometheus
[prometheus]
url = "http://prometheus:9090"
"""


def views(path: Path) -> dict[str, SavedView]:
    return dict(load({}, file=path, policy=path.parent / "none").settings.ui.views)


def test_one_is_put_behind_everything_and_comments_stay(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(FILE)
    save_view(path, "free", VIEW)
    text = path.read_text()
    assert text.startswith(FILE)
    assert views(path) == {"old": SavedView(filter="chat"), "free": VIEW}
    save_view(path, "free", OTHER)
    assert path.read_text().startswith(FILE)
    assert views(path)["free"] == OTHER


def test_one_of_the_name_is_replaced_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(FILE)
    save_view(path, "old", VIEW)
    text = path.read_text()
    assert views(path) == {"old": VIEW}
    assert "chat" not in text
    before, after = FILE.split("[ui.views.old]")
    assert text.startswith(before)
    assert text.endswith(after[after.index("\n# about Prometheus") :])


def test_comments_in_its_own_table_stay_and_a_filter_is_any_text(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[ui.views.old] # of mine\n# why\nfilter = 'chat'\n# by name\nsort = 'name'\n# the end\n")
    save_view(path, "old", SavedView(filter='model:😀\x7f"\\'))
    assert views(path) == {"old": SavedView(filter='model:😀\x7f"\\')}
    lines = path.read_text().splitlines()
    assert [line for line in lines if "#" in line] == ["[ui.views.old] # of mine", "# why", "# by name", "# the end"]


def test_a_file_that_may_not_be_written_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.toml"
    path.write_text(FILE)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(ConfigError, match="cannot be written: the file is read-only"):
        save_view(path, "free", VIEW)
    assert path.read_text() == FILE


def test_a_file_is_made_for_its_owner_alone_and_one_that_is_there_keeps_its_mode_and_its_link(tmp_path: Path) -> None:
    made = tmp_path / "quarterdeck" / "config.toml"
    save_view(made, "a.b", VIEW)
    assert views(made) == {"a.b": VIEW}
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    made.chmod(0o640)
    link = tmp_path / "link.toml"
    link.symlink_to(made)
    save_view(link, "c", OTHER)
    assert link.is_symlink()
    assert stat.S_IMODE(made.stat().st_mode) == 0o640
    assert views(made) == {"a.b": VIEW, "c": OTHER}
    assert [file.name for file in made.parent.iterdir()] == ["config.toml"], "nothing is left beside it"


@pytest.mark.parametrize(
    "text", ["ui = { refresh = 5 }\n", "[ui]\nviews = {}\n", "[ui\n", "[ui]\nviews.x.screen = 'nodes'\n"]
)
def test_what_cannot_be_written_so_is_said_with_what_to_write_and_nothing_is_changed(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"Add it yourself: \[ui\.views\.x\]; screen = "):
        save_view(path, "x", VIEW)
    assert path.read_text() == text
