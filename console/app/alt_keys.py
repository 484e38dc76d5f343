"""Keys typed with alt, which are escape and the key where nothing is typed into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from textual.events import Key
from textual.keys import key_to_character

_BY_WORDS: Final[Mapping[str, str]] = {"b": "ctrl+left", "f": "ctrl+right", "d": "ctrl+delete"}
"""Letter typed with alt → key with the same effect in a line, as in a shell."""


def apart(key: Key, *, in_line: bool) -> Sequence[Key]:
    """Return the keys that a key with alt stands for: in a line a motion by words, elsewhere escape and the key.

    Over a slow link, or from an impatient hand, escape and the next key arrive as one.
    """
    bare = key.key.removeprefix("alt+")
    if in_line and bare in _BY_WORDS:
        return (Key(_BY_WORDS[bare], None),)
    return Key("escape", "\x1b"), Key(bare, key_to_character(bare))
