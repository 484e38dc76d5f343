"""Text from outside (names, labels, log lines, error bodies) made safe to draw.

It is never parsed as markup, and no control character of it reaches the terminal: escape sequences are dropped whole,
then all invisible controls (C0, C1, bidirectional overrides, zero-width joiners, variation selectors, surrogates, line
separators). A word that would become invisible is shown by its code points, so that no name can be drawn as a blank.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI: colours, cursor, modes
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC, DCS … with their text
    r"|\x1b[ -/]*[0-~]?"  # two-character sequences
)
_SELECTORS = {*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
_BLANK = {0x115F, 0x1160, 0x2800, 0x3164, 0xFFA0}
"""Invisible letters and symbols: Hangul fillers, the empty Braille pattern."""
_SHORT = 256
"""Characters of the longest text whose safe form is cached."""
_ESCAPED = 16
"""Characters of a text without any to see that are written out."""
_WORD = re.compile(r"\S+")
_SPACES = {"\n", "\r", "\v", "\f", "\u2028", "\u2029", "\x85"}


def untrusted(text: str) -> str:
    """Return one line of text without control functions, with its content visible.

    White space of any kind becomes a blank, so that a name cannot break its row. A lone surrogate or an unassigned
    character becomes U+FFFD. Each word stays visible, since it may be a name inserted into a sentence.
    """
    if text.isascii() and text.isprintable():
        return text
    return _known(text) if len(text) <= _SHORT else _made_safe(text)


def _made_safe(text: str) -> str:
    safe = "".join(map(_safe, _WORD.sub(_visible_or_escaped, _SEQUENCES.sub("", text)).expandtabs(1)))
    return safe if is_visible(safe) or (safe and text.isspace()) else escaped(text)


_known = lru_cache(1024)(_made_safe)
"""The reasons and names of a fleet are few, and are drawn again at every tick."""


def untrusted_name(name: str) -> str:
    """Return a name made safe, and always visible: an empty one is drawn as ``""``."""
    safe = untrusted(name)
    return safe if is_visible(safe) else escaped(name)


def untrusted_line(text: str, tab: int = 8) -> str:
    """Return a line of a longer text (a log, YAML) made safe; it may come out blank.

    A tab goes to the next multiple of ``tab`` cells.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_safe, _SEQUENCES.sub("", text).expandtabs(tab)))


def is_visible(safe: str) -> bool:
    """True if anything of a text that is safe to draw is to be seen: not blanks, fillers and combining marks alone."""
    return any(
        not char.isspace() and ord(char) not in _BLANK and (char.isascii() or unicodedata.category(char)[0] != "M")
        for char in safe
    )


def escaped(text: str) -> str:
    """The code points of a text as in a string of Python or JSON: ``"\\u200b"``; a long one ends with ``…``."""
    codes = text[:_ESCAPED].encode("unicode_escape").decode("ascii").replace('"', '\\"')
    return f'"{codes}"' if len(text) <= _ESCAPED else f'"{codes}…"'


def _visible_or_escaped(word: re.Match[str]) -> str:
    safe = "".join(map(_safe, word[0]))
    return safe if is_visible(safe) else escaped(word[0])


def _safe(char: str) -> str:
    if char in _SPACES:
        return " "
    if ord(char) in _SELECTORS:
        return ""
    if char.isprintable():
        return char
    category = unicodedata.category(char)
    if category == "Zs":
        return " "
    return "\ufffd" if category in {"Cs", "Cn", "Co"} else ""
