"""Validation of a document against the settings, by pydantic; its errors in the words of the file."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from console.config.sections import named_of
from fleet.dataclass import dataclass

T = TypeVar("T")
Path = tuple[str, ...]

_WANTED = {
    "string_type": "a string in quotes",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "tuple_type": 'a list, for example ["a", "b"]',
    "dict_type": "a table",
    "dataclass_type": "a table",
}


@dataclass(frozen=True, slots=True)
class ConfigFault:
    """A fault at a key; the caller knows where that key was set."""

    path: Path
    what: str
    remedy: str = ""


def validate(cls: type[T], document: Mapping[str, Any]) -> T | list[ConfigFault]:
    """The settings that a document gives, or everything that is wrong with it."""
    try:
        # As JSON, for which pydantic's strict mode accepts a list for a tuple and a table for a dataclass.
        return TypeAdapter(cls).validate_json(json.dumps(document, default=_date))
    except ValidationError as error:
        faults: dict[Path, ConfigFault] = {}
        for detail in error.errors(include_url=False):
            fault = _fault(cls, tuple(str(part) for part in detail["loc"]), detail["type"], detail.get("ctx", {}))
            faults.setdefault(fault.path, fault)
        return list(faults.values())


def _date(value: object) -> dict[str, str]:
    """A TOML date fits no setting: give pydantic something that fits none either."""
    return {"date": str(value)}


def _fault(cls: type, loc: Path, kind: str, context: Mapping[str, Any]) -> ConfigFault:
    if free := _one_of_free_keys(cls, loc):
        return ConfigFault(free, f'{dotted(free)} must be a string or {{ env = "NAME" }}')
    if kind == "unexpected_keyword_argument":
        return _unknown(cls, loc)
    if kind == "missing":
        return ConfigFault(loc, f"{dotted(loc)} is missing")
    if kind == "literal_error":
        return ConfigFault(loc, f"{dotted(loc)} must be one of {context['expected'].replace(' or ', ', ')}")
    path = tuple(part for part in loc if not part.isdigit())
    which = dotted(path) if path == loc else f"every item of {dotted(path)}"
    return ConfigFault(path, f"{which} must be {_WANTED.get(kind, 'of another type')}")


def _one_of_free_keys(cls: type, loc: Path) -> Path:
    """Return the key of a header or of a preset's variable, if the location is inside one; empty otherwise."""
    if len(loc) > 2 and loc[1] == "headers":
        return loc[:3]
    return loc[:5] if len(loc) > 4 and loc[:2] in named_of(cls) and loc[3] in ("env", "headers") else ()


def _unknown(cls: type, loc: Path) -> ConfigFault:
    """Return the fault of an unknown key, with the nearest known one: of the same table, or of another."""
    section = _section(cls, loc[:-1])
    names = [f.name for f in fields(section)]
    what = f"unknown key {dotted(loc)}"
    if close := difflib.get_close_matches(loc[-1], names, n=1):
        return ConfigFault(loc, f'{what}; did you mean "{close[0]}"?')
    if elsewhere := [path for path in leaves(cls) if path[-1] == loc[-1]]:
        return ConfigFault(loc, f"{what}; did you mean {dotted(elsewhere[0])}?")
    where = f"[{'.'.join(loc[:-1])}]" if loc[:-1] else "the file"
    return ConfigFault(loc, what, f"Keys of {where}: {', '.join(names)}.")


def _section(cls: type, path: Path) -> type:
    kind: Any = cls
    for name in path:
        # The names of presets are free.
        kind = get_args(kind)[1] if get_origin(kind) is Mapping else get_type_hints(kind)[name]
    section: type = kind
    return section


def leaves(cls: type, above: Path = ()) -> Iterable[Path]:
    """The path of every key that can be set."""
    hints = get_type_hints(cls)
    for field in fields(cls):
        path = (*above, field.name)
        if is_dataclass(hints[field.name]):
            yield from leaves(hints[field.name], path)
        else:
            yield path


def dotted(path: Path) -> str:
    """Return a key as users write it: ``[prometheus] url``."""
    return f"[{path[0]}] {'.'.join(path[1:])}" if len(path) > 1 else path[0]
