"""Settings from environment variables."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin, get_type_hints

from console.config.setting_names import PREFIX, Key, variable
from console.config.settings import Settings, sections_of
from console.config.sources import declared, with_tables

RESERVED = frozenset({f"{PREFIX}CONFIG", f"{PREFIX}DEBUG"})
"""Variables that are read elsewhere: which file to read, and tracebacks for crashes."""

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


def parse(environ: Mapping[str, str]) -> Iterator[tuple[Key, Any]]:
    """The key and value of every variable that is a setting; a ValueError in place of a value that is none."""
    for key, kind in settable(tables_in(environ)).items():
        if text := environ.get(variable(key)):
            try:
                yield key, _value(text, kind)
            except ValueError as error:
                yield key, error


def unknown(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield unknown variables with our prefix, and the nearest known one (or an empty string).

    Kubernetes sets QUARTERDECK_SERVICE_HOST and the like in pods beside a service of that name: those are not ours.
    """
    known = [variable(key) for key in settable(tables_in(environ))]
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in RESERVED and name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
            if close or not name.startswith((f"{PREFIX}SERVICE_", f"{PREFIX}PORT")):
                yield name, close[0] if close else ""


def tables_in(environ: Mapping[str, str]) -> type[Settings]:
    """Return the settings with the declared tables that variables may set."""
    return with_tables(
        [e.section for e in declared() if any(name.startswith(variable((e.section,))) for name in environ)]
    )


def settable(cls: type[Settings] = Settings) -> dict[Key, Any]:
    """Key → type of everything that a variable can set: all but tables of free keys (headers, keys)."""
    out: dict[Key, Any] = {("read_only",): get_type_hints(Settings)["read_only"]}
    for name, section in sections_of(cls).items():
        out.update({(name, field): kind for field, kind in get_type_hints(section).items() if _plain(field, kind)})
    return out


def _plain(field: str, kind: Any) -> bool:
    return not field.startswith("_") and get_origin(kind) is not Mapping


def _value(text: str, kind: Any) -> Any:
    if get_origin(kind) is tuple:
        return [_value(part.strip(), get_args(kind)[0]) for part in text.split(",") if part.strip()]
    if kind is bool:
        if text.lower() not in _TRUE | _FALSE:
            raise ValueError(f'"{text}" must be true or false')
        return text.lower() in _TRUE
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            raise ValueError(f'"{text}" must be a {"whole " if kind is int else ""}number') from None
    return text
