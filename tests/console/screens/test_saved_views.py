"""Views by name: saved from the table in front, shown again, listed, and begun with."""

from __future__ import annotations

from pathlib import Path

from console.commands.line import complete
from console.config.load import load
from console.config.options import Options
from console.config.ui_tables import SavedView
from tests.console.screens.desk import desk
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
        assert f"saved as view slow in {config}" in d.screen.said
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
        assert d.screen.said == "view slow"


async def test_what_is_not_there_or_cannot_be_is_said(tmp_path: Path) -> None:
    views = {"odd": SavedView("nodes", sort="ttft"), "bad": SavedView(filter="(")}
    async with desk(SNAPSHOT, options=Options(views=views)) as d:
        await d.command("view nothing")
        assert "no view 'nothing'; there are odd, bad" in d.screen.said
        await d.command("view bad")
        assert "invalid filter" in d.screen.said
        await d.command("view odd")
        assert "cannot be sorted by 'ttft'; by " in d.screen.said
        await d.command("view save here")
        assert "this console stores nothing" in d.screen.said
        await d.command("sources")
        await d.command("view save here")
        assert "only the fleet, nodes and alerts can be saved" in d.screen.said
