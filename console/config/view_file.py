"""Saving a view in the configuration file: its table alone is written, and not a byte of the rest is another.

No TOML library for that: the table is put behind the others, or its values in the place of those of the one of its
name, whose comments stay, and the whole is read again before it is kept. What cannot be written so (an inline table
above it) is refused, in words.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import tomllib
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Final

from actions.private_files import write_whole
from console.config.file import is_there, text_of
from console.config.problem import ConfigError, Problem
from console.config.ui_tables import SavedView

_TABLE: Final = re.compile(r"^\s*\[", re.MULTILINE)
_ESCAPED: Final = re.compile("[\x7f\ud800-\udfff]")
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


def save_view(path: Path, name: str, view: SavedView) -> None:
    """Write a view into the file, which is made where there is none. Raises ConfigError; nothing is changed then."""
    text = text_of(path) if is_there(path) else ""
    try:
        before: dict[str, Any] = tomllib.loads(text)
        after = with_view(text, name, view)
        kept = tomllib.loads(after)
    except tomllib.TOMLDecodeError as error:
        raise _by_hand(path, name, view, f"does not have the expected form: {error}") from None
    ui = before.setdefault("ui", {})
    if isinstance(ui, dict) and isinstance(ui.setdefault("views", {}), dict):
        ui["views"][name] = {key: list(v) if isinstance(v, tuple) else v for key, v in _values(view).items()}
    if kept != before:
        raise _by_hand(path, name, view, "already contains other settings for views")
    try:
        _write(path, after)
    except OSError as error:
        raise ConfigError(
            Problem(str(path), f"cannot be written: {error.strerror}", "The view is not saved.")
        ) from None


def with_view(text: str, name: str, view: SavedView) -> str:
    """Return the text with the table of the view, in the place of one of its name or behind everything."""
    key = name if _BARE.fullmatch(name) else json.dumps(name)
    head = f"[ui.views.{key}]"
    lines = [head, *(f"{each} = {_toml(value)}" for each, value in _values(view).items())]
    table = "\n".join(lines) + "\n"
    found = re.search(rf"^[ \t]*\[\s*ui\s*\.\s*views\s*\.\s*{re.escape(key)}\s*\][^\n]*\n?", text, re.MULTILINE)
    if found is None:
        gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
        return f"{text}{gap}{table}"
    following = _TABLE.search(text, found.end())
    end = following.start() if following is not None else len(text)
    body = text[found.end() : end].splitlines(keepends=True)
    # Comments and blank lines before the next table belong to that one.
    own = max((at for at, line in enumerate(body, 1) if not _is_comment(line)), default=0)
    comments = [line for line in body[:own] if line.strip() and _is_comment(line)]
    opening = found[0] if found[0].endswith("\n") else f"{found[0]}\n"
    values = "\n".join(lines[1:]) + "\n"
    return text[: found.start()] + opening + "".join(comments) + values + "".join(body[own:]) + text[end:]


def _is_comment(line: str) -> bool:
    """True if a line has no value: a comment, or a blank one."""
    return not line.partition("#")[0].strip()


_Value = str | bool | tuple[str, ...]
"""A value of a view."""


def _values(view: SavedView) -> dict[str, _Value]:
    """The values that differ from the defaults, and the screen."""
    given = ((each, getattr(view, each.name)) for each in fields(view))
    return {each.name: value for each, value in given if each.name == "screen" or value != _default(each)}


def _default(field: Any) -> object:
    return field.default if field.default is not MISSING else field.default_factory()


def _toml(value: _Value) -> str:
    """A value of a view. The strings of JSON are strings of TOML, but for surrogates (TOML has none) and DEL."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


def _by_hand(path: Path, name: str, view: SavedView, what: str) -> ConfigError:
    written = with_view("", name, view).strip().replace("\n", "; ")
    return ConfigError(Problem(str(path), what, f"Add it yourself: {written}"))


def _write(path: Path, text: str) -> None:
    """Whole or not at all; a link stays one, and the file keeps its mode. Raises OSError."""
    place = path.resolve()
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = stat.S_IMODE(place.stat().st_mode) if place.exists() else 0o600
    if place.exists() and not os.access(place, os.W_OK):
        # Replacing the file would only need a writable folder.
        raise PermissionError(errno.EACCES, "the file is read-only", str(place))
    write_whole(place, text.encode(), mode)
