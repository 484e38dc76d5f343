"""The look of the console on this terminal: decided once, before the app is constructed.

Textual chooses its colour filters in ``App.__init__``; a theme set later under NO_COLOR would draw black on black. So
the console decides first::

    look = choose_look(os.environ, sys.stdout.encoding, config.theme)
    use(look)
    app = App(ansi_color=True)   # the terminal's own background, and no colour codes under NO_COLOR
    register(app)
    app.theme = look.theme
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from themes.glyphs import ASCII, BLOCKS, UNICODE, Glyphs, glyphs_for

if TYPE_CHECKING:
    # The first text needs no colours.
    from themes.palette import Palette

GlyphSet = Literal["auto", "unicode", "ascii"]
ThemeName = Literal["quarterdeck-dark", "quarterdeck-light", "quarterdeck-contrast", "ansi"]


@dataclass(frozen=True, slots=True)
class Look:
    """Glyphs, theme and whether colours may be written."""

    glyphs: Glyphs = UNICODE
    theme: str = "quarterdeck-dark"
    no_color: bool = False
    own: tuple[Palette, ...] = ()
    """Themes of the person's own."""


_LOOK: ContextVar[Look] = ContextVar("look", default=Look())  # noqa: B039 - Look is immutable


def look() -> Look:
    """The look in force."""
    return _LOOK.get()


def use(chosen: Look) -> None:
    """Put a look in force, in this context and the tasks started from it."""
    _LOOK.set(chosen)


def use_theme(name: str) -> None:
    """Apply the look with the colours of another theme."""
    _LOOK.set(replace(look(), theme=name))


def choose_look(
    environ: Mapping[str, str], encoding: str | None, theme: str | None = None, glyphs: GlyphSet = "auto"
) -> Look:
    """The look for a terminal.

    ``NO_COLOR`` counts when it is set and not empty (no-color.org). Without a wanted ``theme`` it is the 16 colours of
    the terminal where 256 are not promised, else light or dark by ``COLORFGBG`` (dark where that is not set).
    """
    return Look(
        glyphs=choose_glyphs(environ, encoding, glyphs),
        theme=theme or _theme(environ),
        no_color=bool(environ.get("NO_COLOR")),
    )


def choose_glyphs(environ: Mapping[str, str], encoding: str | None, wanted: GlyphSet = "auto") -> Glyphs:
    """Return the requested glyphs; with ``auto`` those that the terminal can show.

    ``encoding`` is Python's, which treats the C locale as UTF-8 (PEP 540). A user who sets LC_ALL=C has a terminal
    without UTF-8, or wants none; LANG=C means less, since it is the default of an unconfigured shell.
    """
    if wanted == "auto":
        locale = environ.get("LC_ALL") or environ.get("LC_CTYPE", "")
        explicit = environ.get("PYTHONUTF8") == "1" or environ.get("PYTHONIOENCODING")
        chosen = glyphs_for("ascii" if locale in {"C", "POSIX"} and not explicit else encoding)
        return BLOCKS if chosen is UNICODE and environ.get("TERM") == "linux" else chosen
    return UNICODE if wanted == "unicode" else ASCII


def _theme(environ: Mapping[str, str]) -> ThemeName:
    if not _has_256_colours(environ):
        return "ansi"
    background = environ.get("COLORFGBG", "").rpartition(";")[2]
    # rxvt, Konsole and others write "foreground;background"; 7 and 15 are the two whites.
    return "quarterdeck-light" if background in {"7", "15"} else "quarterdeck-dark"


def _has_256_colours(environ: Mapping[str, str]) -> bool:
    if environ.get("COLORTERM", "").lower() in {"truecolor", "24bit"}:
        return True
    term = environ.get("TERM", "").lower()
    return "256" in term or term.endswith(("-direct", "-kitty")) or term in {"alacritty", "foot", "wezterm"}
