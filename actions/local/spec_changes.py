"""Differences between two specs, and between two command lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from actions.local.store import without_secrets
from actions.planning.plan import Change
from fleet.local.spec import LaunchSpec, value_of
from fleet.local.vllm_arguments import ARGUMENTS


def changes(before: LaunchSpec, after: LaunchSpec) -> tuple[Change, ...]:
    """Each field that differs, with masks in place of secrets."""
    old, new = without_secrets(before), without_secrets(after)
    found = []
    pairs = {each.name: (getattr(old, each.name), getattr(new, each.name)) for each in fields(LaunchSpec)}
    del pairs["more"]
    pairs |= {each.name: (value_of(old, each), value_of(new, each)) for each in ARGUMENTS}
    for name, (was, is_) in pairs.items():
        if was != is_:
            found.append(Change(name.replace("_", " "), words(was), words(is_)))
    if not found and before.env != after.env:
        found.append(Change("env", "a secret", "another one"))
    return tuple(found)


def words(value: Any) -> str:
    """Return a value of a spec in words."""
    match value:
        case None | 0 | 0.0 | "" | () if not isinstance(value, bool):
            return "vLLM's own"
        case bool():
            return "on" if value else "off"
        case Mapping():
            return " ".join(f"{name}={item}" for name, item in value.items()) or "none"
        case tuple():
            return " ".join(map(str, value))
        case _:
            return str(value)
