"""The settings in effect, as TOML with the source of each value. Secrets are left out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import Field, fields
from typing import Any

from console.config.fields import FromEnvironment
from console.config.load import Loaded
from console.config.sections import named_of
from console.config.setting_names import Key
from console.config.settings import sections_of

_WIDTH = 44


def lines(loaded: Loaded) -> Iterator[str]:
    """Yield the whole configuration, line by line; possible secrets are shown as ``(set)``."""
    yield f"# {loaded.path}{'' if loaded.exists else ' (not there)'}"
    yield _line(loaded, ("read_only",), loaded.settings.read_only)
    sections, named = sections_of(type(loaded.settings)), named_of(type(loaded.settings))
    for name in sections:
        section = getattr(loaded.settings, name)
        yield from ("", f"[{name}]")
        for field in fields(section):
            if (name, field.name) not in named:
                yield _field_line(loaded, (name, field.name), section, field)
    for (section, table), kind in named.items():
        for name, one in getattr(getattr(loaded.settings, section), table).items():
            yield from ("", f"[{section}.{table}.{_key(name)}]")
            for field in fields(one):
                if getattr(one, field.name) != getattr(kind(), field.name):
                    yield _field_line(loaded, (section, table, name, field.name), one, field)
    yield from ("", "[keys]")
    for action, key in sorted(loaded.settings.keys.items()):
        yield _line(loaded, ("keys", action), key)


def _field_line(loaded: Loaded, key: Key, section: Any, field: Field[Any]) -> str:
    value = getattr(section, field.name)
    return _line(loaded, key, _masked(value) if field.metadata["secret"] else value)


def _line(loaded: Loaded, key: Key, value: Any) -> str:
    return f"{f'{_key(key[-1])} = {_toml(value)}':<{_WIDTH}} # {loaded.origin(key)}"


def _masked(values: Mapping[str, str | FromEnvironment]) -> dict[str, str | FromEnvironment]:
    return {name: value if isinstance(value, FromEnvironment) else "(set)" for name, value in values.items()}


def _toml(value: Any) -> str:
    """A value as TOML writes it; JSON strings are TOML basic strings."""
    if isinstance(value, Mapping):
        return (
            "{" + ", ".join(f" {_key(name)} = {_toml(item)}" for name, item in value.items()) + (" }" if value else "}")
        )
    if isinstance(value, FromEnvironment):
        return f"{{ env = {_toml(value.env)} }}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    return name if name.replace("-", "").replace("_", "").isalnum() and name.isascii() else json.dumps(name)
