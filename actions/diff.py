"""What changes in an object, as a unified diff of YAML. Values of secrets are not shown."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from actions.audit.redaction import redacted
from fleet.kube.describe import to_yaml

_CONTEXT = 3
"""Unchanged lines around a change."""
_HIDDEN = "# values that are not shown here (keys, tokens, passwords) differ too"


def yaml_diff(before: Mapping[str, Any], after: Mapping[str, Any], names: tuple[str, str] = ("now", "then")) -> str:
    """Lines without line breaks at their end; empty where both are the same. Keys are sorted: their order says nothing.

    Environment variables whose names speak of a secret are masked; references to Secrets are names, and shown.
    """
    one, other = (to_yaml(_ordered(redacted(document))).splitlines() for document in (before, after))
    lines = list(difflib.unified_diff(one, other, *names, lineterm="", n=_CONTEXT))
    hidden = not lines and before != after
    return "\n".join([*lines, _HIDDEN] if hidden else lines)


def _ordered(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _ordered(value[key]) for key in sorted(value)}
    return [_ordered(item) for item in value] if isinstance(value, list) else value
