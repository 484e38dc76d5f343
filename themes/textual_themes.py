"""The same looks as Textual themes, for its own widgets: inputs, dialogs, the palette.

All of them keep the terminal's own background (``ansi``): calm, and a third of the bytes of a painted one.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from textual.app import App
from textual.theme import BUILTIN_THEMES, Theme

from themes.look import look

STYLESHEET = Path(__file__).with_name("quarterdeck.tcss")
"""The stylesheet for ``App.CSS_PATH``."""

_DARK = replace(
    BUILTIN_THEMES["ansi-dark"],
    name="quarterdeck-dark",
    primary="#5fafff",
    secondary="#5f87af",
    warning="#ffaf00",
    error="#ff5f5f",
    success="#5faf87",
    accent="#5fafff",
)
_LIGHT = replace(
    BUILTIN_THEMES["ansi-light"],
    name="quarterdeck-light",
    primary="#005faf",
    secondary="#5f87af",
    warning="#af5f00",
    error="#d70000",
    success="#00875f",
    accent="#005faf",
)
_CONTRAST = replace(
    _DARK,
    name="quarterdeck-contrast",
    primary="#87d7ff",
    secondary="#87d7ff",
    warning="#ffff00",
    error="#ffffff",
    success="#5fff5f",
    accent="#87d7ff",
)
_ANSI = replace(BUILTIN_THEMES["ansi-dark"], name="ansi")

TEXTUAL_THEMES: tuple[Theme, ...] = (_DARK, _LIGHT, _CONTRAST, _ANSI)


def register(app: App[Any]) -> None:
    """Make our themes and the person's own known to an app; set ``app.theme`` after it."""
    for theme in TEXTUAL_THEMES:
        app.register_theme(theme)
    for palette in look().own:
        base = next((theme for theme in TEXTUAL_THEMES if theme.name == palette.like), _ANSI)
        app.register_theme(replace(base, name=palette.name))
