"""Facts as files: what real servers write, and the fleet that is simulated."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def text(name: str) -> str:
    """The content of a file of this package."""
    return files(__name__).joinpath(name).read_text(encoding="utf-8")
