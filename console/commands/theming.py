"""``:theme``: switch colours at once, to try a theme before setting it in the configuration."""

from __future__ import annotations

from typing import Final, get_args

from console.commands.command import Command, Context
from console.commands.desk import Desk
from themes.look import ThemeName, look, use_theme

THEME: Final = "[THEME]"
_BUILT_IN: Final[tuple[str, ...]] = get_args(ThemeName)
_OURS: Final = "quarterdeck-"


def _names() -> tuple[str, ...]:
    """Return all themes: those that come with the console, then the person's own."""
    return (*_BUILT_IN, *(palette.name for palette in look().own))


def theme_names() -> tuple[str, ...]:
    """Return what may follow ``:theme``."""
    return tuple(name.removeprefix(_OURS) for name in _names())


def _named(argument: str) -> str | None:
    return next((name for name in _names() if argument in (name, name.removeprefix(_OURS))), None)


def _is_there(context: Context) -> str | None:
    if look().no_color:
        return "NO_COLOR is set: there are no colours to choose from"
    if context.argument and _named(context.argument) is None:
        return f"no theme {context.argument!r}; there are {', '.join(theme_names())}"
    return None


def _change(desk: Desk, context: Context) -> None:
    """Change to the theme that was named; without a name to the next one."""
    names = _names()
    now = names.index(look().theme) if look().theme in names else -1
    chosen = _named(context.argument) or names[(now + 1) % len(names)]
    use_theme(chosen)
    desk.navigator.change_theme(chosen)
    desk.navigator.say(f'now {chosen}; in the configuration, [ui] theme = "{chosen}" keeps it')


THEMING: tuple[Command, ...] = (
    Command(
        "console.theme",
        "Switch to the named theme, or to the next one",
        _change,
        (),
        ("theme",),
        argument=THEME,
        available=_is_there,
    ),
)
