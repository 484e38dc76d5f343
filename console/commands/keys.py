"""Keys: their notation for users, and validation of a remapping."""

from __future__ import annotations

from collections.abc import Mapping

from console.commands.command import Command, ScreenId
from console.commands.table import BY_ID, bound_on

_NAMES = {
    "slash": "/",
    "number_sign": "#",
    "colon": ":",
    "question_mark": "?",
    "escape": "esc",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "at": "@",
    "plus": "+",
    "equals_sign": "=",
    "asterisk": "*",
    "percent_sign": "%",
    "minus": "-",
    "exclamation_mark": "!",
    "pagedown": "pgdn",
    "pageup": "pgup",
}
_LONG = {short: long for long, short in _NAMES.items() if len(short) == 1}


def key_text(key: str) -> str:
    """A key of Textual's as people write it: ``slash`` → ``/``, ``ctrl+p`` → ``ctrl-p``, ``S`` → ``shift-s``."""
    if key in _NAMES:
        return _NAMES[key]
    if len(key) == 1 and key.isupper():
        return f"shift-{key.lower()}"
    return key.replace("+", "-")


def parse_key(text: str) -> str:
    """Return Textual's name of a key as written in the configuration."""
    text = text.strip()
    if text in _LONG:
        return _LONG[text]
    if text == "esc":
        return "escape"
    head, _, last = text.rpartition("-")
    if not head or not last:
        return text
    if head == "shift" and len(last) == 1:
        return last.upper()
    return f"{head.replace('-', '+')}+{last}"


def keys_of(command: Command, keymap: Mapping[str, str]) -> tuple[str, ...]:
    """The keys of a command, in Textual's names, after remapping (command id → keys separated by commas)."""
    remapped = keymap.get(command.id)
    return command.keys if remapped is None else tuple(parse_key(key) for key in remapped.split(",") if key.strip())


def textual_keymap(keymap: Mapping[str, str]) -> dict[str, str]:
    """The remapping as ``App.set_keymap`` takes it."""
    return {id_: ",".join(keys_of(BY_ID[id_], keymap)) for id_ in keymap if id_ in BY_ID}


def check_keymap(keymap: Mapping[str, str]) -> list[str]:
    """Return what is wrong with a remapping: unknown commands, no key, two commands of one screen on one key.

    Empty if it is valid. Keys that move the cursor (arrows, j, k, g …) cannot be reassigned.
    """
    problems = [
        f"unknown command {id_!r}; the commands and their keys are in the console's help (?)"
        for id_ in keymap
        if id_ not in BY_ID
    ]
    problems += [f"{id_}: no key given" for id_, keys in keymap.items() if id_ in BY_ID and not keys.strip(", ")]
    clashes: dict[tuple[str, str, str], None] = {}
    for where in ScreenId:
        taken: dict[str, str] = dict.fromkeys(_MOVING, "moving the cursor")
        for command in bound_on(where):
            for key in keys_of(command, keymap):
                other = taken.setdefault(key, command.id)
                if other != command.id and (command.id in keymap or other in keymap):
                    clashes[key, other, command.id] = None
    problems += [f"{key_text(key)} is bound to both {one} and {two}" for key, one, two in clashes]
    return problems


_MOVING = (
    "up", "down", "left", "right", "home", "end", "pageup", "pagedown", "j", "k", "g", "G", "ctrl+f", "ctrl+b", "space",
    "plus", "left_curly_bracket", "right_curly_bracket", "shift+up", "shift+down", "tab", "shift+tab",
)  # fmt: skip
