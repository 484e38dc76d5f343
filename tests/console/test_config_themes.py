"""Themes of one's own: what they are made of, what is wrong with them and where, and what can hardly be read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from console.commands.theming import theme_names
from console.config.load import Loaded, load
from console.config.problem import ConfigError
from tests.console.screens.desk import desk
from tests.fleets import make_snapshot
from themes.look import Look, use
from themes.own import ROLES, own_palette
from themes.palette import LIGHT, MONO, Role, palette_for


def loaded(tmp_path: Path, text: str) -> Loaded:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return load({}, file=path, policy=tmp_path / "none")


def test_what_is_not_said_is_that_of_the_theme_that_it_is_like(tmp_path: Path) -> None:
    text = '[ui]\ntheme = "mine"\n[ui.themes.mine]\nlike = "quarterdeck-light"\nstyles = { ok = "bold #005f00" }\n'
    found = loaded(tmp_path, text)
    assert found.warnings == ()
    theme = found.settings.ui.themes["mine"]
    palette = own_palette("mine", theme.like, theme.styles)
    assert str(palette.style(Role.OK)) == "bold #005f00"
    assert palette.style(Role.WARNING) == LIGHT.style(Role.WARNING)
    selected = palette.selected_style(Role.OK)
    assert selected is not None
    assert selected.bgcolor == LIGHT.styles[Role.CURSOR].bgcolor
    assert palette_for("mine", no_color=False, own=(palette,)) is palette
    assert palette_for("mine", no_color=True, own=(palette,)) is MONO


@pytest.mark.parametrize(
    ("styles", "expected"),
    [
        ('{ ok = "gren" }', 'config.toml:3: [ui] themes.mine.styles.ok: "gren" is no style'),
        ('{ okay = "green" }', 'config.toml:3: [ui] themes.mine.styles.okay: there is no role "okay"'),
        ("{ ok = 7 }", "config.toml:3: "),
    ],
)
def test_a_bad_style_is_said_with_its_line(tmp_path: Path, styles: str, expected: str) -> None:
    with pytest.raises(ConfigError) as error:
        loaded(tmp_path, f"[ui]\n[ui.themes.mine]\nstyles = {styles}\n")
    assert expected in str(error.value)


def test_no_theme_of_ones_own_takes_the_name_of_another(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='"ansi" cannot be the name of a theme'):
        loaded(tmp_path, "[ui.themes.ansi]\n")


@pytest.mark.parametrize(
    ("like", "styles", "words"),
    [
        ("quarterdeck-dark", '{ ok = "#222222" }', "ok has a contrast of 1.3:1"),
        ("quarterdeck-light", '{ ok = "#ffff00" }', "ok has a contrast of 1.1:1"),
        ("quarterdeck-dark", '{ ok = "#8a8a8a" }', "ok has a contrast of 2.8:1 on the row under the cursor"),
        (
            "quarterdeck-dark",
            '{ cursor = "on #ffffff" }',
            "warning has a contrast of 1.5:1 on the row",
        ),
    ],
)
def test_what_can_hardly_be_read_is_warned_of_with_its_line(tmp_path: Path, like: str, styles: str, words: str) -> None:
    found = loaded(tmp_path, f'[ui.themes.mine]\nlike = "{like}"\nstyles = {styles}\n')
    lines = [str(warning) for warning in found.warnings]
    assert any(words in line and "config.toml:3: " in line for line in lines), lines


@pytest.mark.parametrize(
    "styles", ['{ ok = "#00ff00" }', '{ ok = "green", cursor = "reverse" }', '{ stale = "italic" }']
)
def test_of_what_can_be_read_and_of_the_terminals_own_colours_nothing_is_said(tmp_path: Path, styles: str) -> None:
    assert loaded(tmp_path, f"[ui.themes.mine]\nstyles = {styles}\n").warnings == ()


def test_the_reference_names_every_role() -> None:
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
    line = next(line for line in page.splitlines() if "Role → style" in line)
    assert all(f" {role}" in line for role in ROLES)


async def test_it_is_shown_by_its_name() -> None:
    mine = own_palette("mine", "quarterdeck-dark", {"strong": "bold #ffaf00"})
    async with desk(make_snapshot(), look=Look(own=(mine,))) as d:
        assert theme_names()[-1] == "mine"
        await d.command("theme mine")
        assert d.app.theme == "mine"
        assert d.grid._palette is mine
        await d.command("theme")
        await d.until(lambda: "quarterdeck-dark" in d.text)
        assert "mine" in d.text, "it is in the list of themes"
        await d.press("up")
        assert d.app.theme != "mine", "what is under the cursor is shown"
        await d.press("escape")
        await d.settle()
        assert d.app.theme == "mine"
    use(replace(Look(), own=()))
