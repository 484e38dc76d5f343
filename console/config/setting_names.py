"""Names of settings: a path, and its environment variable."""

from __future__ import annotations

Key = tuple[str, ...]
"""Section, then the name in it: ``("prometheus", "url")``."""
PREFIX = "QUARTERDECK_"


def variable(key: Key) -> str:
    """The environment variable of a key: ``("ui", "refresh")`` → ``QUARTERDECK_UI_REFRESH``."""
    return PREFIX + "_".join(key).upper()
