"""``:theme``: switch colours at once, to try a theme before setting it in the configuration."""

from __future__ import annotations

from typing import Final, get_args

from console.commands.command import Command, Context, ScreenId
from console.commands.desk import Desk
from themes.look import ThemeName, look, use_theme

THEME: Final = "[THEME]"
_BUILT_IN: Final[tuple[str, ...]] = get_args(ThemeName)
_OURS: Final = "quarterdeck-"


def every_theme() -> tuple[str, ...]:
    """Return all themes: those that come with the console, then the person's own."""
    return (*_BUILT_IN, *(palette.name for palette in look().own))


def theme_names() -> tuple[str, ...]:
    """Return what may follow ``:theme``."""
    return tuple(name.removeprefix(_OURS) for name in every_theme())


def _named(argument: str) -> str | None:
    return next((name for name in every_theme() if argument in (name, name.removeprefix(_OURS))), None)


def _is_there(context: Context) -> str | None:
    if look().no_color:
        return "NO_COLOR is set: there are no colours to choose from"
    if context.argument and _named(context.argument) is None:
        return f"no theme {context.argument!r}; there are {', '.join(theme_names())}"
    return None


def show_theme(desk: Desk, name: str) -> None:
    """Draw everything in the colours of a theme."""
    use_theme(name)
    desk.navigator.change_theme(name)


def keep_theme(desk: Desk, name: str) -> None:
    """Change to a theme, and say how it stays."""
    show_theme(desk, name)
    desk.navigator.say(f'now {name}; [ui] theme = "{name}" keeps it')


def _change(desk: Desk, context: Context) -> None:
    """Change to the theme that was named; without a name list them, each shown while the cursor is on it."""
    chosen = _named(context.argument) if context.argument else None
    if chosen is None:
        desk.pages.open_screen(ScreenId.CHOICE)
    else:
        keep_theme(desk, chosen)


THEMING: tuple[Command, ...] = (
    Command(
        "console.theme",
        "Switch to the named theme, or choose one by its colours",
        _change,
        (),
        ("theme",),
        argument=THEME,
        available=_is_there,
    ),
)
