"""Selection of a terminal's look, and completeness of every look."""

from __future__ import annotations

import dataclasses
import math
from itertools import combinations
from typing import get_args

import pytest
from rich.cells import cell_len
from rich.color import Color, ColorType
from textual.app import App

from themes.glyphs import ASCII, BLOCKS, UNICODE, Glyphs, glyphs_for
from themes.look import GlyphSet, Look, ThemeName, choose_look, look, use
from themes.palette import CONTRAST, DARK, LIGHT, MONO, PALETTES, SIXTEEN, Palette, Role, palette_for
from themes.textual_themes import STYLESHEET, register
from widgets.line import Line, Span, segments_of, to_ascii


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
    assert choose_look(environ, "utf-8") == Look(glyphs, theme, no_color)


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


def test_without_utf8_no_sign_means_two_things() -> None:
    drawings = {"ascii", "dots", "thumb", "branch", "last_branch", "horizontal", "bar", "bar_empty", "strip", "gap"}
    signs = {
        field.name: getattr(ASCII, field.name) for field in dataclasses.fields(ASCII) if field.name not in drawings
    }
    by_sign: dict[str, list[str]] = {}
    for name, sign in signs.items():
        by_sign.setdefault(sign, []).append(name)
    assert {sign: names for sign, names in by_sign.items() if len(names) > 1} == {}


def test_what_ascii_has_no_sign_for_is_not_called_unknown() -> None:
    # A name of a model may be anything; each cell stays a cell.
    assert to_ascii("Müller-7b ×3 模型 µ…") == "Muller-7b x3 ____ u~"
    assert ASCII.unknown not in to_ascii("".join(map(chr, range(0xA1, 0x3000))))
    assert to_ascii("a — b “c”") == 'a - b "c"'


@pytest.mark.parametrize("name", PALETTES)
def test_palettes_say_what_matters_without_the_background(name: str) -> None:
    palette = PALETTES[name]
    assert palette.style(Role.TEXT) is None, "plain text keeps the terminal's own colours"
    states = {str(palette.style(role)) for role in (Role.WARNING, Role.CRITICAL)}
    assert palette.colourless or len(states) == 2
    for role in (Role.CURSOR, Role.PICKED, Role.STALE, Role.DIM, Role.KEY):
        assert palette.style(role) is not None


# Machado, Oliveira, Fernandes 2009: matrices of severity 1.0, for linear RGB.
VISIONS = {
    "all colours": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.3039)),
}
STATES = (Role.OK, Role.STARTING, Role.WARNING, Role.CRITICAL, Role.UNKNOWN)
Triple = tuple[float, ...]


def linear(color: Color) -> Triple:
    """Linear RGB, 0-1 (IEC 61966-2-1)."""
    shares = (part / 255 for part in color.get_truecolor())
    return tuple(c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares)


def lab(rgb: Triple) -> Triple:
    """CIELAB, D65."""
    rows = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    parts = (
        sum(a * b for a, b in zip(row, rgb, strict=True)) / white
        for row, white in zip(rows, (0.9505, 1, 1.089), strict=True)
    )
    x, y, z = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in parts)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def contrast(one: Triple, other: Triple) -> float:
    """The contrast ratio of WCAG 2.2."""
    low, high = sorted(sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), rgb, strict=True)) for rgb in (one, other))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("palette", [DARK, LIGHT, CONTRAST], ids=lambda palette: palette.name)
def test_states_stay_apart_for_every_kind_of_vision(palette: Palette, vision: str) -> None:
    def seen(role: Role) -> Triple:
        style = palette.style(role)
        assert style is not None
        # A state on a ground of its own is told by that.
        color = style.bgcolor or style.color
        assert color is not None
        rgb = linear(color)
        moved = (sum(a * b for a, b in zip(row, rgb, strict=True)) for row in VISIONS[vision])
        return lab(tuple(min(1.0, max(0.0, c)) for c in moved))

    for one, other in combinations(STATES, 2):
        # Ten times what is just noticed side by side.
        assert math.dist(seen(one), seen(other)) > 23, (one, other)


@pytest.mark.parametrize(
    ("palette", "ground", "least"),
    [(DARK, 0.0, 3.9), (LIGHT, 1.0, 3.7), (CONTRAST, 0.0, 7.0)],
    ids=["dark", "light", "contrast"],
)
def test_text_in_colours_can_be_read(palette: Palette, ground: float, least: float) -> None:
    for role, style in palette.styles.items():
        if style.color is not None:
            behind = linear(style.bgcolor) if style.bgcolor is not None else (ground,) * 3
            assert contrast(linear(style.color), behind) >= least, role


@pytest.mark.parametrize(
    ("palette", "least"), [(DARK, 4.5), (LIGHT, 4.5), (CONTRAST, 7.0)], ids=["dark", "light", "contrast"]
)
@pytest.mark.parametrize("role", Role)
def test_the_row_under_the_cursor_can_be_read_whatever_stands_in_it(palette: Palette, least: float, role: Role) -> None:
    style = palette.selected_style(role)
    assert style is not None
    assert style.bgcolor is not None, "one ground from end to end"
    assert style.bgcolor == palette.styles[Role.CURSOR].bgcolor
    if style.color is not None:
        assert contrast(linear(style.color), linear(style.bgcolor)) >= least


@pytest.mark.parametrize("palette", [SIXTEEN, MONO], ids=["16 colours", "no colour"])
@pytest.mark.parametrize("role", Role)
def test_without_a_ground_of_its_own_the_row_under_the_cursor_is_inverted_once(palette: Palette, role: Role) -> None:
    style = palette.selected_style(role)
    assert style is not None
    assert style.reverse
    assert (style.color, style.bgcolor, style.dim) == (None, None, None), "a colour would be the ground of its letters"


@pytest.mark.parametrize("palette", PALETTES.values(), ids=lambda palette: palette.name)
def test_what_is_drawn_of_the_row_under_the_cursor_has_one_ground(palette: Palette) -> None:
    spans = tuple(Span(f"{role.value} ", role) for role in Role)
    segments = segments_of(Line(spans, Role.CURSOR), 300, palette, UNICODE)
    grounds = {(segment.style.bgcolor, segment.style.reverse) for segment in segments if segment.style is not None}
    assert len(grounds) == 1
    assert all(segment.style is not None for segment in segments)


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


@pytest.mark.parametrize("palette", PALETTES.values(), ids=lambda palette: palette.name)
@pytest.mark.parametrize("overlay", [None, Role.CURSOR], ids=["", "under the cursor"])
def test_a_line_is_below_words_and_not_below_the_blanks_around_them(palette: Palette, overlay: Role | None) -> None:
    titles = Span("  KV cache   up to  ")
    spans = tuple(titles._replace(role=role) for role in Role)
    segments = segments_of(Line(spans, overlay), 400, palette, UNICODE)
    lined = [segment.text for segment in segments if segment.style is not None and segment.style.underline]
    assert all(text and " " not in text for text in lined)
    assert "".join(segment.text for segment in segments) == titles.text * len(Role) + " " * (400 - 20 * len(Role))
    if palette is MONO:
        assert {"KV", "cache"} <= set(lined)


@pytest.mark.parametrize("role", [Role.CRITICAL, Role.ERROR])
def test_a_ground_is_behind_a_text_and_not_behind_the_blanks_that_fill_its_column(role: Role) -> None:
    line = Line((Span(" XID 79, stuck   ", role), Span("  next")))
    grounds = {segment.text: segment.style is not None and segment.style.bgcolor is not None
               for segment in segments_of(line, 40, CONTRAST, UNICODE)}  # fmt: skip
    assert [text for text, has_ground in grounds.items() if has_ground] == ["XID 79, stuck"]
    selected = segments_of(line._replace(overlay=Role.CURSOR), 40, CONTRAST, UNICODE)
    assert all(segment.style is not None and segment.style.bgcolor is not None for segment in selected)
