"""Text from outside (names, labels, log lines, error bodies) made safe to draw.

It is never parsed as markup, and no control character of it reaches the terminal: escape sequences are dropped whole,
then everything that steers instead of showing (C0, C1, bidirectional overrides, zero-width joiners, variation
selectors, surrogates, line separators).
"""

from __future__ import annotations

import re
import unicodedata

_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI: colours, cursor, modes
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC, DCS … with their text
    r"|\x1b[ -/]*[0-~]?"  # two-character sequences
)
_SELECTORS = {*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
_SPACES = {"\n", "\r", "\v", "\f", "\u2028", "\u2029", "\x85"}


def untrusted(text: str, tab: int = 1) -> str:
    """One line of text that shows what was in it and does nothing else.

    White space of any kind becomes a blank, so that a name cannot break its row, and a tab goes to the next multiple of
    ``tab`` cells (8 for logs and YAML). A lone surrogate or an unassigned character becomes U+FFFD.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_safe, _SEQUENCES.sub("", text).expandtabs(tab)))


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
