"""The contrast of two colours (WCAG 2.2, 1.4.3), and what a theme lacks of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from rich.color import Color, ColorType
from rich.style import Style

from themes.palette import Palette, Role

LEAST: Final = 3.0
"""WCAG 2.2, 1.4.11: what has to be made out at all. Text has 4.5:1 in the themes that come with the console."""
_BLACK: Final = Color.from_rgb(0, 0, 0)
_WHITE: Final = Color.from_rgb(255, 255, 255)


def contrast(one: Color, other: Color) -> float:
    """Return the ratio, from 1 (the same) to 21 (black on white)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def too_low(palette: Palette, roles: Collection[Role], *, light: bool) -> Iterator[tuple[Role, str]]:
    """Yield those of these roles that can hardly be read, and where: on the terminal (``light``: a white one) or on the
    row under the cursor. The terminal's own sixteen colours are what their owner has made of them.
    """
    ground = _WHITE if light else _BLACK
    for role in roles:
        style = palette.style(role)
        if style is None or role is Role.CURSOR:
            continue
        selected = palette.selected_style(role)
        for where, drawn, behind in (
            ("", style, style.bgcolor or ground),
            ("on the row under the cursor", selected, None),
        ):
            found = _of(drawn, behind)
            if found is not None and found < LEAST:
                yield role, f"a contrast of {found:.1f}:1 {where}".strip()
                break


def _of(style: Style | None, behind: Color | None) -> float | None:
    """The contrast of a style; None where it has no colour, or is upon one that nobody knows."""
    behind = behind or (style.bgcolor if style is not None else None)
    if style is None or style.color is None or behind is None:
        return None
    if ColorType.STANDARD in (style.color.type, behind.type) or style.color.is_default or behind.is_default:
        return None
    return contrast(style.color, behind)


def _luminance(color: Color) -> float:
    shares = (part / 255 for part in color.get_truecolor())
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
