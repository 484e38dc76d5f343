"""The style of each role on the screen.

Calm by default: text is drawn in the terminal's own colours, and colour is reserved for what deserves attention. The
colours of states were chosen by search: among those with enough contrast, each in its usual family of hues, the ones
that stay furthest apart for everybody, also with protanopia, deuteranopia and tritanopia (as simulated by Machado,
Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency", 2009). No role is
shown by colour alone: states have glyphs.

Colours are named by their number in the 256-colour table: half the bytes of a truecolor sequence, and every terminal
that has truecolor has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from rich.style import Style


class Role(Enum):
    """The meaning of a piece of text, from which its style follows."""

    TEXT = "text"
    DIM = "dim"
    """Lesser weight: units, ages, separators."""
    STRONG = "strong"
    OK = "ok"
    STARTING = "starting"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"
    ASLEEP = "asleep"
    GONE = "gone"
    STALE = "stale"
    """A value older than three scrape intervals."""
    HEAD = "head"
    """Column headings."""
    ACCENT = "accent"
    KEY = "key"
    """A key in a hint."""
    BAR = "bar"
    TREND = "trend"
    MATCH = "match"
    """Found by a search."""
    ERROR = "error"
    """A message that something failed."""
    CURSOR = "cursor"
    """Laid over the row under the cursor."""
    PICKED = "picked"
    """Laid over the current match of a search, and over the chosen completion."""

    # Roles are looked up for every span drawn; Enum's own hash goes through Python.
    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True, eq=False)
class Palette:
    """A style for each role; a role without one is drawn in the terminal's own colours."""

    name: str
    styles: Mapping[Role, Style]
    colourless: bool = False
    """True when the styles carry attributes (bold, dim, reverse) and no colour."""
    selected: Mapping[Role, Style] = field(default_factory=dict)
    """The styles that are others on the row under the cursor, whose ground is another."""

    like: str = ""
    """The theme that a person's own is made from; empty for one that comes with the console."""

    def style(self, role: Role) -> Style | None:
        """The style of a role, None for plain text."""
        return self.styles.get(role)

    def selected_style(self, role: Role) -> Style | None:
        """The style of a role on the row under the cursor, over the cursor's own.

        Where that is inverted, what a role adds to it is weight and a line: a colour would become the ground of its
        letters, and what is inverted itself would be inverted back.
        """
        own, cursor = self.selected.get(role, self.styles.get(role)), self.styles.get(Role.CURSOR)
        if own is None or cursor is None:
            return cursor
        if cursor.reverse:
            own = Style(bold=own.bold or None, underline=own.underline or None)
        return own + cursor


def _palette(
    name: str, colourless: bool = False, /, *, selected: Mapping[str, str] | None = None, **styles: str
) -> Palette:
    return Palette(name, _styles(styles), colourless, _styles(selected or {}))


def _styles(styles: Mapping[str, str]) -> dict[Role, Style]:
    return {Role(role): Style.parse(style) for role, style in styles.items()}


_LESSER = ("dim", "asleep", "gone", "stale", "head")
"""The roles of a lesser weight."""

DARK = _palette(
    "quarterdeck-dark",
    selected={
        **dict.fromkeys(_LESSER, "color(252)"),
        "ok": "color(115)",
        "starting": "color(147)",
        "critical": "bold color(217)",
        "error": "bold color(217)",
        "unknown": "color(183)",
        "accent": "color(117)",
        "key": "bold color(117)",
        "bar": "color(117)",
        "trend": "color(117)",
        "match": "bold underline color(222)",
        "picked": "bold underline color(117)",
    },
    dim="color(245)",
    strong="bold",
    ok="color(72)",
    starting="color(63)",
    warning="color(184)",
    critical="bold color(196)",
    unknown="color(133)",
    asleep="color(245)",
    gone="color(245)",
    stale="color(243)",
    head="color(245)",
    accent="color(75)",
    key="bold color(75)",
    bar="color(67)",
    trend="color(67)",
    match="color(16) on color(179)",
    error="bold color(196)",
    cursor="on color(238)",
    picked="color(16) on color(75)",
)

LIGHT = _palette(
    "quarterdeck-light",
    selected={
        **dict.fromkeys(_LESSER, "color(238)"),
        "ok": "color(22)",
        "warning": "bold color(58)",
        "bar": "color(24)",
        "trend": "color(24)",
        "match": "bold underline color(16)",
        "picked": "bold underline color(25)",
    },
    dim="color(243)",
    strong="bold",
    ok="color(29)",
    starting="color(17)",
    warning="color(130)",
    critical="bold color(88)",
    unknown="color(57)",
    asleep="color(243)",
    gone="color(243)",
    stale="color(244)",
    head="color(243)",
    accent="color(25)",
    key="bold color(25)",
    bar="color(67)",
    trend="color(67)",
    match="color(16) on color(222)",
    error="bold color(88)",
    cursor="on color(253)",
    picked="color(231) on color(25)",
)

CONTRAST = _palette(
    "quarterdeck-contrast",
    selected={
        **dict.fromkeys(_LESSER, "color(231)"),
        "unknown": "color(189)",
        "match": "bold underline color(226)",
        "picked": "bold underline color(231)",
    },
    dim="color(250)",
    strong="bold color(231)",
    ok="color(48)",
    starting="color(153)",
    warning="bold color(226)",
    critical="bold color(231) on color(124)",
    unknown="color(141)",
    asleep="color(250)",
    gone="color(250)",
    stale="color(250)",
    head="bold color(250)",
    accent="color(117)",
    key="bold color(117)",
    bar="color(117)",
    trend="color(117)",
    match="color(16) on color(226)",
    error="bold color(231) on color(124)",
    cursor="on color(236)",
    picked="color(16) on color(231)",
)
"""Palette of a contrast of 7:1 and more (WCAG 2.2, 1.4.6), on a dark background."""

SIXTEEN = _palette(
    "ansi",
    dim="dim",
    strong="bold",
    ok="green",
    starting="cyan",
    warning="yellow",
    critical="bold red",
    unknown="magenta",
    asleep="dim",
    gone="dim",
    stale="dim",
    head="dim",
    accent="blue",
    key="bold",
    bar="blue",
    trend="blue",
    match="black on yellow",
    error="bold red",
    cursor="reverse",
    picked="bold reverse",
)

MONO = _palette(
    "mono",
    True,
    dim="dim",
    strong="bold",
    warning="bold",
    critical="bold",
    asleep="dim",
    gone="dim",
    stale="dim",
    head="underline",
    key="bold",
    match="underline",
    error="bold",
    cursor="reverse",
    picked="bold reverse",
)

PALETTES: Mapping[str, Palette] = {palette.name: palette for palette in (DARK, LIGHT, CONTRAST, SIXTEEN, MONO)}


def palette_for(theme: str, *, no_color: bool, own: Iterable[Palette] = ()) -> Palette:
    """The palette of a theme by its name, ``own`` ones among them: MONO under NO_COLOR, the terminal's 16 colours for a
    theme that is not known.
    """
    if no_color:
        return MONO
    return PALETTES.get(theme) or next((one for one in own if one.name == theme), SIXTEEN)
