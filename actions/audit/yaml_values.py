"""The end of a key's value in YAML and JSON within a text: block scalars, nested mappings, brackets."""

from __future__ import annotations

import re
from typing import Final

_BLOCK: Final = re.compile(r"(?:[|>][-+0-9]*)?[ \t]*(?=\n)")
_MARGIN: Final = re.compile(r"[-+ ]?[ \t]*")
"""A line of a diff has a sign before its indentation."""
_PAIRS: Final = {"{": "}", "[": "]"}
_LONGEST: Final = 1 << 16
_KEYS: Final = re.compile(r"([A-Za-z_][\w.-]*)(?:\\?[\"'])?[ \t]*:")
_REFERENCES_LISTED: Final = """
    name names namespace secretname secretref configmapname key items path mode defaultmode optional sources
    projected expirationseconds audience audiences apigroup kind apiversion uid resourceversion issuerref group
"""
REFERENCES: Final = frozenset(_REFERENCES_LISTED.split())
"""Fields that say where a secret is, in lower case: those below ``secretKeyRef`` and the like."""


def only_refers(text: str) -> bool:
    """True if the text below a key only says where a secret is."""
    keys = _KEYS.findall(text)
    return bool(keys) and all(key.lower() in REFERENCES for key in keys)


def end_of_value(text: str, name: int, at: int) -> int:
    """Return the end of the value at ``at`` of a key whose name begins at ``name``; ``at`` itself for a one-line value.

    A list that is not indented further than its key (``imagePullSecrets``) is not taken as part of the value.
    """
    opening = text[at : at + 1]
    if opening in _PAIRS and not text.startswith("[redacted]", at):
        return _closed(text, at)
    block = _BLOCK.match(text, at)
    if block is None:
        return at
    return _indented(text, name, block.end(), at)


def _closed(text: str, at: int) -> int:
    depth, quoted, skip = 0, "", False
    for index in range(at, min(len(text), at + _LONGEST)):
        letter = text[index]
        if skip:
            skip = False
        elif letter == "\\":
            skip = True
        elif quoted:
            quoted = "" if letter == quoted else quoted
        elif letter in "\"'":
            quoted = letter
        elif letter in "{[":
            depth += 1
        elif letter in "}]":
            depth -= 1
            if not depth:
                return index + 1
    return min(len(text), at + _LONGEST)


def _indented(text: str, name: int, line: int, at: int) -> int:
    """Return the end of the lines that are indented further than the key."""
    start = text.rfind("\n", 0, name) + 1
    column = _column(text[start:name] + "x")
    end = at
    while line < len(text):
        stop = text.find("\n", line + 1)
        stop = len(text) if stop < 0 else stop
        content = text[line + 1 : stop]
        if content.strip() and _column(content) <= column:
            break
        end = stop if content.strip() else end
        line = stop
    return end


def _column(line: str) -> int:
    margin = _MARGIN.match(line)
    return len(margin[0].expandtabs()) if margin is not None else 0
