"""The characters that the screens are drawn with: one set for UTF-8 terminals, one in plain ASCII.

Every state has its own glyph in both sets, so that no state is shown by colour alone.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass, replace
from enum import Enum


class Dots(Enum):
    """The cells that curves are drawn in."""

    BRAILLE = "braille"
    BLOCKS = "blocks"
    """Half blocks, for terminals whose font has no braille."""
    SIGNS = "signs"


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One character each unless the attribute says otherwise; each character is one cell wide."""

    ascii: bool
    """True if nothing outside ASCII may reach the terminal."""
    dots: Dots
    ok: str
    starting: str
    warning: str
    critical: str
    gone: str
    asleep: str
    missing: str
    """Instead of a value that its source does not have."""
    unknown: str
    """Placeholder for a value whose source does not answer."""
    mark: str
    """Sign of a marked row."""
    root: str
    """Marks of an object at the root of an incident, and of one that is merely involved."""
    part: str
    about: str
    """Prefix of a number that is another quantity than its column's, and the best there is."""
    at_most: str
    """Prefix of a bound; of two characters in ASCII, whose angles point elsewhere."""
    at_least: str
    ellipsis: str
    between: str
    """Separator of the parts of a line: ``a · b``."""
    inside: str
    """Separator of a container and its content: ``cluster › namespace``."""
    left: str
    right: str
    up: str
    down: str
    thumb: str
    """The scroll bar's moving part."""
    branch: str
    """Two cells in front of a child row, and of the last one."""
    last_branch: str
    horizontal: str
    bar: str
    """A bar's last cell: ``bar[0]`` is the emptiest, ``bar[-1]`` a full cell."""
    bar_empty: str
    """The track of a bar."""
    strip: str
    """A strip chart's cell, lowest level first."""
    gap: str
    """Place without a value in a strip chart."""


UNICODE = Glyphs(
    ascii=False,
    dots=Dots.BRAILLE,
    ok="●",
    starting="◐",
    warning="▲",
    critical="■",
    gone="○",
    asleep="‖",
    missing="–",
    unknown="?",
    mark="✓",
    root="◆",
    part="◇",
    about="~",
    at_most="≤",
    at_least="≥",
    ellipsis="…",
    between="·",
    inside="›",
    left="←",
    right="→",
    up="↑",
    down="↓",
    thumb="▐",
    branch="│ ",
    last_branch="└ ",
    horizontal="─",
    bar="╸━",
    bar_empty="─",
    strip="▁▂▃▄▅▆▇█",
    gap=" ",
)

ASCII = Glyphs(
    ascii=True,
    dots=Dots.SIGNS,
    ok="o",
    starting="s",
    warning="!",
    critical="X",
    gone=".",
    asleep="z",
    missing="-",
    unknown="?",
    mark="*",
    root="&",
    part="$",
    about="'",
    at_most="<=",
    at_least=">=",
    ellipsis="~",
    between="|",
    inside="/",
    left="<",
    right=">",
    up="^",
    down="v",
    thumb="|",
    branch="| ",
    last_branch="` ",
    horizontal="-",
    bar="#",
    bar_empty=".",
    strip="_.-=+*#@",
    gap=" ",
)

BLOCKS = replace(UNICODE, dots=Dots.BLOCKS)
"""Glyphs for the Linux console, whose fonts have no braille."""


def glyphs_for(encoding: str | None) -> Glyphs:
    """The set that a terminal of this encoding can show; ASCII for any but UTF-8, and for an unknown one."""
    try:
        utf8 = encoding is not None and codecs.lookup(encoding).name == "utf-8"
    except LookupError:
        utf8 = False
    return UNICODE if utf8 else ASCII
