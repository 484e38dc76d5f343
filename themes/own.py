"""Themes of a person's own: one that comes with the console, with other styles for some roles."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from rich.errors import StyleSyntaxError
from rich.style import Style

from themes.contrast import too_low
from themes.palette import PALETTES, Palette, Role

ROLES: Final = tuple(role.value for role in Role if role is not Role.TEXT)
"""Roles that have a style: plain text has the terminal's own colours."""
_LIGHT: Final = "quarterdeck-light"


def own_palette(name: str, like: str, styles: Mapping[str, str]) -> Palette:
    """Return the palette. Raises ValueError for a style that is none: ``faults`` says which."""
    base = PALETTES[like]
    try:
        given = {Role(role): Style.parse(style) for role, style in styles.items()}
    except StyleSyntaxError as error:
        raise ValueError(str(error)) from error
    # A given style applies everywhere, but not to another theme's cursor.
    selected = {role: style for role, style in base.selected.items() if role not in given}
    return replace(base, name=name, styles={**base.styles, **given}, selected=selected, like=like)


def faults(styles: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield (role, what is wrong, remedy) of styles that cannot be used."""
    for role, style in styles.items():
        if role not in ROLES:
            close = difflib.get_close_matches(role, ROLES, n=1)
            yield role, f'there is no role "{role}"', f"It is one of {', '.join(close or ROLES)}."
            continue
        try:
            Style.parse(style)
        except StyleSyntaxError as error:
            example = 'As in "bold #ff5f5f on #262626", "color(75)" or "red".'
            yield role, f'"{style}" is no style: {error}', example


def doubts(name: str, like: str, styles: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield (role, what can hardly be read) of styles that can be used."""
    palette = own_palette(name, like, styles)
    # A different cursor changes the background of all styles.
    roles = list(Role) if Role.CURSOR.value in styles else [Role(role) for role in styles]
    for role, what in too_low(palette, roles, light=like == _LIGHT):
        yield role.value if role.value in styles else Role.CURSOR.value, f"{role.value} has {what}"
