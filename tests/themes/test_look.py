"""Which look a terminal gets, and that every look is complete."""

from __future__ import annotations

import dataclasses
from typing import get_args

import pytest
from rich.cells import cell_len
from rich.color import ColorType
from textual.app import App

from themes.glyphs import ASCII, BLOCKS, UNICODE, Glyphs, glyphs_for
from themes.look import GlyphSet, Look, ThemeName, choose_look, look, use
from themes.palette import MONO, PALETTES, SIXTEEN, Role, palette_for
from themes.textual_themes import STYLESHEET, register


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("utf-8", UNICODE), ("UTF8", UNICODE), ("ascii", ASCII), ("latin-1", ASCII), ("nonsense", ASCII), (None, ASCII)],
)
def test_glyphs_follow_the_encoding(encoding: str | None, expected: Glyphs) -> None:
    assert glyphs_for(encoding) is expected


@pytest.mark.parametrize(
    ("environ", "theme", "no_color"),
    [
        ({"TERM": "xterm-256color"}, "quarterdeck-dark", False),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "quarterdeck-dark", False),
        ({"TERM": "xterm-256color", "COLORFGBG": "0;15"}, "quarterdeck-light", False),
        ({"TERM": "xterm-256color", "COLORFGBG": "15;0"}, "quarterdeck-dark", False),
        ({"TERM": "linux"}, "ansi", False),
        ({}, "ansi", False),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "quarterdeck-dark", True),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, "quarterdeck-dark", False),
    ],
)
def test_theme_follows_the_terminal(environ: dict[str, str], theme: str, no_color: bool) -> None:
    glyphs = BLOCKS if environ.get("TERM") == "linux" else UNICODE
    assert choose_look(environ, "utf-8") == Look(glyphs, theme, no_color)  # type: ignore[arg-type]


def test_what_is_configured_wins() -> None:
    chosen = choose_look({"TERM": "linux"}, "utf-8", "quarterdeck-light", glyphs="ascii")
    assert chosen == Look(ASCII, "quarterdeck-light", False)
    use(chosen)
    assert look() is chosen


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII, BLOCKS])
def test_every_state_has_a_glyph_of_its_own_one_cell_wide(glyphs: Glyphs) -> None:
    states = [glyphs.ok, glyphs.starting, glyphs.warning, glyphs.critical, glyphs.gone, glyphs.asleep]
    others = [glyphs.missing, glyphs.unknown, glyphs.mark, glyphs.root, glyphs.part]
    assert len({*states, *others}) == len(states) + len(others)
    for field in dataclasses.fields(glyphs):
        value = getattr(glyphs, field.name)
        if isinstance(value, str):
            assert all(cell_len(char) == 1 for char in value), field.name
            assert not glyphs.ascii or value.isascii(), field.name


@pytest.mark.parametrize("name", PALETTES)
def test_palettes_say_what_matters_without_the_background(name: str) -> None:
    palette = PALETTES[name]
    assert palette.style(Role.TEXT) is None, "plain text keeps the terminal's own colours"
    states = {str(palette.style(role)) for role in (Role.WARNING, Role.CRITICAL)}
    assert palette.colourless or len(states) == 2
    for role in (Role.CURSOR, Role.PICKED, Role.STALE, Role.DIM, Role.KEY):
        assert palette.style(role) is not None


def test_the_palette_without_colour_has_none() -> None:
    assert palette_for("quarterdeck-dark", no_color=True) is MONO
    assert all(style.color is None and style.bgcolor is None for style in MONO.styles.values())


def test_the_sixteen_colours_are_the_terminals_own() -> None:
    assert palette_for("somebody-elses", no_color=False) is SIXTEEN
    for style in SIXTEEN.styles.values():
        for colour in (style.color, style.bgcolor):
            assert colour is None or colour.type is ColorType.STANDARD


@pytest.mark.parametrize("name", get_args(ThemeName))
async def test_the_stylesheet_is_valid_in_every_theme(name: ThemeName) -> None:
    app: App[None] = App(css_path=STYLESHEET, ansi_color=True)
    register(app)
    app.theme = name
    async with app.run_test() as pilot:
        await pilot.pause()
        assert app.current_theme.ansi
        assert app.screen.styles.background.ansi == -1


@pytest.mark.parametrize(
    ("environ", "wanted", "ascii_"),
    [
        ({"LC_ALL": "C"}, "auto", True),
        ({"LC_ALL": "POSIX", "LANG": "de_DE.UTF-8"}, "auto", True),
        ({"LC_CTYPE": "C"}, "auto", True),
        ({"LC_ALL": "C"}, "unicode", False),
        ({"LC_ALL": "C", "PYTHONUTF8": "1"}, "auto", False),
        ({"LC_ALL": "C.UTF-8"}, "auto", False),
        ({"LC_ALL": "de_DE.UTF-8", "LC_CTYPE": "C"}, "auto", False),
        ({"LANG": "C"}, "auto", False),
        ({}, "auto", False),
        ({}, "ascii", True),
    ],
)
def test_the_c_locale_is_ascii_although_python_takes_it_for_utf_8(
    environ: dict[str, str], wanted: GlyphSet, ascii_: bool
) -> None:
    assert choose_look(environ, "utf-8", glyphs=wanted).glyphs.ascii is ascii_
