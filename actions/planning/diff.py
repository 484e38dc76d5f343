"""Changes of an object, as a unified diff of YAML. Values of secrets are not shown."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from itertools import starmap
from typing import Any

from actions.audit.redaction import redacted
from fleet.sources.kube.describe import to_yaml

_CONTEXT = 3
"""Unchanged lines around a change."""
_HIDDEN = "# values that are not shown here (keys, tokens, passwords) differ too"


def yaml_diff(before: Mapping[str, Any], after: Mapping[str, Any], names: tuple[str, str] = ("now", "then")) -> str:
    """Return lines without line breaks; empty if both are the same. Keys are sorted, since their order means nothing.

    Environment variables that are not known to be harmless are masked; references to Secrets are names, and shown.
    """
    clean_before, clean_after = redacted(before), redacted(after)
    one, other = (to_yaml(_ordered(document)).splitlines() for document in (clean_before, clean_after))
    lines = list(difflib.unified_diff(one, other, *names, lineterm="", n=_CONTEXT))
    hidden = _differs_unseen(before, after, clean_before, clean_after)
    return "\n".join([*lines, _HIDDEN] if hidden else lines)


def _differs_unseen(before: Any, after: Any, clean_before: Any, clean_after: Any) -> bool:
    """True if hidden values differ while everything shown is equal."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return any(
            _differs_unseen(before[key], after[key], clean_before.get(key), clean_after.get(key))
            for key in before.keys() & after.keys()
        )
    if isinstance(before, list) and isinstance(after, list):
        return any(starmap(_differs_unseen, zip(before, after, clean_before, clean_after, strict=False)))
    return bool(before != after) and clean_before == clean_after


def _ordered(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _ordered(value[key]) for key in sorted(value)}
    return [_ordered(item) for item in value] if isinstance(value, list) else value
