"""Views by name: saved from the table in front, shown again, listed, and begun with."""

from __future__ import annotations

from pathlib import Path

from console.commands.command_line import complete
from console.config.load import load
from console.config.options import Options
from console.config.ui_tables import SavedView
from tests.console.screens.desk import desk
from tests.console.screens.worst import WORST
from tests.fleets import make_snapshot

SNAPSHOT = make_snapshot()
SLOW = SavedView(filter="mixtral", sort="ttft")


async def test_what_is_in_front_is_saved_and_shown_again(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    async with desk(SNAPSHOT, options=Options(config=config)) as d:
        await d.press("slash")
        await d.type("mixtral")
        await d.press("enter", "T")
        await d.command("view save slow")
        assert f"saved as view slow in {config}" in d.screen.message_text
        await d.press("escape", "o")
        await d.command("view slow")
        assert d.fleet.query_.filter.text == "mixtral"
        assert d.fleet.query_.sort is not None
        assert (d.fleet.query_.sort.column, d.fleet.query_.sort.descending) == ("ttft", True)
        assert "mixtral" in d.text
        assert "llama-70b" not in "".join(d.lines[3:8])
    kept = load({}, file=config, policy=tmp_path / "none").settings.ui.views
    assert (kept["slow"].filter, kept["slow"].sort) == ("mixtral", "ttft")


async def test_the_nodes_that_are_free_by_name(tmp_path: Path) -> None:
    views = {"free": SavedView("nodes", "is:free"), "slow": SLOW}
    async with desk(SNAPSHOT, options=Options(views=views, config=tmp_path / "c.toml")) as d:
        await d.command("views")
        assert "nodes  /is:free" in d.line_with("free")
        await d.press("enter")
        await d.until(lambda: d.screen.where.value == "nodes")
        assert d.screen.narrowed == "is:free"  # type: ignore[attr-defined]
        assert complete("view s", (), (), views=("slow", "free")) == ["view slow", "view save "]


async def test_one_may_be_begun_with() -> None:
    async with desk(SNAPSHOT, options=Options(views={"slow": SLOW}, view="slow")) as d:
        await d.until(lambda: d.fleet.query_.filter.text == "mixtral")
        assert d.screen.message_text == "view slow"


async def test_what_is_not_there_or_cannot_be_is_said(tmp_path: Path) -> None:
    views = {"odd": SavedView("nodes", sort="ttft"), "bad": SavedView(filter="(")}
    async with desk(SNAPSHOT, options=Options(views=views)) as d:
        await d.command("view nothing")
        assert "no view 'nothing'; there are odd, bad" in d.screen.message_text
        await d.command("view bad")
        assert "invalid filter" in d.screen.message_text
        await d.command("view odd")
        assert "cannot be sorted by 'ttft'; by " in d.screen.message_text
        await d.command("view save here")
        assert "this console stores nothing" in d.screen.message_text
        await d.command("sources")
        await d.command("view save here")
        assert "views are of fleet, nodes, alerts, incidents" in d.screen.message_text


async def test_a_view_has_the_columns_and_the_open_rows_that_were_there(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    async with desk(SNAPSHOT, options=Options(config=config)) as d:
        d.grid.move_to(WORST)
        await d.press("plus")
        await d.command("columns wait, kv err")
        head = d.lines[3]
        assert ["WAIT" in head, "KV" in head, "ERR%" in head, "READY" in head] == [True, True, True, False]
        await d.command("view save few")
        await d.command("columns")
        assert "READY" in d.lines[3]
        await d.press("plus", "G")
        assert SNAPSHOT.pods_of[WORST][0].rpartition("/")[2][-8:] not in d.text
        await d.command("view few")
        assert "READY" not in d.lines[3]
        await d.press("G")
        assert d.grid.arrangement.pinned == (WORST,)
        assert SNAPSHOT.pods_of[WORST][0].rpartition("/")[2][-8:] in d.text
    kept = load({}, file=config, policy=tmp_path / "none").settings.ui.views["few"]
    assert kept.columns == ("wait", "kv", "err")
    assert kept.expanded == (WORST,)


async def test_the_page_of_columns_that_is_turned_to_is_what_is_saved(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    async with desk(SNAPSHOT, size=(80, 24), options=Options(config=config)) as d:
        await d.press("right")
        second = d.lines[3]
        await d.command("view save second")
        await d.press("left")
        assert d.lines[3] != second
        await d.command("view second")
        assert d.lines[3].split()[-3:] == second.split()[-3:]


async def test_other_tables_have_views_too_and_a_column_that_is_not_there_is_said(tmp_path: Path) -> None:
    views = {"sick": SavedView("incidents", "critical", columns=("nothing",)), "said": SavedView("timeline", "kubectl")}
    async with desk(SNAPSHOT, options=Options(views=views, config=tmp_path / "c.toml")) as d:
        await d.command("view sick")
        assert d.screen.where.value == "incidents"
        assert d.screen.narrowed == "critical"  # type: ignore[attr-defined]
        assert "view sick: it has no column nothing; there are " in d.screen.message_text
        await d.command("view said")
        assert d.screen.where.value == "timeline"
        await d.command("columns nothing")
        assert "there is no column nothing here; there are " in d.screen.message_text
        await d.command("sources")
        await d.command("columns")
        assert d.screen.message_text == "there is no table here"
